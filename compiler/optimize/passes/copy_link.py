"""Write ``COPY --link`` where it puts the same files into the same places.

A linked COPY is made on an empty tree and laid over the image, so it is kept when a step above it runs again, and
need not wait for it.

**Sound** only where nothing of the tree below counts. A plain COPY looks at it: it follows links to its
destination, leaves the owner and mode of directories that are there, and puts a file *into* a directory of its
name. A linked one makes the directories above with mode 0755, owned by root, and lays them over what is there. So

* each directory on the way is known to be of that mode and owner, or not to be there; none is a link;
* a destination without a final slash is known to be no directory, unless contents of directories are copied;
* where the copied entries land are no links, and no directories with another mode or owner;
* there is no ``--chmod`` (it takes the effect of ``--link`` away), no ``--parents`` or ``--exclude``, and no owner:
  it would become that of directories on the way, and names are not looked up.

What is there comes from the files of the base image and the effects of the steps between. What a variable says is
not taken for granted: other builds may give another value.

**Worth it** where a copy stands behind the last RUN of its stage (a RUN below it would run again anyway), and at
least one change in ten runs a step above it again while its own files stay as they are.

Needs BuildKit: Docker 23 or later, or ``# syntax=docker/dockerfile:1.4``. A file that asks for an older syntax is
left alone.

Before::

    FROM nginx
    COPY site /usr/share/nginx/html/
    COPY --from=tools /out/ /opt/tools/

After::

    FROM nginx
    COPY site /usr/share/nginx/html/
    COPY --link --from=tools /out/ /opt/tools/

Reference: "COPY --link" in the Dockerfile reference.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from ...effects.copies import copy_effects, directory_effects
from ...effects.links import Links, normal
from ...effects.model import Effects, Evidence
from ...effects.paths import ancestors, is_below
from ...graph.layer import ImageLayer
from ...graph.operations import Add, Copy, MakeDir
from ..draft import Draft, Stage, Step
from ..facts import Facts
from ..knowledge import Knowledge, Known
from ..rewrite import Change, Refusal, Rewrite

__all__ = ["run"]

_LEAST = 0.25  # of all changes
_SYNTAX = re.compile(r"^#[ \t]*syntax[ \t]*=[ \t]*(\S+)", re.IGNORECASE | re.MULTILINE)
_OLD = re.compile(r"docker/dockerfile(?:-upstream)?:1\.[0-3](?![0-9])")
_NO_LINKS = Links(({},))
_ROOT = frozenset(("", "root", "0", "0:0", "root:root"))


def run(draft: Draft, facts: Facts) -> Rewrite:
    """Link every copy of which that is known."""
    asked = _SYNTAX.search(draft.top)
    if asked is not None and (_OLD.search(asked[1]) or "docker/dockerfile" not in asked[1]):
        return Rewrite(draft)
    knowledge = Knowledge.of_draft(draft, facts)
    ends: dict[str, dict[str, _Tree]] = {}
    changes: list[Change] = []
    refusals: list[Refusal] = []
    variable = _variable(draft)
    for stage in draft.stages:
        known = knowledge.of(stage)
        base = stage.from_.instruction.args[0].lower()
        trees = dict(ends.get(base, {}))
        _learn(stage, known, facts, trees, variable)
        ends[stage.name or str(len(ends))] = trees
        for item, share in _worth(known, knowledge, stage):
            why = _obstacle(item.step, facts, trees)
            if item.step.key in variable:
                why = "where files go depends on a variable"
            if why:
                refusals.append(Refusal(f"link {_title(item.step)}", why, item.step.lines))
                continue
            step = draft.find(item.step.key)
            linked = draft.step(step.with_flag("--link"), like=step)._replace(key=step.key)
            draft = draft.replace(step, linked)
            changes.append(_change(step, share))
    return Rewrite(draft, tuple(changes), tuple(refusals))


def _worth(known: Sequence[Known], knowledge: Knowledge, stage: Stage) -> list[tuple[Known, float]]:
    """The copies that are worth it, with the share of changes for which that is so."""
    found: list[tuple[Known, float]] = []
    changes = knowledge.below(stage)
    for item in known:
        if item.step.keyword == "RUN":
            found.clear()
        share = knowledge.weight(changes - item.takes)
        is_plain = all(
            isinstance(layer.operation, Copy) and not layer.operation.link for layer in item.step.layers
        )
        if item.step.layers and is_plain and share >= _LEAST:
            found.append((item, share))
        changes |= item.takes
    return found


def _variable(draft: Draft) -> frozenset[int]:
    """The keys of steps that do something else where build arguments have other values."""
    arguments = (step for step in draft.every if step.keyword == "ARG")
    names = {word.partition("=")[0] for step in arguments for word in step.instruction.args}
    in_commands = (
        re.compile(rf"\$\{{?(?:{'|'.join(map(re.escape, names))})(?![A-Za-z0-9_])") if names else None
    )
    found: set[int] = set()
    for stage in draft.stages:
        moves = False  # whether the working directory does
        for step in stage.every:
            written = any("$" in word for word in step.instruction.args)
            moves |= step.keyword == "WORKDIR" and written
            if step.keyword == "RUN":
                varies = in_commands is not None and in_commands.search(step.text) is not None
            else:
                relative = step.keyword in {"COPY", "ADD"} and not step.instruction.args[-1].startswith("/")
                varies = written or (moves and relative)
            if varies:
                found.add(step.key)
    return frozenset(found)


def _change(step: Step, share: float) -> Change:
    return Change(
        f"linked {_title(step)}",
        "it puts the same files into the same places, whatever is below (needs Docker 23 or docker/dockerfile:1.4)",
        step.lines,
        (step.key,),
        Evidence.TEXT,
        saves=f"the copy, in {share:.0%} of all changes",
    )


def _title(step: Step) -> str:
    """Its text on one short line."""
    text = " ".join(step.text.split())
    return text if len(text) <= 60 else text[:59] + "…"


# --- what is there -----------------------------------------------------------------------------------


class _Tree(NamedTuple):
    """What is known of the tree that a layer ends. ``plain`` are directories with mode 0755 that root owns, ``odd``
    all other ones. Of ``vague`` paths, and of all below them that is not plain, nothing is known.
    """

    plain: frozenset[str] = frozenset()
    odd: frozenset[str] = frozenset()
    links: frozenset[str] = frozenset()
    vague: frozenset[str] = frozenset()

    def is_vague(self, path: str) -> bool:
        """Whether nothing is known of ``path``."""
        return path not in self.plain and not self.vague.isdisjoint((path, *ancestors(path)))

    def is_odd(self, path: str) -> bool:
        """Whether it is a link, or a directory that is not plain."""
        return path in self.odd or path in self.links

    def with_directories(self, paths: frozenset[str], *, plain: bool) -> _Tree:
        """With these made where they are missing."""
        new = {path for path in paths if not (path == "/" or self.is_odd(path) or self.is_vague(path))}
        if plain:
            return self._replace(plain=self.plain | new)
        return self._replace(odd=self.odd | (new - self.plain))

    def with_laid_over(self, paths: frozenset[str]) -> _Tree:
        """With plain directories in the place of whatever is there."""
        return _Tree(self.plain | paths, self.odd - paths, self.links - paths, self.vague)

    def with_vague(self, paths: frozenset[str]) -> _Tree:
        """With anything at these paths."""
        plain = frozenset(path for path in self.plain if paths.isdisjoint((path, *ancestors(path))))
        return self._replace(plain=plain, vague=self.vague | paths)


_UNKNOWN = _Tree(vague=frozenset({"/"}))


def _learn(
    stage: Stage, known: Sequence[Known], facts: Facts, trees: dict[str, _Tree], variable: frozenset[int]
) -> None:
    """Fill in the trees of the stage's layers, by their ids; there are those of the stage that it begins with."""
    for built in stage.from_.built:
        top = built.after.layer
        if top is not None and top not in trees:
            trees[top] = _UNKNOWN if stage.key in variable else _base(top, facts)
    for item in known:
        for layer in item.step.layers:
            below = _Tree() if layer.parent is None else trees.get(layer.parent, _UNKNOWN)
            trees[layer.id] = _UNKNOWN if item.step.key in variable else _with_step(below, layer, item, facts)


