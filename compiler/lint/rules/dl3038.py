"""`dnf install` without `-y`.

Nobody is there to answer the question whether to go on: the step fails, or does nothing.

## Bad

```dockerfile
FROM fedora:41
RUN dnf install httpd-2.4.62 && dnf clean all
```

## Good

```dockerfile
FROM fedora:41
RUN dnf install -y httpd-2.4.62 && dnf clean all
```

## When to ignore

Where the answer comes from elsewhere: a configuration file, or `yes |` before the command.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..finding import Finding
from ..rule import Category, Rule, Severity
from ..subject import Subject
from ..tools import flag_fix

_TOOLS = ("dnf", "microdnf")
_VERBS = ("install", "groupinstall", "localinstall")


def check(subject: Subject) -> Iterator[Finding]:
    """The word that asks."""
    for call in (call for name in _TOOLS for call in subject.tools.get(name, ())):
        verb = next((word for word in call.arguments if word.text in _VERBS), None)
        if verb is not None and not call.has_flag("y", "assumeyes"):
            message = f"{call.name} {verb.text} waits for an answer that nobody gives"
            yield Finding(verb.span, message, "add -y", fixes=flag_fix(call, verb, "-y", safe=True))


RULE = Rule(
    id="DL3038",
    name="yes-dnf",
    severity=Severity.WARNING,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
    fixable=True,
)
