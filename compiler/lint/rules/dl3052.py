"""A label that has to be a URL is none.

The schema of labels (`label-schema` in the config) gives this label the type `url`: programs that read it rely
on that.

## Bad

```dockerfile
FROM alpine:3.20
LABEL org.opencontainers.image.url="not a url"
```

```toml
[label-schema]
"org.opencontainers.image.url" = "url"
```

## Good

```dockerfile
FROM alpine:3.20
LABEL org.opencontainers.image.url="https://example.com/"
```

```toml
[label-schema]
"org.opencontainers.image.url" = "url"
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

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\s<>\"{}|\\^`]+")


def check(subject: Subject) -> Iterator[Finding]:
    """The key."""
    yield from unfit(subject, "url", _fits, "URL")


def _fits(value: str) -> bool:
    return _URL.fullmatch(value) is not None


RULE = Rule(
    id="DL3052",
    name="label-url",
    severity=Severity.WARNING,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
)
