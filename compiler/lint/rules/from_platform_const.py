"""`FROM --platform` should not be a constant.

A fixed platform makes an image of that platform whatever is built for: it runs slowly in emulation elsewhere,
or not at all. `$BUILDPLATFORM` names the machine that builds, and no flag is the target.

## Bad

```dockerfile
FROM --platform=linux/amd64 alpine:3.20
```

## Good

```dockerfile
FROM --platform=$BUILDPLATFORM alpine:3.20
```

## When to ignore

Where the program exists for that platform only. A stage whose name tells the platform is not reported.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..docker import checked
from ..finding import Finding
from ..rule import Category, Rule, Severity
from ..subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """The flag."""
    for message, _, from_ in checked(subject, "FromPlatformFlagConstDisallowed"):
        flag = subject.flag(from_, "platform")
        if flag is not None:
            yield Finding(flag.span, message)


RULE = Rule(
    id="FromPlatformFlagConstDisallowed",
    name="from-platform-const",
    severity=Severity.WARNING,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
    equivalents=("DL3029",),
)
