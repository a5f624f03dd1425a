"""Two stages have the same name.

Whoever refers to the name gets the last stage above the reference that has it, which is seldom what is meant,
and changes when stages are moved.

## Bad

```dockerfile
FROM golang:1.23 AS build
FROM node:22 AS build
```

## Good

```dockerfile
FROM golang:1.23 AS build-server
FROM node:22 AS build-pages
```

## When to ignore

Never: rename one of them.
"""

from __future__ import annotations

from collections.abc import Iterator

from ....grammar.source import Span
from ..docker import checked
from ..finding import Finding
from ..rule import Category, Rule, Severity
from ..subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """The second name."""
    for message, _, from_ in checked(subject, "DuplicateStageName"):
        end = from_.args_span.end
        yield Finding(Span(end - len(from_.args[-1]), end), message, "give each stage a name of its own")


RULE = Rule(
    id="DuplicateStageName",
    name="duplicate-stage-name",
    severity=Severity.ERROR,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
    equivalents=("DL3024",),
)
