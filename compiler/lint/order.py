"""The order of a stage: which copies of sources stand above which installs, in it and the stages below it."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from ...grammar.shell_loose import loose_commands
from ...grammar.source import Span
from ...grammar.syntax import Instruction
from ..effects.paths import is_below
from . import install_words
from .calls import Call, CallWord
from .installs import Install, Needs, install_of
from .script import RunScript
from .stages import StageView
from .subject import Subject
from .tools import has_mount, text_of

__all__ = ["InstallStep", "SourceCopy", "Walk", "calls_in", "copied_paths", "walks"]


class SourceCopy(NamedTuple):
    """A COPY or ADD of sources of the project: ``paths`` are those of its arguments that are sources."""

    stage: StageView
    instruction: Instruction
    paths: tuple[str, ...]
    target: str

    @property
    def is_whole(self) -> bool:
        """Whether it is the whole project."""
        return any(path.strip("./\\*") == "" for path in self.paths)


class InstallStep(NamedTuple):
    """One install that a RUN makes. ``above`` are the copies of sources that it stands below. ``waits`` are the
    copies from stages made of sources.
    """

    stage: StageView
    instruction: Instruction
    call: Call
    install: Install
    above: tuple[SourceCopy, ...]
    waits: tuple[Instruction, ...]
    is_prepared: bool


class Walk(NamedTuple):
    """One stage from its first base on."""

    stage: StageView
    steps: tuple[InstallStep, ...]


# --- what is copied ----------------------------------------------------------------------------------

_MANIFESTS = frozenset(install_words.MANIFESTS.split())
_STARRED = tuple(word.partition("*") for word in _MANIFESTS if "*" in word)
_SOURCE_SUFFIXES = frozenset(install_words.SOURCE_SUFFIXES.split())
_ASIDE = frozenset(install_words.ASIDE.split())
_OF_MANIFESTS = frozenset(install_words.OF_MANIFESTS.split())
_PLAIN_FILES = frozenset(install_words.PLAIN_FILES.split())
_SYSTEM = (
    "/etc",
    "/usr/bin",
    "/usr/sbin",
    "/usr/local/bin",
    "/usr/local/sbin",
    "/usr/local/etc",
    "/bin",
    "/sbin",
)


def copied_paths(instruction: Instruction) -> tuple[str, ...]:
    """The sources of a COPY or ADD as written."""
    return () if len(instruction.args) < 2 else tuple(instruction.args[:-1])


def _is_source(path: str, target: str, values: Mapping[str, str]) -> bool:
    """Whether an argument of COPY names source files: the whole context, a folder of them, or one."""
    path = _expanded(path, values)
    if path.startswith(("<<", "git@")) or "://" in path:
        return False
    path = posixpath.normpath("/" + path.replace("\\", "/")).lstrip("/")
    if path in ("", "*", "**"):
        return True
    if "$" in path:
        return False
    name = path.rpartition("/")[2]
    if name in ("*", "**"):
        name = path.rstrip("*").rstrip("/").rpartition("/")[2]
    if name.endswith("*") and len(name) > 3:  # package*
        name = name.rstrip("*")
        if any(each.startswith(name) for each in _MANIFESTS):
            return False
    if _is_manifest(name):
        return False
    stem, dot, suffix = name.rpartition(".")
    if dot and stem and not suffix.isdecimal():
        return f".{suffix.lower()}" in _SOURCE_SUFFIXES and not _is_helper(stem)
    return not (
        name.lower() in _ASIDE
        or name.lower() in _PLAIN_FILES
        or (name.isupper() and len(name) > 2)
        or target.startswith(_SYSTEM)
        or target == "/"  # an overlay of the system
        or _is_helper(name)
        or name.startswith(".")
    )


def _is_project_aside(path: str) -> bool:
    """Whether a folder that seldom changes by its name may be a project all the same."""
    name = path.rstrip("/").rpartition("/")[2].lower()
    return name in _ASIDE and not _is_manifest(name) and name not in _OF_MANIFESTS


def _is_manifest(name: str) -> bool:
    """Whether installs read a file of this name, which may be a pattern itself."""
    if name in _MANIFESTS:
        return True
    for first, _, last in _STARRED:
        if not first and last.endswith("*"):
            if last[:-1] in name:
                return True
        elif name.startswith(first) and name.endswith(last):
            return True
    return False


def _is_helper(stem: str) -> bool:
    """Whether a single script by its name helps to set the image up."""
    lowered = stem.lower()
    return any(
        word in lowered for word in ("install", "setup", "config", "entrypoint", "settings", "healthcheck")
    )


def _expanded(text: str, values: Mapping[str, str]) -> str:
    if "$" not in text:
        return text
    for name, value in values.items():
        text = text.replace("${" + name + "}", value)
        if text.endswith("$" + name) or f"${name}/" in text:
            text = text.replace("$" + name, value)
    return text


# --- the walk ----------------------------------------------------------------------------------------


def walks(subject: Subject) -> tuple[Walk, ...]:
    """Each stage with its installs, in order. Made once for each ``subject``."""
    made: tuple[Walk, ...] | None = subject.__dict__.get("_walks")
    if made is None:
        made = tuple(_Walker(subject).all()) if any(True for _ in subject.each("RUN", onbuild=True)) else ()
        subject.__dict__["_walks"] = made
    return made


class _State(NamedTuple):
    sources: tuple[SourceCopy, ...] = ()
    aside: tuple[SourceCopy, ...] = ()
    waits: tuple[Instruction, ...] = ()
    prepared: frozenset[tuple[str, str]] = frozenset()
    directory: str = "/"
    values: Mapping[str, str] = {}  # never changed
    vendored: frozenset[str] = frozenset()
    base: str = ""


class _Walker:
    def __init__(self, subject: Subject) -> None:
        self.subject = subject
        self.ends: dict[int, _State] = {}
        self.by_name: dict[str, StageView] = {}
        self.calls = calls_in(subject)
        self.globals = _declared(subject.arguments, {})

    def all(self) -> Iterator[Walk]:
        for stage in self.subject.stages:
            yield self._stage(stage)
            self.by_name[str(stage.number)] = stage
            if stage.name:
                self.by_name[stage.name] = stage

    def _stage(self, stage: StageView) -> Walk:
        parent = stage.parent
        state = (
            self.ends[parent.number]
            if parent is not None
            else _State(base=_expanded(stage.base, self.globals))
        )
        steps: list[InstallStep] = []
        for instruction in stage.instructions:
            state = self._instruction(stage, instruction.child or instruction, state, steps)
        self.ends[stage.number] = state
        return Walk(stage, tuple(steps))

    def _instruction(
        self, stage: StageView, instruction: Instruction, state: _State, steps: list[InstallStep]
    ) -> _State:
        keyword = instruction.keyword
        if keyword in ("COPY", "ADD"):
            return self._copy(stage, instruction, state)
        if keyword == "WORKDIR" and instruction.args:
            path = _expanded(instruction.args[0], state.values)
            return state._replace(directory=posixpath.normpath(posixpath.join(state.directory, path)))
        if keyword in ("ENV", "ARG"):
            return state._replace(values=_declared((instruction,), {**self.globals, **state.values}))
        if keyword == "RUN":
            return self._run(stage, instruction, state, steps)
        return state

    def _copy(self, stage: StageView, instruction: Instruction, state: _State) -> _State:
        flag = Subject.flag(instruction, "from")
        if flag is not None:
            other = self.by_name.get((flag.value or "").lower())
            if other is None or not self.ends[other.number].sources:
                return state
            return state._replace(waits=(*state.waits, instruction))
        if len(instruction.args) < 2:
            return state
        written = instruction.args[-1]
        target = posixpath.normpath(posixpath.join(state.directory, _expanded(written, state.values)))
        paths = copied_paths(instruction)
        folders = {path.strip("./").rpartition("/")[2] for path in paths}
        state = state._replace(vendored=state.vendored | (folders & {"vendor", "Godeps"}))
        found = tuple(path for path in paths if _is_source(path, target, state.values))
        if not found:
            if len(paths) == 1 and _is_project_aside(paths[0]):
                aside = SourceCopy(stage, instruction, paths, target)
                return state._replace(aside=(*state.aside, aside))
            return state
        return state._replace(sources=(*state.sources, SourceCopy(stage, instruction, found, target)))

    def _run(
        self, stage: StageView, instruction: Instruction, state: _State, steps: list[InstallStep]
    ) -> _State:
        directory = state.directory
        prepared = set(state.prepared)
        for call in self.calls.get(instruction.span.start, ()):
            if call.name in ("cd", "pushd") and len(call.words) > 1:
                where = _expanded(text_of(call.words[1]), state.values)
                directory = posixpath.normpath(posixpath.join(directory, where))
                continue
            install = install_of(call)
            if install is not None:
                install = _placed(install, state)
            if install is not None and state.sources:
                state = state._replace(sources=self._real(state.sources))
                above = tuple(copy for copy in state.sources if _concerns(copy, install, directory))
            else:
                above = state.sources
            if install is not None and install.needs is not Needs.NOTHING:
                # A folder that seldom changes by its name is a project where something is installed right in it.
                above += tuple(copy for copy in state.aside if copy.target == directory != "/")
            if install is None or self._is_vendored(install, call, instruction, state):
                continue
            key = (install.family, f"{_directory_of(call, directory)} {install.which}")
            families = {family for family, _ in prepared}
            ready = key in prepared or (install.needs is Needs.SOURCE and install.family in families)
            if install.needs is not Needs.NOTHING and not above:
                prepared.add(key)
            steps.append(InstallStep(stage, instruction, call, install, above, state.waits, ready))
        return state._replace(prepared=frozenset(prepared))

    def _is_vendored(self, install: Install, call: Call, instruction: Instruction, state: _State) -> bool:
        """Whether nothing is fetched again: what is needed lies beside the source, or in a cache mount."""
        if install.needs is not Needs.SOURCE:
            return install.shown.startswith("go mod") and _old_go(state)
        if has_mount(instruction, ""):
            return True
        if install.family == "pip":
            return False
        if install.family == "go":
            return (
                bool(state.vendored)
                or "vendor" in state.values.get("GOFLAGS", "")
                or "GOFLAGS" in call.assigned
                or (install.shown != "go get" and _is_gopath(state))
                or self._has("vendor/modules.txt")
            )
        if install.family == "cargo":
            return bool(state.vendored) or self._has(".cargo/config.toml")
        return False

    def _real(self, sources: tuple[SourceCopy, ...]) -> tuple[SourceCopy, ...]:
        """Without folders that hold nothing but manifests, where their files are known."""
        return tuple(copy for copy in sources if _holds_more_than_manifests(self.subject, copy))

    def _has(self, path: str) -> bool:
        return any(file.path == path for file in self.subject.facts.contexts.get("", ()))


def _placed(install: Install, state: _State) -> Install:
    """An install whose package is the project itself, by its path below GOPATH, is none of others' packages."""
    if install.family == "go" and install.needs is Needs.NOTHING:
        package = install.which.removesuffix("/...").partition("@")[0]
        targets = (copy.target for copy in state.sources)
        local = any(
            f"/src/{package}".startswith(t[t.find("/src/") :]) for t in targets if "/src/" in t and "." in t
        )
        if local or f"/src/{package}" in state.directory + "/":
            return install._replace(needs=Needs.SOURCE, files=("go.mod", "go.sum"))
    return install


