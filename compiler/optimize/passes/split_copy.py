"""Move a COPY below steps that do not need its files, and copy what they do need just above each of them.

**Sound** because a step that neither reads nor writes a path makes the same of a tree in which that path is not
there yet. Of each step that the COPY is moved below this is known, from a trace or a profile of its tools:

* it reads none of the files that come later: no content, no metadata, no look-up of their names, no listing of a
  directory that they lie in;
* it writes nothing that the COPY writes, so it does not count which of them comes last (in a directory that was
  copied for it, it may make what it likes: the COPY goes over such a directory and leaves the rest in it alone);
* what it does read of the context is copied right above it, to the same places, with the same owner and mode.

The COPY itself stays as it was and copies those files once more, with the same contents; where nothing is left to
copy it goes. Links of the base, WORKDIR, and variables between are taken into account.

Before::

    COPY . .
    RUN npm ci

After::

    COPY package.json package-lock.json ./
    RUN npm ci
    COPY . .

Reference: "use multi-step copies to leverage the cache", Docker's build best practices.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from ...effects.model import Claim, Effects, Evidence
from ...effects.paths import NO_WRITES, Reads, Writes, ancestors, is_below
from ...effects.steps import copied
from ...graph.layer import ImageLayer
from ...graph.operations import Add, Base, Copy, FromContext, MakeDir
from ..draft import Draft, Step
from ..facts import ContextFile, Facts
from ..knowledge import Knowledge
from ..rewrite import Change, Refusal, Rewrite

__all__ = ["run"]

_MOST_SOURCES = 24  # more of them nobody wants to read
_WORTH_SECONDS = 0.5
_PLAIN = re.compile(r"[A-Za-z0-9_./@+~=,-]+", re.ASCII)
_LAST_WORD = re.compile(r"(\S+)(\s*)\Z")
_AS_IT_SHOULD = "it reads what is copied"
_REBINDING = frozenset(("ENV", "ARG"))


def run(draft: Draft, facts: Facts) -> Rewrite:
    """Move one COPY in each stage."""
    knowledge = Knowledge.of_draft(draft, facts)
    changes: list[Change] = []
    refusals: list[Refusal] = []
    for stage in draft.stages:
        # From the last to the first: what comes to stand below the same step keeps its order.
        for index, step in reversed(tuple(enumerate(stage.steps))):
            source = _Source.of(step, stage.steps[:index], knowledge, draft)
            if source is None:
                continue
            path = _walk(source, stage.steps[index + 1 :], knowledge)
            if path.passed:
                draft, change = _moved(draft, source, path.passed)
                changes.append(change)
                break
            if path.obstacle is not None:
                refusals.append(path.obstacle)
    return Rewrite(draft, tuple(changes), tuple(refusals))


class _Source(NamedTuple):
    """The COPY. ``places`` is where the entries of the context land; ``files`` are those entries. ``there`` are
    directories that are there without it, ``before`` is what the steps above write (``unsure``: one of them may
    write anything), ``bases`` are all directories of the bases.
    """

    step: Step
    operation: Copy | Add
    effects: Effects
    places: Mapping[str, str]
    files: Mapping[str, ContextFile]
    there: frozenset[str]
    before: Writes
    unsure: bool
    bases: frozenset[str]

    def may_be_there(self, path: str) -> bool:
        """Whether a directory that the COPY makes may be there without it."""
        made = path in self.before.names | self.before.directories or any(
            is_below(path, tree) for tree in self.before.trees
        )
        return self.unsure or made or path in self.bases or path in self.there

    @property
    def is_exact(self) -> bool:
        """Whether it names each file that it copies: there will never be more of them."""
        names = {posixpath.normpath(text) for text in self.step.instruction.args[:-1]}
        return names == self.files.keys() and all(file.kind == "file" for file in self.files.values())

    @property
    def top(self) -> str:
        """The destination without a slash at its end."""
        return posixpath.normpath(self.operation.dest)

    @classmethod
    def of(cls, step: Step, above: Sequence[Step], knowledge: Knowledge, draft: Draft) -> _Source | None:
        """None where it is no COPY of files of a context that are known, the same for all platforms."""
        facts = knowledge.facts
        operations = {layer.operation for layer in step.layers}
        if len(operations) != 1 or "" not in facts.contexts:
            return None
        (operation,) = operations
        if not isinstance(operation, Copy | Add) or operation.origin != FromContext():
            return None
        if operation.parents or step.instruction.heredocs:
            return None
        effects = knowledge.effects(step.layers)
        found = copied(step.layers[0], facts.contexts[""], knowledge.links)
        if effects.unknown or any(len(places) != 1 for places in found.values()):
            return None
        if effects.writes.trees:  # what of it an archive unpacks to is not known
            return None
        places = {path: landing[0] for path, landing in found.items()}
        files = {file.path: file for file in facts.contexts[""] if file.path in places}
        before = [knowledge.effects((layer,)) for layer in _below(step.layers[0], draft)]
        writes = NO_WRITES
        for each in before:
            writes |= each.writes
        return cls(
            step,
            operation,
            effects,
            places,
            files,
            _directories(above, facts),
            writes,
            any(each.unknown for each in before),
            frozenset().union(*facts.directories.values(), *facts.others.values()),
        )


def _below(layer: ImageLayer, draft: Draft) -> Iterator[ImageLayer]:
    """The layers that ``layer`` lies on, without the base's."""
    layers = {each.id: each for step in draft.every for each in step.layers}
    while layer.parent in layers:
        layer = layers[layer.parent]
        if not isinstance(layer.operation, Base):
            yield layer


