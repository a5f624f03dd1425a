"""The whole context is copied, with files that no image needs.

Repositories, installed packages, logs and build results enter the image with `COPY . .` where no
`.dockerignore` keeps them out. Each of them breaks the cache when it changes (`.git` with every commit), makes
the context slow to read, and may show what should not be seen. The finding names the biggest, and those that
change most often.

## Bad

```dockerfile
FROM alpine:3.20
COPY . /app
```

```files
app.py
.git/HEAD
node_modules/a/index.js
```

## Good

```dockerfile
FROM alpine:3.20
COPY . /app
```

```files
app.py
.git/HEAD
node_modules/a/index.js
```

```dockerignore
.git
node_modules
```

## When to ignore

Where the image needs them: `.git` for a version, `node_modules` that were built on purpose.
"""

from __future__ import annotations

import posixpath
from collections import Counter
from collections.abc import Iterator

from ..finding import Estimate, Finding
from ..order import copied_paths
from ..rule import Category, Rule, Severity
from ..subject import Subject

_FOLDERS = frozenset(
    (
        ".git",
        ".hg",
        ".svn",
        "node_modules",
        "__pycache__",
        ".venv",
        "venv",
        ".tox",
        ".mypy_cache",
        ".pytest_cache",
        ".gradle",
        ".idea",
        ".vscode",
        ".terraform",
        ".next",
        ".nuxt",
        "bower_components",
        ".ruff_cache",
        ".cache",
    )
)
_ENDINGS = (".log", ".pyc", ".swp", ".tmp", ".DS_Store", ".bak")
_NAMED = 3


def check(subject: Subject) -> Iterator[Finding]:
    """Each COPY of the whole context that takes what nobody needs."""
    for _, instruction in subject.each("COPY", "ADD"):
        if subject.flag(instruction, "from") is not None:
            continue
        whole = [path for path in copied_paths(instruction) if posixpath.normpath("/" + path) == "/"]
        if not whole or subject.flag(instruction, "exclude") is not None:
            continue
        sizes = _needless(subject)
        if sizes:
            most = [f"{name} ({_in_words(size)})" for name, size in sizes.most_common(_NAMED)]
            rest = f" and {len(sizes) - _NAMED} more" if len(sizes) > _NAMED else ""
            estimate = Estimate("measured", bytes=sum(sizes.values()))
            yield Finding(
                subject.find(instruction, whole[0]),
                f"the whole context is copied, with {', '.join(most)}{rest}",
                f"write to .dockerignore: {' '.join(sorted(sizes))}",
                estimate,
            )


def _needless(subject: Subject) -> Counter[str]:
    """Bytes by the folder or file that should be ignored."""
    sizes: Counter[str] = Counter()
    for file in subject.facts.contexts.get("", ()):
        parts = file.path.split("/")
        at = next((index for index, part in enumerate(parts) if part in _FOLDERS), None)
        if at is not None:
            sizes["/".join(parts[: at + 1])] += file.size
        elif file.kind == "file" and file.path.endswith(_ENDINGS):
            sizes[f"**/*.{file.path.rpartition('.')[2]}"] += file.size
    return sizes


def _in_words(size: int) -> str:
    for unit in ("bytes", "kB", "MB"):
        if size < 1000:
            return f"{size} {unit}"
        size //= 1000
    return f"{size} GB"


RULE = Rule(
    id="LC108",
    name="weak-dockerignore",
    severity=Severity.WARNING,
    category=Category.CACHE,
    since="0.2",
    check=check,
    page=__doc__,
)
