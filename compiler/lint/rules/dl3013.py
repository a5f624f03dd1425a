"""`pip install` without versions.

Without a version, what is installed is what the repository happens to have on the day of the build. Two builds
of one commit differ, a cached layer keeps an old version for long, and a release that breaks something arrives
unasked.

## Bad

```dockerfile
FROM python:3.13
RUN pip install --no-cache-dir flask
```

## Good

```dockerfile
FROM python:3.13
COPY requirements.txt .
RUN pip install --no-cache-dir -r requirements.txt && pip install --no-cache-dir flask==3.1.0
```

## When to ignore

Where the newest version is meant, where the repository keeps no old versions (then pin the base image by
digest), or where a snapshot of the repository is used.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..finding import Finding
from ..pins import unpinned
from ..pip import is_local, is_pip_install, pip_packages
from ..rule import Category, Rule, Severity
from ..subject import Subject

_SIGNS = ("==", ">=", "<=", ">", "<", "!=", "~=")


def check(subject: Subject) -> Iterator[Finding]:
    """The first package of each call that has no version; lists of requirements are looked after elsewhere."""
    for name, calls in subject.tools.items():
        for call in calls if name.startswith(("pip", "python")) else ():
            listed = call.has_flag("r", "requirement", "c", "constraint")
            if is_pip_install(call) and not listed and "." not in [word.text for word in call.words]:
                yield from unpinned(pip_packages(call), _is_pinned, "package==version")


def _is_pinned(package: str) -> bool:
    return is_local(package) or any(sign in package for sign in _SIGNS)


RULE = Rule(
    id="DL3013",
    name="pin-pip",
    severity=Severity.WARNING,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
)
