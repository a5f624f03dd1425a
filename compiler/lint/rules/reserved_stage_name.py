"""A stage is called `scratch` or `context`.

`scratch` means the empty image, and `context` is kept for the build context: a stage of that name can not be
referred to.

## Bad

```dockerfile
FROM alpine:3.20 AS context
```

## Good

```dockerfile
FROM alpine:3.20 AS base
```

## When to ignore

Never: rename it.
"""

from __future__ import annotations

from collections.abc import Iterator

from ....grammar.source import Span
from ..docker import checked
from ..finding import Finding
from ..rule import Category, Rule, Severity
from ..subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """The name after AS."""
    for message, _, from_ in checked(subject, "ReservedStageName"):
        end = from_.args_span.end
        yield Finding(Span(end - len(from_.args[-1]), end), message, "choose another name")


RULE = Rule(
    id="ReservedStageName",
    name="reserved-stage-name",
    severity=Severity.ERROR,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
    equivalents=("DL3063",),
)
