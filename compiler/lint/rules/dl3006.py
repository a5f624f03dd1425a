"""`FROM` without a tag.

Without a tag `latest` is meant: whatever the maintainers of the image published last.

## Bad

```dockerfile
FROM debian
```

## Good

```dockerfile
FROM debian:12
```

## When to ignore

Where the image has one version only.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..finding import Finding
from ..references import untagged_base
from ..rule import Category, Rule, Severity
from ..subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """The image."""
    for stage in subject.stages:
        if untagged_base(stage):
            yield Finding(
                subject.find(stage.from_, stage.base), f"The image {stage.base} has no tag", "name a version"
            )


RULE = Rule(
    id="DL3006",
    name="tagged-base",
    severity=Severity.WARNING,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
)
