"""A label that every image has to have is missing.

The schema of labels (`label-schema` in the config) has it. The stage of the image, or one that it goes on from,
has to set it.

## Bad

```dockerfile
FROM alpine:3.20
RUN true
```

```toml
[label-schema]
"com.example.team" = "text"
```

## Good

```dockerfile
FROM alpine:3.20
LABEL com.example.team="web"
```

```toml
[label-schema]
"com.example.team" = "text"
```

## When to ignore

Where the schema asks for more than this image can say: change the schema.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..finding import Finding
from ..labels import labels_of
from ..rule import Category, Rule, Severity
from ..stages import StageView
from ..subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """The FROM of each stage that has it from nowhere and that no other stage takes up."""
    schema = subject.settings.label_schema
    if not schema:
        return
    own: dict[int, set[str]] = {}
    for label in labels_of(subject):
        own.setdefault(label.stage.number, set()).add(label.key)
    used = _used(subject)
    for stage in subject.stages:
        if stage.number not in used:
            for key in sorted(schema.keys() - _inherited(stage, own)):
                yield Finding(stage.from_.args_span, f"The image has no label {key}", f"add LABEL {key}=…")


def _used(subject: Subject) -> set[int]:
    """The stages that others go on from or copy from."""
    used = {view.parent.number for view in subject.stages if view.parent is not None}
    by_name = {view.name: view.number for view in subject.stages if view.name}
    for _, copy in subject.each("COPY"):
        flag = subject.flag(copy, "from")
        if flag is not None and flag.value is not None:
            name = flag.value.lower()
            used.add(int(name) if name.isdecimal() else by_name.get(name, -1))
    return used


def _inherited(stage: StageView, own: dict[int, set[str]]) -> set[str]:
    view: StageView | None = stage
    keys: set[str] = set()
    while view is not None:
        keys |= own.get(view.number, set())
        view = view.parent
    return keys


RULE = Rule(
    id="DL3049",
    name="label-missing",
    severity=Severity.INFO,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
)
