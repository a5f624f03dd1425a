"""An install waits for another stage from which it needs nothing.

`COPY --from` above an install makes the install wait until the other stage is built, and runs it again whenever
the other stage's result changes. Stages are built side by side: install first, copy the result last.

## Bad

```dockerfile
FROM node:22 AS build
COPY . .
RUN npm run build

FROM node:22
COPY --from=build /app/dist /app/dist
COPY package.json package-lock.json ./
RUN npm ci --omit=dev
```

## Good

```dockerfile
FROM node:22 AS build
COPY . .
RUN npm run build

FROM node:22
COPY package.json package-lock.json ./
RUN npm ci --omit=dev
COPY --from=build /app/dist /app/dist
```

## When to ignore

Where the install reads what was copied after all.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from ....grammar.syntax import Instruction
from ..finding import Estimate, Finding
from ..installs import Needs
from ..order import InstallStep, walks
from ..rule import Category, Rule, Severity
from ..subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """The first COPY --from above an install that needs nothing of it."""
    waiting: dict[int, tuple[Instruction, list[InstallStep]]] = {}
    for walk in walks(subject):
        for step in walk.steps:
            if step.waits and not step.above and not step.is_prepared and _needs_nothing(subject, step):
                copy = step.waits[0]
                waiting.setdefault(copy.span.start, (copy, []))[1].append(step)
    for copy, steps in waiting.values():
        first = steps[0]
        line = first.instruction.start_line
        message = f"{first.install.shown} (line {line}) waits for this, and needs nothing of it"
        flag = subject.flag(copy, "from")
        estimate = Estimate("estimate", seconds=sum(step.install.seconds for step in steps))
        span = copy.keyword_span if flag is None else flag.span
        yield Finding(span, message, f"move it below line {steps[-1].instruction.start_line}", estimate)


def _needs_nothing(subject: Subject, step: InstallStep) -> bool:
    """Whether it needs no files, or its manifests come from the context by a copy of their own."""
    if step.install.needs is Needs.NOTHING:
        return True
    if step.install.needs is Needs.SOURCE:
        return False
    return any(
        copy.span.start < step.instruction.span.start
        and subject.flag(copy, "from") is None
        and any(_is_among(path.rpartition("/")[2], step.install.files) for path in copy.args[:-1])
        for copy in step.stage.of("COPY", "ADD")
    )


def _is_among(name: str, files: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, file) or fnmatchcase(file, name) for file in files)


RULE = Rule(
    id="LC113",
    name="stage-waits",
    severity=Severity.INFO,
    category=Category.CACHE,
    since="0.2",
    check=check,
    page=__doc__,
)
