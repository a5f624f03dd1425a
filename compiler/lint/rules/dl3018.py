"""`apk add` without versions.

Without a version, what is installed is what the repository happens to have on the day of the build. Two builds
of one commit differ, a cached layer keeps an old version for long, and a release that breaks something arrives
unasked.

## Bad

```dockerfile
FROM alpine:3.20
RUN apk add --no-cache curl
```

## Good

```dockerfile
FROM alpine:3.20
RUN apk add --no-cache curl=~8.9
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

_VALUED = ("t", "virtual", "repository", "X", "p", "root", "arch", "keys-dir", "repositories-file")
_SIGNS = frozenset("=~<>")


def check(subject: Subject) -> Iterator[Finding]:
    """The first package of each call that has no version."""
    for call in subject.tools.get("apk", ()):
        yield from unpinned(packages_behind(call, ("add",), _VALUED), _is_pinned, "package=version")


def _is_pinned(package: str) -> bool:
    return package.endswith(".apk") or not _SIGNS.isdisjoint(package)


RULE = Rule(
    id="DL3018",
    name="pin-apk",
    severity=Severity.WARNING,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
)