class _Passed(NamedTuple):
    """A step that the COPY may be moved below. ``needed`` are the entries of the context that it reads."""

    step: Step
    effects: Effects
    needed: tuple[str, ...]


class _Path(NamedTuple):
    """``obstacle`` says why the COPY was not moved at all, if that is worth to be told."""

    passed: tuple[_Passed, ...] = ()
    obstacle: Refusal | None = None


def _directories(before: Sequence[Step], facts: Facts) -> frozenset[str]:
    """Directories that are there after the steps ``before``: those of the base, and of WORKDIR."""
    known = list(facts.directories.values())
    there = set(frozenset.intersection(*known)) if known else set()
    for step in before:
        for layer in step.layers:
            if isinstance(layer.operation, MakeDir):
                path = posixpath.normpath(layer.operation.path)
                there |= {path, *ancestors(path)}
    return frozenset(there)


# --- how far down it may go --------------------------------------------------------------------------


def _walk(source: _Source, below: Iterable[Step], knowledge: Knowledge) -> _Path:
    rest = dict(source.places)
    passed: list[_Passed] = []
    worth = 0
    refusal: Refusal | None = None
    for step in below:
        if not step.built or (step.keyword in _REBINDING and "$" in source.step.text):
            break
        if step.keyword == "WORKDIR" and not _can_be_absolute(source):
            break
        if not step.layers:
            passed.append(_Passed(step, Effects(), ()))
            continue
        effects = knowledge.effects(step.layers)
        needed, why = _needed(source, rest, effects, has_some=len(rest) < len(source.places))
        if not why and needed and not _writable(source, needed):
            why = f"what it reads of the context ({len(needed)} names) can not be told in a few plain words"
        if why == _AS_IT_SHOULD:
            break
        if why:
            refusal = _refusal(source, step, effects, why)
            break
        passed.append(_Passed(step, effects, needed))
        for path in needed:
            del rest[path]
        if _is_worth(step, effects, knowledge.facts):
            worth = len(passed)
        if not rest:
            break
    if worth and (rest or any(item.needed for item in passed[: worth - 1])):
        return _Path(tuple(passed[:worth]))
    return _Path((), refusal)


def _needed(
    source: _Source, rest: Mapping[str, str], effects: Effects, *, has_some: bool
) -> tuple[tuple[str, ...], str]:
    """Entries of ``rest`` that a step reads, or why the COPY can not be moved below it."""
    if effects.unknown:
        return (), effects.unknown
    if path := source.effects.reads.conflict(effects.writes):
        return (), f"where the files go may depend on {path}"
    looks = _Looks(effects.reads)
    exact = {path for path, place in rest.items() if looks.sees(place, source.files[path].kind)}
    # Of a directory that is looked at itself, all is copied.
    whole = {path for path in exact if source.files[path].kind == "directory"}
    needed = {path for path in rest if path in exact or not whole.isdisjoint(_above(path))}
    copied_before = {path for path in source.places if path not in rest or path in needed}
    if path := _both_write(source, effects.writes, copied_before):
        return (), f"both write {path}"
    # Where the COPY says no names, other files may be there tomorrow, which it is to bring as well.
    if needed and len(needed) == len(rest) and not (has_some and source.is_exact):
        return (), looks.why_all(source.places[path] for path in sorted(needed)) or _AS_IT_SHOULD
    for path in needed:
        directory = posixpath.dirname(source.places[path])
        if directory in effects.reads.lists and posixpath.dirname(path) not in needed:
            return (), f"it lists {directory}"  # files that are there tomorrow belong to it, too
    for path in sorted(whole):
        # A directory that is copied by its own name keeps its mode, if it is there.
        if (
            path in rest
            and posixpath.dirname(path) not in needed
            and source.may_be_there(source.places[path])
        ):
            return (), f"{source.places[path]} may be there already, with another mode"
    made = source.effects.writes.directories - source.there
    if not needed and not has_some and (path := effects.reads.conflict(Writes(directories=made))):
        return (), f"it may look at {path}, which is not there without the copy"
    return tuple(sorted(needed, key=_shortest_first)), ""


