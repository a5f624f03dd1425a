"""All instructions should be in the same letter case.

Docker takes keywords in any letter case. One case throughout, capitals by custom, makes them stand out.

## Bad

```dockerfile
FROM alpine:3.20
RUN apk add curl
cmd ["curl"]
```

## Good

```dockerfile
FROM alpine:3.20
RUN apk add curl
CMD ["curl"]
```

## When to ignore

Where a generator writes the file.
"""

from __future__ import annotations

from collections.abc import Iterator

from ....grammar.source import Span
from ..docker import checked
from ..finding import Edit, Finding, Fix
from ..rule import Category, Rule, Severity
from ..subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """The keyword; the fix takes the AS of a FROM with it."""
    for message, fields, instruction in checked(subject, "ConsistentInstructionCasing"):
        lower = fields["casing"] == "lowercase"
        word = instruction.keyword.lower() if lower else instruction.keyword
        edits = [Edit(instruction.keyword_span, word)]
        if instruction.keyword == "FROM" and len(instruction.args) > 2:
            name = instruction.args_span.end - len(instruction.args[2])
            start = subject.source.text.rfind(instruction.args[1], instruction.args_span.start, name)
            edits.append(Edit(Span(start, start + 2), "as" if lower else "AS"))
        yield Finding(
            instruction.keyword_span, message, fixes=(Fix(f"write {word}", tuple(edits), safe=True),)
        )


RULE = Rule(
    id="ConsistentInstructionCasing",
    name="consistent-instruction-casing",
    severity=Severity.STYLE,
    category=Category.STYLE,
    since="0.2",
    check=check,
    page=__doc__,
    fixable=True,
)
