"""`--platform=$TARGETPLATFORM` is what `FROM` does anyway.

Without the flag a stage is built for the target platform: the flag adds nothing but a place for mistakes.

## Bad

```dockerfile
FROM --platform=$TARGETPLATFORM alpine:3.20
```

## Good

```dockerfile
FROM alpine:3.20
```

## When to ignore

Where all stages name their platform, to make it plain.
"""

from __future__ import annotations

from collections.abc import Iterator

from ....grammar.source import Span
from ..docker import checked
from ..finding import Finding, Fix
from ..rule import Category, Rule, Severity
from ..subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """The flag."""
    for message, _, from_ in checked(subject, "RedundantTargetPlatform"):
        flag = subject.flag(from_, "platform")
        if flag is not None:
            end = flag.span.end
            while subject.source.text[end : end + 1] in (" ", "\t"):
                end += 1
            fix = Fix.replace("remove the flag", Span(flag.span.start, end), "", safe=True)
            yield Finding(flag.span, message, fixes=(fix,))


RULE = Rule(
    id="RedundantTargetPlatform",
    name="redundant-target-platform",
    severity=Severity.STYLE,
    category=Category.STYLE,
    since="0.2",
    check=check,
    page=__doc__,
    equivalents=("DL3065",),
    fixable=True,
)
