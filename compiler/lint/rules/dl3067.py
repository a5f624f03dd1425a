"""The whole file system of another stage is copied.

All that the other stage has comes along: tools, caches, secrets; and all of it once more, in one layer that
changes with every file.

## Bad

```dockerfile
FROM golang:1.23 AS build
RUN go build -o /app .

FROM alpine:3.20
COPY --from=build / /
```

## Good

```dockerfile
FROM golang:1.23 AS build
RUN go build -o /app .

FROM alpine:3.20
COPY --from=build /app /app
```

## When to ignore

Where a stage of FROM scratch is made to hold just what is to be copied, or squashing is meant.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..finding import Finding
from ..rule import Category, Rule, Severity
from ..subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """The arguments."""
    for _, copy in subject.each("COPY"):
        words = [word.strip("\"'") for word in copy.args]
        if subject.flag(copy, "from") is not None and "/" in words[:-1] and words[-1] == "/":
            yield Finding(copy.args_span, "All files of the other stage are copied", "copy what is needed")


RULE = Rule(
    id="DL3067",
    name="copy-whole-stage",
    severity=Severity.WARNING,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
)
