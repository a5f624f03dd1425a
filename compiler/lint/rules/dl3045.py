"""`COPY` to a relative target without a `WORKDIR`.

Without a WORKDIR in the stage, the files go to where the base image happens to be: they move when the base
changes.

## Bad

```dockerfile
FROM debian:12
COPY app.py app.py
```

## Good

```dockerfile
FROM debian:12
WORKDIR /srv
COPY app.py app.py
```

## When to ignore

Where the directory of the base image is part of what it promises.
"""

from __future__ import annotations

from collections.abc import Iterator

from ....grammar.syntax import Instruction
from ..finding import Finding
from ..rule import Category, Rule, Severity
from ..stages import StageView
from ..subject import Subject

_ABSOLUTE = ("/", "$")


def check(subject: Subject) -> Iterator[Finding]:
    """The target."""
    for stage, copy in subject.each("COPY"):
        target = copy.args[-1].strip("\"'") if len(copy.args) > 1 else "/"
        absolute = target.startswith(_ABSOLUTE) or (target[1:2] == ":" and target[0].isalpha())
        if not absolute and not _has_directory(stage, copy):
            place = subject.find(copy, copy.args[-1], _before_last(subject, copy))
            yield Finding(
                place,
                f"Where {target} is depends on the base image",
                "set WORKDIR above, or write the whole path",
            )


def _has_directory(stage: StageView, copy: Instruction) -> bool:
    view: StageView | None = stage
    while view is not None:
        if any(each.span.start < copy.span.start for each in view.of("WORKDIR")):
            return True
        view = view.parent
    return False


def _before_last(subject: Subject, copy: Instruction) -> int:
    span = copy.args_span
    return max(subject.source.text.rfind(copy.args[-1], span.start, span.end), span.start)


RULE = Rule(
    id="DL3045",
    name="workdir-for-copy",
    severity=Severity.WARNING,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
)
