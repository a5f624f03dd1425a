"""What a comparison of two images comes to, as values and as JSON."""

from __future__ import annotations

from typing import Any, NamedTuple

from ...snapshot.entry import Entry

__all__ = ["ADDED", "REMOVED", "Change", "ConfigChange", "Made", "Step", "Verdict"]

# An entry that is only in A, or only in B.
REMOVED, ADDED = "removed", "added"


class Step(NamedTuple):
    """What wrote an entry: an instruction with its place, or (``line`` is 0) a line of an image's history."""

    title: str
    file: str = ""
    line: int = 0
    stage: str = ""


class Change(NamedTuple):
    """One entry that differs. ``before`` is A's and ``after`` is B's, none where it has none.

    ``aspects`` say in what: ``removed`` (only in A), ``added`` (only in B), or one or more of kind, mode, owner,
    content, target, device, xattrs, links, time. ``links_before`` and ``links_after`` are all names of the file,
    where ``links`` is among the aspects. ``cause`` is the name of a rule of ``causes.py``. ``own``: A alone, built
    twice, differs here in the same aspects. ``step`` is the step of A that wrote (or removed) it, ``step_after``
    that of B. ``diff`` is a unified diff, of small texts only.
    """

    path: str
    aspects: tuple[str, ...]
    before: Entry | None
    after: Entry | None
    links_before: tuple[str, ...] = ()
    links_after: tuple[str, ...] = ()
    cause: str = "unknown"
    own: bool = False
    step: Step | None = None
    step_after: Step | None = None
    diff: str = ""


class ConfigChange(NamedTuple):
    """A field of the config, as ``config.Env`` or ``config.Labels.version``; none where it is absent."""

    field: str
    before: Any
    after: Any


class Made(NamedTuple):
    """One of the two images. ``layers`` are diff IDs, bottom first; ``executed`` and ``cached`` count the steps of
    its build, none where it was not built.
    """

    name: str
    platform: str
    layers: tuple[str, ...]
    executed: int | None = None
    cached: int | None = None


class Verdict(NamedTuple):
    """``entries`` counts those of A by kind. ``rebuilt`` are the steps of A that ran a second time; ``unstable``
    are entries that differ between A's own two builds though not between A and B (looked for with ``twice``).
    ``config_compared`` is false where one side is a bare tree of files. ``strict``: what is A's own doing counts.
    """

    a: Made
    b: Made
    entries: dict[str, int]
    changes: tuple[Change, ...]
    config: tuple[ConfigChange, ...]
    config_compared: bool = True
    rebuilt: tuple[Step, ...] = ()
    unstable: tuple[Change, ...] = ()
    strict: bool = False
    notes: tuple[str, ...] = ()

    @property
    def blamed(self) -> tuple[Change, ...]:
        """The entries that make the two images different."""
        return tuple(change for change in self.changes if self.strict or not change.own)

    @property
    def excused(self) -> tuple[Change, ...]:
        """The entries that differ because A makes them anew each time."""
        return tuple(change for change in self.changes if change.own and not self.strict)

    @property
    def equal(self) -> bool:
        """Whether B is as good as another build of A."""
        return not self.blamed and not self.config

    def to_document(self) -> dict[str, Any]:
        """The form of ``--json``: ``layerc.verify/1``."""
        return {
            "format": "layerc.verify/1",
            "equal": self.equal,
            "a": self.a._asdict(),
            "b": self.b._asdict(),
            "entries": self.entries,
            "config_compared": self.config_compared,
            "config": [change._asdict() for change in self.config],
            "differences": [_change(change, self.strict) for change in self.changes],
            "rebuilt": [step._asdict() for step in self.rebuilt],
            "unstable": [_change(change, self.strict) for change in self.unstable],
            "notes": list(self.notes),
        }


def _change(change: Change, strict: bool) -> dict[str, Any]:
    document: dict[str, Any] = {
        "path": "/" + change.path,
        "aspects": list(change.aspects),
        "a": _entry(change.before),
        "b": _entry(change.after),
        "cause": change.cause,
        "own_doing": change.own,
        "blamed": strict or not change.own,
        "step_a": change.step and change.step._asdict(),
        "step_b": change.step_after and change.step_after._asdict(),
    }
    if "links" in change.aspects:
        document |= {"links_a": change.links_before, "links_b": change.links_after}
    return document | ({"diff": change.diff} if change.diff else {})


def _entry(entry: Entry | None) -> dict[str, Any] | None:
    if entry is None:
        return None
    document: dict[str, Any] = {
        "kind": entry.kind,
        "mode": f"{entry.mode:04o}",
        "uid": entry.uid,
        "gid": entry.gid,
        "mtime_ns": entry.mtime_ns,
    }
    match entry.kind:
        case "file":
            document |= {"size": entry.size, "digest": entry.digest}
        case "symlink":
            document["target"] = entry.target
        case "character" | "block":
            document["device"] = list(entry.device)
    if entry.xattrs:
        document["xattrs"] = {name: value.hex() for name, value in entry.xattrs}
    return document
