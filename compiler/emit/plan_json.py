"""The plan itself: ``layerc.plan/1`` (docs/plan.schema.json)."""

from __future__ import annotations

import json

from ..graph.plan import LayerPlan
from .annotation import NO_ANNOTATIONS, Annotations
from .emitter import Emitter

__all__ = ["PLAN_JSON", "emit"]


def emit(plan: LayerPlan, annotations: Annotations = NO_ANNOTATIONS) -> str:  # noqa: ARG001  # the plan alone
    """Indented JSON in ASCII, whatever bytes the Dockerfile holds."""
    return json.dumps(plan.to_document(), indent=2) + "\n"


PLAN_JSON = Emitter("json", ".json", emit, is_picture=False)
