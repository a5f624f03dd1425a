"""`useradd` with a large user id and without `-l`.

useradd writes a record for the user into /var/log/lastlog and /var/log/faillog, at a place that grows with the
id: sparse files, which become gigabytes of zeros in a layer.

## Bad

```dockerfile
FROM debian:12
RUN useradd -u 1234567 app
```

## Good

```dockerfile
FROM debian:12
RUN useradd -l -u 1234567 app
```

## When to ignore

Where the base image has no such logs.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..finding import Finding
from ..rule import Category, Rule, Severity
from ..subject import Subject
from ..tools import flag_fix, flag_values

_LARGE = 6  # digits


def check(subject: Subject) -> Iterator[Finding]:
    """The name of each call."""
    for call in subject.tools.get("useradd", ()):
        large = any(value.isdecimal() and len(value) >= _LARGE for value in flag_values(call, "u", "uid"))
        if large and not call.has_flag("l", "no-log-init"):
            fixes = flag_fix(call, call.words[0], "-l")
            yield Finding(call.words[0].span, "A large user id makes huge log files", "add -l", fixes=fixes)


RULE = Rule(
    id="DL3046",
    name="useradd-large-id",
    severity=Severity.WARNING,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
    fixable=True,
)
