"""`COPY --from` names its own stage.

A stage can not copy from itself: the build fails.

## Bad

```dockerfile
FROM debian:12 AS app
RUN touch /a
COPY --from=app /a /b
```

## Good

```dockerfile
FROM debian:12 AS app
RUN touch /a && cp /a /b
```

## When to ignore

Never: use `cp` in a RUN.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..finding import Finding
from ..rule import Category, Rule, Severity
from ..subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """The flag."""
    for stage, copy in subject.each("COPY"):
        flag = subject.flag(copy, "from")
        if flag is not None and flag.value is not None and stage.name and flag.value.lower() == stage.name:
            yield Finding(flag.span, f"The stage {stage.name} copies from itself", "use cp in a RUN")


RULE = Rule(
    id="DL3023",
    name="copy-from-itself",
    severity=Severity.ERROR,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
)
