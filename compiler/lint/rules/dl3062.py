"""`go install` or `go run` of a package without a version.

Without a version, what is installed is what the repository happens to have on the day of the build. Two builds
of one commit differ, a cached layer keeps an old version for long, and a release that breaks something arrives
unasked.

## Bad

```dockerfile
FROM golang:1.23
RUN go install golang.org/x/tools/cmd/stringer@latest
```

## Good

```dockerfile
FROM golang:1.23
RUN go install golang.org/x/tools/cmd/stringer@v0.26.0
```

## When to ignore

Where the newest version is meant, where the repository keeps no old versions (then pin the base image by
digest), or where a snapshot of the repository is used. Within a module, go.mod gives the version: then install
the package after go.mod was copied, and ignore this.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..finding import Finding
from ..pins import unpinned
from ..rule import Category, Rule, Severity
from ..subject import Subject
from ..tools import operands

_VALUED = ("o", "tags", "ldflags", "gcflags", "asmflags", "p", "mod", "modfile", "C", "exec", "toolexec")


def check(subject: Subject) -> Iterator[Finding]:
    """The first package of each call that has no version; ``go run`` has one package, with its arguments."""
    for call in subject.tools.get("go", ()):
        verb, *packages = operands(call, _VALUED) or call.words[:1]
        if verb.shown == "run":
            yield from unpinned(packages[:1], _is_pinned, "package@version")
        elif verb.shown in ("install", "get"):
            packages = [word for word in packages if word.shown != "tool"]
            yield from unpinned(packages, _is_pinned, "package@version")


def _is_pinned(package: str) -> bool:
    if package.startswith((".", "/")) or package.endswith(".go"):
        return True
    return "@" in package and not package.endswith(("@latest", "@none"))


RULE = Rule(
    id="DL3062",
    name="pin-go",
    severity=Severity.WARNING,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
)
