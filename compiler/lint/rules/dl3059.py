r"""Several `RUN` in a row.

Each makes a layer. Where they belong together, one RUN makes one: what a later step removes is not kept.

## Bad

```dockerfile
FROM debian:12
RUN touch /a
RUN touch /b
```

## Good

```dockerfile
FROM debian:12
RUN touch /a && \
    touch /b
```

## When to ignore

Where the steps change at different times: then layers of their own are what the cache needs.
"""

from __future__ import annotations

from collections.abc import Iterator

from ....grammar.syntax import Instruction
from ..finding import Finding
from ..rule import Category, Rule, Severity
from ..subject import Subject

_SIGNS = (";", "&&", "|", "\n")


def check(subject: Subject) -> Iterator[Finding]:
    """The keyword of a RUN of one command that follows another, both with the same flags."""
    counts: dict[int, int] = {}
    for call in subject.calls:
        start = call.instruction.span.start
        if call.name in ("[", "[["):  # no program of its own
            continue
        counts[start] = counts.get(start, 0) + 1
    for stage in subject.stages:
        before: Instruction | None = None
        for each in stage.instructions:
            if each.keyword != "RUN":
                before = None
                continue
            alone = before is not None and _flags(before) == _flags(each)
            if (
                alone
                and before is not None
                and max(_count(subject, one, counts) for one in (before, each)) < 2
            ):
                yield Finding(each.keyword_span, "This RUN follows another one", "join them with &&")
            else:
                before = each


def _flags(run: Instruction) -> set[str]:
    return {flag.raw for flag in run.flags}


def _count(subject: Subject, run: Instruction, counts: dict[int, int]) -> int:
    script = subject.script_of(run)
    if script is not None and not script.is_posix:
        return 1 + sum(script.text.count(sign) for sign in _SIGNS)
    return counts.get(run.span.start, 0)


RULE = Rule(
    id="DL3059",
    name="runs-in-a-row",
    severity=Severity.INFO,
    category=Category.STYLE,
    since="0.2",
    check=check,
    page=__doc__,
)
