r"""`ADD` downloads a file without a checksum.

Nothing says that the file is the one that was meant; another one of the same name is taken as it is. With
`--checksum` the download is checked, the file is a fixed input, and builders need not ask the server whether it
has changed: the step is found in the cache without the network.

## Bad

```dockerfile
FROM alpine:3.20
ADD https://example.com/tool-1.2.tar.gz /tmp/
```

## Good

```dockerfile
FROM alpine:3.20
ADD --checksum=sha256:24454f830cdb571e2c4ad15481119c43b3cafd48dd869a9b2945d1036d1dc68d \
    https://example.com/tool-1.2.tar.gz /tmp/
```

## When to ignore

Where the file is meant to change, and each build should have the newest.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..finding import Finding
from ..rule import Category, Rule, Severity
from ..subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """The URL; git repositories are others' business."""
    for _, instruction in subject.each("ADD", onbuild=True):
        if subject.flag(instruction, "checksum") is not None:
            continue
        for source in instruction.args[:-1]:
            if source.lower().startswith(("http://", "https://")) and not _is_repository(source):
                message = "what is downloaded is not checked"
                yield Finding(subject.find(instruction, source), message, "add --checksum=sha256:…")


def _is_repository(url: str) -> bool:
    return url.partition("#")[0].endswith(".git")


RULE = Rule(
    id="LC107",
    name="add-without-checksum",
    severity=Severity.INFO,
    category=Category.CACHE,
    since="0.2",
    check=check,
    page=__doc__,
)
