"""A relative `WORKDIR` depends on that of the base image.

With no absolute `WORKDIR` above it in the stage, a relative path is joined to what the base image happens to
say: it moves when the base changes.

## Bad

```dockerfile
FROM nginx:1.27
WORKDIR usr/share/nginx/html
```

## Good

```dockerfile
FROM nginx:1.27
WORKDIR /usr/share/nginx/html
```

## When to ignore

Where going on from the base's directory is what is meant.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..docker import checked
from ..finding import Finding
from ..rule import Category, Rule, Severity
from ..subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """The path."""
    for message, _, instruction in checked(subject, "WorkdirRelativePath"):
        yield Finding(instruction.args_span, message, "write an absolute path")


RULE = Rule(
    id="WorkdirRelativePath",
    name="workdir-relative-path",
    severity=Severity.WARNING,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
    equivalents=("DL3000",),
)
