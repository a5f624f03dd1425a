"""`CMD` and `ENTRYPOINT` should be JSON arrays.

Written as plain text, the command runs below `/bin/sh -c`. The shell is then process 1 and does not hand
signals on: `docker stop` waits ten seconds and kills. Arguments of `docker run` are lost with such an
`ENTRYPOINT`, and an image without a shell does not start at all. With a `SHELL` of your own in the stage the
text form is taken as meant.

## Bad

```dockerfile
FROM alpine:3.20
ENTRYPOINT my-program start
```

## Good

```dockerfile
FROM alpine:3.20
ENTRYPOINT ["my-program", "start"]
```

## When to ignore

Where the command needs the shell (variables, `&&`, redirections) and begins its last program with `exec`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from ..docker import checked
from ..finding import Finding, Fix
from ..rule import Category, Rule, Severity
from ..subject import Subject

# Text that a shell takes as words and nothing else.
_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+,-]+(?:[ \t]+[A-Za-z0-9_./:@%+,=-]+)*")


def check(subject: Subject) -> Iterator[Finding]:
    """The arguments; those that are plain words can be rewritten, which changes what is process 1."""
    for message, _, instruction in checked(subject, "JSONArgsRecommended"):
        span = instruction.child.args_span if instruction.child is not None else instruction.args_span
        text = subject.text(span)
        fixes: tuple[Fix, ...] = ()
        if _PLAIN.fullmatch(text):
            fixes = (Fix.replace("write a JSON array", span, json.dumps(text.split())),)
        yield Finding(span, message, fixes=fixes)


RULE = Rule(
    id="JSONArgsRecommended",
    name="json-args-recommended",
    severity=Severity.WARNING,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
    equivalents=("DL3025",),
    fixable=True,
)
