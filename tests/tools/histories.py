"""Histories: states of a small project, one after the other, made up at random, and what becomes of them when each
is built on what the cache knows of those before, and cleanly.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import stat
import tarfile
import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from tiny import TinyProject

from layerc.compiler.options import CompileOptions, NamedContext
from layerc.grammar.errors import LayercError
from layerc.grammar.source import SourceFile
from layerc.runtime.engine.build import build
from layerc.runtime.engine.request import BuildRequest, BuildResult
from layerc.runtime.events import Event, Notice, StepCached, StepStarted, TaskStarted
from layerc.runtime.snapshot.mount import enter_mount_namespace, mount
from layerc.runtime.store import Store

__all__ = [
    "File",
    "History",
    "MismatchError",
    "Player",
    "State",
    "Tree",
    "load_history",
    "read_tree",
    "save_history",
]

Tree = dict[str, tuple[object, ...]]
_SHOWN = 12
_CLEAN = {"no_cache": True, "traced": False}


class File(NamedTuple):
    """A file of the context. ``kind``: file, directory, symlink, link (``value``: another name), or tar: an
    archive of one file ``x`` with the content ``value``.
    """

    kind: str
    value: str = ""
    mode: int = 0o644


@dataclass(frozen=True)
class State:
    """A Dockerfile below the stage ``base``, a context, and the percentage of the store that is kept before."""

    text: str
    files: Mapping[str, File]
    kept: int = 100


History = tuple[State, ...]


class MismatchError(AssertionError):
    """A state whose incremental build is not what its clean build is."""


# --- files -------------------------------------------------------------------------------------------


def write_context(root: Path, files: Mapping[str, File]) -> None:
    """Put just ``files`` there. Their times follow from their contents: equal contexts give equal images."""
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir()
    for name in sorted(files, key=lambda name: (files[name].kind == "link", name)):
        file, path = files[name], root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        match file.kind:
            case "directory":
                path.mkdir(exist_ok=True)
            case "symlink":
                path.symlink_to(file.value)
            case "link":
                os.link(root / file.value, path)
            case "tar":
                path.write_bytes(_archive(file.value.encode()))
            case _:
                path.write_text(file.value)
        if file.kind not in ("symlink", "link"):
            path.chmod(file.mode)
            moment = 1_000_000_000 + int(hashlib.sha256(file.value.encode()).hexdigest()[:4], 16)
            os.utime(path, (moment, moment))


def _archive(content: bytes) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as tar:
        entry = tarfile.TarInfo("x")
        entry.size, entry.mtime = len(content), 1_000_000_000
        tar.addfile(entry, io.BytesIO(content))
    return made.getvalue()


def read_tree(root: str) -> Tree:
    """What a container would see below ``root``: everything but times, and the programs in /bin."""
    tree: Tree = {}
    inodes: dict[int, str] = {}
    for folder, folders, files in os.walk(root):
        folders[:] = sorted(set(folders) - {"bin"})  # hundreds of busybox's links, which no step changes
        for name in sorted([*folders, *files]):
            path = os.path.join(folder, name)
            status = os.lstat(path)
            content = ""
            if stat.S_ISLNK(status.st_mode):
                content = os.readlink(path)
            elif stat.S_ISREG(status.st_mode):
                data = Path(path).read_bytes()
                content = (
                    data.decode(errors="replace") if len(data) < 9999 else hashlib.sha256(data).hexdigest()
                )
            names = [n for n in os.listxattr(path, follow_symlinks=False) if "overlay" not in n]
            xattrs = [(n, os.getxattr(path, n, follow_symlinks=False)) for n in sorted(names)]
            shown = os.path.relpath(path, root)
            first = "" if stat.S_ISDIR(status.st_mode) else inodes.setdefault(status.st_ino, shown)
            tree[shown] = (
                oct(status.st_mode),
                status.st_uid,
                status.st_gid,
                status.st_rdev,
                content,
                xattrs,
                first,
            )
    return tree


def _comparable(config: dict[str, Any]) -> str:
    """A config without times and what depends on them."""
    history = [{key: value for key, value in item.items() if key != "created"} for item in config["history"]]
    return json.dumps(config | {"created": "", "rootfs": "", "history": history}, sort_keys=True)


# --- building ----------------------------------------------------------------------------------------


@dataclass
class Player:
    """Plays histories in ``folder``. ``counts`` says how often what was seen: levels of hits, steps that ran,
    states, errors. With ``side_by_side`` steps run ahead where they may.
    """

    folder: Path
    counts: Counter[str] = field(default_factory=Counter)
    side_by_side: bool = False

    def __post_init__(self) -> None:
        enter_mount_namespace()
        maker = TinyProject(self.folder)
        self.layout = self.folder / "base"
        maker.build("", outputs=(f"type=oci-layout,dest={self.layout}",))
        self.context = maker.context
        self.template = self.folder / "template"
        self.clean = self.folder / "clean"
        empty = State("FROM base\n", {})
        for home in (self.template, self.clean):
            self._build(home, empty, [])
        self._trees: dict[str, object] = {}

    def play(self, history: History) -> None:
        """Build each state in a store that has seen those before. Raises :class:`MismatchError`.

        It ends before a state whose clean builds differ among themselves: steps raced each other.
        """
        self.counts["histories"] += 1
        # Never the same path again: a process remembers what it has read of a store.
        home = self.folder / f"played-{self.counts['histories']}"
        shutil.copytree(self.template, home, symlinks=True)
        try:
            self._play(home, history)
        finally:
            shutil.rmtree(home)

    def _play(self, home: Path, history: History) -> None:
        built: set[str] = set()
        for number, state in enumerate(history):
            write_context(self.context, state.files)
            if state.kept < 100:
                built.clear()
                with Store.open(str(home)) as store:
                    store.gc(keep_bytes=store.usage().total * state.kept // 100)
            events: list[Event] = []
            found = self._outcome(home, state, events, side_by_side=self.side_by_side)
            expected = self._expected(state)
            self._count(state, events, found)
            if found != expected:
                if self._outcome(self.clean, state, [], **_CLEAN) != expected:
                    self.counts["unsteady"] += 1
                    return
                raise MismatchError(f"state {number}: incremental | clean\n{_differences(found, expected)}")
            key = _key(state)
            if isinstance(found, dict) and key in built:
                ran = [event.provenance.title for event in events if isinstance(event, StepStarted)]
                if ran:
                    raise MismatchError(f"state {number} was built before, but these ran again: {ran}")
            built.add(key)

    def _expected(self, state: State) -> object:
        key = _key(state)
        if key not in self._trees:
            self._trees[key] = self._outcome(self.clean, state, [], **_CLEAN)
        return self._trees[key]

    def _outcome(self, home: Path, state: State, events: list[Event], **changes: object) -> object:
        """The image's tree and config, or the error."""
        try:
            result = self._build(home, state, events, **changes)
        except LayercError as error:
            return f"{type(error).__name__}: {error.message}"
        with Store.open(str(home)) as store, mount(store, result.images[-1].diff_ids, None) as root:
            config = json.loads(next(iter(store.records("image").values())))
            return read_tree(str(root)) | {"the config": (_comparable(config),)}

    def _build(self, home: Path, state: State, events: list[Event], **changes: object) -> BuildResult:
        contexts = {"base": NamedContext("base", "image", f"oci-layout://{self.layout}")}
        request = BuildRequest(
            SourceFile("Dockerfile", state.text),
            CompileOptions(contexts=contexts),
            context=str(self.context),
            tags=("docker.io/library/played:latest",),
            **changes,  # type: ignore[arg-type]
        )
        with Store.open(str(home)) as store:
            return build(request, store, events.append)

    def _count(self, state: State, events: list[Event], found: object) -> None:
        self.counts["states"] += 1
        self.counts["errors"] += not isinstance(found, dict)
        for event in events:
            self.counts["ahead"] += isinstance(event, TaskStarted) and event.task.startswith("ahead ")
            self.counts["ahead in vain"] += isinstance(event, Notice) and "ran ahead" in event.message
            if isinstance(event, StepCached | StepStarted):
                word = event.provenance.title.split()[0]
                level = event.level if isinstance(event, StepCached) else "executed"
                self.counts[f"{word} {level}"] += 1