def _both_write(source: _Source, writes: Writes, copied_before: Iterable[str]) -> str | None:
    """A path that a step and the COPY below it write. In directories that are there already, because of
    ``copied_before``, the step may write; it may not touch them themselves.
    """
    theirs = source.effects.writes
    there = {source.places[path] for path in copied_before if source.files[path].kind == "directory"}
    if path := writes.conflict(theirs._replace(names=theirs.names - there)):
        return path
    touched = writes.names | writes.directories | writes.trees
    return min((path for path in there if not touched.isdisjoint((path, *ancestors(path)))), default=None)


def _shortest_first(path: str) -> tuple[str, int, str]:
    """Lock files behind what they lock, as people write them."""
    return (posixpath.dirname(path), len(path), path)


class _Looks:
    """:meth:`Reads.conflict`, for many paths one by one."""

    def __init__(self, reads: Reads) -> None:
        self._known = reads.names | reads.lists
        self._lists = reads.lists
        self._trees = reads.trees
        self._above = {path for known in self._known | self._trees for path in ancestors(known)}

    def sees(self, path: str, kind: str) -> bool:
        """Whether an entry that appears at ``path`` may make a difference."""
        above = list(ancestors(path))
        if path in self._known or (above and above[0] in self._lists):
            return True
        if kind != "directory" and path in self._above:
            return True
        return path in self._trees or not self._trees.isdisjoint(above)

    def why_all(self, paths: Iterable[str]) -> str:
        """Why so much is seen, in words; empty if each path is looked at by its own name."""
        for path in paths:
            above = list(ancestors(path))
            if path not in self._known and above and above[0] in self._lists:
                return f"it lists {above[0]}"
            if tree := self._trees.intersection((path, *above)):
                return f"it may read anything below {min(tree)}"
        return ""


def _above(path: str) -> Iterator[str]:
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def _is_worth(step: Step, effects: Effects, facts: Facts) -> bool:
    """Whether it costs something to run the step again."""
    seconds = (facts.observed[layer.id].seconds for layer in step.layers if layer.id in facts.observed)
    if step.keyword != "RUN":
        return False
    return (
        bool(effects.manifests) or effects.network or any((each or 0) >= _WORTH_SECONDS for each in seconds)
    )


def _refusal(source: _Source, step: Step, effects: Effects, why: str) -> Refusal:
    needed = ""
    if step.keyword == "RUN" and effects.evidence < Evidence.OBSERVED:
        needed = f"build once with layerc to observe what line {step.lines[0]} reads"
    return Refusal(f"move {_title(source.step)} below {_title(step)}", why, step.lines, needed)


# --- the text ----------------------------------------------------------------------------------------


def _moved(draft: Draft, source: _Source, passed: Sequence[_Passed]) -> tuple[Draft, Change]:
    new: list[Step] = []
    for item in passed:
        for text in _copies(source, item, draft.keyword(source.step.keyword)):
            step = draft.step(text, like=source.step)
            draft = draft.insert(step, before=draft.find(item.step.key))
            new.append(step)
    last = draft.find(passed[-1].step.key)
    left = set(source.places) - {path for item in passed for path in item.needed}
    if left:
        draft = _behind(draft, source, last, passed)
    else:
        draft = draft.delete(draft.find(source.step.key))
    movers = [item for item in passed if item.effects.claims or item.effects.manifests or item.needed]
    below = ", ".join(_title(item.step) for item in movers) or _title(last)
    keys = tuple(step.key for step in new) or (source.step.key,)
    change = Change(
        f"moved {_title(source.step)} below {below}",
        "; ".join(map(_reason, movers)) or "they have nothing in common",
        source.step.lines,
        (*keys, source.step.key) if left and new else keys,
        min((item.effects.evidence for item in movers), default=Evidence.TEXT),
        tuple(dict.fromkeys(_claims(movers))),
    )
    return draft, change


