"""`wget` that prints its progress.

A build has no terminal: wget writes a line for every few kilobytes, megabytes of log for a large file.

## Bad

```dockerfile
FROM debian:12
RUN wget https://example.com/a.tar.gz
```

## Good

```dockerfile
FROM debian:12
RUN wget --progress=dot:giga https://example.com/a.tar.gz
```

## When to ignore

Where the files are small.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..finding import Finding
from ..rule import Category, Rule, Severity
from ..subject import Subject
from ..tools import flag_fix

_QUIET = ("progress", "q", "quiet", "o", "output-file", "a", "append-output", "nv", "no-verbose")


def check(subject: Subject) -> Iterator[Finding]:
    """The name of each call."""
    for call in subject.tools.get("wget", ()):
        if not call.has_flag(*_QUIET):
            fixes = flag_fix(call, call.words[0], "--progress=dot:giga", safe=True)
            message = "wget writes its progress into the log"
            yield Finding(call.words[0].span, message, "add --progress=dot:giga, -q or -nv", fixes=fixes)


RULE = Rule(
    id="DL3047",
    name="quiet-wget",
    severity=Severity.INFO,
    category=Category.STYLE,
    since="0.2",
    check=check,
    page=__doc__,
    fixable=True,
)
