"""Join a RUN with the one that cleans up behind it, and ``apt-get update`` with the install that needs its lists.

What an earlier layer holds stays in the image, whatever later ones remove: ``RUN rm -rf /var/lib/apt/lists/*``
saves nothing in a step of its own. Lists that were fetched by a step of their own go stale in the cache, and
installs fail.

**Sound** because ``RUN a`` and ``RUN b`` do what ``RUN a && b`` does if ``b`` is run in the same state: both
steps have the same flags, environment, user, directory and shell, and the script of the first leaves the shell
as it was (but for ``set -e`` and the like, and for ``cd`` where the second names absolute paths alone). The
step that moves to the other commutes with every step between. The same commands run in the same order.

**Worth it**, and no cache is lost: a clean-up takes no time, and removes something that the other step wrote;
package lists alone are of no use. Other steps are not joined: one that runs again often would make the other do
so.

Before::

    RUN apt-get update
    COPY start.sh /
    RUN apt-get install -y curl
    RUN rm -rf /var/lib/apt/lists/*

After::

    COPY start.sh /
    RUN apt-get update \\
        && apt-get install -y curl \\
        && rm -rf /var/lib/apt/lists/*

Reference: "always combine RUN apt-get update with apt-get install", Docker's build best practices; *dive* shows
such waste."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ...effects.model import Effects, Evidence
from ...effects.paths import Reads, is_below
from ..chains import Chain, chain_of, joined_text, run_of, why_not_behind
from ..cleaning import cleans, is_update, tool_of, uses_lists
from ..draft import Draft, Stage, Step
from ..facts import Facts
from ..knowledge import Knowledge, Known
from ..ordering import obstacle_between
from ..rewrite import Change, Refusal, Rewrite

__all__ = ["run"]

_LEAST = 0.5  # seconds per change that fetching lists more often may not cost


def run(draft: Draft, facts: Facts) -> Rewrite:
    """Join two steps in each stage."""
    knowledge = Knowledge.of_draft(draft, facts)
    refusals: list[Refusal] = []
    changes: list[Change] = []
    for stage in draft.stages:
        for found in _pairs(draft, stage, knowledge):
            if isinstance(found, Refusal):
                refusals.append(found)
                continue
            draft, change = found
            changes.append(change)
            break
    return Rewrite(draft, tuple(changes), tuple(refusals))


def _pairs(draft: Draft, stage: Stage, knowledge: Knowledge) -> Iterator[tuple[Draft, Change] | Refusal]:
    steps = knowledge.of(stage)
    for index, known in enumerate(steps):
        chain = chain_of(known.step, draft)
        if chain is None:
            continue
        if known.effects is not None and known.effects.removes and all(map(cleans, chain.links)):
            found = _clean_up(draft, chain, known, steps[:index], knowledge)
        elif all(map(is_update, chain.links)):
            found = _update(draft, chain, steps, index, stage, knowledge)
        else:
            continue
        if found is not None:
            yield found


# --- clean-up -----------------------------------------------------------------------------------------


def _clean_up(
    draft: Draft, chain: Chain, known: Known, above: Sequence[Known], knowledge: Knowledge
) -> tuple[Draft, Change] | Refusal | None:
    """Join the step of ``chain`` with the nearest one above that wrote what it removes."""
    assert known.effects is not None
    removed = Reads(trees=frozenset(path.removesuffix("/*") or "/" for path in known.effects.removes))
    for writer in reversed(above):
        if not obstacle_between(writer, known):
            continue
        if writer.step.keyword != "RUN" or writer.effects is None:
            return None  # it would see another state, or what it removes was copied
        what = f"join {_title(chain.step)} with line {writer.step.lines[0]}"
        if writer.effects.unknown:
            return _refusal(what, writer, f"whether that writes what is removed: {writer.effects.unknown}")
        path = _left(writer.effects, removed.trees)
        if path is None:
            return None
        if why := _why_not(writer.step, chain, draft):
            return Refusal(what, why, chain.step.lines)
        return _joined(
            draft, writer, chain, f"it removes {path}, which stays in the layer of that", knowledge
        )
    return None


def _left(effects: Effects, removed: frozenset[str]) -> str | None:
    """What a step surely or by its purpose writes of what is removed; that it may write near it is not enough."""
    written = effects.writes.names | effects.writes.trees
    found = {path for path in written if any(is_below(path, tree) for tree in removed)}
    caches = {path for path in effects.caches if any(is_below(path, t) or is_below(t, path) for t in removed)}
    return min(found | caches, default=None)


def _refusal(what: str, writer: Known, why: str) -> Refusal:
    needed = f"build once with layerc to observe what line {writer.step.lines[0]} writes"
    return Refusal(what, why, writer.step.lines, needed)


def _why_not(first: Step, second: Chain, draft: Draft) -> str:
    """Why the commands of ``second`` can not follow those of ``first`` in one shell."""
    if why := why_not_behind(first, draft, anywhere=_is_absolute(second)):
        return why
    if not _is_alike(first, second.step):
        return "they do not run in the same environment"
    return "there are comments in it" if second.tail.strip() or _has_comment(second.head) else ""


def _has_comment(text: str) -> bool:
    return any(line.lstrip().startswith("#") for line in text.split("\n"))


def _is_alike(first: Step, second: Step) -> bool:
    """Whether both run in the same environment, with the same flags, on the same tree."""
    one, other = run_of(first), run_of(second)
    if one is None or other is None or one.mounts:
        return False
    return one._replace(argv=()) == other._replace(argv=()) and one.argv[:-1] == other.argv[:-1]


def _is_absolute(chain: Chain) -> bool:
    """Whether all its words are absolute paths and options: the directory makes no difference."""
    return all(link.words and all(word[:1] in {"-", "/"} for word in link.words[1:]) for link in chain.links)


# --- package lists ------------------------------------------------------------------------------------


def _update(
    draft: Draft, chain: Chain, steps: Sequence[Known], index: int, stage: Stage, knowledge: Knowledge
) -> tuple[Draft, Change] | Refusal | None:
    """Join the step of ``chain`` with the first install below."""
    known = steps[index]
    for place, other in enumerate(steps[index + 1 :], index + 1):
        if not obstacle_between(known, other):
            continue
        target = chain_of(other.step, draft)
        if target is None or not _installs(target, {tool_of(link) for link in chain.links}):
            return None
        if not _is_alike(chain.step, target.step) or chain.tail.strip() or _has_comment(target.head):
            return None
        below = knowledge.below(stage)
        moved = [*steps[:index], *steps[index + 1 : place], known, *steps[place:]]
        if knowledge.expected(moved, below) - knowledge.expected(steps, below) >= _LEAST:
            what = f"join {_title(chain.step)} with line {other.step.lines[0]}"
            return Refusal(
                what, "the install runs again more often than the lists are fetched", chain.step.lines
            )
        return _with_update(draft, chain, target)
    return None


def _installs(target: Chain, tools: set[str]) -> bool:
    for link in target.links:
        if is_update(link):
            return False
        if uses_lists(link):
            return tool_of(link) in tools
    return False


def _with_update(draft: Draft, chain: Chain, target: Chain) -> tuple[Draft, Change]:
    """The lists are fetched where the install stands; its comments are then within the step."""
    step = target.step
    body = "".join(link.before + link.text for link in target.links) + target.tail
    new = draft.step(joined_text(draft, chain.step.text, body, step.comments), like=step)
    lead = step.lead.removesuffix(step.comments) + chain.step.comments
    draft = draft.replace(step._replace(lead=lead), new).delete(draft.find(chain.step.key))
    change = Change(
        f"joined {_title(chain.step)} with {_title(step)}",
        "package lists of a step of their own go stale in the cache",
        chain.step.lines,
        (new.key,),
    )
    return draft, change


# --- the text -----------------------------------------------------------------------------------------


def _joined(
    draft: Draft, writer: Known, second: Chain, why: str, knowledge: Knowledge
) -> tuple[Draft, Change]:
    first, observed = writer.step, knowledge.facts.observed
    body = "".join(link.before + link.text for link in second.links)
    text = joined_text(draft, first.text, body, second.step.comments)
    new = draft.step(text, like=first)
    draft = draft.replace(first, new).delete(draft.find(second.step.key))
    sizes = [observed[layer.id].size for layer in first.layers if layer.id in observed]
    known = [size for size in sizes if size is not None]
    saves = f"some of the {max(known):,} bytes of its layer" if known else ""
    claims = writer.effects.claims if writer.effects is not None else ()
    change = Change(
        f"joined {_title(second.step)} with {_title(first)}",
        why,
        second.step.lines,
        (new.key,),
        writer.effects.evidence if writer.effects is not None else Evidence.NONE,
        tuple(claim for claim in claims if claim.evidence < Evidence.OBSERVED),
        saves,
    )
    return draft, change


def _title(step: Step) -> str:
    """Its text on one short line."""
    text = " ".join(step.text.split())
    return text if len(text) <= 60 else text[:59] + "…"
