"""The formatter: one style for Dockerfiles (docs/formatting.md), on the lossless tree. The door is
:func:`format_document`.
"""

from .document import format_document

__all__ = ["format_document"]
