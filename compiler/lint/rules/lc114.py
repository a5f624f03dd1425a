"""Two stages do the same expensive work.

The same install on the same base in two stages runs twice where the steps above it differ, and is stored twice.
Give both stages a common one to begin with (`FROM base AS one`, `FROM base AS two`).

## Bad

```dockerfile
FROM debian:bookworm AS one
RUN apt-get update && apt-get install -y build-essential

FROM debian:bookworm
RUN echo 1 > /etc/two
RUN apt-get update && apt-get install -y build-essential
COPY --from=one /bin/true /true
```

## Good

```dockerfile
FROM debian:bookworm AS base
RUN apt-get update && apt-get install -y build-essential

FROM base AS one

FROM base
RUN echo 1 > /etc/two
COPY --from=one /bin/true /true
```

## When to ignore

Where the steps above it in one of the stages matter to it.
"""

from __future__ import annotations

from collections.abc import Iterator

from ....grammar.syntax import Instruction
from ..finding import Estimate, Finding
from ..order import walks
from ..rule import Category, Rule, Severity
from ..stages import StageView
from ..subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """The second RUN of the same text in stages on the same image, with other steps above it."""
    seen: dict[tuple[str, str], tuple[StageView, Instruction]] = {}
    told: set[int] = set()
    for walk in walks(subject):
        for step in walk.steps:
            instruction = step.instruction
            text = " ".join(subject.text(instruction.span).split())
            key = (_root(step.stage).base, text)
            first = seen.setdefault(key, (step.stage, instruction))
            start = instruction.span.start
            if (
                first[0] is step.stage
                or start in told
                or step.above
                or _prefix(subject, *first) == _prefix(subject, step.stage, instruction)
            ):
                continue
            told.add(start)
            line = first[1].start_line
            yield Finding(
                instruction.keyword_span,
                f"line {line} does the same on the same image",
                "let both stages begin with a common one",
                Estimate("estimate", seconds=step.install.seconds),
            )


def _root(stage: StageView) -> StageView:
    while stage.parent is not None:
        stage = stage.parent
    return stage


def _prefix(subject: Subject, stage: StageView, instruction: Instruction) -> tuple[str, ...]:
    """All that stands above it, from the image on: equal texts are equal steps, which are done once."""
    below = () if stage.parent is None else _prefix(subject, stage.parent, stage.from_)
    own = (each for each in stage.instructions if each.span.start < instruction.span.start)
    return (*below, *(" ".join(subject.text(each.span).split()) for each in own))


RULE = Rule(
    id="LC114",
    name="same-work-twice",
    severity=Severity.INFO,
    category=Category.CACHE,
    since="0.2",
    check=check,
    page=__doc__,
)
