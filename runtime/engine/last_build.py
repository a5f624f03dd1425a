"""What the last build did with each layer of a plan, for pictures of it."""

from __future__ import annotations

import os

from ...compiler.emit.annotation import NO_ANNOTATIONS, Annotation, Annotations
from ...compiler.graph.layer import ImageLayer
from ...compiler.graph.plan import LayerPlan
from .history import StepRecord, project_id, read_builds
from .request import BuildRequest

__all__ = ["last_build"]

_STATES = {"cached": "cached", "done": "ran", "failed": "failed"}


def last_build(root: str, request: BuildRequest, plan: LayerPlan) -> Annotations:
    """What the store at ``root`` tells of the last build of the same context and Dockerfile; nothing if there was
    none. Steps are found by their ids, or else by their place and text; those that it did not have are new.
    """
    project = project_id(request)
    builds = [build for build in read_builds(os.path.join(root, "builds")) if build.project == project]
    if not builds:
        return NO_ANNOTATIONS
    steps = {step.layer: step for step in builds[0].steps}
    placed = {(step.stage, step.step, step.title): step for step in builds[0].steps}
    # A step that was found in the cache was measured when it ran.
    sizes = {step.layer: step.size for build in reversed(builds) for step in build.steps if step.size}

    def told(layer: ImageLayer) -> Annotation:
        place = layer.provenance
        step = steps.get(layer.id) or placed.get((place.stage, place.step, place.title))
        if step is None:
            return Annotation("new", note="the last build did not have it")
        return _annotation(step, sizes.get(step.layer))

    return {layer.id: told(layer) for layer in plan.layers}


def _annotation(step: StepRecord, size: int | None) -> Annotation:
    is_known = step.state in ("cached", "done", "failed")
    seconds = step.seconds if is_known and not step.is_base else None
    note = step.decision.reason if is_known else "the build ended before it was done"
    return Annotation(_STATES.get(step.state, ""), seconds, size, note)
