"""A label whose key programs may not take.

Keys of labels are lower-case letters and digits, parted by single `.`, `-`, `_` or `/`, and begin with a
letter. `com.docker.`, `io.docker.` and `org.dockerproject.` are Docker's own.

## Bad

```dockerfile
FROM alpine:3.20
LABEL Maintainer="someone@example.com"
```

## Good

```dockerfile
FROM alpine:3.20
LABEL com.example.maintainer="someone@example.com"
```

## When to ignore

Where a program asks for a key of another form.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..finding import Finding
from ..labels import labels_of
from ..rule import Category, Rule, Severity
from ..subject import Subject

_KEY = re.compile(r"[a-z](?:[a-z0-9./_-]*[a-z0-9])?")
_RESERVED = ("com.docker.", "io.docker.", "org.dockerproject.")


def check(subject: Subject) -> Iterator[Finding]:
    """The key."""
    for label in labels_of(subject):
        key = label.key
        if not _KEY.fullmatch(key) or ".." in key or "--" in key:
            yield Finding(
                label.span, f"The key of label {key} has an unusual form", "write lower-case letters"
            )
        elif key.startswith(_RESERVED):
            yield Finding(
                label.span, f"The key of label {key} is reserved for Docker", "use a domain of your own"
            )


RULE = Rule(
    id="DL3048",
    name="label-key",
    severity=Severity.STYLE,
    category=Category.STYLE,
    since="0.2",
    check=check,
    page=__doc__,
)
