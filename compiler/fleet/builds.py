"""What the files of a fleet build, and how the images are called: read off the text, nothing evaluated."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from ...grammar.errors import CompileError
from ...grammar.source import SourceFile, Span
from ...grammar.syntax import Document, Instruction
from ..definitions import is_definitions, read_document
from ..references import ImageReference, parse_reference
from ..suggest import suggestion

__all__ = ["Build", "Named", "builds_of"]

_COMMENT = re.compile(r"^[ \t]*#[ \t]*layerc:[ \t]*(.*?)[ \t\r]*$", re.MULTILINE)
_KEYS = ("image", "target", "context")
_LABELS = ("org.opencontainers.image.ref.name", "org.opencontainers.image.title")


class Build(NamedTuple):
    """One image of a fleet. ``names`` are the references that it is built as; without any it is known by its
    file alone. ``context`` is where the build context is, relative to the file's directory; empty: there.
    """

    source: SourceFile
    document: Document
    names: tuple[ImageReference, ...] = ()
    target: str = ""
    context: str = ""

    @property
    def title(self) -> str:
        """What people call it: its first name, else its file and target."""
        if self.names:
            name = str(self.names[0])
            return name.removeprefix("docker.io/").removeprefix("library/")
        return f"{self.source.name}#{self.target}" if self.target else self.source.name


class Named(NamedTuple):
    """What another file, such as that of compose, says of an image; ``context`` as in :class:`Build`."""

    image: str
    target: str = ""
    context: str = ""


def builds_of(source: SourceFile, default_name: str = "", named: Sequence[Named] = ()) -> tuple[Build, ...]:
    """The images that a file makes: those that comments ``# layerc: image=NAME [target=STAGE] [context=DIR]``
    name, or else ``named``; without any, the last stage, or every image of layer definitions.

    An image's name is that of the comment, else that of its labels, else ``default_name`` (for the first one).
    Raises ``DockerfileError``.
    """
    told = [
        Named(words["image"], words.get("target", ""), words.get("context", "")) for words in _told(source)
    ]
    if told or named:
        return tuple(_named_build(source, name) for name in told or named)
    found: list[Build] = []
    for target in _targets(source):
        document = read_document(source, target)
        name = _label(document) or ("" if found else default_name)
        found.append(Build(source, document, _names(name, source), target))
    return tuple(found)


def _targets(source: SourceFile) -> tuple[str, ...]:
    if not is_definitions(source):
        return ("",)
    from ..definitions.layers import read_definitions

    images = read_definitions(source).images
    return images if len(images) > 1 else ("",)


def _named_build(source: SourceFile, name: Named) -> Build:
    document = read_document(source, name.target)
    return Build(source, document, _names(name.image, source), name.target, name.context)


def _told(source: SourceFile) -> Iterator[dict[str, str]]:
    for comment in _COMMENT.finditer(source.text):
        words: dict[str, str] = {}
        for word in comment[1].split():
            key, equals, value = word.partition("=")
            if key not in _KEYS or not equals or not value:
                help = suggestion(key, _KEYS) or "write # layerc: image=NAME [target=STAGE] [context=DIR]"  # noqa: A001
                where = source.location(Span(*comment.span(1)))
                raise CompileError(f"{word!r} is not known in this comment", where=where, help=help)
            words[key] = value
        if words:
            if "image" not in words:
                where = source.location(Span(*comment.span(1)))
                raise CompileError("the comment names no image", where=where, help="write image=NAME")
            yield words


def _names(name: str, source: SourceFile) -> tuple[ImageReference, ...]:
    if not name:
        return ()
    try:
        return (parse_reference(name),)
    except ValueError as error:
        raise CompileError(
            f"{source.name} is said to build {name!r}, which is no image's name: {error}",
            help="write it as name, name:tag or registry/name:tag",
        ) from error


def _label(document: Document) -> str:
    """The name that the last stage's labels give, if it is plain and can be one."""
    labels: dict[str, str] = {}
    for instruction in document.instructions:
        if instruction.keyword == "FROM":
            labels = {}
        elif instruction.keyword == "LABEL":
            labels |= _plain_pairs(instruction)
    for key in _LABELS:
        try:
            parse_reference(labels.get(key, ""))
        except ValueError:
            continue
        return labels[key]
    return ""


def _plain_pairs(instruction: Instruction) -> dict[str, str]:
    words = [word.strip("\"'") for word in instruction.args]
    return dict(zip(words[::2], words[1::2], strict=True))
