"""`yum install` without `yum clean all`.

Packages and metadata that yum downloaded stay in the layer and make the image larger.

## Bad

```dockerfile
FROM centos:7
RUN yum install -y httpd-2.4.6
```

## Good

```dockerfile
FROM centos:7
RUN yum install -y httpd-2.4.6 && yum clean all
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
        ("yum",),
        _fills,
        _cleans,
        ("/var/cache/yum",),
        "What yum downloaded stays in the layer",
        "yum clean all",
    )


def _fills(call: Call) -> bool:
    return call.is_call("yum", "install")


def _cleans(call: Call) -> bool:
    return call.is_call("yum", "clean") or removes(call, "/var/cache")


RULE = Rule(
    id="DL3032",
    name="clean-yum",
    severity=Severity.WARNING,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
    fixable=True,
)
