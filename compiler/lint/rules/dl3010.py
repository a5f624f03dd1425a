"""An archive is copied and then extracted.

The archive stays in its own layer besides what is extracted from it. ADD extracts a local archive itself, into
one layer.

## Bad

```dockerfile
FROM debian:12
COPY app.tar.gz /tmp/
RUN tar -xzf /tmp/app.tar.gz -C /srv
```

## Good

```dockerfile
FROM debian:12
ADD app.tar.gz /srv/
```

## When to ignore

Where only parts are extracted: then use a mount (`RUN --mount=type=bind`).
"""

from __future__ import annotations

from collections.abc import Iterator

from ..archives import is_archive
from ..calls import Call
from ..finding import Finding
from ..rule import Category, Rule, Severity
from ..stages import StageView
from ..subject import Subject
from ..tools import operands, text_of

_EXTRACTING = ("unzip", "gunzip", "bunzip2", "unlzma", "unxz", "zgz", "uncompress", "zcat", "gzcat")


def check(subject: Subject) -> Iterator[Finding]:
    """The archive in COPY."""
    extracted = list(_extracted(subject))
    if not extracted:
        return
    for stage, copy in subject.each("COPY"):
        if subject.flag(copy, "from") is None and len(copy.args) > 1:
            *sources, target = (word.strip("\"'") for word in copy.args)
            for name in (target,) if is_archive(target) else filter(is_archive, sources):
                if any(
                    at.number == stage.number and start > copy.span.start and found == _base(name)
                    for at, start, found in extracted
                ):
                    message = f"{_base(name)} stays in the image besides what is extracted from it"
                    yield Finding(subject.find(copy, name), message, "use ADD, or mount it for the step")


def _extracted(subject: Subject) -> Iterator[tuple[StageView, int, str]]:
    """Names of files that are extracted, with their stages and places."""
    for name in ("tar", *_EXTRACTING):
        for call in subject.tools.get(name, ()):
            if name != "tar" or _extracts(call):
                for word in operands(call):
                    yield call.stage, call.instruction.span.start, _base(text_of(word))


def _extracts(call: Call) -> bool:
    first = call.words[1].shown if len(call.words) > 1 else ""
    return call.has_flag("x", "extract", "get") or (first.isalpha() and "x" in first)


def _base(path: str) -> str:
    return path.replace("\\", "/").rpartition("/")[2]


RULE = Rule(
    id="DL3010",
    name="add-archive",
    severity=Severity.INFO,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
)
