"""`/bin/sh` is replaced by a link.

All scripts of the image that are written for its /bin/sh get another shell. SHELL says which shell runs the
steps, and changes nothing else.

## Bad

```dockerfile
FROM debian:12
RUN ln -sf /bin/bash /bin/sh
```

## Good

```dockerfile
FROM debian:12
SHELL ["/bin/bash", "-c"]
```

## When to ignore

Where other programs of the image are to get that shell, too.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..finding import Finding
from ..rule import Category, Rule, Severity
from ..subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """The path."""
    for call in subject.tools.get("ln", ()):
        for word in call.words[1:]:
            if word.text == "/bin/sh":
                yield Finding(word.span, "All of the image gets another /bin/sh", "use SHELL")
                break


RULE = Rule(
    id="DL4005",
    name="shell-by-link",
    severity=Severity.WARNING,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
)
