"""`yarn install` without `yarn cache clean`.

What yarn downloaded stays in the layer besides `node_modules`, and makes the image larger. A cache mount keeps
it out of the image and keeps it for the next build.

## Bad

```dockerfile
FROM node:22
RUN yarn install --frozen-lockfile
```

## Good

```dockerfile
FROM node:22
RUN --mount=type=cache,target=/root/.cache/yarn yarn install --frozen-lockfile
```

## When to ignore

Where a later step of the same stage needs it, and the stage is in no image.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..calls import Call
from ..finding import Finding
from ..left_behind import in_result, left_behind
from ..rule import Category, Rule, Severity
from ..subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """The last call in each RUN that leaves it behind, in stages that are in an image."""
    found = left_behind(
        subject,
        ("yarn",),
        _fills,
        _cleans,
        (".cache/yarn", ".yarn"),
        "What yarn downloaded stays in the layer",
        "yarn cache clean",
    )
    for finding in found:
        if in_result(subject, subject.at(finding.span)):
            yield finding


def _fills(call: Call) -> bool:
    return call.is_call("yarn", "install")


def _cleans(call: Call) -> bool:
    return call.is_call("yarn", "cache") and call.is_call("yarn", "clean")


RULE = Rule(
    id="DL3060",
    name="clean-yarn",
    severity=Severity.INFO,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
    fixable=True,
)
