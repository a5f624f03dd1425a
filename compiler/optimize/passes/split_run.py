"""Split ``RUN a && b`` where ``b`` depends on files that change, and ``a``, which takes long, does not.

The first part can then be moved above the COPY of those files (reorder), or the COPY below it (split-copy).

**Sound** because ``a && b`` ends as ``a`` and then ``b`` in a shell of its own do, if nothing but files is
handed from one to the other. So there is no boundary

* behind what changes the shell (cd, export, variables, umask, traps, functions, exec …); ``set -e`` and the
  like at the beginning are said in both parts;
* before a command that reads what only this shell knows (``$_``), and none at all where the script has ``||``,
  ``;``, a program left running, a heredoc, or names something below /dev, /proc, /sys, or one of the files that
  builders mount over the image's (/etc/hosts, /etc/resolv.conf, /etc/hostname): those are other ones in each
  step;
* between a command and its clean-up. A clean-up at the end goes with what it cleans if all commands between
  commute with it; else they stay together. Nor between ``apt-get update`` and an install;
* where a first part may remove the working directory, or where a mount is of the step alone (tmpfs, writable
  binds).

Each command keeps its text, its comments and its line breaks. The first part has to be understood, the second
has not.

**Worth it** only where the expected seconds per change fall by two seconds or more when the first part is moved
up: measured as in reorder, and only for a first part that does not run again anyway.

Before::

    COPY . /app
    RUN apt-get update && apt-get install -y gcc && make -C /app

After (with reorder)::

    RUN apt-get update && apt-get install -y gcc
    COPY . /app
    RUN make -C /app

Reference: "sort by stability", the layer order that Docker's build best practices ask for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ...effects.model import Effects, Evidence, obstacle
from ...effects.paths import Reads, Writes, ancestors
from ...effects.steps import copied
from ...graph.operations import Add, Copy, FromContext
from ..chains import Chain, Link, chain_of, leaves, run_of, text_of, with_script
from ..cleaning import cleans, is_update, uses_lists
from ..draft import Draft, Stage, Step
from ..facts import Facts
from ..knowledge import Knowledge, Known
from ..ordering import Order
from ..rewrite import Change, Refusal, Rewrite

__all__ = ["run"]

_LEAST = 2.0  # seconds per change that a split must save: a further step is not for nothing
_OF_THE_STEP = re.compile(
    r"/dev/(?!null\b|stdout\b|stderr\b)|/proc\b|/sys/|/etc/(?:hosts|resolv\.conf|hostname)\b"
)
_OF_THE_SHELL = re.compile(r"\$(?:_\b|\{_\}|!|\$|PPID|BASHPID|OLDPWD|SECONDS|PIPESTATUS)")
_KEPT_MOUNTS = frozenset(("cache", "secret", "ssh", "bind"))


def run(draft: Draft, facts: Facts) -> Rewrite:
    """Split one RUN in each stage."""
    knowledge = Knowledge.of_draft(draft, facts)
    changes: list[Change] = []
    refusals: list[Refusal] = []
    for stage in draft.stages:
        for known in knowledge.of(stage):
            chain = chain_of(known.step, draft)
            if chain is None or len(chain.links) < 2:
                continue
            found = _best(chain, stage, knowledge)
            if isinstance(found, _Split):
                draft, change = _split(draft, chain, found)
                changes.append(change)
                break
            if found:
                refusals.append(Refusal(f"split {_title(known.step)}", found, known.step.lines))
    return Rewrite(draft, tuple(changes), tuple(refusals))


class _Split(NamedTuple):
    """``first`` and ``second`` are the parts; ``options`` is said in both. ``seconds`` are saved per change."""

    options: tuple[Link, ...]
    first: tuple[Link, ...]
    second: tuple[Link, ...]
    effects: Effects
    seconds: float


def _best(chain: Chain, stage: Stage, knowledge: Knowledge) -> _Split | str:
    """The split that saves most; else why there is none where one would save something; empty where none would."""
    operation = run_of(chain.step)
    steps = knowledge.of(stage)
    index = next(number for number, each in enumerate(steps) if each.step.key == chain.step.key)
    if operation is None or not any(each.takes for each in steps[:index]):
        return ""
    if _OF_THE_STEP.search(operation.argv[-1]) or _OF_THE_SHELL.search(operation.argv[-1]):
        return ""
    if not all(_is_kept(mount.kind, mount.read_only) for mount in operation.mounts):
        return ""
    best: _Split | None = None
    why = ""
    for parts in _boundaries(chain, knowledge):
        if isinstance(parts, str):
            why = parts or why
            continue
        seconds = _saves(parts, steps, index, stage, knowledge)
        if seconds >= max(_LEAST, best.seconds + 0.01 if best else 0):
            best = parts._replace(seconds=seconds)
    return best or why


def _is_kept(kind: str, read_only: bool) -> bool:
    return kind in _KEPT_MOUNTS and (kind != "bind" or read_only)


# --- where --------------------------------------------------------------------------------------------


def _boundaries(chain: Chain, knowledge: Knowledge) -> Iterator[_Split | str]:
    """All places where the chain can be split, the later ones last."""
    count = 0
    while count < len(chain.links) and chain.links[count].sets_options:
        count += 1
    options, links = chain.links[:count], chain.links[count:]
    for number in range(1, len(links)):
        first, second = links[:number], links[number:]
        if any(leaves(link.pipeline) for link in first):
            return
        parts = _with_clean_up(chain, first, second, knowledge)
        if isinstance(parts, str):
            yield parts
            continue
        first, second = parts
        effects = _effects(chain, first, knowledge)
        if effects.unknown:
            return
        run = run_of(chain.step)
        if second and run is not None and not _loses(run.cwd, effects.writes):
            yield _Split(options, first, second, effects, 0.0)


def _with_clean_up(
    chain: Chain, first: Sequence[Link], second: Sequence[Link], knowledge: Knowledge
) -> tuple[tuple[Link, ...], tuple[Link, ...]] | str:
    """The parts, with what cleans the first one moved to it; or why that can not be."""
    head, rest = list(first), list(second)
    if any(map(is_update, first)) and any(map(uses_lists, second)):
        return ""
    written = _effects(chain, first, knowledge).writes
    for link in second:
        removed = _removed(chain, link, knowledge)
        if not cleans(link) and removed is None:
            continue
        is_known = removed is not None and (not cleans(link) or _is_remove(link))
        if is_known and removed is not None and not Reads(trees=removed).conflict(written):
            continue  # of something else
        place = rest.index(link)
        passed = rest[:place]
        if place + 1 == len(rest) and chain.tail.strip():
            return "there is a comment behind its last command"
        if any(leaves(each.pipeline) and not _is_elsewhere(each, link) for each in (*passed, link)):
            return f"`{link.script}` cleans up behind what changes the shell"
        if passed and (why := _in_the_way(chain, passed, link, knowledge)):
            between = " && ".join(each.script for each in passed)
            return f"`{link.script}` cleans up what the first part writes, and `{between}` is between: {why}"
        rest.pop(place)
        head.append(link)
    return tuple(head), tuple(rest)


def _in_the_way(chain: Chain, passed: Sequence[Link], link: Link, knowledge: Knowledge) -> str:
    """Why a command may not be run before others of its chain; all of them run in one directory."""
    run = run_of(chain.step)
    mine = _effects(chain, [link], knowledge)
    cwd = frozenset((run.cwd,)) if run is not None else frozenset[str]()
    mine = mine._replace(reads=mine.reads._replace(names=mine.reads.names - cwd))
    return obstacle(_effects(chain, passed, knowledge), mine)


def _is_elsewhere(passed: Link, link: Link) -> bool:
    """Whether a command goes to another directory, and another one does not care."""
    return (
        passed.words[:1] == ("cd",) and _is_remove(link) and all(word[:1] in "-/" for word in link.words[1:])
    )


def _is_remove(link: Link) -> bool:
    return link.words[:1] in {("rm",), ("rmdir",), ("unlink",)}


def _removed(chain: Chain, link: Link, knowledge: Knowledge) -> frozenset[str] | None:
    """The trees that a command removes; none if it is not known to remove any."""
    effects = _effects(chain, [link], knowledge)
    if not effects.removes:
        return None
    return frozenset(path.removesuffix("/*") or "/" for path in effects.removes)


def _effects(chain: Chain, links: Sequence[Link], knowledge: Knowledge) -> Effects:
    script = " && ".join(link.script for link in links)
    return knowledge.effects([with_script(layer, script) for layer in chain.step.layers])


def _loses(cwd: str, writes: Writes) -> bool:
    """Whether the directory may be another one behind these writes."""
    return any(path in writes.names or path in writes.trees for path in (cwd, *ancestors(cwd)) if path != "/")


# --- what it saves ------------------------------------------------------------------------------------


def _saves(parts: _Split, steps: Sequence[Known], index: int, stage: Stage, knowledge: Knowledge) -> float:
    """Seconds per change, if the first part is then moved up as far as it can be."""
    step = steps[index]
    total = step.seconds
    rest = max(total - parts.effects.seconds, 0.2)
    share = parts.effects.seconds / max(parts.effects.seconds + _seconds(parts, step), 0.1)
    first = Known(step.step._replace(key=-1), parts.effects, step.takes, total * share)
    second = step._replace(seconds=min(rest, total - first.seconds))
    below = knowledge.below(stage)
    split = [*steps[:index], first, second, *steps[index + 1 :]]
    now = min(_cheapest(each, below, knowledge) for each in (steps, _with_manifests(steps, index, knowledge)))
    then = min(
        _cheapest(each, below, knowledge) for each in (split, _with_manifests(split, index, knowledge))
    )
    return now - then


def _cheapest(steps: Sequence[Known], below: frozenset[int], knowledge: Knowledge) -> float:
    """Seconds per change when all has been moved up that is worth it."""
    order = Order(knowledge, steps, below)
    while (lift := order.best(_LEAST)) is not None:
        order.apply(lift)
    return order.cost


def _seconds(parts: _Split, step: Known) -> float:
    """What is left for the second part, by the estimates."""
    whole = step.effects.seconds + 5.0 * bool(step.effects.unknown) if step.effects is not None else 0.0
    return max(whole - parts.effects.seconds, 0.2)


def _with_manifests(steps: Sequence[Known], index: int, knowledge: Knowledge) -> list[Known]:
    """The steps as split-copy would leave them: what the first part needs of a COPY is copied before it, alone."""
    found = list(steps)
    first = found[index]
    for place in range(index - 1, -1, -1):
        needed = _needed(found[place], first, knowledge)
        if needed is None:
            continue
        between = found[place + 1 : index]
        order = Order(knowledge, found, frozenset())
        if any(order.why(found[place], each) for each in between):
            break
        copy = Known(found[place].step._replace(key=-2), None, knowledge.taking(needed), 0.1)
        return [*found[:place], *between, copy, first, found[place], *found[index + 1 :]]
    return found


def _needed(copy: Known, first: Known, knowledge: Knowledge) -> list[str] | None:
    """The entries of the context that the first part reads of a COPY; none if it can not go below."""
    operations = {layer.operation for layer in copy.step.layers}
    if len(operations) != 1 or copy.effects is None or first.effects is None or copy.effects.unknown:
        return None
    (operation,) = operations
    if not isinstance(operation, Copy | Add) or operation.origin != FromContext() or not knowledge.has_files:
        return None
    if copy.effects.writes.conflict(first.effects.writes) or copy.effects.reads.conflict(
        first.effects.writes
    ):
        return None
    reads = first.effects.reads
    names = reads.names | reads.lists
    files = copied(copy.step.layers[0], knowledge.facts.contexts[""])
    needed: list[str] = []
    for path, places in files.items():
        for place in places:
            above = tuple(ancestors(place))
            in_tree = place in reads.trees or not reads.trees.isdisjoint(above)
            if place in names or in_tree or (above and above[0] in reads.lists):
                needed.append(path)
    return needed if needed and len(needed) < len(files) else None


# --- the text -----------------------------------------------------------------------------------------


def _split(draft: Draft, chain: Chain, parts: _Split) -> tuple[Draft, Change]:
    step = chain.step
    head = step.text[: len(step.text) - len(step.text.lstrip())] + chain.prefix
    if (not parts.options and parts.first[0] is chain.links[0]) or (
        parts.options and parts.options[0] is chain.links[0]
    ):
        head = chain.head
    ends_with_last = parts.second[-1] is chain.links[-1]
    first = draft.step(text_of(head, (*parts.options, *parts.first), draft.newline), like=step)
    said = "".join(f"{comment}{draft.newline}" for comment in parts.second[0].comments)
    below = parts.second
    if parts.options:
        below = (*parts.options, parts.second[0]._replace(before=" && "), *parts.second[1:])
    tail = text_of(chain.prefix, below, draft.newline)
    if ends_with_last:
        tail = tail.removesuffix(draft.newline) + chain.tail
    second = draft.step(tail, like=step, lead=said)
    draft = draft.replace(step, first, second)
    evidence = min(parts.effects.evidence, Evidence.TEXT)
    claims = tuple(claim for claim in parts.effects.claims if claim.evidence < Evidence.OBSERVED)
    change = Change(
        f"split {_title(step)} behind `{parts.first[-1].script}`",
        "the first part does not need the files that change, and hands on nothing but files",
        step.lines,
        (first.key, second.key),
        evidence,
        claims,
        f"about {parts.seconds:.1f} s per change",
    )
    return draft, change


def _title(step: Step) -> str:
    """Its text on one short line."""
    text = " ".join(step.text.split())
    return text if len(text) <= 60 else text[:59] + "…"
