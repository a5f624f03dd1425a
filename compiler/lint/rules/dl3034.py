"""`zypper` without `-y`.

Nobody is there to answer the question whether to go on: the step fails, or does nothing.

## Bad

```dockerfile
FROM opensuse/leap:15.6
RUN zypper install httpd=2.4.46 && zypper clean
```

## Good

```dockerfile
FROM opensuse/leap:15.6
RUN zypper install -y httpd=2.4.46 && zypper clean
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

_TOOLS = ("zypper",)
_VERBS = ("install", "in", "remove", "rm", "source-install", "si", "patch")


def check(subject: Subject) -> Iterator[Finding]:
    """The word that asks."""
    for call in (call for name in _TOOLS for call in subject.tools.get(name, ())):
        verb = next((word for word in call.arguments if word.text in _VERBS), None)
        if verb is not None and not call.has_flag("y", "n", "no-confirm", "non-interactive"):
            message = f"{call.name} {verb.text} waits for an answer that nobody gives"
            yield Finding(verb.span, message, "add -y", fixes=flag_fix(call, verb, "-y", safe=True))


RULE = Rule(
    id="DL3034",
    name="yes-zypper",
    severity=Severity.WARNING,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
    fixable=True,
)
