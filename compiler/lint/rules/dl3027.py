"""`apt` instead of `apt-get`.

apt is made for people: what it prints and which options it has may change at any time, and it says so itself.
apt-get and apt-cache stay as they are.

## Bad

```dockerfile
FROM debian:12
RUN apt update
```

## Good

```dockerfile
FROM debian:12
RUN apt-get update
```

## When to ignore

Where an option is needed that only apt has.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..finding import Finding, Fix
from ..rule import Category, Rule, Severity
from ..subject import Subject

_SAME = (
    "update",
    "install",
    "upgrade",
    "remove",
    "purge",
    "autoremove",
    "autoclean",
    "clean",
    "build-dep",
    "source",
)


def check(subject: Subject) -> Iterator[Finding]:
    """The name of each call."""
    for call in subject.tools.get("apt", ()):
        word = call.words[0]
        fixes: tuple[Fix, ...] = ()
        if call.via == "" and call.subcommand in _SAME and word.raw == "apt":
            fixes = (Fix.replace("write apt-get", word.span, "apt-get"),)
        yield Finding(word.span, "apt is for people, and may change", "use apt-get or apt-cache", fixes=fixes)


RULE = Rule(
    id="DL3027",
    name="apt-for-people",
    severity=Severity.WARNING,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
    fixable=True,
)
