"""The protocol in `EXPOSE` should be lower case.

Tools that read the image's ports compare them as text: `80/TCP` is not `80/tcp` to all of them.

## Bad

```dockerfile
FROM alpine:3.20
EXPOSE 80/TCP
```

## Good

```dockerfile
FROM alpine:3.20
EXPOSE 80/tcp
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
    """The port with its protocol."""
    for message, fields, instruction in checked(subject, "ExposeProtoCasing"):
        port = fields["port"]
        span = subject.find(instruction, port)
        number, slash, protocol = port.rpartition("/")
        fixes: tuple[Fix, ...] = ()
        if subject.text(span) == port:
            fixes = (
                Fix.replace("write it in lower case", span, number + slash + protocol.lower(), safe=True),
            )
        yield Finding(span, message, fixes=fixes)


RULE = Rule(
    id="ExposeProtoCasing",
    name="expose-proto-casing",
    severity=Severity.STYLE,
    category=Category.STYLE,
    since="0.2",
    check=check,
    page=__doc__,
    fixable=True,
)
