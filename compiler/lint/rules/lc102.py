"""An install that needs nothing of the project stands below the project's sources.

Packages of the distribution, global tools and packages named on the command line are the same whatever the
project holds. Below `COPY . .` they are installed again after each edit. Move them up, above everything that
changes often.

## Bad

```dockerfile
FROM python:3.12
WORKDIR /app
COPY . .
RUN apt-get update && apt-get install -y libpq-dev
```

## Good

```dockerfile
FROM python:3.12
RUN apt-get update && apt-get install -y libpq-dev
WORKDIR /app
COPY . .
```

## When to ignore

Where the install reads a file of the project after all: a list of packages, a repository's definition.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..finding import Estimate, Finding
from ..installs import Needs, install_of, is_harmless
from ..order import InstallStep, calls_in, walks
from ..rule import Category, Rule, Severity
from ..savings import fix_in_context, waste_of
from ..subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """The first such install of each RUN that does nothing else."""
    told: set[int] = set()
    for walk in walks(subject):
        for step in walk.steps:
            start = step.instruction.span.start
            if start in told or not step.above or step.install.needs is not Needs.NOTHING:
                continue
            told.add(start)
            if _stands_alone(subject, step):
                yield _finding(subject, step)


def _stands_alone(subject: Subject, step: InstallStep) -> bool:
    """Whether all that the RUN calls needs nothing of the project, and nothing is mounted for it."""
    if any("bind" in (flag.value or "") for flag in step.instruction.flags if flag.name == "mount"):
        return False
    for call in calls_in(subject)[step.instruction.span.start]:
        install = install_of(call)
        if install is None and not is_harmless(call):
            return False
        if install is not None and install.needs is not Needs.NOTHING:
            return False
    return True


def _finding(subject: Subject, step: InstallStep) -> Finding:
    copy = step.above[0].instruction
    line = copy.start_line
    message = (
        f"{step.install.shown} needs nothing of what line {line} copies, and runs again when that changes"
    )
    estimate = waste_of(subject, [step.instruction])
    if estimate is None:
        estimate = Estimate("estimate", seconds=step.install.seconds)
    fixes = fix_in_context(subject, "reorder", step.instruction, "move it up")
    return Finding(step.call.words[0].span, message, f"move it above line {line}", estimate, fixes)


RULE = Rule(
    id="LC102",
    name="install-below-source",
    severity=Severity.WARNING,
    category=Category.CACHE,
    since="0.2",
    check=check,
    page=__doc__,
    fixable=True,
)
