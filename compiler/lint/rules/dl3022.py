"""`COPY --from` names neither a stage nor an image with a tag.

Where no stage above has the name, an image of that name is fetched: most often the name of a stage was
misspelt, or the stage comes later.

## Bad

```dockerfile
FROM golang:1.23 AS build
RUN go build -o /app .

FROM alpine:3.20
COPY --from=biuld /app /app
```

## Good

```dockerfile
FROM golang:1.23 AS build
RUN go build -o /app .

FROM alpine:3.20
COPY --from=build /app /app
```

## When to ignore

Where it is a context that is named when the image is built (`--build-context`).
"""

from __future__ import annotations

from collections.abc import Iterator

from ..finding import Finding
from ..rule import Category, Rule, Severity
from ..subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """The flag."""
    for stage, copy in subject.each("COPY"):
        flag = subject.flag(copy, "from")
        if flag is None or flag.value is None:
            continue
        name = flag.value.strip("\"'")
        known = {view.name for view in subject.stages[: stage.number + 1]} - {""}
        number = name.isdecimal() and int(name) <= stage.number
        if not (number or name.lower() in known or ":" in name or "@" in name or "$" in name):
            yield Finding(
                flag.span, f"No stage above is called {name}", "name a stage, or an image with its tag"
            )


RULE = Rule(
    id="DL3022",
    name="copy-from-stage",
    severity=Severity.WARNING,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
)
