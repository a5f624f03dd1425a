"""Only the last `CMD`, `ENTRYPOINT` or `HEALTHCHECK` of a stage counts.

The others have no effect; most often one was meant for another stage, or a line was forgotten when it was
replaced.

## Bad

```dockerfile
FROM alpine:3.20
CMD ["sh"]
CMD ["ash"]
```

## Good

```dockerfile
FROM alpine:3.20
CMD ["ash"]
```

## When to ignore

Never: remove the others.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..docker import checked
from ..finding import Finding, Fix
from ..rule import Category, Rule, Severity
from ..subject import Subject

_EQUIVALENTS = {"CMD": ("DL4003",), "ENTRYPOINT": ("DL4004",), "HEALTHCHECK": ("DL3012",)}


def check(subject: Subject) -> Iterator[Finding]:
    """The keyword of each one that is lost."""
    for message, _, instruction in checked(subject, "MultipleInstructionsDisallowed"):
        fix = Fix.replace("remove the instruction", instruction.span, "", safe=True)
        same = _EQUIVALENTS.get(instruction.keyword, ())
        yield Finding(instruction.keyword_span, message, fixes=(fix,), equivalents=same)


RULE = Rule(
    id="MultipleInstructionsDisallowed",
    name="multiple-instructions",
    severity=Severity.WARNING,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
    equivalents=(
        "DL4003",
        "DL4004",
        "DL3012",
    ),
    fixable=True,
)
