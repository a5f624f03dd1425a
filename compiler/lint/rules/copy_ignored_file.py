"""A file is copied that `.dockerignore` keeps out.

What `.dockerignore` excludes is not in the build context: the build ends because the file is not there.

## Bad

```dockerfile
FROM scratch
COPY dist/app.js /app.js
```

```dockerignore
dist
```

## Good

```dockerfile
FROM scratch
COPY dist/app.js /app.js
```

```dockerignore
dist
!dist/app.js
```

## When to ignore

Never: copy something else, or let the file in.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..docker import checked
from ..finding import Finding
from ..rule import Category, Rule, Severity
from ..subject import Subject


def check(subject: Subject) -> Iterator[Finding]:
    """The path."""
    for message, fields, instruction in checked(subject, "CopyIgnoredFile"):
        yield Finding(subject.find(instruction, fields["path"].strip('"')), message)


RULE = Rule(
    id="CopyIgnoredFile",
    name="copy-ignored-file",
    severity=Severity.ERROR,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
)
