"""A value that changes with each build stands above expensive steps.

Every `RUN` below an `ARG` sees its value, used or not: another commit id, build number or date runs all of them
again. The same holds for an `ENV` that is made of it. Declare such values last, where they are used. `LABEL`
runs nothing again with BuildKit, but the `ARG` from which it takes its value does.

## Bad

```dockerfile
FROM node:22
ARG GIT_SHA
COPY package.json package-lock.json ./
RUN npm ci
LABEL org.opencontainers.image.revision=$GIT_SHA
```

## Good

```dockerfile
FROM node:22
COPY package.json package-lock.json ./
RUN npm ci
ARG GIT_SHA
LABEL org.opencontainers.image.revision=$GIT_SHA
```

## When to ignore

Where the value is the same in most builds, or is meant to run the steps again.
"""

from __future__ import annotations

from collections.abc import Iterator

from ....grammar.syntax import Instruction
from ..finding import Estimate, Finding
from ..order import InstallStep, walks
from ..rule import Category, Rule, Severity
from ..savings import fix_by_pass, waste_of
from ..stages import StageView
from ..subject import Subject

_WORDS = frozenset(
    ("sha", "sha1", "commit", "revision", "rev", "ref", "hash", "date", "time", "timestamp", "buildid")
)
_WHOLE = frozenset(
    ("git", "vcs_ref", "build_number", "build_id", "build_num", "buildnumber", "build_date", "builddate")
)
_OF_BUILD = frozenset(
    ("git", "vcs", "build", "ci", "source", "commit", "scm", "github", "app", "image", "revision", "date")
)
_VERSIONS = frozenset(
    ("version", "app_version", "build_version", "release_version", "image_version", "project_version")
)

_PLACEHOLDERS = frozenset(
    ("", "unknown", "none", "dev", "local", "n/a", "na", "0", "undefined", "null", "latest")
)


def check(subject: Subject) -> Iterator[Finding]:
    """The first such ARG above each expensive step of its stage that does not use it."""
    steps = [step for walk in walks(subject) for step in walk.steps]
    told: set[int] = set()
    for stage in subject.stages if steps else ():
        for instruction in stage.of("ARG"):
            below = [step for step in steps if _is_below(step, stage, instruction)]
            if not below or below[0].instruction.span.start in told:
                continue
            for word in instruction.args:
                name, _, default = word.partition("=")
                if _changes(name, has_default=bool(default)) and _is_free(
                    subject, stage, below, name, default
                ):
                    told.add(below[0].instruction.span.start)
                    yield _finding(subject, instruction, name, below)
                    break


def _is_free(subject: Subject, stage: StageView, below: list[InstallStep], name: str, default: str) -> bool:
    """Whether the first step does not use it. What a RUN uses and that has a real default, or names a version, may
    be the fixed version of a tool.
    """
    if _uses(subject, below[0].instruction, name):
        return False
    pins = name.lower() in _VERSIONS or default.strip("\"'").lower() not in _PLACEHOLDERS
    return not (pins and any(_uses(subject, each, name) for each in stage.of("RUN")))


def _changes(name: str, *, has_default: bool) -> bool:
    """Whether a value of this name is another one in each build."""
    lowered = name.lower()
    if lowered in _VERSIONS:
        return not has_default
    parts = lowered.split("_")
    if lowered in _WHOLE:
        return True
    return (
        parts[-1] in _WORDS and (len(parts) == 1 or not _OF_BUILD.isdisjoint(parts[:-1])) and lowered != "ref"
    )


def _is_below(step: InstallStep, stage: StageView, instruction: Instruction) -> bool:
    return step.stage is stage and step.instruction.span.start > instruction.span.start


def _uses(subject: Subject, instruction: Instruction, name: str) -> bool:
    text = subject.text(instruction.span)
    return f"${name}" in text or "${" + name in text


def _finding(subject: Subject, instruction: Instruction, name: str, below: list[InstallStep]) -> Finding:
    lines = list(dict.fromkeys(step.instruction.start_line for step in below))
    first = below[0]
    more = f" and {len(lines) - 1} more below it" if len(lines) > 1 else ""
    message = f"each value of {name} runs {first.install.shown} (line {lines[0]}){more} again"
    estimate = waste_of(subject, [step.instruction for step in below])
    if estimate is None:
        estimate = Estimate("estimate", seconds=sum(step.install.seconds for step in below))
    fixes = fix_by_pass(subject, "metadata late-arguments", instruction, f"move ARG {name} down")
    return Finding(
        subject.find(instruction, name), message, f"move it below line {lines[-1]}", estimate, fixes
    )


RULE = Rule(
    id="LC103",
    name="changing-value-above-steps",
    severity=Severity.WARNING,
    category=Category.CACHE,
    since="0.2",
    check=check,
    page=__doc__,
    fixable=True,
)
