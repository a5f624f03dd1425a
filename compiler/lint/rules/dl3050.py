"""A label that the schema does not have.

With `strict-labels` only the labels of `label-schema` may be set: another one is a slip, or has to be added
there.

## Bad

```dockerfile
FROM alpine:3.20
LABEL com.example.taem="web"
```

```toml
strict-labels = true
[label-schema]
"com.example.team" = "text"
```

## Good

```dockerfile
FROM alpine:3.20
LABEL com.example.team="web"
```

```toml
strict-labels = true
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
    settings = subject.settings
    if settings.strict_labels:
        for label in labels_of(subject):
            if label.key not in settings.label_schema:
                yield Finding(
                    label.span, f"The schema has no label {label.key}", "remove it, or add it to label-schema"
                )


RULE = Rule(
    id="DL3050",
    name="label-unknown",
    severity=Severity.INFO,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
)
