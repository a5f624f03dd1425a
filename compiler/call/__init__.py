"""Questions to a Dockerfile that build nothing: its targets, what a target takes, what the checks find."""

from .check import CheckReport, check_dockerfile
from .outline import Outline, OutlineItem, outline_dockerfile
from .targets import Target, list_targets

__all__ = [
    "CheckReport",
    "Outline",
    "OutlineItem",
    "Target",
    "check_dockerfile",
    "list_targets",
    "outline_dockerfile",
]
