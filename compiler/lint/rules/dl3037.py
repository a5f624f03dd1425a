"""`zypper install` without versions.

Without a version, what is installed is what the repository happens to have on the day of the build. Two builds
of one commit differ, a cached layer keeps an old version for long, and a release that breaks something arrives
unasked.

## Bad

```dockerfile
FROM opensuse/leap:15.6
RUN zypper install -y curl && zypper clean
```

## Good

```dockerfile
FROM opensuse/leap:15.6
RUN zypper install -y curl=8.6.0 && zypper clean
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

_VALUED = ("r", "repo", "from", "t", "type", "root", "R")
_SIGNS = frozenset("=<>")


def check(subject: Subject) -> Iterator[Finding]:
    """The first package of each call that has no version."""
    for call in subject.tools.get("zypper", ()):
        yield from unpinned(packages_behind(call, ("install", "in"), _VALUED), _is_pinned, "package=version")


def _is_pinned(package: str) -> bool:
    return package.endswith(".rpm") or not _SIGNS.isdisjoint(package)


RULE = Rule(
    id="DL3037",
    name="pin-zypper",
    severity=Severity.WARNING,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
)
