"""Both wget and curl in one stage.

Two tools for one purpose make the image larger and have to be updated both.

## Bad

```dockerfile
FROM debian:12
RUN wget -q https://example.com/a
RUN curl -O https://example.com/b
```

## Good

```dockerfile
FROM debian:12
RUN curl -O https://example.com/a
RUN curl -O https://example.com/b
```

## When to ignore

Where both are in the base image.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..finding import Finding
from ..rule import Category, Rule, Severity
from ..subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """The first call of each RUN with which both are in use, and of those after it."""
    calls = [call for name in ("curl", "wget") for call in subject.tools.get(name, ())]
    used: dict[int, set[str]] = {}
    runs: dict[int, set[str]] = {}
    for call in sorted(calls, key=lambda call: call.span):
        runs.setdefault(call.instruction.span.start, set()).add(call.name)
    told: set[int] = set()
    for call in sorted(calls, key=lambda call: call.span):
        run = call.instruction.span.start
        names = used.setdefault(call.stage.number, set())
        names |= runs[run]
        if len(names) > 1 and run not in told:
            told.add(run)
            yield Finding(call.words[0].span, "Both wget and curl are in use", "use one of them")


RULE = Rule(
    id="DL4001",
    name="wget-or-curl",
    severity=Severity.WARNING,
    category=Category.STYLE,
    since="0.2",
    check=check,
    page=__doc__,
)
