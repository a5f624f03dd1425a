"""The last `USER` is root.

Containers of the image run as root: whoever breaks out of the program has all rights in the container, and more
outside it.

## Bad

```dockerfile
FROM debian:12
USER root
RUN apt-get update
```

## Good

```dockerfile
FROM debian:12
USER root
RUN apt-get update
USER 1000
```

## When to ignore

Where the program needs root and gives it up itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..finding import Finding
from ..rule import Category, Rule, Severity
from ..subject import Subject

_ROOT = ("root", "0")


def check(subject: Subject) -> Iterator[Finding]:
    """The last USER of each stage."""
    for stage in subject.stages:
        users = stage.of("USER")
        if users and users[-1].args and users[-1].args[0].strip("\"'").partition(":")[0] in _ROOT:
            yield Finding(users[-1].args_span, "The image runs as root", "end the stage with another USER")


RULE = Rule(
    id="DL3002",
    name="last-user",
    severity=Severity.WARNING,
    category=Category.SECURITY,
    since="0.2",
    check=check,
    page=__doc__,
)
