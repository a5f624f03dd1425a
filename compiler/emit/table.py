"""Every format that a plan can be written in, in the order in which help shows them."""

from __future__ import annotations

from .dot import DOT
from .emitter import Emitter
from .html import HTML
from .mermaid import MERMAID
from .plan_json import PLAN_JSON
from .svg import SVG

__all__ = ["EMITTERS"]

EMITTERS: tuple[Emitter, ...] = (PLAN_JSON, DOT, MERMAID, SVG, HTML)
