"""`apt-get install` without `-y`.

Nobody is there to answer the question whether to go on: the step fails, or does nothing.

## Bad

```dockerfile
FROM debian:12
RUN apt-get update && apt-get install curl
```

## Good

```dockerfile
FROM debian:12
RUN apt-get update && apt-get install -y curl
```

## When to ignore

Where the answer comes from elsewhere: a configuration file, or `yes |` before the command.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..calls import Call
from ..finding import Finding
from ..rule import Category, Rule, Severity
from ..subject import Subject
from ..tools import flag_fix


def check(subject: Subject) -> Iterator[Finding]:
    """The word ``install``."""
    for call in subject.tools.get("apt-get", ()):
        verb = next((word for word in call.arguments if word.text == "install"), None)
        if verb is not None and not _answers(call):
            message = "apt-get install waits for an answer that nobody gives"
            yield Finding(verb.span, message, "add -y", fixes=flag_fix(call, verb, "-y", safe=True))


def _answers(call: Call) -> bool:
    """Whether it says yes, or is so quiet that it does not ask."""
    quiet = max(call.flags.count("q"), call.flags.count("quiet"))
    return (
        quiet > 1
        or call.has_flag("y", "yes", "qq", "assume-yes")
        or "-q=2" in [word.text for word in call.words]
    )


RULE = Rule(
    id="DL3014",
    name="yes-apt-get",
    severity=Severity.WARNING,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
    fixable=True,
)
