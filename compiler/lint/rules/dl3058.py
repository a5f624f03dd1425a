"""A label that has to be an email address is none.

The schema of labels (`label-schema` in the config) gives this label the type `email`: programs that read it
rely on that.

## Bad

```dockerfile
FROM alpine:3.20
LABEL maintainer="nobody"
```

```toml
[label-schema]
"maintainer" = "email"
```

## Good

```dockerfile
FROM alpine:3.20
LABEL maintainer="someone@example.com"
```

```toml
[label-schema]
"maintainer" = "email"
```

## When to ignore

Where the schema asks for more than this image can say: change the schema.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..finding import Finding
from ..labels import unfit
from ..rule import Category, Rule, Severity
from ..subject import Subject

_ADDRESS = re.compile(r"[^\s@<>()\[\],;:\\\"]+@[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9-]+)+")


def check(subject: Subject) -> Iterator[Finding]:
    """The key."""
    yield from unfit(subject, "email", _fits, "email address")


def _fits(value: str) -> bool:
    return _ADDRESS.fullmatch(value) is not None


RULE = Rule(
    id="DL3058",
    name="label-email",
    severity=Severity.WARNING,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
)
