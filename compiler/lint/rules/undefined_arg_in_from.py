"""`FROM` uses an argument that no `ARG` above it declares.

Only an `ARG` before the first `FROM` gives `FROM` a value. Without one the variable is empty, whatever
`--build-arg` says.

## Bad

```dockerfile
FROM alpine:${ALPINE_VERSION}
```

## Good

```dockerfile
ARG ALPINE_VERSION=3.20
FROM alpine:${ALPINE_VERSION}
```

## When to ignore

Never: declare it.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..docker import checked, variable_span
from ..finding import Finding
from ..rule import Category, Rule, Severity
from ..subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """The variable."""
    for message, fields, from_ in checked(subject, "UndefinedArgInFrom"):
        span = variable_span(subject, from_, fields["name"])
        yield Finding(span, message, f"write ARG {fields['name']} before the first FROM")


RULE = Rule(
    id="UndefinedArgInFrom",
    name="undefined-arg-in-from",
    severity=Severity.WARNING,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
)
