"""A comment ignores rules of hadolint in place.

A team may want that what is ignored stands in one config, where it is seen. The rule is off unless it is
selected.

## Bad

```dockerfile
FROM debian:12
# hadolint ignore=DL3008
RUN apt-get install -y curl
```

## Good

```dockerfile
FROM debian:12
RUN apt-get install -y curl=7.88.*
```

## When to ignore

Where comments are the place for exceptions.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..finding import Finding
from ..rule import Category, Rule, Severity
from ..subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """The first id in each comment."""
    told: set[int] = set()
    for ignored in subject.pragmas.ignored:
        line = subject.source.line_of(ignored.span.start)
        if ignored.tool == "hadolint" and line not in told:
            told.add(line)
            yield Finding(ignored.span, "A comment ignores rules here", "ignore them in the config")


RULE = Rule(
    id="DL1001",
    name="no-ignoring",
    severity=Severity.INFO,
    category=Category.STYLE,
    since="0.2",
    check=check,
    page=__doc__,
    default=False,
)
