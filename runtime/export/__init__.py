"""Images leave the store: one file an exporter; ``exporters.py`` lists them."""

from .exporters import EXPORTERS, export
from .output import Exported, Output, parse_output

__all__ = ["EXPORTERS", "Exported", "Output", "export", "parse_output"]