def _base(layer: str, facts: Facts) -> _Tree:
    if layer not in facts.directories or layer not in facts.links or layer not in facts.others:
        return _UNKNOWN
    return _Tree(facts.directories[layer], facts.others[layer], frozenset(facts.links[layer]))


def _with_step(tree: _Tree, layer: ImageLayer, known: Known, facts: Facts) -> _Tree:
    operation = layer.operation
    if isinstance(operation, MakeDir):
        if _leads_away(tree, operation.path):
            return _UNKNOWN
        writes = directory_effects(operation, _NO_LINKS, frozenset()).writes
        return tree.with_directories(writes.names | writes.directories, plain=operation.user in _ROOT)
    if isinstance(operation, Copy | Add):
        linked = operation.link and not operation.chmod
        operation = operation._replace(link=False)
        writes = copy_effects(operation, facts, _NO_LINKS, frozenset()).writes
        if linked and operation.chown in _ROOT:
            tree = tree.with_laid_over(writes.directories)
        elif linked or _leads_away(tree, operation.dest):
            return _UNKNOWN
        made = tree.with_directories(writes.directories, plain=True)
        tree = made.with_vague(writes.names | writes.trees)
        # A directory that contents are copied into stays what it is.
        return tree._replace(plain=tree.plain | (made.plain & writes.directories))
    if known.effects is None or known.effects.unknown:
        return _UNKNOWN
    writes = known.effects.writes
    return tree.with_vague(writes.names | (writes.directories - tree.plain) | writes.trees)


