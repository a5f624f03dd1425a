"""`cd` in a step where `WORKDIR` would do.

A `cd` lasts until the end of its RUN. WORKDIR says once where all the following steps run, and in the image's
config where the container starts.

## Bad

```dockerfile
FROM debian:12
RUN cd /srv/app && make
```

## Good

```dockerfile
FROM debian:12
WORKDIR /srv/app
RUN make
```

## When to ignore

Where a step needs several directories, or a directory that it makes and removes.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..finding import Finding
from ..rule import Category, Rule, Severity
from ..subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """The first such call of each RUN."""
    seen: set[int] = set()
    for name in ("cd",):
        for call in subject.tools.get(name, ()):
            if call.instruction.span.start not in seen:
                seen.add(call.instruction.span.start)
                yield Finding(call.words[0].span, "WORKDIR would say where the steps run", "use WORKDIR")


RULE = Rule(
    id="DL3003",
    name="workdir-for-cd",
    severity=Severity.WARNING,
    category=Category.STYLE,
    since="0.2",
    check=check,
    page=__doc__,
)