def _claims(movers: Iterable[_Passed]) -> Iterator[Claim]:
    """What had to be taken for granted: no more than that it was seen is known of the rest."""
    for item in movers:
        yield from (claim for claim in item.effects.claims if claim.evidence < Evidence.OBSERVED)


def _behind(draft: Draft, source: _Source, last: Step, passed: Sequence[_Passed]) -> Draft:
    """The COPY behind the step ``last``."""
    step = draft.find(source.step.key)
    if any(item.step.keyword == "WORKDIR" for item in passed):
        changed = draft.step(_absolute(source), like=step, same_work=True)._replace(
            key=step.key, lead=step.lead
        )
        draft = draft.replace(step, changed._replace(lead=""))
        step = draft.find(step.key)
    steps = draft.stage_of(last).steps
    index = next(index for index, each in enumerate(steps) if each.key == last.key)
    if index + 1 == len(steps):
        return draft.move_to_end(step)
    return draft.move(step, before=steps[index + 1])


def _copies(source: _Source, item: _Passed, keyword: str) -> Iterator[str]:
    """The lines that copy what a step needs: one for each directory that something goes to."""
    chosen = set(item.needed)
    working = item.step.built[0].before.config.workdir or "/"
    flags = [flag.raw for flag in source.step.instruction.flags]
    groups: dict[str, list[str]] = {}
    for path in item.needed:
        if not chosen.isdisjoint(_above(path)):
            continue  # it comes with its directory
        place = source.places[path]
        is_directory = source.files[path].kind == "directory"
        groups.setdefault(place if is_directory else posixpath.dirname(place), []).append(path)
    for directory, paths in sorted(groups.items()):
        yield " ".join((keyword, *flags, *paths, _destination(source, directory, working)))


def _writable(source: _Source, needed: Sequence[str]) -> bool:
    """Whether the lines that copy ``needed`` can be written down, and read. What a variable stands for is another
    thing in another build.
    """
    *sources, destination = source.step.instruction.args
    if any("$" in text for text in sources):
        return False
    if "$" in destination and not all(is_below(source.places[path], source.top) for path in needed):
        return False
    chosen = set(needed)
    tops = [path for path in needed if chosen.isdisjoint(_above(path))]
    if len(tops) > _MOST_SOURCES:
        return False
    return all(
        _PLAIN.fullmatch(text) and not text.startswith(("-", "~"))
        for path in tops
        for text in (path, source.places[path])
    ) and all(posixpath.basename(source.places[path]) == posixpath.basename(path) for path in tops)


def _destination(source: _Source, directory: str, working: str) -> str:
    """``directory`` as one would spell it who wrote the COPY, where ``working`` is the working directory."""
    written = source.step.instruction.args[-1]
    if "$" in written:
        return posixpath.join(written, posixpath.relpath(directory, source.top), "").replace("/./", "/")
    relative = posixpath.relpath(directory, working)
    if written.startswith("/") or relative.startswith(".."):
        return directory.rstrip("/") + "/"
    return "./" if relative == "." else relative + "/"


def _can_be_absolute(source: _Source) -> bool:
    if source.step.instruction.args[-1].startswith("/"):
        return True
    if "$" in source.step.instruction.args[-1]:
        return False  # absolute or not: that is another thing in another build
    plain = _PLAIN.fullmatch(source.operation.dest) is not None and not source.step.instruction.exec_form
    return plain and source.step.text.rstrip().endswith(source.step.instruction.args[-1])


def _absolute(source: _Source) -> str:
    """Its text with a destination that another WORKDIR leaves alone."""
    if source.step.instruction.args[-1].startswith("/"):
        return source.step.text
    return _LAST_WORD.sub(lambda match: source.operation.dest + match[2], source.step.text)


def _reason(item: _Passed) -> str:
    names = ", ".join(item.needed[:4]) + (", …" if len(item.needed) > 4 else "")
    reads = f"reads {names} of the context" if item.needed else "reads nothing of it"
    how = "was seen to read" if item.effects.evidence is Evidence.OBSERVED else "reads"
    return f"{_title(item.step)} {reads.replace('reads', how, 1)}"


def _title(step: Step) -> str:
    """Its text on one short line."""
    text = " ".join(step.text.split())
    return text if len(text) <= 60 else text[:59] + "…"
