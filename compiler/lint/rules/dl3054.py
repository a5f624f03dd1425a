"""A label that has to be a license of SPDX is none.

The schema of labels (`label-schema` in the config) gives this label the type `spdx`: programs that read it rely
on that.

## Bad

```dockerfile
FROM alpine:3.20
LABEL org.opencontainers.image.licenses="Apache 2"
```

```toml
[label-schema]
"org.opencontainers.image.licenses" = "spdx"
```

## Good

```dockerfile
FROM alpine:3.20
LABEL org.opencontainers.image.licenses="Apache-2.0"
```

```toml
[label-schema]
"org.opencontainers.image.licenses" = "spdx"
```

## When to ignore

Where the schema asks for more than this image can say: change the schema.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..finding import Finding
from ..labels import unfit
from ..licenses import LICENSES
from ..rule import Category, Rule, Severity
from ..subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """The key."""
    yield from unfit(subject, "spdx", _fits, "license of SPDX")


def _fits(value: str) -> bool:
    return value in LICENSES


RULE = Rule(
    id="DL3054",
    name="label-license",
    severity=Severity.WARNING,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
)
