"""A step decides by time stamps of files.

Caches compare contents, not time stamps: files get new times with each checkout, copy and unpacked layer. What
a step does by `-newer`, `-nt` or "copy if newer" is therefore another thing on another machine, and its result
is cached.

## Bad

```dockerfile
FROM debian:bookworm
COPY . /src
RUN cp -u /src/*.conf /etc/
```

## Good

```dockerfile
FROM debian:bookworm
COPY . /src
RUN cp /src/*.conf /etc/
```

## When to ignore

Where all files compared are made in the same RUN.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..calls import Call, CallWord
from ..finding import Finding
from ..order import calls_in
from ..rule import Category, Rule, Severity
from ..subject import Subject

_WORDS = {
    "find": ("-newer", "-anewer", "-cnewer", "-mtime", "-mmin", "-newermt"),
    "cp": ("-u", "--update", "-au", "-ru", "-ua"),
    "mv": ("-u", "--update"),
    "rsync": ("-u", "--update", "-au", "-avu"),
    "tar": ("--newer", "--keep-newer-files", "-N"),
    "test": ("-nt", "-ot"),
    "[": ("-nt", "-ot"),
    "[[": ("-nt", "-ot"),
}


def check(subject: Subject) -> Iterator[Finding]:
    """The word that compares times."""
    for calls in calls_in(subject).values():
        for call in calls:
            word = _by_time(call)
            if word is not None:
                message = f"{call.name} {word.shown} depends on times of files, which no cache keeps"
                yield Finding(word.span, message, "decide by names or contents")


def _by_time(call: Call) -> CallWord | None:
    words = _WORDS.get(call.name, ())
    return next((word for word in call.words[1:] if word.shown.partition("=")[0] in words), None)


RULE = Rule(
    id="LC112",
    name="depends-on-times",
    severity=Severity.INFO,
    category=Category.CACHE,
    since="0.2",
    check=check,
    page=__doc__,
)
