"""Nothing is made of a stage that has no name.

A stage without a name that no other stage goes on from or copies from is never built, by BuildKit or by layerc;
older builders do its work and throw it away. It has no name by which it could be the target of a build.

## Bad

```dockerfile
FROM golang:1.23
RUN echo hello > /x

FROM alpine:3.20
CMD ["sh"]
```

## Good

```dockerfile
FROM golang:1.23
RUN echo hello > /x

FROM alpine:3.20
COPY --from=0 /x /x
CMD ["sh"]
```

## When to ignore

Never: remove it, or name it.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..finding import Finding
from ..rule import Category, Rule, Severity
from ..savings import fix_by_pass
from ..subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """FROM of each unnamed stage that is used by its number nowhere."""
    if len(subject.stages) < 2:
        return
    used: set[str] = set()
    for _, instruction in subject.each("COPY", onbuild=True):
        flag = subject.flag(instruction, "from")
        if flag is not None and flag.value is not None:
            used.add(flag.value)  # mounts know names alone
    for stage in subject.stages:
        if not stage.name and not stage.is_last and str(stage.number) not in used:
            fixes = fix_by_pass(subject, "prune-stages", stage.from_, "remove the stage")
            yield Finding(stage.from_.keyword_span, "nothing is made of this stage", "remove it", fixes=fixes)


RULE = Rule(
    id="LC116",
    name="dead-stage",
    severity=Severity.WARNING,
    category=Category.CACHE,
    since="0.2",
    check=check,
    page=__doc__,
    fixable=True,
)
