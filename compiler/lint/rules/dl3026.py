"""An image from a registry that is not trusted.

`trusted-registries` in the config lists the registries that images may come from: of FROM, of `COPY --from` and
of mounts.

## Bad

```dockerfile
FROM quay.io/example/app:1
```

```toml
trusted-registries = ["registry.example.com"]
```

## Good

```dockerfile
FROM registry.example.com/app:1
```

```toml
trusted-registries = ["registry.example.com"]
```

## When to ignore

Never: add the registry to the list.
"""

from __future__ import annotations

from collections.abc import Iterator

from ....grammar.source import Span
from ..finding import Finding
from ..references import split_image
from ..rule import Category, Rule, Severity
from ..subject import Subject

_HUB = ("docker.io", "hub.docker.com")


def check(subject: Subject) -> Iterator[Finding]:
    """The image."""
    trusted = subject.settings.trusted_registries
    if not trusted:
        return
    for name, span in _images(subject):
        registry = split_image(name).registry
        if not any(_is(each, pattern) for each in ((registry,) if registry else _HUB) for pattern in trusted):
            message = f"{registry or 'docker.io'} is none of the trusted registries"
            yield Finding(span, message, f"trusted are {', '.join(trusted)}")


def _images(subject: Subject) -> Iterator[tuple[str, Span]]:
    """The images that are taken from registries, with their places."""
    stages: set[str] = {"scratch"}
    for stage in subject.stages:
        if stage.base not in stages and stage.base.lower() not in stages:
            yield stage.base, subject.find(stage.from_, stage.base)
        stages |= {str(stage.number), stage.name}
        for instruction in stage.instructions:
            for flag in instruction.flags:
                name = flag.value or ""
                if flag.name == "mount":
                    name = dict(field.partition("=")[::2] for field in name.split(",")).get("from", "")
                elif flag.name != "from":
                    continue
                if name and name.lower() not in stages:
                    yield name, flag.span


def _is(registry: str, pattern: str) -> bool:
    if pattern.startswith("*"):
        return registry.endswith(pattern[1:])
    if pattern.endswith("*"):
        return registry.startswith(pattern[:-1])
    return registry == pattern


RULE = Rule(
    id="DL3026",
    name="trusted-registry",
    severity=Severity.ERROR,
    category=Category.SECURITY,
    since="0.2",
    check=check,
    page=__doc__,
)
