"""A secret enters a layer, or the history of the image.

What is copied into an image is in one of its layers for ever, even if a later step removes it, and words of a
`RUN` are in its history and in caches. Hand secrets to a step by `RUN --mount=type=secret` or
`--mount=type=ssh`.

## Bad

```dockerfile
FROM alpine:3.20
COPY id_rsa /root/.ssh/id_rsa
```

```dockerfile
FROM alpine:3.20
ARG TOKEN
RUN git clone --branch v1.0.0 https://$TOKEN@github.com/example/private.git /src
```

## Good

```dockerfile
FROM alpine:3.20
RUN --mount=type=ssh git clone --branch v1.0.0 git@github.com:example/private.git /src
```

## When to ignore

Where the file is an example, or a key that only tests use.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..finding import Finding
from ..order import calls_in
from ..rule import Category, Rule, Severity
from ..subject import Subject
from ..tools import text_of

_FILES = frozenset(
    (
        "id_rsa",
        "id_dsa",
        "id_ecdsa",
        "id_ed25519",
        ".env",
        ".netrc",
        ".git-credentials",
        ".pypirc",
        ".dockercfg",
        ".htpasswd",
        "credentials.json",
        "service-account.json",
        "serviceaccount.json",
        ".ssh",
        ".aws",
        ".pgpass",
    )
)
_HELP = "use RUN --mount=type=secret or --mount=type=ssh"


def check(subject: Subject) -> Iterator[Finding]:
    """The file that is copied, or the URL that holds a password."""
    for _, instruction in subject.each("COPY", "ADD", onbuild=True):
        if subject.flag(instruction, "from") is not None:
            continue
        for source in instruction.args[:-1]:
            name = source.rstrip("/").rpartition("/")[2]
            if name.lower() in _FILES or (name.startswith("id_rsa") and "." not in name):
                message = f"{name} stays readable in the image's layers"
                yield Finding(subject.find(instruction, source), message, _HELP)
    for calls in calls_in(subject).values():
        for call in calls:
            for word in call.words[1:]:
                if _has_password(text_of(word)):
                    message = "the URL holds a secret, which stays in the image's history"
                    yield Finding(word.span, message, _HELP)
                    break


def _has_password(text: str) -> bool:
    """``https://user:password@host``, where the password is given or a variable that ARG or ENV sets."""
    scheme, found, rest = text.partition("://")
    user, at, _ = rest.partition("/")[0].rpartition("@")
    if not (found and at) or not scheme.rpartition("+")[2].startswith(("http", "ftp")):
        return False
    return ("$" in user and "$(" not in user) or (
        ":" in user and user.partition(":")[2] not in ("", "x-oauth-basic")
    )


RULE = Rule(
    id="LC118",
    name="secret-in-layer",
    severity=Severity.WARNING,
    category=Category.SECURITY,
    since="0.2",
    check=check,
    page=__doc__,
)
