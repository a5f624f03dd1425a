"""A program that has no use in a step of a build.

Steps run in a container of their own that ends with them: there are no services to start that would live on, no
other processes to look at, nobody who edits.

## Bad

```dockerfile
FROM debian:12
RUN service nginx start
```

## Good

```dockerfile
FROM debian:12
CMD ["nginx", "-g", "daemon off;"]
```

## When to ignore

Where it does something within the step: a database that is started, filled and stopped; `ssh` with an agent
(`RUN --mount=type=ssh`).
"""

from __future__ import annotations

from collections.abc import Iterator

from ..finding import Finding
from ..rule import Category, Rule, Severity
from ..subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """The first such call of each RUN."""
    seen: set[int] = set()
    for name in ("free", "kill", "mount", "ps", "service", "shutdown", "ssh", "top", "vim"):
        for call in subject.tools.get(name, ()):
            if call.instruction.span.start not in seen:
                seen.add(call.instruction.span.start)
                yield Finding(
                    call.words[0].span,
                    f"{name} has no lasting use in a step of a build",
                    "do it when the container starts, or leave it out",
                )


RULE = Rule(
    id="DL3001",
    name="program-for-hosts",
    severity=Severity.INFO,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
)
