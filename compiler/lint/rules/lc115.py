"""A file is copied over by the next copy.

The first file is in a layer and is never seen. Either it is not needed, or one of the two targets is a slip.

## Bad

```dockerfile
FROM nginx:1.27
COPY default.conf /etc/nginx/nginx.conf
COPY nginx.conf /etc/nginx/nginx.conf
```

## Good

```dockerfile
FROM nginx:1.27
COPY nginx.conf /etc/nginx/nginx.conf
```

## When to ignore

Where something between the two copies reads the first, unseen by the linter.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from ....grammar.syntax import Instruction
from ..finding import Finding
from ..rule import Category, Rule, Severity
from ..subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """The target of the first copy, if nothing runs between the two."""
    for stage in subject.stages:
        copied: dict[str, Instruction] = {}
        directory = "/"
        for instruction in stage.instructions:
            if instruction.keyword == "RUN":
                copied.clear()
            elif instruction.keyword == "WORKDIR" and instruction.args:
                directory = posixpath.join(directory, instruction.args[0])
            elif instruction.keyword in ("COPY", "ADD"):
                target = _file(instruction)
                if target is None:
                    continue
                place = posixpath.normpath(posixpath.join(directory, target))
                before = copied.get(place)
                if before is not None:
                    line = instruction.start_line
                    message = f"line {line} copies over {place}: what is copied here is never seen"
                    yield Finding(subject.find(before, before.args[-1]), message, "remove one of the two")
                copied[place] = instruction


def _file(instruction: Instruction) -> str | None:
    """The target, if it is by its name the one file that is copied."""
    if len(instruction.args) != 2:
        return None
    source, target = instruction.args
    name = target.rpartition("/")[2]
    is_file = (
        "." in name.strip(".") and not name.endswith(".d") and "." in source.rpartition("/")[2].strip(".")
    )
    return target if is_file and not set("*?[$<").intersection(source + target) else None


RULE = Rule(
    id="LC115",
    name="overwritten-copy",
    severity=Severity.WARNING,
    category=Category.CACHE,
    since="0.2",
    check=check,
    page=__doc__,
)
