"""`EXPOSE` takes no address and no port of the host.

The instruction tells which ports a container listens on. Where they are published is said when it is run
(`docker run -p`); what stands here is dropped, and will become an error.

## Bad

```dockerfile
FROM alpine:3.20
EXPOSE 127.0.0.1:8080:80
```

## Good

```dockerfile
FROM alpine:3.20
EXPOSE 80
```

## When to ignore

Never: name the container's port alone.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..docker import checked
from ..finding import Finding
from ..rule import Category, Rule, Severity
from ..subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """The port."""
    for message, fields, instruction in checked(subject, "ExposeInvalidFormat"):
        yield Finding(subject.find(instruction, fields["port"]), message, "write the container's port alone")


RULE = Rule(
    id="ExposeInvalidFormat",
    name="expose-invalid-format",
    severity=Severity.WARNING,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
)
