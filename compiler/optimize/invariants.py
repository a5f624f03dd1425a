"""What must hold when a pass has rewritten a draft, whatever the pass is."""

from __future__ import annotations

from collections import Counter

from ...grammar.syntax import Directive, Document
from ..graph.plan import ImagePlan, LayerPlan, Notice
from .draft import Draft
from .passes import Pass
from .version import Version

__all__ = ["broken"]


def broken(before: Version, after: Version, item: Pass) -> str:
    """What a pass broke, in words; empty if all that must hold does.

    The directives are the same; so are the images (names, platforms, configs), be it with the build arguments as
    given or with others, and the config of every named stage
    that is in both; no stage is gone that the pass may not remove; there is no new warning. Where the pass says
    that it changes no layers, the images have the same ones.
    """
    if _directives(before.document) != _directives(after.document):
        return "the directives at the top changed"
    found = _broken_images(before.plan.images, after.plan.images, item)
    if not found and before.varied is not None:
        if after.varied is None:
            return "it can not be compiled with other build arguments"
        if found := _broken_images(before.varied, after.varied, item):
            found += " for other build arguments"
    return found or _broken_stage(before.draft, after.draft, item) or _new_warning(before.plan, after.plan)


def _broken_images(before: tuple[ImagePlan, ...], after: tuple[ImagePlan, ...], item: Pass) -> str:
    if len(before) != len(after):
        return f"{len(before)} images became {len(after)}"
    for old, new in zip(before, after, strict=True):
        if (old.name, old.platform, old.config, old.epoch) != (new.name, new.platform, new.config, new.epoch):
            return f"the image {old.name or old.platform} has another {_difference(old, new)}"
        if item.same_layers and old.layer != new.layer:
            return f"the image {old.name or old.platform} has other layers"
    return ""


def _difference(old: ImagePlan, new: ImagePlan) -> str:
    for name in ("name", "platform", "epoch"):
        if getattr(old, name) != getattr(new, name):
            return name
    config, other = old.config, new.config
    return next(name for name in config._fields if getattr(config, name) != getattr(other, name))


def _broken_stage(before: Draft, after: Draft, item: Pass) -> str:
    by_key = {stage.key: stage for stage in after.stages}
    known = {stage.key for stage in before.stages}
    by_name = {stage.name: stage for stage in after.stages if stage.name and stage.key not in known}
    for stage in before.stages:
        now = by_key.get(stage.key, by_name.get(stage.name))
        if now is None:
            if item.drops_stages == "none" or (item.drops_stages == "unnamed" and stage.name):
                return f"the stage {stage.name or stage.from_.text.strip()} is gone"
        elif stage.name != now.name:
            return f"the stage {stage.name or stage.from_.text.strip()} has another name"
        elif stage.name:
            for old, new in zip(stage.ends, now.ends, strict=False):
                if old.after.config != new.after.config:
                    return f"the stage {stage.name} ends with another config"
    return ""


def _new_warning(before: LayerPlan, after: LayerPlan) -> str:
    """What is meant by a mistyped name may be another one now: that is no other warning."""
    old = Counter(map(_gist, before.notices))
    new = Counter(_gist(notice) for notice in after.notices if notice.line)
    more = new - old
    return f"there is a new warning: {next(iter(more))[1]}" if more else ""


def _gist(notice: Notice) -> tuple[str, str]:
    return notice.rule, notice.message.partition(" (did you mean")[0]


def _directives(document: Document) -> tuple[tuple[str, str], ...]:
    return tuple((item.name, item.value) for item in document.items if isinstance(item, Directive))
