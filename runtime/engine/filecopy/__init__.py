"""COPY and ADD: which entries of which trees go where (:func:`resolve_copy`), and copying them there
(:func:`apply_copy`).

The rules are those of BuildKit's file backend and of tonistiigi/fsutil's ``copy``; where they differ here is
said in docs/differences.md.
"""

from .apply import apply_copy
from .ownership import resolve_owner
from .plan import CopyPlan, is_linked
from .resolve import resolve_copy

__all__ = ["CopyPlan", "apply_copy", "is_linked", "resolve_copy", "resolve_owner"]
