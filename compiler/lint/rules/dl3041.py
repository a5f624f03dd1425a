"""`dnf install` without versions.

Without a version, what is installed is what the repository happens to have on the day of the build. Two builds
of one commit differ, a cached layer keeps an old version for long, and a release that breaks something arrives
unasked.

## Bad

```dockerfile
FROM rockylinux:9
RUN dnf install -y httpd && dnf clean all
```

## Good

```dockerfile
FROM rockylinux:9
RUN dnf install -y httpd-2.4.57 && dnf clean all
```

## When to ignore

Where the newest version is meant, where the repository keeps no old versions (then pin the base image by
digest), or where a snapshot of the repository is used.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from ..finding import Finding
from ..pins import is_rpm_pinned, packages_behind, unpinned
from ..rule import Category, Rule, Severity
from ..subject import Subject
from ..variables import known_variables

_TOOLS = ("dnf", "microdnf")
_VALUED = (
    "c",
    "config",
    "enablerepo",
    "disablerepo",
    "setopt",
    "installroot",
    "releasever",
    "repo",
    "x",
    "exclude",
)


def check(subject: Subject) -> Iterator[Finding]:
    """The first package of each call that has no version, or the first module without a stream."""
    for call in (call for name in _TOOLS for call in subject.tools.get(name, ())):
        if call.is_call(call.name, "module"):
            modules = packages_behind(call, ("install", "module"), _VALUED)
            if call.is_call(call.name, "install"):
                yield from unpinned(modules, _has_stream, "module:stream")
        elif call.is_call(call.name, "install") and not call.is_call(call.name, "group"):
            names = known_variables(subject, call.stage, call.instruction)
            packages = packages_behind(call, ("install",), _VALUED)
            yield from unpinned(packages, partial(is_rpm_pinned, variables=names), "package-version")


def _has_stream(module: str) -> bool:
    return ":" in module


RULE = Rule(
    id="DL3041",
    name="pin-dnf",
    severity=Severity.WARNING,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
)
