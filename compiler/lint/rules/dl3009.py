"""The lists of `apt-get update` stay in the image.

They are tens of megabytes, soon out of date, and of no use: whoever installs more has to update again.

## Bad

```dockerfile
FROM debian:12
RUN apt-get update && apt-get install -y --no-install-recommends curl
```

## Good

```dockerfile
FROM debian:12
RUN apt-get update && apt-get install -y --no-install-recommends curl && rm -rf /var/lib/apt/lists/*
```

## When to ignore

Where a later step of the same stage needs it, and the stage is in no image.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..calls import Call
from ..finding import Finding
from ..left_behind import in_result, left_behind, removes
from ..rule import Category, Rule, Severity
from ..subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """The last call in each RUN that leaves it behind, in stages that are in an image."""
    found = left_behind(
        subject,
        ("apt-get", "apt", "aptitude"),
        _fills,
        _cleans,
        ("/var/lib/apt",),
        "The lists of packages stay in the layer",
        "rm -rf /var/lib/apt/lists/*",
    )
    for finding in found:
        if in_result(subject, subject.at(finding.span)):
            yield finding


def _fills(call: Call) -> bool:
    return call.is_call(call.name, "update")


def _cleans(call: Call) -> bool:
    return removes(call, "/var/lib/apt", "/var/lib/*")


RULE = Rule(
    id="DL3009",
    name="apt-lists",
    severity=Severity.INFO,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
    fixable=True,
)
