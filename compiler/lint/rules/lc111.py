"""An install keeps its downloads in no cache mount.

When an install runs again because a manifest has changed, it downloads everything again, the unchanged packages
included. A cache mount keeps what was downloaded from build to build, and out of the image.

## Bad

```dockerfile
FROM node:22
COPY package.json package-lock.json ./
RUN npm ci
```

## Good

```dockerfile
FROM node:22
COPY package.json package-lock.json ./
RUN --mount=type=cache,target=/root/.npm npm ci
```

## When to ignore

Where builds start on empty machines and mounts are not kept, or for users other than root with other homes.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..finding import Estimate, Finding
from ..order import walks
from ..rule import Category, Rule, Severity
from ..savings import fix_in_context
from ..subject import Subject
from ..tools import has_mount

_CACHES = {
    "npm": "/root/.npm",
    "pip": "/root/.cache",
    "go": "/go/pkg/mod",
    "cargo": "/usr/local/cargo/registry",
    "mvn": "/root/.m2",
    "gradle": "/root/.gradle",
    "dotnet": "/root/.nuget/packages",
    "composer": "/root/.composer/cache",
    "bundle": "/usr/local/bundle/cache",
    "sbt": "/root/.cache/coursier",
    "mix": "/root/.hex",
    "dart": "/root/.pub-cache",
}


def check(subject: Subject) -> Iterator[Finding]:
    """The first install of each RUN without any cache mount."""
    told: set[int] = set()
    for walk in walks(subject):
        for step in walk.steps:
            start = step.instruction.span.start
            target = _CACHES.get(step.install.family)
            if start in told or target is None or has_mount(step.instruction, ""):
                continue
            told.add(start)
            yield Finding(
                step.call.words[0].span,
                f"what {step.install.shown} downloads is downloaded again whenever it runs",
                f"add --mount=type=cache,target={target}",
                Estimate("estimate", seconds=step.install.seconds / 2),
                fix_in_context(subject, "cache-mounts", step.instruction, "add a cache mount"),
            )


RULE = Rule(
    id="LC111",
    name="missing-cache-mount",
    severity=Severity.STYLE,
    category=Category.CACHE,
    since="0.2",
    check=check,
    page=__doc__,
    fixable=True,
    default=False,
)
