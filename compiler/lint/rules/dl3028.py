"""`gem install` without versions.

Without a version, what is installed is what the repository happens to have on the day of the build. Two builds
of one commit differ, a cached layer keeps an old version for long, and a release that breaks something arrives
unasked.

## Bad

```dockerfile
FROM ruby:3.3
RUN gem install bundler
```

## Good

```dockerfile
FROM ruby:3.3
RUN gem install bundler:2.5.22
```

## When to ignore

Where the newest version is meant, where the repository keeps no old versions (then pin the base image by
digest), or where a snapshot of the repository is used.
"""

from __future__ import annotations

from collections.abc import Iterator

from ..finding import Finding
from ..pins import packages_behind, unpinned
from ..rule import Category, Rule, Severity
from ..subject import Subject

_VALUED = (
    "i",
    "install-dir",
    "n",
    "bindir",
    "P",
    "trust-policy",
    "s",
    "source",
    "p",
    "http-proxy",
    "platform",
    "g",
)


def check(subject: Subject) -> Iterator[Finding]:
    """The first gem of each call that has no version; ``-v`` gives one to all."""
    for call in subject.tools.get("gem", ()):
        if not call.has_flag("v", "version"):
            words = _before_build_flags([word.shown for word in call.words])
            short = call._replace(words=call.words[:words])
            yield from unpinned(packages_behind(short, ("install", "i"), _VALUED), _is_pinned, "gem:version")


def _before_build_flags(words: list[str]) -> int:
    return words.index("--") if "--" in words else len(words)


def _is_pinned(gem: str) -> bool:
    return ":" in gem or gem.endswith(".gem")


RULE = Rule(
    id="DL3028",
    name="pin-gem",
    severity=Severity.WARNING,
    category=Category.CORRECTNESS,
    since="0.2",
    check=check,
    page=__doc__,
)
