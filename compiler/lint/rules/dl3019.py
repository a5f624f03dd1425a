"""`apk add` without `--no-cache`.

The index of packages stays in the layer, or was fetched by a step of its own that the cache makes old.

## Bad

```dockerfile
FROM alpine:3.20
RUN apk update && apk add curl=~8.9
```

## Good

```dockerfile
FROM alpine:3.20
RUN apk add --no-cache curl=~8.9
```

## When to ignore

Where `/var/cache/apk` is removed in the same step.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..finding import Finding
from ..rule import Category, Rule, Severity
from ..subject import Subject
from ..tools import flag_fix, has_mount


def check(subject: Subject) -> Iterator[Finding]:
    """The word ``add``."""
    for call in subject.tools.get("apk", ()):
        verb = next((word for word in call.arguments if word.text == "add"), None)
        if verb is None or call.has_flag("no-cache") or has_mount(call.instruction, "/var/cache/apk"):
            continue
        fixes = flag_fix(call, verb, "--no-cache")
        yield Finding(verb.span, "The index of packages stays in the layer", "add --no-cache", fixes=fixes)


RULE = Rule(
    id="DL3019",
    name="no-cache-apk",
    severity=Severity.INFO,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
    fixable=True,
)