def _leads_away(tree: _Tree, path: str) -> bool:
    """Whether there is a link on the way, so that more may be made than is written."""
    return any(item in tree.links or tree.is_vague(item) for item in (normal(path), *ancestors(normal(path))))


# --- whether it counts -------------------------------------------------------------------------------


def _obstacle(step: Step, facts: Facts, trees: Mapping[str, _Tree]) -> str:
    """Why a linked copy may come to something else; empty if it does not."""
    if any(built.before.config.os != "linux" for built in step.built):
        return "it is not for Linux"
    for layer in step.layers:
        tree = _Tree() if layer.parent is None else trees.get(layer.parent, _UNKNOWN)
        assert isinstance(layer.operation, Copy)
        effects = copy_effects(layer.operation, facts, _NO_LINKS, frozenset())
        why = _flags(layer.operation) or _places(layer.operation, effects, tree)
        if why:
            return why
    return ""


def _flags(operation: Copy) -> str:
    if operation.chmod:
        return "--chmod takes the effect of --link away"
    if operation.chown not in {"", "0:0"}:
        return "directories on the way would get the owner, too"
    return "it makes directories that may be there" if operation.parents or operation.exclude else ""


def _places(operation: Copy, effects: Effects, tree: _Tree) -> str:
    path = normal(operation.dest)
    asks = path in effects.reads.names  # whether there is a directory
    for directory in sorted({path, *ancestors(path)} - {"/"}):
        if directory == path and asks:
            if path in tree.plain:
                return f"{path} is a directory, so files go into it"
        elif directory in tree.plain:
            continue
        if directory in tree.links:
            return f"{directory} is a link"
        if directory in tree.odd:
            return f"{directory} has another mode or owner than 0755, root"
        if tree.is_vague(directory):
            return f"it is not known what {directory} is"
    landings = () if asks else effects.writes.names
    for name in sorted(landings):
        if tree.is_odd(name) or tree.is_vague(name):
            return f"{name} may be a link, or a directory with another mode or owner"
    for top in effects.writes.trees:
        if found := [item for item in tree.odd | tree.links | tree.vague if is_below(item, top)]:
            return f"{min(found)} may be a link, or a directory with another mode or owner"
    return ""
