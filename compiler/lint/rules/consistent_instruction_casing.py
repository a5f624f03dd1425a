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

from ..docker import checked
from ..finding import Finding, Fix
from ..rule import Category, Rule, Severity
from ..subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """The keyword."""
    for message, fields, instruction in checked(subject, "ConsistentInstructionCasing"):
        span = instruction.keyword_span
        word = fields["keyword"].lower() if fields["casing"] == "lowercase" else fields["keyword"].upper()
        yield Finding(span, message, fixes=(Fix.replace(f"write {word}", span, word, safe=True),))


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
