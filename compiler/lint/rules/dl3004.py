"""`sudo` in a step.

Steps run as root unless USER says otherwise. sudo needs a terminal and settings that may be missing, changes
the environment, and stays in the image as a way to root.

## Bad

```dockerfile
FROM debian:12
USER app
RUN sudo apt-get update
```

## Good

```dockerfile
FROM debian:12
RUN apt-get update
USER app
```

## When to ignore

In images of development environments that have sudo anyway.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..finding import Finding
from ..rule import Category, Rule, Severity
from ..subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """The first such call of each RUN."""
    seen: set[int] = set()
    for name in ("sudo",):
        for call in subject.tools.get(name, ()):
            if call.instruction.span.start not in seen:
                seen.add(call.instruction.span.start)
                yield Finding(
                    call.words[0].span,
                    "sudo in a step leads to surprises",
                    "set USER root before the step, or use a tool like gosu when the container runs",
                )


RULE = Rule(
    id="DL3004",
    name="no-sudo",
    severity=Severity.ERROR,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
)
