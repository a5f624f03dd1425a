"""COPY, ADD and WORKDIR: what they read of the tree below and what they write.

The rules are those of ``runtime/engine/filecopy/compose.py``, read off the names alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from ..globs import PatternError, has_wildcards, rooted
from ..graph.layer import ImageLayer
from ..graph.operations import (
    Add,
    ContextPath,
    Copy,
    FromContext,
    GitTree,
    HttpFile,
    InlineFile,
    MakeDir,
)
from ..optimize.facts import ContextFile, Facts
from .context import Selection, selections
from .links import Links, normal
from .model import Claim, Effects, Evidence, unknown
from .paths import NO_READS, Reads, Writes, ancestors

__all__ = ["copied", "copy_effects", "directory_effects"]

_ACCOUNTS = Reads(names=frozenset({"/etc/passwd", "/etc/group"}))
_ARCHIVE_NAME = re.compile(r"\.(?:tar|tgz|tbz2?|txz|tzst|gz|bz2|xz|zst|lzma)$|^[^.]*$", re.IGNORECASE)
_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")


class _Place(NamedTuple):
    """Where an operation puts things. ``into``: the destination is said to be a directory. ``owned``: directories
    that are made get an owner or a mode of their own. ``linked``: it is laid over the tree without a look at it.
    """

    paths: frozenset[str]
    passed: frozenset[str]
    into: bool
    owned: bool
    linked: bool
    known: frozenset[str]


class _Landing(NamedTuple):
    """``path`` may be written; ``changes``: even where it is a directory that is there."""

    path: str
    item: ContextFile | None
    changes: bool = True


def copied(
    layer: ImageLayer, files: tuple[ContextFile, ...], links: Links | None = None
) -> Mapping[str, tuple[str, ...]]:
    """Where the entries of a build context land: context path → absolute paths in the image, sorted.

    ``files`` is the whole context, ``.dockerignore`` applied. Directories and links are in it too; what is not
    copied is not. Empty for an operation that does not read a context. For one file and a destination without a
    final slash it holds if no directory is there. With ``links`` these are real paths. An archive that ADD
    unpacks lands where its name would.
    """
    operation = layer.operation
    if not isinstance(operation, Copy | Add) or not isinstance(operation.origin, FromContext):
        return {}
    place = _place(operation, links or Links(({},)), frozenset())
    found: dict[str, set[str]] = {}
    for source in operation.sources:
        if isinstance(source, ContextPath):
            for selection in _selected(operation, source.path, files):
                for landing in _landings(selection, place, surely=True):
                    if landing.item is not None:
                        found.setdefault(landing.item.path, set()).add(landing.path)
    return {path: tuple(sorted(places)) for path, places in found.items()}


def copy_effects(operation: Copy | Add, facts: Facts, links: Links, directories: frozenset[str]) -> Effects:
    """The effects of a COPY or ADD. ``directories`` are known to be there, with mode 0755 and owned by root."""
    place = _place(operation, links, directories)
    resolved = links.resolve(operation.dest)
    if resolved.circular and not place.linked:
        return unknown(f"the links of {operation.dest} lead in a circle")
    context = operation.origin.name if isinstance(operation.origin, FromContext) else None
    files = None if context is None else facts.contexts.get(context)
    effects = Effects(_looks(operation, place, files), _parents(place, place.paths))
    if files is None and any(isinstance(source, ContextPath) for source in operation.sources):
        what = "another image" if context is None else "a build context whose files are not known"
        text = f"it copies from {what}: everything below {operation.dest} may be written"
        effects = effects._replace(claims=(Claim(text, Evidence.TEXT),))
    for source in operation.sources:
        if isinstance(source, ContextPath):
            if files is None:
                more = _anything(place)
            else:
                more = _entries(operation, source.path, files, place, facts)
        elif isinstance(source, InlineFile):
            more = Effects(writes=_file(place, rooted(source.name)))
        else:
            more = _fetched(operation, source, place)
        effects = _both(effects, more)
    if place.linked:
        return effects._replace(reads=_accounts(operation))
    return effects


def directory_effects(operation: MakeDir, links: Links, directories: frozenset[str]) -> Effects:
    """The effects of a WORKDIR: it makes what is missing, and changes nothing that is there."""
    resolved = links.resolve(operation.path)
    if resolved.circular:
        return unknown(f"the links of {operation.path} lead in a circle")
    owned = operation.user not in {"", "root", "0", "0:0", "root:root"}
    place = _Place(resolved.paths, resolved.passed, True, owned, False, directories)
    reads = Reads(names=resolved.passed)
    if owned:
        reads |= _ACCOUNTS
    return Effects(reads, _parents(place, resolved.paths))


# --- the destination ---------------------------------------------------------------------------------


def _place(operation: Copy | Add, links: Links, known: frozenset[str]) -> _Place:
    linked = operation.link and not operation.chmod
    into = operation.dest.endswith(("/", "/.")) or normal(operation.dest) == "/"
    owned = bool(operation.chmod) or operation.chown not in {"", "0", "root", "0:0", "root:root"}
    if linked:
        return _Place(frozenset({normal(operation.dest)}), frozenset(), into, owned, True, known)
    resolved = links.resolve(operation.dest)
    return _Place(resolved.paths, resolved.passed, into, owned, False, known)


def _looks(operation: Copy | Add, place: _Place, files: tuple[ContextFile, ...] | None) -> Reads:
    """Whether a directory is there decides where one file goes; with a slash at the end it does not, nor where
    contents of directories are copied.
    """
    into = place.into or (files is not None and _copies_contents(operation, files))
    looked = place.passed if into else place.passed | place.paths
    return Reads(names=looked) | _accounts(operation)


def _copies_contents(operation: Copy | Add, files: tuple[ContextFile, ...]) -> bool:
    return all(
        isinstance(source, ContextPath)
        and all(
            found.items[0].entry.kind == "directory" for found in _selected(operation, source.path, files)
        )
        for source in operation.sources
    )


def _accounts(operation: Copy | Add) -> Reads:
    """Names of owners are looked up."""
    named = any(part not in {"", "root"} and not part.isdecimal() for part in operation.chown.split(":", 1))
    return _ACCOUNTS if named else NO_READS


def _parents(place: _Place, paths: Iterable[str]) -> Writes:
    """The directories above, and the destination itself where it is said to be one."""
    above = {item for path in paths for item in ancestors(path)} - {"/"}
    if place.into:
        above |= set(paths) - {"/"}
    made = frozenset(above)
    if place.owned or place.linked:
        return Writes(names=made - place.known, directories=made & place.known)
    return Writes(directories=made)


def _file(place: _Place, name: str) -> Writes:
    inside = frozenset(_below(path, name) for path in place.paths)
    if place.into:
        return Writes(names=inside)
    return Writes(names=place.paths | inside)


def _anything(place: _Place) -> Effects:
    return Effects(writes=Writes(trees=place.paths))


def _below(directory: str, name: str) -> str:
    return f"{directory}/{name}" if directory != "/" else f"/{name}"


# --- what is copied ----------------------------------------------------------------------------------


def _selected(operation: Copy | Add, source: str, files: tuple[ContextFile, ...]) -> list[Selection]:
    try:
        return selections(operation, source, files)
    except PatternError:
        return []  # the build ends with a message for this


def _entries(
    operation: Copy | Add, source: str, files: tuple[ContextFile, ...], place: _Place, facts: Facts
) -> Effects:
    effects = Effects()
    for selection in _selected(operation, source, files):
        root = selection.items[0].entry
        if isinstance(operation, Add) and operation.unpack is not False and root.kind == "file":
            if _may_be_archive(root, facts, operation):
                effects = _both(effects, _anything(place))
                continue
            if root.path not in facts.manifests:
                text = f"{root.path} is no archive, by its name: ADD copies it as it is"
                claim = Claim(text, Evidence.PROFILE)
                effects = _both(effects, Effects(evidence=Evidence.PROFILE, claims=(claim,)))
        effects = _both(effects, Effects(writes=_writes(selection, place), links=_links(selection, place)))
    return effects


def _links(selection: Selection, place: _Place) -> tuple[tuple[str, str], ...]:
    """Symbolic links that are copied: later steps may go through them."""
    found = [
        (landing.path, landing.item.target)
        for landing in _landings(selection, place, surely=True)
        if landing.item is not None and landing.item.kind == "symlink"
    ]
    return tuple(
        (path, target if target.startswith("/") else f"{path.rpartition('/')[0]}/{target}")
        for path, target in found
    )


def _writes(selection: Selection, place: _Place) -> Writes:
    landings = list(_landings(selection, place, surely=False))
    names = frozenset(landing.path for landing in landings if landing.changes)
    directories = frozenset(landing.path for landing in landings if not landing.changes)
    if not place.into and selection.items[0].entry.kind == "directory":
        made = _parents(place._replace(into=True), place.paths)
        return Writes(names=names, directories=directories) | made
    return Writes(names=names, directories=directories)


def _landings(selection: Selection, place: _Place, *, surely: bool) -> Iterator[_Landing]:
    root = selection.items[0].entry
    if root.kind == "directory":
        for below, entry, _ in selection.items[1:]:
            for path in place.paths:
                yield _Landing(_below(path, below), entry)
        return
    for path in place.paths:
        if place.into or path in place.known:
            yield _Landing(_below(path, selection.name), root)
            continue
        yield _Landing(path, root)
        if not surely:
            yield _Landing(_below(path, selection.name), root)


def _may_be_archive(file: ContextFile, facts: Facts, operation: Add) -> bool:
    main = isinstance(operation.origin, FromContext) and operation.origin.name == ""
    content = facts.manifests.get(file.path) if main else None
    if content is not None:
        return not _is_text(content)
    return _ARCHIVE_NAME.search(file.path.rpartition("/")[2]) is not None


def _is_text(content: bytes) -> bool:
    return b"\0" not in content[:512] and not content.startswith(
        (b"\x1f\x8b", b"BZh", b"\xfd7zXZ", b"\x28\xb5")
    )


def _fetched(operation: Copy | Add, source: HttpFile | GitTree, place: _Place) -> Effects:
    if isinstance(source, GitTree):
        fixed = bool(source.checksum) or _COMMIT.fullmatch(source.ref) is not None
        why = "" if fixed else f"{source.remote} may have moved on: no commit is named"
        return _anything(place)._replace(volatile=why, network=True)
    why = "" if source.checksum else f"{source.url} may answer with something else: no checksum is given"
    name = re.split(r"[?#]", source.url)[0].partition("://")[2].partition("/")[2].rpartition("/")[2]
    unpacked = isinstance(operation, Add) and bool(operation.unpack)
    if unpacked or not name or "%" in name or has_wildcards(name):
        return _anything(place)._replace(volatile=why, network=True)
    return Effects(writes=_file(place, name), volatile=why, network=True)


def _both(first: Effects, second: Effects) -> Effects:
    return first._replace(
        reads=first.reads | second.reads,
        writes=first.writes | second.writes,
        evidence=min(first.evidence, second.evidence),
        volatile=first.volatile or second.volatile,
        network=first.network or second.network,
        claims=first.claims + second.claims,
        links=first.links + second.links,
    )
