"""Stage names should be lower case.

Names of stages are compared without regard to letter case, and instructions are written in capitals: a name in
lower case can not be taken for a keyword, and looks the same wherever it is used.

## Bad

```dockerfile
FROM alpine:3.20 AS BuildBase
```

## Good

```dockerfile
FROM alpine:3.20 AS build-base
```

## When to ignore

Where other tools look for the name as it is.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..finding import Finding, Fix
from ..rule import Category, Rule, Severity
from ..subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """The name after AS."""
    for notice, from_ in subject.noticed("StageNameCasing"):
        end = from_.args_span.end
        name = from_.args[-1]
        span = subject.find(from_, name, end - len(name))
        fix = Fix.replace(f"write {name.lower()}", span, name.lower(), safe=True)
        yield Finding(span, notice.message, fixes=(fix,))


RULE = Rule(
    id="StageNameCasing",
    name="stage-name-casing",
    severity=Severity.STYLE,
    category=Category.STYLE,
    since="0.2",
    check=check,
    page=__doc__,
    fixable=True,
)
