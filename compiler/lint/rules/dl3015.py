"""`apt-get install` with recommended packages.

What a package merely recommends is installed as well: the image gets larger, has more to update and more to
attack.

## Bad

```dockerfile
FROM debian:12
RUN apt-get update && apt-get install -y curl
```

## Good

```dockerfile
FROM debian:12
RUN apt-get update && apt-get install -y --no-install-recommends curl
```

## When to ignore

Where the recommended packages are wanted, or a configuration file turns them off.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..finding import Finding
from ..rule import Category, Rule, Severity
from ..subject import Subject
from ..tools import flag_fix

_OPTION = "APT::Install-Recommends="


def check(subject: Subject) -> Iterator[Finding]:
    """The word ``install``."""
    for call in subject.tools.get("apt-get", ()):
        verb = next((word for word in call.arguments if word.text == "install"), None)
        told = any(_OPTION in word.shown and not word.shown.endswith("true") for word in call.words)
        if verb is not None and not told and not call.has_flag("no-install-recommends"):
            fixes = flag_fix(call, verb, "--no-install-recommends")
            yield Finding(
                verb.span,
                "Recommended packages are installed as well",
                "add --no-install-recommends",
                fixes=fixes,
            )


RULE = Rule(
    id="DL3015",
    name="no-recommends",
    severity=Severity.INFO,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
    fixable=True,
)
