"""`FROM` and `AS` should be in the same letter case.

Keywords are written in capitals or in small letters; mixed in one line they are hard to tell from names.

## Bad

```dockerfile
FROM alpine:3.20 as build
```

## Good

```dockerfile
FROM alpine:3.20 AS build
```

## When to ignore

Where a generator writes the file.
"""

from __future__ import annotations

from collections.abc import Iterator

from ....grammar.source import Span
from ..docker import checked
from ..finding import Finding, Fix
from ..rule import Category, Rule, Severity
from ..subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """The word between base and name."""
    for message, fields, from_ in checked(subject, "FromAsCasing"):
        name = from_.args_span.end - len(from_.args[-1])
        start = subject.source.text.rfind(fields["as_"], from_.args_span.start, name)
        span = Span(start, start + len(fields["as_"]))
        word = "as" if fields["from_"].islower() else "AS"
        yield Finding(span, message, fixes=(Fix.replace(f"write {word}", span, word, safe=True),))


RULE = Rule(
    id="FromAsCasing",
    name="from-as-casing",
    severity=Severity.STYLE,
    category=Category.STYLE,
    since="0.2",
    check=check,
    page=__doc__,
    fixable=True,
)
