"""A variable is used that nothing sets.

A variable without `ARG` or `ENV` above it in the stage is empty: paths and values silently lose a part. Where
nothing is known about the base image, which may set variables of its own, only names that look like a slip of a
known one are told.

## Bad

```dockerfile
FROM alpine:3.20
ARG VERSION=1
COPY app-$VERSON.tar /srv/
```

## Good

```dockerfile
FROM alpine:3.20
ARG VERSION=1
COPY app-$VERSION.tar /srv/
```

## When to ignore

Where the base image sets it, and nothing can be known of that image.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..docker import checked, variable_span
from ..finding import Finding
from ..rule import Category, Rule, Severity
from ..subject import Subject

_SHORTEST = 4


def check(subject: Subject) -> Iterator[Finding]:
    """The variable."""
    for message, fields, instruction in checked(subject, "UndefinedVar"):
        name, hint = fields["name"], fields["hint"]
        meant = hint.partition("$")[2].rstrip("?)")
        if subject.knows_base(instruction) or (meant and len(name) >= _SHORTEST and _is_slip(name, meant)):
            yield Finding(variable_span(subject, instruction, name), message)


def _is_slip(name: str, meant: str) -> bool:
    """Whether one character more, less or other makes one of the other, or letter case."""
    start = 0
    while start < min(len(name), len(meant)) and name[start] == meant[start]:
        start += 1
    name, meant = name[start:], meant[start:]
    while name and meant and name[-1] == meant[-1]:
        name, meant = name[:-1], meant[:-1]
    return max(len(name), len(meant)) <= 1 or name.lower() == meant.lower()


RULE = Rule(
    id="UndefinedVar",
    name="undefined-var",
    severity=Severity.WARNING,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
)
