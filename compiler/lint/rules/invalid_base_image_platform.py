"""The base image is for another platform than the build.

An image was pulled whose architecture is not the one that is built for: its programs run in emulation, or not
at all. It is told where the image is known.

## Bad

```dockerfile
FROM alpine:3.20
```

```images
docker.io/library/alpine:3.20 linux/arm64
```

## Good

```dockerfile
FROM alpine:3.20
```

```images
docker.io/library/alpine:3.20 linux/amd64
```

## When to ignore

Where the image only carries files that are the same on all platforms.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..docker import checked
from ..finding import Finding
from ..rule import Category, Rule, Severity
from ..subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """The image's name."""
    for message, fields, from_ in checked(subject, "InvalidBaseImagePlatform"):
        yield Finding(subject.find(from_, fields["image"]), message)


RULE = Rule(
    id="InvalidBaseImagePlatform",
    name="invalid-base-image-platform",
    severity=Severity.WARNING,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
)
