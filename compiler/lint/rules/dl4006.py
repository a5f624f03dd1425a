"""A pipe whose failure nobody notices.

The exit code of a pipe is that of its last command: if the first one fails, the step goes on with what little
came out, and its result is cached.

## Bad

```dockerfile
FROM debian:12
RUN curl https://example.com/key | apt-key add -
```

## Good

```dockerfile
FROM debian:12
SHELL ["/bin/bash", "-o", "pipefail", "-c"]
RUN curl https://example.com/key | apt-key add -
```

## When to ignore

Where the first commands may fail.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..calls import pipes_in
from ..finding import Finding
from ..rule import Category, Rule, Severity
from ..script import RunScript
from ..subject import Subject

_ABLE = ("bash", "zsh", "ash")


def check(subject: Subject) -> Iterator[Finding]:
    """The first pipe of each script."""
    for script in subject.scripts:
        tree = script.tree
        if tree is None or _stops(script):
            continue
        pipe = next(pipes_in(tree), None)
        if pipe is not None:
            span = script.span(pipe.start, pipe.end)
            message = "If the first command of this pipe fails, the step goes on"
            yield Finding(span, message, "set SHELL to a shell with -o pipefail above the step")


def _stops(script: RunScript) -> bool:
    """Whether a failure within a pipe ends the step."""
    in_script = any(
        script.text[at : at + 3] == "set" and "pipefail" in script.text[at:].partition("\n")[0]
        for at in range(len(script.text))
        if script.text.startswith("set ", at)
    )
    return in_script or (script.shell_name in _ABLE and "pipefail" in script.shell)


RULE = Rule(
    id="DL4006",
    name="pipefail",
    severity=Severity.WARNING,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
)
