"""`apt-get install` without versions.

Without a version, what is installed is what the repository happens to have on the day of the build. Two builds
of one commit differ, a cached layer keeps an old version for long, and a release that breaks something arrives
unasked.

## Bad

```dockerfile
FROM debian:12
RUN apt-get update && apt-get install -y --no-install-recommends curl
```

## Good

```dockerfile
FROM debian:12
RUN apt-get update && apt-get install -y --no-install-recommends curl=7.88.*
```

## When to ignore

Where the newest version is meant, where the repository keeps no old versions (then pin the base image by
digest), or where a snapshot of the repository is used.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..finding import Finding
from ..pins import packages_behind, unpinned
from ..rule import Category, Rule, Severity
from ..subject import Subject

_VALUED = ("t", "target-release", "default-release", "c", "config-file", "o", "option")


def check(subject: Subject) -> Iterator[Finding]:
    """The first package of each call that has no version."""
    for call in subject.tools.get("apt-get", ()):
        yield from unpinned(packages_behind(call, ("install",), _VALUED), _is_pinned, "package=version")


def _is_pinned(package: str) -> bool:
    return "=" in package or "/" in package or package.endswith(".deb")


RULE = Rule(
    id="DL3008",
    name="pin-apt-get",
    severity=Severity.WARNING,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
)
