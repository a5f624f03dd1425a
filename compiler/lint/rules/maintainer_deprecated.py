"""`MAINTAINER` is deprecated.

A label says the same, can be read with `docker inspect`, and is inherited by images that build on this one.

## Bad

```dockerfile
FROM alpine:3.20
MAINTAINER team@example.com
```

## Good

```dockerfile
FROM alpine:3.20
LABEL org.opencontainers.image.authors="team@example.com"
```

## When to ignore

Where something still reads the image's `Author` field.
"""

from __future__ import annotations

from collections.abc import Iterator

from ....grammar.source import Span
from ..docker import checked
from ..finding import Finding, Fix
from ..rule import Category, Rule, Severity
from ..subject import Subject

_LABEL = "org.opencontainers.image.authors"


def check(subject: Subject) -> Iterator[Finding]:
    """The instruction; the fix drops the image's author field, so it is not a safe one."""
    for message, _, instruction in checked(subject, "MaintainerDeprecated"):
        begin, arguments = instruction.keyword_span, instruction.args_span
        text = subject.text(arguments)
        fixes: tuple[Fix, ...] = ()
        if "\n" not in text and not set('"\\$`').intersection(text):
            label = "label" if subject.text(begin).islower() else "LABEL"
            span = Span(begin.start, arguments.end)
            fixes = (Fix.replace("write a label", span, f'{label} {_LABEL}="{text}"'),)
        yield Finding(begin, message, f"write LABEL {_LABEL}=…", fixes=fixes)


RULE = Rule(
    id="MaintainerDeprecated",
    name="maintainer-deprecated",
    severity=Severity.WARNING,
    category=Category.STYLE,
    since="0.2",
    check=check,
    page=__doc__,
    equivalents=("DL4000",),
    fixable=True,
)