def _concerns(copy: SourceCopy, install: Install, directory: str) -> bool:
    """Whether sources may be those of the project for which dependencies are installed in ``directory``."""
    if copy.is_whole or install.needs is Needs.NOTHING:
        return True
    if any(path.endswith(".gemspec") for path in copied_paths(copy.instruction)):
        return False
    if "$" in directory + copy.target:
        return directory.partition("$")[0].startswith(copy.target.partition("$")[0])
    return is_below(directory, copy.target) or is_below(copy.target, directory)


def _old_go(state: _State) -> bool:
    return _go_version(state.base) < (1, 11) or state.values.get("GO111MODULE") == "off"


def _is_gopath(state: _State) -> bool:
    """Whether builds take dependencies from GOPATH, and fetch none."""
    if state.values.get("GO111MODULE") in ("on", "auto"):
        return False
    version = _go_version(state.base)
    below = [copy.target for copy in state.sources if copy.target.startswith("/go/src/")]
    inside = bool(below) or state.directory.startswith("/go/src/")
    return _old_go(state) or (inside and (version < (1, 13) or version == _NO_GO))


_NEWEST_GO = (98, 0)
_NO_GO = (99, 0)


def _go_version(base: str) -> tuple[int, int]:
    """The version in the tag of a Go image: the newest where there is none; of others it is not known."""
    name, _, tag = base.rpartition(":")
    if (name or tag).rpartition("/")[2] != "golang":
        return _NO_GO
    parts = tag.partition("-")[0].split(".")
    if parts[0] == "1" and len(parts) > 1 and parts[1].isdecimal():
        return (1, int(parts[1]))
    return _NEWEST_GO


