r"""An empty line inside an instruction will become an error.

After a line that ends with the escape character an empty line is skipped, today. Docker has announced that it
will end the instruction: what follows is then read as an instruction of its own.

## Bad

```dockerfile
FROM alpine:3.20
RUN apk add curl && \

    apk add git
```

## Good

```dockerfile
FROM alpine:3.20
RUN apk add curl && \
    # comments may stand here
    apk add git
```

## When to ignore

Never: remove the line, or put a comment there.
"""

from __future__ import annotations

from collections.abc import Iterator

from ....grammar.source import Span
from ..finding import Edit, Finding, Fix
from ..rule import Category, Rule, Severity
from ..subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """The first empty line of each instruction; the fix removes all of them."""
    for notice, instruction in subject.noticed("NoEmptyContinuation"):
        lines = range(instruction.start_line + 1, notice.line + 1)
        empty = [_line(subject, line) for line in lines if not subject.source.line_text(line).strip()]
        if empty:
            fix = Fix("remove the empty lines", tuple(Edit(span, "") for span in empty), safe=True)
            yield Finding(Span(empty[0].start, empty[0].start), notice.message, fixes=(fix,))


def _line(subject: Subject, line: int) -> Span:
    """The line with its line end."""
    starts = subject.source.line_starts
    return Span(starts[line - 1], starts[line] if line < len(starts) else len(subject.source.text))


RULE = Rule(
    id="NoEmptyContinuation",
    name="no-empty-continuation",
    severity=Severity.WARNING,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
    fixable=True,
)
