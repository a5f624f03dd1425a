"""`COPY` of several sources to a target without `/` at its end.

Several sources can only go into a directory: without the slash the build fails.

## Bad

```dockerfile
FROM debian:12
COPY a b /srv
```

## Good

```dockerfile
FROM debian:12
COPY a b /srv/
```

## When to ignore

Never: write the slash.
"""

from __future__ import annotations

from collections.abc import Iterator

from ....grammar.source import Span
from ..finding import Finding, Fix
from ..rule import Category, Rule, Severity
from ..subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """The target."""
    for _, copy in subject.each("COPY"):
        *sources, target = copy.args or ("",)
        if len(sources) > 1 and not target.strip("\"'").endswith("/"):
            span = _last(subject, copy.args_span.start, copy.args_span.end, target)
            fixes: tuple[Fix, ...] = ()
            if subject.text(span) == target and target.strip("\"'") == target and not copy.exec_form:
                fixes = (Fix.replace("add the slash", span, f"{target}/", safe=True),)
            yield Finding(
                span, "Several sources need a directory as their target", "end it with /", fixes=fixes
            )


def _last(subject: Subject, start: int, end: int, word: str) -> Span:
    found = subject.source.text.rfind(word, start, end)
    return Span(start, end) if found < 0 else Span(found, found + len(word))


RULE = Rule(
    id="DL3021",
    name="copy-to-directory",
    severity=Severity.ERROR,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
    fixable=True,
)
