"""A label that has to be a time as RFC 3339 writes it is none.

The schema of labels (`label-schema` in the config) gives this label the type `rfc3339`: programs that read it
rely on that.

## Bad

```dockerfile
FROM alpine:3.20
LABEL org.opencontainers.image.created="yesterday"
```

```toml
[label-schema]
"org.opencontainers.image.created" = "rfc3339"
```

## Good

```dockerfile
FROM alpine:3.20
LABEL org.opencontainers.image.created="2026-02-03T04:05:06Z"
```

```toml
[label-schema]
"org.opencontainers.image.created" = "rfc3339"
```

## When to ignore

Where the schema asks for more than this image can say: change the schema.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime

from ..finding import Finding
from ..labels import unfit
from ..rule import Category, Rule, Severity
from ..subject import Subject

_TIME = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)


def _exists(value: str) -> bool:
    """Whether the calendar and the clock have it; a leap second may be."""
    try:
        datetime.fromisoformat(value[:17].upper().replace("T", " ") + "00")
    except ValueError:
        return False
    return int(value[17:19]) <= 60


def check(subject: Subject) -> Iterator[Finding]:
    """The key."""
    yield from unfit(subject, "rfc3339", _fits, "time as RFC 3339 writes it")


def _fits(value: str) -> bool:
    return _TIME.fullmatch(value) is not None and _exists(value)


RULE = Rule(
    id="DL3053",
    name="label-time",
    severity=Severity.WARNING,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
)
