"""The file is no Dockerfile.

No front end can read the text: an unknown instruction, a heredoc without an end, no `FROM`. No other rule is
asked then.

## Bad

```dockerfile
FROM alpine:3.20
RUNN apk add curl
```

## Good

```dockerfile
FROM alpine:3.20
RUN apk add curl
```

## When to ignore

Never: the file can not be built. Leave files that are no Dockerfiles (templates) out of the run with `exclude`.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..finding import Finding
from ..rule import Category, Rule, Severity
from ..subject import Subject


def check(subject: Subject) -> Iterator[Finding]:  # noqa: ARG001  # what has a tree is a Dockerfile
    """Nothing: the error comes from parsing."""
    return iter(())


RULE = Rule(
    id="LC001",
    name="syntax-error",
    severity=Severity.ERROR,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
    equivalents=("DL1000",),
)