def _directory_of(call: Call, directory: str) -> str:
    for first, second in zip(call.words, call.words[1:], strict=False):
        if first.shown in ("--prefix", "-C", "--cwd", "--dir", "--working-dir"):
            return posixpath.normpath(posixpath.join(directory, text_of(second)))
    return directory


def _declared(instructions: tuple[Instruction, ...], known: Mapping[str, str]) -> dict[str, str]:
    """What ARG and ENV say, with variables in values put in."""
    found = dict(known)
    for instruction in instructions:
        words = instruction.args
        if instruction.keyword == "ENV" and len(words) >= 2 and "=" not in words[0]:
            words = (f"{words[0]}={' '.join(words[1:])}",)
        for word in words:
            name, sign, value = word.partition("=")
            if sign:
                found[name] = _expanded(value.strip("\"'"), found)
    return found


def _holds_more_than_manifests(subject: Subject, copy: SourceCopy) -> bool:
    """Whether a folder holds sources, where its files are known."""
    if copy.is_whole:
        return True
    files = subject.facts.contexts.get("", ())
    prefixes = tuple(posixpath.normpath("/" + path).lstrip("/") for path in copy.paths)
    below = [
        file.path.rpartition("/")[2]
        for file in files
        if file.kind != "directory" and file.path.startswith(tuple(f"{prefix}/" for prefix in prefixes))
    ]
    return not below or not all(map(_is_manifest, below))


