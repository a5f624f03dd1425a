"""`zypper install` without `zypper clean`.

Packages and metadata that zypper downloaded stay in the layer and make the image larger.

## Bad

```dockerfile
FROM opensuse/leap:15.6
RUN zypper install -y httpd=2.4.46
```

## Good

```dockerfile
FROM opensuse/leap:15.6
RUN zypper install -y httpd=2.4.46 && zypper clean
```

## When to ignore

Where a later step of the same stage needs it, and the stage is in no image.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..calls import Call
from ..finding import Finding
from ..left_behind import left_behind, removes
from ..rule import Category, Rule, Severity
from ..subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """The last call in each RUN that leaves it behind."""
    yield from left_behind(
        subject,
        ("zypper",),
        _fills,
        _cleans,
        ("/var/cache/zypp",),
        "What zypper downloaded stays in the layer",
        "zypper clean",
    )


def _fills(call: Call) -> bool:
    return call.is_call("zypper", "install", "in")


def _cleans(call: Call) -> bool:
    return call.is_call("zypper", "clean", "cc") or removes(call, "/var/cache")


RULE = Rule(
    id="DL3036",
    name="clean-zypper",
    severity=Severity.WARNING,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
    fixable=True,
)
