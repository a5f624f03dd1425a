"""`USER` is a name.

Who runs the container may want to know that it is not root without looking into the image: Kubernetes with
`runAsNonRoot` refuses names.

## Bad

```dockerfile
FROM nginx:1.27
USER nginx
```

## Good

```dockerfile
FROM nginx:1.27
USER 101
```

## When to ignore

Where nobody asks for numbers.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..finding import Finding
from ..rule import Category, Rule, Severity
from ..subject import Subject
from ..variables import known_variables


def check(subject: Subject) -> Iterator[Finding]:
    """The user."""
    for stage, user in subject.each("USER"):
        name = user.args[0].strip("\"'").partition(":")[0] if user.args else "0"
        known = "$" in name and any(each in name for each in known_variables(subject, stage, user))
        if name and not name.isdecimal() and not known:
            yield Finding(user.args_span, f"The user {name} is no number", "write its user id")


RULE = Rule(
    id="DL3066",
    name="numeric-user",
    severity=Severity.INFO,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
)