# --- calls -------------------------------------------------------------------------------------------


def calls_in(subject: Subject) -> Mapping[int, tuple[Call, ...]]:
    """The calls of each RUN, by its offset, in order; for shells of Windows as far as their words are plain. Made
    once for each ``subject``.
    """
    made: Mapping[int, tuple[Call, ...]] | None = subject.__dict__.get("_calls_in")
    if made is None:
        made = subject.__dict__["_calls_in"] = _calls_in(subject)
    return made


def _calls_in(subject: Subject) -> Mapping[int, tuple[Call, ...]]:
    found: dict[int, list[Call]] = {}
    for calls in subject.tools.values():
        for call in calls:
            found.setdefault(call.instruction.span.start, []).append(call)
    for script in subject.scripts:
        if not script.is_posix:
            found.setdefault(script.instruction.span.start, []).extend(_loose(script))
    return {start: tuple(sorted(calls, key=lambda call: call.span)) for start, calls in found.items()}


def _loose(script: RunScript) -> Iterator[Call]:
    for words in loose_commands(script.text):
        first, last = words[0], words[-1]
        span: Span = script.span(first.start, last.end)
        texts = tuple(
            CallWord(word.literal, script.text[word.start : word.end], script.span(word.start, word.end))
            for word in words
        )
        yield Call(script.stage, script.instruction, texts, span)
