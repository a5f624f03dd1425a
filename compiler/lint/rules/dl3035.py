"""`zypper dist-upgrade` in a step.

It takes whatever the repositories have on the day of the build: two builds differ, and a later layer repeats
most of the base image.

## Bad

```dockerfile
FROM opensuse/leap:15.6
RUN zypper dist-upgrade -y
```

## Good

```dockerfile
FROM opensuse/leap:15.6
RUN zypper patch -y
```

## When to ignore

Where the newest of everything is meant, in a base image of your own.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..finding import Finding
from ..rule import Category, Rule, Severity
from ..subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """The command word."""
    for call in subject.tools.get("zypper", ()):
        for word in call.arguments:
            if word.text in ("dist-upgrade", "dup"):
                yield Finding(
                    word.span, "The base is replaced by whatever is newest today", "take a newer base image"
                )


RULE = Rule(
    id="DL3035",
    name="zypper-dist-upgrade",
    severity=Severity.WARNING,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
)
