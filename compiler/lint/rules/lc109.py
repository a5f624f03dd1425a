"""What an earlier step left is removed in a later layer.

A layer can hide files of the layers below it, not take them away: the image stays as big as it was, and gets
one more layer. Clean up in the `RUN` that makes the dirt, keep it in a cache mount, or use a file that is
copied in by a bind mount.

## Bad

```dockerfile
FROM debian:bookworm
RUN apt-get update && apt-get install -y curl
RUN rm -rf /var/lib/apt/lists/*
```

```dockerfile
FROM debian:bookworm
COPY app.tar.gz /tmp/app.tar.gz
RUN tar -xzf /tmp/app.tar.gz -C /opt && rm /tmp/app.tar.gz
```

## Good

```dockerfile
FROM debian:bookworm
RUN apt-get update && apt-get install -y curl && rm -rf /var/lib/apt/lists/*
```

```dockerfile
FROM debian:bookworm
RUN --mount=type=bind,source=app.tar.gz,target=/tmp/app.tar.gz tar -xzf /tmp/app.tar.gz -C /opt
```

## When to ignore

Where the image is squashed, or the file is removed so that nobody uses it by mistake.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Sequence

from ....grammar.syntax import Instruction
from ..calls import Call
from ..finding import Estimate, Finding, Fix
from ..installs import packages_of
from ..left_behind import in_result
from ..order import calls_in
from ..rule import Category, Rule, Severity
from ..savings import fix_in_context
from ..subject import Subject
from ..tools import operands, text_of

# What package managers leave, and how it is removed.
_LEFT = {
    "apt": ("/var/lib/apt", "/var/cache/apt"),
    "yum": ("/var/cache/yum", "/var/cache/dnf"),
    "apk": ("/var/cache/apk",),
}
_KINDS = {
    **dict.fromkeys(("apt-get", "apt", "aptitude"), "apt"),
    **dict.fromkeys(("yum", "dnf", "microdnf", "tdnf"), "yum"),
    "apk": "apk",
}
_ARCHIVES = (
    *(".tar", ".gz", ".tgz", ".xz", ".bz2", ".zst", ".zip", ".deb", ".rpm", ".whl", ".jar", ".war", ".apk"),
    *(".run", ".bin", ".iso", ".7z", ".msi", ".exe"),
)
_LITTLE = 100_000
_CLEANS = ("clean", "autoclean", "purge", "remove", "autoremove", "autopurge", "erase", "del")


def check(subject: Subject) -> Iterator[Finding]:
    """The first call in each RUN that removes what an earlier layer of the image holds."""
    runs = calls_in(subject)
    for stage in subject.stages:
        if not (stage.instructions and in_result(subject, stage.from_)):
            continue
        dirty: set[str] = set()
        copied: dict[str, Instruction] = {}
        directory = "/"
        for instruction in stage.instructions:
            if instruction.keyword == "WORKDIR" and instruction.args:
                directory = posixpath.normpath(posixpath.join(directory, instruction.args[0]))
            elif instruction.keyword in ("COPY", "ADD"):
                copied.update(dict.fromkeys(_targets(instruction, directory), instruction))
            elif instruction.keyword == "RUN":
                calls = runs.get(instruction.span.start, ())
                made = {_KINDS[call.name] for call in calls if packages_of(call)}
                yield from _late(subject, calls, dirty - made, copied, directory)
                dirty |= {kind for kind in made if not _cleans(calls, kind)}


def _cleans(calls: Sequence[Call], kind: str) -> bool:
    """Whether a RUN removes what it leaves."""
    for call in calls:
        if _KINDS.get(call.name) == kind and call.subcommand in ("clean", "distclean"):
            return True
        if call.name == "rm" and any(text_of(word).startswith(_LEFT[kind]) for word in operands(call)):
            return True
        if kind == "apk" and call.name == "apk" and call.has_flag("no-cache"):
            return True
    return False


def _late(
    subject: Subject,
    calls: Sequence[Call],
    dirty: set[str],
    copied: dict[str, Instruction],
    directory: str,
) -> Iterator[Finding]:
    for call in calls:
        kind = _KINDS.get(call.name)
        if kind in dirty and call.subcommand in _CLEANS:
            message = f"the layer of an earlier RUN keeps what {call.name} {call.subcommand} removes"
            yield Finding(call.words[0].span, message, "remove it there", fixes=_joined(subject, call))
            return
        if call.name != "rm":
            continue
        for word in operands(call):
            path = text_of(word).rstrip("/*")
            if any(path.startswith(place) for each in dirty for place in _LEFT[each]):
                message = f"{path} stays in the layer of the RUN that filled it"
                yield Finding(word.span, message, "remove it there", fixes=_joined(subject, call))
                return
            place = posixpath.normpath(posixpath.join(directory, path))
            by = copied.get(place)
            sizes = None if by is None else _size(subject, by)
            if by is not None and "$" not in path and _is_big(place, sizes):
                copied.pop(place)
                estimate = None if sizes is None else Estimate("measured", bytes=sizes)
                message = f"{path} stays in the layer that line {by.start_line} copies it to"
                yield Finding(word.span, message, "use RUN --mount=type=bind in place of the copy", estimate)
                return


def _joined(subject: Subject, call: Call) -> tuple[Fix, ...]:
    return fix_in_context(subject, "join-run", call.instruction, "clean up in the step that leaves it")


def _targets(instruction: Instruction, directory: str) -> Iterator[str]:
    """Where each source of a COPY lands, as far as names tell; archives that ADD unpacks are not there."""
    if len(instruction.args) < 2:
        return
    target = instruction.args[-1]
    place = posixpath.normpath(posixpath.join(directory, target))
    sources = instruction.args[:-1]
    for source in sources:
        name = source.rstrip("/").rpartition("/")[2]
        if instruction.keyword == "ADD" and "://" not in source and ".t" in name:
            continue
        if name in ("", ".", "*") or place == "/":
            if place == "/" and name not in ("", ".", "*"):
                yield f"/{name}"
            continue
        into = (
            target.endswith("/") or target == "." or len(sources) > 1 or "." not in place.rpartition("/")[2]
        )
        yield posixpath.join(place, name) if into else place
        if into:
            yield place


def _is_big(place: str, size: int | None) -> bool:
    """Whether it matters, by its size or by what its name says."""
    if size is not None:
        return size >= _LITTLE
    name = place.rpartition("/")[2].lower()
    return "." not in name.strip(".") or name.endswith(_ARCHIVES)


def _size(subject: Subject, instruction: Instruction) -> int | None:
    names = {posixpath.normpath("/" + path).lstrip("/") for path in instruction.args[:-1]}
    sizes = [file.size for file in subject.facts.contexts.get("", ()) if file.path in names]
    return sum(sizes) if sizes else None


RULE = Rule(
    id="LC109",
    name="cleaned-too-late",
    severity=Severity.WARNING,
    category=Category.CACHE,
    since="0.2",
    check=check,
    page=__doc__,
    fixable=True,
)
