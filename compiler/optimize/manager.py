"""Runs the passes over a Dockerfile until nothing changes, and checks each one's work.

After each pass the text is parsed and compiled again, and what must hold is checked (:func:`broken`). A pass that
breaks it has a bug: what it did is dropped, the pass is not asked again, and a :class:`Problem` says so.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from typing import NamedTuple

from ...grammar.errors import LayercError
from ...grammar.parse import parse
from ...grammar.syntax import Directive, Document
from ..graph.plan import ImagePlan, LayerPlan
from ..options import BaseImage, CompileOptions, ImageRequest, UnresolvedImagesError
from .compiled import Compiled, compile_watched
from .draft import Draft, Stage
from .facts import Facts, Observation
from .passes import PASSES, Pass
from .rewrite import Change, Refusal

__all__ = ["Observer", "Problem", "Result", "broken", "optimize"]

Images = Mapping[ImageRequest, BaseImage]
Ignored = Callable[[str], bool] | None
#: Called with a pass's name and the text before and after it.
Observer = Callable[[str, Draft, Draft], None]

_MOST_ROUNDS = 20


class Problem(NamedTuple):
    """A bug of ours: what a pass did that it must not."""

    of: str
    what: str


class Result(NamedTuple):
    """``draft`` is what came out, compiled; ``plan`` its plan, and ``original`` the one of the file as given.

    ``refusals`` are those of the last round. ``rounds`` counts the runs of the sequence, the last of which changed
    nothing.
    """

    draft: Draft
    plan: LayerPlan
    original: LayerPlan
    changes: tuple[Change, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    problems: tuple[Problem, ...] = ()
    rounds: int = 0


class _Version(NamedTuple):
    """A draft with its meaning, and the plan."""

    draft: Draft
    document: Document
    plan: LayerPlan


def optimize(
    document: Document,
    options: CompileOptions,
    images: Images,
    facts: Facts,
    level: int = 1,
    *,
    only: Collection[str] = (),
    skip: Collection[str] = (),
    ignored: Ignored = None,
    observer: Observer | None = None,
    passes: tuple[Pass, ...] = PASSES,
) -> Result:
    """Rewrite ``document``. ``only`` and ``skip`` are names of passes.

    Raises what compiling raises, for the file as given: ``CompileError``, and ``UnresolvedImagesError`` with the
    images to hand in.
    """
    compiled = compile_watched(document, options, images, ignored)
    draft = _aimed(Draft.of(document), document, compiled, options)
    first = now = _Version(draft.with_origins(), document, compiled.plan)
    chosen = [item for item in passes if item.level <= level and item.name not in skip]
    chosen = [item for item in chosen if not only or item.name in only]
    changes: list[Change] = []
    problems: list[Problem] = []
    refusals: list[Refusal] = []
    rounds = 0
    moved = True
    while moved and chosen:
        if rounds == _MOST_ROUNDS:
            problems.append(Problem(changes[-1].of, f"no end after {rounds} rounds: passes undo each other"))
            break
        moved = False
        rounds += 1
        refusals = []
        for item in tuple(chosen):
            rewrite = item.run(now.draft, _facts_now(facts, now.draft))
            refusals += (each._replace(of=item.name) for each in rewrite.refusals)
            if rewrite.draft.text == now.draft.text:
                continue
            after, problem = _compiled(rewrite.draft, now, item, options, images, ignored)
            if after is None:
                problems.append(Problem(item.name, problem))
                chosen.remove(item)
                continue
            if observer is not None:
                observer(item.name, now.draft, after.draft)
            changes += (each._replace(of=item.name) for each in rewrite.changes)
            now, moved = after, True
    return Result(
        now.draft,
        now.plan,
        first.plan,
        tuple(changes),
        tuple(dict.fromkeys(refusals)),
        tuple(problems),
        rounds,
    )


def _compiled(
    draft: Draft, before: _Version, item: Pass, options: CompileOptions, images: Images, ignored: Ignored
) -> tuple[_Version | None, str]:
    """The draft with its meaning, or why it must not be."""
    if not any(stage.key == draft.target for stage in draft.stages):
        return None, "the stage to build is gone"
    try:
        document = parse(draft.source)
        compiled = compile_watched(document, _retargeted(options, draft), images, ignored)
        after = _Version(draft.compiled(document, compiled), document, compiled.plan)
    except UnresolvedImagesError as error:
        return None, f"it needs further images: {error}"
    except (LayercError, ValueError) as error:
        return None, f"what it gave is not valid: {error}"
    problem = broken(before, after, item)
    return (None, problem) if problem else (after, "")


def broken(before: _Version, after: _Version, item: Pass) -> str:
    """What a pass broke, in words; empty if all that must hold does.

    The directives are the same; so are the images (names, platforms, configs), and the config of every named stage
    that is in both; no stage is gone that the pass may not remove; there is no new warning. Where the pass says
    that it changes no layers, the images have the same ones.
    """
    if _directives(before.document) != _directives(after.document):
        return "the directives at the top changed"
    if len(before.plan.images) != len(after.plan.images):
        return f"{len(before.plan.images)} images became {len(after.plan.images)}"
    for old, new in zip(before.plan.images, after.plan.images, strict=True):
        if (old.name, old.platform, old.config, old.epoch) != (new.name, new.platform, new.config, new.epoch):
            return f"the image {old.name or old.platform} has another {_difference(old, new)}"
        if item.same_layers and old.layer != new.layer:
            return f"the image {old.name or old.platform} has other layers"
    return _broken_stage(before.draft, after.draft, item) or _new_warning(before.plan, after.plan)


def _difference(old: ImagePlan, new: ImagePlan) -> str:
    for name in ("name", "platform", "epoch"):
        if getattr(old, name) != getattr(new, name):
            return name
    config, other = old.config, new.config
    return next(name for name in config._fields if getattr(config, name) != getattr(other, name))


def _broken_stage(before: Draft, after: Draft, item: Pass) -> str:
    now: dict[str, Stage] = {stage.name: stage for stage in after.stages if stage.name}
    keys = {stage.key for stage in after.stages}
    for stage in before.stages:
        gone = stage.name not in now if stage.name else stage.key not in keys
        if gone and item.drops_stages != "any" and (stage.name or item.drops_stages == "none"):
            return f"the stage {stage.name or stage.from_.text.strip()} is gone"
        if not gone and stage.name:
            for old, new in zip(stage.ends, now[stage.name].ends, strict=False):
                if old.after.config != new.after.config:
                    return f"the stage {stage.name} ends with another config"
    return ""


def _new_warning(before: LayerPlan, after: LayerPlan) -> str:
    old = Counter((notice.rule, notice.message) for notice in before.notices)
    new = Counter((notice.rule, notice.message) for notice in after.notices if notice.line)
    more = new - old
    return f"there is a new warning: {next(iter(more))[1]}" if more else ""


def _directives(document: Document) -> tuple[tuple[str, str], ...]:
    return tuple((item.name, item.value) for item in document.items if isinstance(item, Directive))


def _aimed(draft: Draft, document: Document, compiled: Compiled, options: CompileOptions) -> Draft:
    """The draft with its meaning, and with the stage that ``options`` ask for as its target."""
    draft = draft.compiled(document, compiled)
    wanted = (options.target or "").lower()
    named = [stage for stage in draft.stages if wanted and stage.name == wanted]
    if named:
        return draft._replace(target=named[-1].key)
    return draft._replace(target=draft.stages[int(wanted)].key) if wanted else draft


def _retargeted(options: CompileOptions, draft: Draft) -> CompileOptions:
    """``options`` for the same stage, whose number may be another one."""
    if not options.target or not options.target.isdigit():
        return options
    return options._replace(target=draft.stages[draft.target_index].name or str(draft.target_index))


def _facts_now(facts: Facts, draft: Draft) -> Facts:
    """``facts`` with what was observed by the ids that the steps' layers have now."""
    observed: dict[str, Observation] = {}
    for step in draft.every:
        for origin, layer in zip(step.origin, step.layers, strict=False):
            if origin in facts.observed:
                observed[layer.id] = facts.observed[origin]
    return facts._replace(observed=observed)
