"""The file can be read but not built.

An instruction asks for something that has no meaning: a stage that comes later or does not exist, a value that a
flag does not take, a variable that must be set and is not. The build would end with the same error. Nothing is told
where the instruction uses an `ARG` without a default: a value from the command line may give it a meaning.

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

Where the file is only built with named contexts that give it a meaning.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ....grammar.source import Location
from ..finding import Finding
from ..rule import Category, Rule, Severity
from ..subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """The error that ended the evaluation, unless a value that has to be given with the build may be its cause."""
    error = subject.evaluation.error
    if error is not None and not _may_be_given(subject, error.where):
        yield Finding(subject.span_of(error.where), error.message, error.help or "")


def _may_be_given(subject: Subject, where: Location | None) -> bool:
    open_names = {
        name
        for each in subject.instructions
        if each.keyword == "ARG"
        for name, equals, _ in (word.partition("=") for word in each.args)
        if not equals
    }
    texts = (
        each.text for each in subject.instructions if where and each.start_line <= where.line <= each.end_line
    )
    return any(re.search(rf"\$\{{?{re.escape(name)}\b", text) for text in texts for name in open_names)


RULE = Rule(
    id="LC002",
    name="no-meaning",
    severity=Severity.ERROR,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
)
