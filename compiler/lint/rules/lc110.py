"""`chown -R` or `chmod -R` stores copied files a second time.

A layer holds whole files: one whose owner or mode changes is stored again, with all that it contains. Give
owner and mode when the files are copied, with `COPY --chown` and `COPY --chmod`.

## Bad

```dockerfile
FROM node:22
COPY . /app
RUN chown -R node:node /app
```

## Good

```dockerfile
FROM node:22
COPY --chown=node:node . /app
```

## When to ignore

Where the tree is small, or owner and mode depend on what runs in the build.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from ....grammar.syntax import Instruction
from ...effects.paths import is_below
from ..calls import Call
from ..finding import Estimate, Finding
from ..left_behind import in_result
from ..order import calls_in
from ..rule import Category, Rule, Severity
from ..subject import Subject
from ..tools import operands, text_of

_TEXTS = (
    ".sh",
    ".conf",
    ".cnf",
    ".cfg",
    ".ini",
    ".txt",
    ".json",
    ".yml",
    ".yaml",
    ".toml",
    ".xml",
    ".env",
    ".sql",
)
_FLAGS = {"chown": "--chown", "chmod": "--chmod", "chgrp": "--chown"}


def check(subject: Subject) -> Iterator[Finding]:
    """The first call in each RUN that changes what a COPY above it has put there."""
    runs = calls_in(subject)
    for stage in subject.stages:
        if not in_result(subject, stage.from_):
            continue
        copied: dict[str, Instruction] = {}
        directory = "/"
        for instruction in stage.instructions:
            if instruction.keyword == "WORKDIR" and instruction.args:
                directory = posixpath.normpath(posixpath.join(directory, instruction.args[0]))
            elif instruction.keyword in ("COPY", "ADD") and len(instruction.args) > 1:
                target = posixpath.normpath(posixpath.join(directory, instruction.args[-1]))
                if not _is_small(instruction):
                    copied.setdefault(target, instruction)
            elif instruction.keyword == "RUN":
                for call in runs.get(instruction.span.start, ()):
                    found = _doubled(call, copied, directory)
                    if found is not None:
                        yield _finding(subject, call, found)
                        break


def _is_small(instruction: Instruction) -> bool:
    """Whether it copies single files of text, by their names."""
    names = [source.rpartition("/")[2] for source in instruction.args[:-1]]
    return all(name.lower().endswith(_TEXTS) and "*" not in name for name in names)


def _doubled(call: Call, copied: dict[str, Instruction], directory: str) -> Instruction | None:
    """The COPY whose files ``call`` changes."""
    if call.name not in _FLAGS or not call.has_flag("R", "recursive"):
        return None
    for word in operands(call)[1:]:
        path = posixpath.normpath(posixpath.join(directory, text_of(word).rstrip("*")))
        for target, by in copied.items():
            if path != "/" and (is_below(target, path) or is_below(path, target)) and target != "/":
                return by
    return None


def _finding(subject: Subject, call: Call, by: Instruction) -> Finding:
    size = sum(
        observed.size or 0
        for layer in (subject.layers_of(by) if subject.facts.observed else ())
        if (observed := subject.facts.observed.get(layer.id)) is not None
    )
    estimate = Estimate("measured", bytes=size) if size else None
    message = f"{call.name} -R stores what line {by.start_line} copies a second time"
    return Finding(
        call.words[0].span, message, f"give it to the copy: {by.keyword} {_FLAGS[call.name]}=…", estimate
    )


RULE = Rule(
    id="LC110",
    name="recursive-change-doubles",
    severity=Severity.WARNING,
    category=Category.CACHE,
    since="0.2",
    check=check,
    page=__doc__,
)
