"""Tree to text, and edits that change only the bytes of what is edited."""

from __future__ import annotations

from .parse import parse
from .source import SourceFile
from .syntax import Document, Item

__all__ = ["insert_item", "remove_item", "replace_instruction", "replace_item", "unparse"]


def unparse(document: Document) -> str:
    """The source text: the items' texts in order. For every text t, ``unparse(parse(t)) == t``."""
    return "".join(item.text for item in document.items)


def replace_item(document: Document, item: Item, text: str) -> Document:
    """The document with ``text`` in the place of ``item`` (one of its items, compared by identity).

    ``text`` gets the line end that it lacks, in the style of the item. Raises DockerfileError where the
    result is no Dockerfile, ValueError where the item is not in the document.
    """
    index = _index(document, item)
    old = item.text
    if old.endswith("\n"):
        ending = "\r\n" if old.endswith("\r\n") else "\n"
    else:
        ending = "" if item is document.items[-1] else _line_end(document)
    return _rebuild(document, index, index + 1, _ended(text, ending))


def replace_instruction(document: Document, index: int, text: str) -> Document:
    """:func:`replace_item` for ``document.instructions[index]``."""
    return replace_item(document, document.instructions[index], text)


def insert_item(document: Document, before: Item | None, text: str) -> Document:
    """The document with ``text`` before an item, or at the end. ``text`` gets the file's line end if it lacks
    one. Raises DockerfileError where the result is no Dockerfile.
    """
    ending = _line_end(document)
    if before is not None:
        index = _index(document, before)
        return _rebuild(document, index, index, _ended(text, ending))
    index = len(document.items)
    closed = not document.items or document.items[-1].text.endswith("\n")
    return _rebuild(document, index, index, _ended(text, ending) if closed else ending + text)


def remove_item(document: Document, item: Item) -> Document:
    """The document without ``item``. Raises DockerfileError where the result is no Dockerfile."""
    index = _index(document, item)
    return _rebuild(document, index, index + 1, "")


def _index(document: Document, item: Item) -> int:
    for index, other in enumerate(document.items):
        if other is item:
            return index
    raise ValueError("the item is not in this document")


def _line_end(document: Document) -> str:
    """``\\r\\n`` where the first line has it, else ``\\n``."""
    first = document.source.text.find("\n")
    return "\r\n" if first > 0 and document.source.text[first - 1] == "\r" else "\n"


def _ended(text: str, ending: str) -> str:
    return text if not ending or text.endswith("\n") else text + ending


def _rebuild(document: Document, start: int, end: int, text: str) -> Document:
    items = document.items
    before = "".join(item.text for item in items[:start])
    after = "".join(item.text for item in items[end:])
    return parse(SourceFile(document.source.name, before + text + after))
