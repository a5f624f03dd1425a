"""The file can be read but not built.

An instruction asks for something that has no meaning: a stage that comes later or does not exist, a value that a
flag does not take, a variable that must be set and is not. The build would end with the same error.

## Bad

```dockerfile
FROM alpine:3.20
COPY --from=build /app /app

FROM golang:1.23 AS build
RUN go build -o /app .
```

## Good

```dockerfile
FROM golang:1.23 AS build
RUN go build -o /app .

FROM alpine:3.20
COPY --from=build /app /app
```

## When to ignore

Where the file is only built with arguments or named contexts that give it a meaning.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..finding import Finding
from ..rule import Category, Rule, Severity
from ..subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """The error that ended the evaluation."""
    error = subject.evaluation.error
    if error is not None:
        yield Finding(subject.span_of(error.where), error.message, error.help or "")


RULE = Rule(
    id="LC002",
    name="no-meaning",
    severity=Severity.ERROR,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
)
