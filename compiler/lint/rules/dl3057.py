"""The image has no `HEALTHCHECK`.

Docker can not tell a container that hangs from one that works. The rule is off unless it is selected: most
orchestrators have checks of their own.

## Bad

```dockerfile
FROM nginx:1.27
RUN true
```

## Good

```dockerfile
FROM nginx:1.27
HEALTHCHECK CMD curl -f http://localhost/
```

## When to ignore

Where the orchestrator checks.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..finding import Finding
from ..rule import Category, Rule, Severity
from ..stages import StageView
from ..subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """FROM of each stage that has none, has none from below, and is not gone on from by one that has."""
    good: set[int] = set()
    for stage in subject.stages:
        if stage.of("HEALTHCHECK"):
            view: StageView | None = stage
            while view is not None:
                good.add(view.number)
                view = view.parent
        elif stage.parent is not None and stage.parent.number in good:
            good.add(stage.number)
    for stage in subject.stages:
        if stage.number not in good:
            yield Finding(stage.from_.args_span, "The image does not say how to check it", "add HEALTHCHECK")


RULE = Rule(
    id="DL3057",
    name="healthcheck",
    severity=Severity.INFO,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
    default=False,
)
