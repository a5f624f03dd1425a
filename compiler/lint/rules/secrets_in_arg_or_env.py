r"""`ARG` and `ENV` do not keep secrets.

Values of both end up in the image: `ENV` in its config, `ARG` in its history and in the attestation of the
build. Anyone who can pull the image can read them. A secret mount gives a step the value and leaves no trace.

## Bad

```dockerfile
FROM alpine:3.20
ARG API_TOKEN
RUN wget --header="token: $API_TOKEN" https://example.com/data
```

## Good

```dockerfile
FROM alpine:3.20
RUN --mount=type=secret,id=api-token \
    wget --header="token: $(cat /run/secrets/api-token)" https://example.com/data
```

## When to ignore

Where the name only sounds like a secret (a path to a key file, a public key).
"""

from __future__ import annotations

from collections.abc import Iterator

from ..docker import checked
from ..finding import Finding
from ..rule import Category, Rule, Severity
from ..subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """The name."""
    for message, fields, instruction in checked(subject, "SecretsUsedInArgOrEnv"):
        span = subject.find(instruction, fields["name"].strip('"'))
        yield Finding(span, message, "use RUN --mount=type=secret")


RULE = Rule(
    id="SecretsUsedInArgOrEnv",
    name="secrets-in-arg-or-env",
    severity=Severity.WARNING,
    category=Category.SECURITY,
    since="0.2",
    check=check,
    page=__doc__,
    equivalents=("DL3064",),
)
