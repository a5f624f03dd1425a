"""`dnf install` without `dnf clean all`.

Packages and metadata that dnf downloaded stay in the layer and make the image larger.

## Bad

```dockerfile
FROM fedora:41
RUN dnf install -y httpd-2.4.62
```

## Good

```dockerfile
FROM fedora:41
RUN dnf install -y httpd-2.4.62 && dnf clean all
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

_VERBS = ("install", "in", "upgrade", "up", "upgrade-minimal", "up-min", "reinstall", "rei")


def check(subject: Subject) -> Iterator[Finding]:
    """The last call in each RUN that leaves it behind."""
    yield from left_behind(
        subject,
        ("dnf", "microdnf"),
        _fills,
        _cleans,
        ("/var/cache/libdnf5", ".cache/libdnf5", "/var/cache/dnf"),
        "What dnf downloaded stays in the layer",
        "dnf clean all",
    )


def _fills(call: Call) -> bool:
    return call.is_call(call.name, *_VERBS)


def _cleans(call: Call) -> bool:
    return (call.name in ("dnf", "microdnf") and call.is_call(call.name, "clean")) or removes(
        call, "/var/cache"
    )


RULE = Rule(
    id="DL3040",
    name="clean-dnf",
    severity=Severity.WARNING,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
    fixable=True,
)
