r"""Sources are copied before dependencies are installed.

A step runs again when anything that was copied above it has changed. Where the whole project is copied before
`npm ci`, `pip install -r requirements.txt` or `go mod download`, each edit of a source file installs all
dependencies again, though the install reads nothing but its manifests. Copy those first, install, and copy the
rest after that. A build that fetches its dependencies on its way (`go build`, `mvn package`, `cargo build`,
`dotnet publish`, `pip install .`) has the same trouble: fetch them in a step of their own before it, or keep
them in a cache mount.

The finding names the installs and what they read. Where the files of the build context and their history are
known, it also names the files that break the cache most often, and how much time that takes. A build by
`layerc` is not slowed down by the wrong order, since it observes what a step reads; other builders are.

## Bad

```dockerfile
FROM node:22
WORKDIR /app
COPY . .
RUN npm ci
```

```dockerfile
FROM golang:1.23
WORKDIR /src
COPY . .
RUN go build -o /app .
```

## Good

```dockerfile
FROM node:22
WORKDIR /app
COPY package.json package-lock.json ./
RUN npm ci
COPY . .
```

```dockerfile
FROM golang:1.23
WORKDIR /src
RUN --mount=type=bind,source=go.mod,target=go.mod \
    --mount=type=bind,source=go.sum,target=go.sum \
    go mod download
COPY . .
RUN go build -o /app .
```

## When to ignore

Where the install really needs the sources (code generation on install, local packages in odd places), or where
the project has no dependencies.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..finding import Estimate, Finding
from ..installs import Needs
from ..order import InstallStep, SourceCopy, walks
from ..rule import Category, Rule, Severity
from ..savings import broken_by, moved_by_passes, waste_of
from ..subject import Subject

_MOST_NAMED = 3


def check(subject: Subject) -> Iterator[Finding]:
    """Each first copy of sources above installs; the span is its source."""
    broken: dict[int, tuple[SourceCopy, list[InstallStep]]] = {}
    for walk in walks(subject):
        for step in walk.steps:
            if step.above and step.install.needs is not Needs.NOTHING and not step.is_prepared:
                copy = next((each for each in step.above if each.is_whole), step.above[0])
                _, steps = broken.setdefault(copy.instruction.span.start, (copy, []))
                steps.append(step)
    for copy, steps in broken.values():
        yield _finding(subject, copy, steps)


def _finding(subject: Subject, copy: SourceCopy, steps: list[InstallStep]) -> Finding:
    named = list(dict.fromkeys(_shown(step) for step in steps))
    tail = f" and {len(named) - _MOST_NAMED} more" if len(named) > _MOST_NAMED else ""
    first = steps[0].install
    files = _joined(first.files)
    path = copy.paths[0]
    what = "the whole project" if copy.is_whole else path
    installs = ", ".join(named[:_MOST_NAMED]) + tail
    message = f"{what} is copied before {installs}: each edit of a source file runs that again"
    if first.needs is Needs.MANIFESTS:
        advice = f"copy {files} alone, run {first.shown}, and copy the rest after it"
    else:
        advice = (
            f"copy {files} first, fetch the dependencies in a step of its own, and copy the rest after it"
        )
    culprits = broken_by(subject, copy)
    if culprits:
        advice += f"; changed most often: {', '.join(culprits)}"
    estimate = waste_of(subject, [step.instruction for step in steps])
    if estimate is None:
        estimate = Estimate("estimate", seconds=sum(step.install.seconds for step in steps))
    files_read = tuple(dict.fromkeys(file for step in steps for file in step.install.files))
    fixes = moved_by_passes(subject, copy.instruction, files_read)
    span = subject.find(copy.instruction, path)
    return Finding(span, message, advice, estimate, fixes)


def _shown(step: InstallStep) -> str:
    return f"`{step.install.shown}` (line {step.instruction.start_line})"


def _joined(files: tuple[str, ...]) -> str:
    return " and ".join(files) if files else "what it reads"


RULE = Rule(
    id="LC101",
    name="source-before-install",
    severity=Severity.WARNING,
    category=Category.CACHE,
    since="0.2",
    check=check,
    page=__doc__,
    fixable=True,
)
