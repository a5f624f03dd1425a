"""A port above 65535.

There are no such ports.

## Bad

```dockerfile
FROM nginx:1.27
EXPOSE 80000
```

## Good

```dockerfile
FROM nginx:1.27
EXPOSE 8000
```

## When to ignore

Never: correct the number.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..finding import Finding
from ..rule import Category, Rule, Severity
from ..subject import Subject

_HIGHEST = 65535


def check(subject: Subject) -> Iterator[Finding]:
    """The port."""
    for _, expose in subject.each("EXPOSE"):
        for word in expose.args:
            ports = word.partition("/")[0].split("-")
            if any(port.isdecimal() and int(port) > _HIGHEST for port in ports):
                yield Finding(subject.find(expose, word), f"There is no port {word}", "ports end at 65535")


RULE = Rule(
    id="DL3011",
    name="port-range",
    severity=Severity.ERROR,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
)
