"""Layers as directories: mounted, committed, read through their entry indexes, written as archives."""

from .commit import commit
from .entry import Entry, Kind, SourceTree
from .export import write_layer
from .index import EMPTY_CONTENT
from .mount import enter_mount_namespace, mount
from .view import StackView

__all__ = [
    "EMPTY_CONTENT",
    "Entry",
    "Kind",
    "SourceTree",
    "StackView",
    "commit",
    "enter_mount_namespace",
    "mount",
    "write_layer",
]
