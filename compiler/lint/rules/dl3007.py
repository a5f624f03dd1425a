"""`FROM` with the tag `latest`.

The tag moves with each release of the image: two builds of one commit differ, and a release that breaks
something arrives unasked.

## Bad

```dockerfile
FROM debian:latest
```

## Good

```dockerfile
FROM debian:12
```

## When to ignore

Where the newest release is meant; a digest besides the tag pins it.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..finding import Finding
from ..references import split_image
from ..rule import Category, Rule, Severity
from ..subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """The image."""
    for stage in subject.stages:
        image = split_image(stage.base)
        if image.tag == "latest" and not image.digest:
            yield Finding(
                subject.find(stage.from_, stage.base), "latest is another image tomorrow", "name a version"
            )


RULE = Rule(
    id="DL3007",
    name="no-latest",
    severity=Severity.WARNING,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
)
