"""A step asks for the newest versions, and its result is cached.

`@latest`, `composer update` or `go get -u` mean the newest version on the day on which the step runs. From then
on the cache gives that day's version, on each machine another one, until something above changes. Name a
version, or install what a lock file says; update the lock file outside the build.

## Bad

```dockerfile
FROM golang:1.23
RUN go install golang.org/x/tools/cmd/goimports@latest
```

## Good

```dockerfile
FROM golang:1.23
RUN go install golang.org/x/tools/cmd/goimports@v0.24.0
```

## When to ignore

In images that are always built with `--no-cache`.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..calls import Call, CallWord
from ..finding import Finding
from ..order import calls_in
from ..rule import Category, Rule, Severity
from ..subject import Subject
from ..tools import text_of

_UPDATES = {
    "composer": ("update",),
    "npm": ("update", "upgrade"),
    "yarn": ("upgrade",),
    "pnpm": ("update",),
    "bundle": ("update",),
    "cargo": ("update",),
    "poetry": ("update",),
    "mix": ("deps.update",),
}
_MOVING = ("@latest", "@master", "@main", "@next", "@HEAD", "@HEAD")
_INSTALLERS = frozenset(("npm", "yarn", "pnpm", "bun", "go", "cargo", "deno"))


def check(subject: Subject) -> Iterator[Finding]:
    """The word that asks for the newest, once for each call."""
    for calls in calls_in(subject).values():
        for call in calls:
            word = _newest(call)
            if word is not None:
                message = f"{text_of(word)} is the newest version of the day on which this is cached"
                yield Finding(word.span, message, "name a version, or install by a lock file")


def _newest(call: Call) -> CallWord | None:
    if call.name in _UPDATES and call.subcommand in _UPDATES[call.name] and not call.has_flag("g", "global"):
        return next(word for word in call.arguments)
    if call.name == "go" and call.subcommand == "get" and call.has_flag("u"):
        return next(word for word in call.words if word.shown.startswith("-") and "u" in word.shown)
    if call.name in _INSTALLERS:
        return next((word for word in call.arguments if text_of(word).endswith(_MOVING)), None)
    return None


RULE = Rule(
    id="LC105",
    name="newest-in-cached-step",
    severity=Severity.INFO,
    category=Category.CACHE,
    since="0.2",
    check=check,
    page=__doc__,
)
