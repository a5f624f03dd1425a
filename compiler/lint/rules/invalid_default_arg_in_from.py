"""`FROM` names no image unless an argument is given.

With the defaults of the arguments above it, the name is empty or no image reference: a plain `docker build`
fails, and so does every tool that reads the file without arguments.

## Bad

```dockerfile
ARG TAG
FROM alpine:${TAG}
```

## Good

```dockerfile
ARG TAG=3.20
FROM alpine:${TAG}
```

## When to ignore

Where the argument must be given, and a default would be a lie.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..docker import checked
from ..finding import Finding
from ..rule import Category, Rule, Severity
from ..subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """The image's name."""
    for message, fields, from_ in checked(subject, "InvalidDefaultArgInFrom"):
        yield Finding(subject.find(from_, fields["base"]), message, "give the ARG a default")


RULE = Rule(
    id="InvalidDefaultArgInFrom",
    name="invalid-default-arg-in-from",
    severity=Severity.WARNING,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
)
