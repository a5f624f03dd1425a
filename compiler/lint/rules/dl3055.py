"""A label that has to be a hash of git is none.

The schema of labels (`label-schema` in the config) gives this label the type `hash`: programs that read it rely
on that.

## Bad

```dockerfile
FROM alpine:3.20
LABEL org.opencontainers.image.revision="main"
```

```toml
[label-schema]
"org.opencontainers.image.revision" = "hash"
```

## Good

```dockerfile
FROM alpine:3.20
LABEL org.opencontainers.image.revision="8f936c5e975d3663b3cce4ac5b3baa3db26b8516"
```

```toml
[label-schema]
"org.opencontainers.image.revision" = "hash"
```

## When to ignore

Where the schema asks for more than this image can say: change the schema.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..finding import Finding
from ..labels import unfit
from ..rule import Category, Rule, Severity
from ..subject import Subject

_DIGITS = frozenset("0123456789abcdef")


def check(subject: Subject) -> Iterator[Finding]:
    """The key."""
    yield from unfit(subject, "hash", _fits, "hash of git")


def _fits(value: str) -> bool:
    return len(value) in (7, 40) and set(value) <= _DIGITS


RULE = Rule(
    id="DL3055",
    name="label-git-hash",
    severity=Severity.WARNING,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
)
