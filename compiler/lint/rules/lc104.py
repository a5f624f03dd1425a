"""Package lists are updated in a step of their own.

The step that updates the lists stays in the cache while the one that installs changes: new packages are then
looked for in lists of long ago, and are not found, or are old. The lists also stay in a layer. Update and
install in one `RUN`.

## Bad

```dockerfile
FROM debian:bookworm
RUN apt-get update
RUN apt-get install -y curl
```

## Good

```dockerfile
FROM debian:bookworm
RUN apt-get update && apt-get install -y curl && rm -rf /var/lib/apt/lists/*
```

## When to ignore

In a base image whose children install without updating, if it is rebuilt every day.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..calls import Call
from ..finding import Finding
from ..order import calls_in
from ..rule import Category, Rule, Severity
from ..savings import fix_in_context
from ..subject import Subject

_LISTS = ("apt-get", "apt", "aptitude", "apk")
_BESIDE = frozenset(
    (
        "rm",
        "echo",
        "sed",
        "cat",
        "true",
        "mkdir",
        "mv",
        "cp",
        "ln",
        "printf",
        "set",
        "export",
        "sudo",
        "env",
        ":",
        "tee",
    )
)


def check(subject: Subject) -> Iterator[Finding]:
    """The update, where the RUN calls nothing that may install."""
    for calls in calls_in(subject).values():
        updates = [call for call in calls if call.name in _LISTS and call.subcommand == "update"]
        if updates and all(call.name in _BESIDE or _only_lists(call) for call in calls):
            message = f"what {updates[0].name} update fetches is cached apart from what is installed by it"
            fixes = fix_in_context(subject, "join-run", updates[0].instruction, "join the two")
            yield Finding(
                updates[0].words[0].span, message, "update and install in the same RUN", fixes=fixes
            )


def _only_lists(call: Call) -> bool:
    return call.name in _LISTS and call.subcommand in ("update", "clean", "autoclean", "autoremove")


RULE = Rule(
    id="LC104",
    name="update-without-install",
    severity=Severity.WARNING,
    category=Category.CACHE,
    since="0.2",
    check=check,
    page=__doc__,
    fixable=True,
)
