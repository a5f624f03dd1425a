"""`ADD` of plain files.

ADD extracts archives and fetches URLs. For files and directories COPY says what is meant, and does nothing else
if a file happens to be an archive.

## Bad

```dockerfile
FROM debian:12
ADD app.py /srv/
```

## Good

```dockerfile
FROM debian:12
COPY app.py /srv/
```

## When to ignore

Where a source is an archive without an ending that tells.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..archives import is_archive
from ..finding import Finding, Fix
from ..rule import Category, Rule, Severity
from ..subject import Subject

_REMOTE = ("http://", "https://", "git@", "git://", "ssh://")


def check(subject: Subject) -> Iterator[Finding]:
    """The keyword."""
    for _, add in subject.each("ADD"):
        sources = [word.strip("\"'") for word in add.args[:-1]]
        sources = [word for word in sources if not word.startswith("<<")]
        if all(is_archive(word) or word.startswith(_REMOTE) for word in sources) or not sources:
            continue
        fixes: tuple[Fix, ...] = ()
        if not any(is_archive(word) or "$" in word or word.startswith(_REMOTE) for word in sources) and not {
            "unpack",
            "checksum",
            "keep-git-dir",
        } & {flag.name for flag in add.flags}:
            fixes = (Fix.replace("write COPY", add.keyword_span, "COPY"),)
        yield Finding(
            add.keyword_span, "ADD may do more than copy", "use COPY for files and directories", fixes=fixes
        )


RULE = Rule(
    id="DL3020",
    name="copy-for-add",
    severity=Severity.ERROR,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
    fixable=True,
)
