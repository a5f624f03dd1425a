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


def check(subject: Subject) -> Iterator[Finding]:
    """The variable."""
    for message, fields, instruction in checked(subject, "UndefinedVar"):
        if fields["hint"] or subject.knows_base(instruction):
            yield Finding(variable_span(subject, instruction, fields["name"]), message)


RULE = Rule(
    id="UndefinedVar",
    name="undefined-var",
    severity=Severity.WARNING,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
)
