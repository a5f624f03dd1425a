"""`ENV` uses a variable that it sets itself.

All values of one ENV are made of what was set before it: the variable is empty there, or has its old value.

## Bad

```dockerfile
FROM debian:12
ENV HOME_DIR=/srv BIN_DIR=$HOME_DIR/bin
```

## Good

```dockerfile
FROM debian:12
ENV HOME_DIR=/srv
ENV BIN_DIR=$HOME_DIR/bin
```

## When to ignore

Where the value of the base image is meant.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..docker import variable_span
from ..finding import Finding
from ..rule import Category, Rule, Severity
from ..subject import Subject
from ..variables import known_variables


def check(subject: Subject) -> Iterator[Finding]:
    """The variable."""
    for stage, env in subject.each("ENV"):
        keys, values = env.args[::2], env.args[1::2]
        if len(keys) < 2:
            continue
        known = known_variables(subject, stage, env)
        for at, key in enumerate(keys):
            pattern = re.compile(rf"\$(?:\{{{re.escape(key)}\}}|{re.escape(key)}(?![A-Za-z0-9_]))")
            used = any(pattern.search(value) for index, value in enumerate(values) if index != at)
            if used and key not in known:
                message = f"{key} is not yet set in the ENV that sets it"
                yield Finding(variable_span(subject, env, key), message, "set it in an ENV of its own above")


RULE = Rule(
    id="DL3044",
    name="env-of-itself",
    severity=Severity.ERROR,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
)
