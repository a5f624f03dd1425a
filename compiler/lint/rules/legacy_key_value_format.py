"""`ENV` and `LABEL` should be written `key=value`.

With a blank in place of `=` one instruction sets one name only, and all that follows is its value: `ENV A 1 B
2` sets `A` to `1 B 2`.

## Bad

```dockerfile
FROM alpine:3.20
ENV LANG C.UTF-8
```

## Good

```dockerfile
FROM alpine:3.20
ENV LANG=C.UTF-8
```

## When to ignore

Where a value is full of quotes and the old form is easier to read.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..docker import checked
from ..finding import Finding, Fix
from ..rule import Category, Rule, Severity
from ..subject import Subject

_PLAIN = re.compile(r"[^\s\"'\\`#<>|&;]+")
_PARTS = re.compile(r"(\S*)(\s*)(.*)", re.DOTALL)
_WORDS = re.compile(r"[^\n\r\"'\\`]+")


def check(subject: Subject) -> Iterator[Finding]:
    """The arguments; values with quotes or escapes, which mean something else between quotes, are left alone."""
    for message, _, instruction in checked(subject, "LegacyKeyValueFormat"):
        span = instruction.args_span
        key, blank, value = _parts(subject.text(span))
        fixes: tuple[Fix, ...] = ()
        if _PLAIN.fullmatch(value):
            fixes = (Fix.replace("write key=value", span, f"{key}={value}", safe=True),)
        elif blank and _WORDS.fullmatch(value):
            fixes = (Fix.replace('write key="value"', span, f'{key}="{value}"', safe=True),)
        yield Finding(span, message, fixes=fixes)


def _parts(text: str) -> tuple[str, str, str]:
    """The key, the blanks, the value."""
    match = _PARTS.fullmatch(text)
    assert match is not None
    return match[1], match[2], match[3]


RULE = Rule(
    id="LegacyKeyValueFormat",
    name="legacy-key-value-format",
    severity=Severity.STYLE,
    category=Category.STYLE,
    since="0.2",
    check=check,
    page=__doc__,
    fixable=True,
)
