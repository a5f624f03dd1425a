"""A label that has to be a semantic version is none.

The schema of labels (`label-schema` in the config) gives this label the type `semver`: programs that read it
rely on that.

## Bad

```dockerfile
FROM alpine:3.20
LABEL org.opencontainers.image.version="1.0"
```

```toml
[label-schema]
"org.opencontainers.image.version" = "semver"
```

## Good

```dockerfile
FROM alpine:3.20
LABEL org.opencontainers.image.version="1.0.0"
```

```toml
[label-schema]
"org.opencontainers.image.version" = "semver"
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

_PART = r"(?:0|[1-9]\d*|\d*[A-Za-z-][0-9A-Za-z-]*)"
_VERSION = re.compile(
    rf"(?:0|[1-9]\d*)(?:\.(?:0|[1-9]\d*)){{2}}(?:-{_PART}(?:\.{_PART})*)?(?:\+[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*)?",
    re.ASCII,
)


def check(subject: Subject) -> Iterator[Finding]:
    """The key."""
    yield from unfit(subject, "semver", _fits, "semantic version")


def _fits(value: str) -> bool:
    return _VERSION.fullmatch(value) is not None


RULE = Rule(
    id="DL3056",
    name="label-semver",
    severity=Severity.WARNING,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
)
