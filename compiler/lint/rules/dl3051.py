"""A label of the schema is empty.

The schema of labels (`label-schema` in the config) asks for it: an empty value says nothing.

## Bad

```dockerfile
FROM alpine:3.20
LABEL com.example.team=""
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
from ..subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """The key."""
    for label in labels_of(subject):
        if label.key in subject.settings.label_schema and not label.value:
            yield Finding(label.span, f"The label {label.key} is empty", "give it a value")


RULE = Rule(
    id="DL3051",
    name="label-empty",
    severity=Severity.WARNING,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
)