def _key(state: State) -> str:
    return json.dumps([state.text, sorted(state.files.items())])


def _differences(found: object, expected: object) -> str:
    if not isinstance(found, dict) or not isinstance(expected, dict):
        return " | ".join(made if isinstance(made, str) else "a tree" for made in (found, expected))
    paths = sorted(path for path in found.keys() | expected.keys() if found.get(path) != expected.get(path))
    return "\n".join(f"{path}: {found.get(path)} | {expected.get(path)}" for path in paths[:_SHOWN])


# --- files of histories ------------------------------------------------------------------------------


def save_history(path: Path, history: History, why: str) -> None:
    """Write a history that :func:`load_history` reads, with what it shows."""
    lines = [f"why = {json.dumps(why)}"]
    for state in history:
        lines += ["", "[[states]]", f"text = '''\n{state.text}'''"]
        lines += [f"kept = {state.kept}"] if state.kept < 100 else []
        lines.append("[states.files]")
        for name, file in sorted(state.files.items()):
            lines.append(
                f"{json.dumps(name)} = [{json.dumps(file.kind)}, {json.dumps(file.value)}, 0o{file.mode:o}]"
            )
    path.write_text("\n".join(lines) + "\n")


def load_history(path: Path) -> History:
    """The history of a file."""
    document = tomllib.loads(path.read_text())
    return tuple(
        State(
            item["text"], {name: File(*file) for name, file in item["files"].items()}, item.get("kept", 100)
        )
        for item in document["states"]
    )
