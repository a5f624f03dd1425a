"""`npm install` of packages without versions.

Without a version, what is installed is what the repository happens to have on the day of the build. Two builds
of one commit differ, a cached layer keeps an old version for long, and a release that breaks something arrives
unasked.

## Bad

```dockerfile
FROM node:22
RUN npm install -g typescript
```

## Good

```dockerfile
FROM node:22
RUN npm install -g typescript@5.6.3
```

## When to ignore

Where the newest version is meant, where the repository keeps no old versions (then pin the base image by
digest), or where a snapshot of the repository is used. `npm install` without packages takes those of
package.json and is not meant.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..finding import Finding
from ..pins import unpinned
from ..rule import Category, Rule, Severity
from ..subject import Subject
from ..tools import operands, text_of

_VALUED = ("loglevel", "registry", "prefix", "cache", "userconfig", "tag", "C")
_GIT = ("git://", "git+ssh://", "git+http://", "git+https://")
_ARCHIVES = (".tar", ".tar.gz", ".tgz")
_PATHS = ("/", "./", "../", "~/")


def check(subject: Subject) -> Iterator[Finding]:
    """The first package of each call that has no version."""
    for call in subject.tools.get("npm", ()):
        words = operands(call, _VALUED)
        if words and text_of(words[0]) in ("install", "i", "add"):
            yield from unpinned(words[1:], _is_pinned, "package@version")


def _is_pinned(package: str) -> bool:
    if package.startswith(_GIT):
        return "#" in package
    return package == "." or package.endswith(_ARCHIVES) or package.startswith(_PATHS) or "@" in package[1:]


RULE = Rule(
    id="DL3016",
    name="pin-npm",
    severity=Severity.WARNING,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
)
