"""A comment above `ARG` or `FROM` should begin with the name that it describes.

Docker shows such comments as descriptions of arguments and stages (`docker build --call=outline`). One that
does not begin with the name is not shown. The check is on where the file asks for it (`#
check=experimental=all`) or where the rule is selected.

## Bad

```dockerfile
# the release to install
ARG VERSION=1
FROM alpine:3.20
```

## Good

```dockerfile
# VERSION the release to install
ARG VERSION=1
FROM alpine:3.20
```

## When to ignore

Where comments are for readers of the file alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..docker import checked
from ..finding import Finding
from ..rule import Category, Rule, Severity
from ..subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """The keyword below the comment."""
    for message, _, instruction in checked(subject, "InvalidDefinitionDescription"):
        yield Finding(instruction.keyword_span, message, "or put an empty comment line between them")


RULE = Rule(
    id="InvalidDefinitionDescription",
    name="invalid-definition-description",
    severity=Severity.STYLE,
    category=Category.STYLE,
    since="0.2",
    check=check,
    page=__doc__,
    default=False,
)
