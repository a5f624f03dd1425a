"""Layer definitions, read and put in order: what each needs comes before it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import NamedTuple

from ...grammar.errors import CompileError, DockerfileError
from ...grammar.source import SourceFile
from ...grammar.syntax import Document, Instruction
from ..suggest import suggestion
from .parts import PARTS, Written, arguments, from_, read_written
from .values import Item, parse_items

__all__ = ["Definitions", "LayerDefinition", "read_definitions"]

SCHEMA = "layerc.layers/1"

_KEYS = ("name", "parent", "platform", *PARTS)
_TOP = ("schema", "args", "images", "layers")
_NAME = re.compile(r"[a-z][a-z0-9_.-]*")
_RESERVED = ("scratch", "context")
_MOUNTED_FROM = re.compile(r"(?:^|,)from=([^,]*)")
_BARE = re.compile(r"[A-Za-z0-9_.-]*")


class LayerDefinition(NamedTuple):
    """One layer: its name and, as instructions of a Dockerfile, what it says. ``needs`` are the layers of the
    file that it is laid over or reads, with the places that name them.
    """

    name: str
    item: Item
    needs: tuple[tuple[str, Item], ...]
    instructions: tuple[Instruction, ...]


class Definitions(NamedTuple):
    """A file of layer definitions. ``layers`` are in build order, by name; ``images`` are the layers that the
    file says (or, where it says nothing, that no other layer shows) to be images.
    """

    source: SourceFile
    arguments: tuple[Instruction, ...]
    layers: dict[str, LayerDefinition]
    images: tuple[str, ...]

    def document(self, target: str | None = None, *, every: bool = False) -> Document:
        """The Dockerfile that says the same, with a stage for each layer; its nodes point into the definitions.

        Without a target its last stage is the file's one image, unless ``every`` layer is asked for. Raises
        ``CompileError`` where there are several.
        """
        names = list(self.layers)
        if not target and not every:
            if len(self.images) > 1:
                raise CompileError(
                    f"the file makes several images: {', '.join(self.images)}",
                    help=f"choose one: --target {self.images[0]}",
                )
            above = self._above(self.images[0])
            names = [*(name for name in names if name not in above), self.images[0]]
        items = (*self.arguments, *(item for name in names for item in self.layers[name].instructions))
        return Document(self.source, items, "\\")

    def _above(self, base: str) -> set[str]:
        """``base`` and all that need it."""
        found = {base}
        for layer in self.layers.values():  # what a layer needs stands before it
            if any(name in found for name, _ in layer.needs):
                found.add(layer.name)
        return found


def read_definitions(source: SourceFile, contexts: Collection[str] = ()) -> Definitions:
    """Read a file of definitions; ``contexts`` are the names of named contexts, which it may copy from.

    Raises ``CompileError``.
    """
    whole = parse_items(source)
    table = {"layers": whole} if isinstance(whole.value, list) else whole.table(_TOP, ("layers",))
    if "schema" in table and table["schema"].value != SCHEMA:
        raise table["schema"].error(
            "the form of the file is not known", f'write schema = "{SCHEMA}", or nothing'
        )
    items = _named_layers(table["layers"])
    read = {name: _read(name, item, items, contexts) for name, item in items.items()}
    globals_ = tuple(map(_instruction, arguments(table["args"]))) if "args" in table else ()
    layers = {name: read[name] for name in _in_order(read)}
    return Definitions(source, globals_, layers, _images(table.get("images"), layers))


def _named_layers(item: Item) -> dict[str, Item]:
    found: dict[str, Item] = {}
    for entry in item.elements():
        name = entry.table(_KEYS, ("name", "parent"))["name"]
        text = name.text()
        if not _NAME.fullmatch(text) or text in _RESERVED:
            raise name.error(
                f"a layer can not be called {text!r}",
                "a lower-case letter, then letters, digits and _ . -, but not scratch or context",
            )
        if text in found:
            line = found[text].location().line
            raise name.error(f"there is a layer {text!r} already", f"the first one is in line {line}")
        found[text] = entry
    if not found:
        raise item.error("there are no layers", "define one")
    return found


def _read(name: str, item: Item, known: Collection[str], contexts: Collection[str]) -> LayerDefinition:
    table = item.table(_KEYS)
    parent = table["parent"]
    needs = list(_needed("parent of layer", name, parent, parent.text(), known, contexts))
    written = [from_(parent, _base(parent), name, table.get("platform"))]
    for key, write in PARTS.items():
        if key in table:
            for each in write(table[key]):
                written.append(each)
                for place, text in _mentioned(each):
                    needs += _needed(f"{key} of layer", name, place, text, known, contexts)
    return LayerDefinition(name, item, tuple(needs), tuple(map(_instruction, written)))


def _base(parent: Item) -> str:
    text = parent.text()
    if not text or len(text.split()) != 1:
        raise parent.error(
            "the parent is no single word", "name a layer of this file, or an image with its tag"
        )
    return text


def _mentioned(written: Written) -> Iterator[tuple[Item, str]]:
    """What an instruction reads, besides the layer below."""
    if "from" in written.flags:
        yield written.flags["from"], written.flags["from"].text()
    if "mount" in written.flags:
        for mount in written.flags["mount"].one_or_more():
            for name in _MOUNTED_FROM.findall(mount.text()):
                yield mount, name


def _needed(
    role: str, layer: str, item: Item, text: str, known: Collection[str], contexts: Collection[str]
) -> Iterator[tuple[str, Item]]:
    """The layer that ``text`` names, if it names one; an image is named with a tag, digest or slash."""
    if text in known:
        yield text, item
    elif _BARE.fullmatch(text) and text != "scratch" and text not in contexts:
        help = suggestion(text, known) or f"an image is written with its tag: {text}:latest"  # noqa: A001
        raise item.error(f"{role} {layer!r}: there is no layer {text!r}", help)


def _images(item: Item | None, layers: dict[str, LayerDefinition]) -> tuple[str, ...]:
    if item is None:
        needed = {name for layer in layers.values() for name, _ in layer.needs}
        return tuple(name for name in layers if name not in needed)
    images = tuple(each.text() for each in item.elements())
    for each in item.elements():
        if each.value not in layers:
            help = suggestion(each.value, layers) or f"its layers are {', '.join(layers)}"  # noqa: A001
            raise each.error(f"there is no layer {each.value!r}", help)
    if not images:
        raise item.error("there are no images", "name one, or leave the key out")
    return images


def _instruction(written: Written) -> Instruction:
    """The node of a written instruction, at the place of the value that it comes from."""
    item, place = written.item, written.item.place
    try:
        node = read_written(written.text, item.source.name)
    except DockerfileError as error:
        raise item.error(error.message, error.help or "docs/definitions.md shows the form") from error
    flags = tuple(
        flag._replace(span=written.flags[flag.name].place.value) if flag.name in written.flags else flag
        for flag in node.flags
    )
    return node._replace(
        flags=flags,
        span=place.value,
        keyword_span=place.key._replace(end=place.key.start),
        args_span=place.value,
        start_line=item.source.line_of(place.value.start),
        end_line=item.source.line_of(max(place.value.start, place.value.end - 1)),
    )


def _in_order(layers: dict[str, LayerDefinition]) -> list[str]:
    """Names, each behind those that it needs, otherwise as in the file. Raises ``CompileError`` for a circle."""
    order: dict[str, None] = {}
    for start in layers:
        path: dict[str, Iterator[tuple[str, Item]]] = {}
        if start not in order:
            path[start] = iter(layers[start].needs)
        while path:
            name = next(reversed(path))
            needed = next(path[name], None)
            if needed is None:
                order[name] = None
                del path[name]
            elif needed[0] in path:
                names = list(path)
                circle = [*names[names.index(needed[0]) :], needed[0]]
                raise needed[1].error(
                    f"layers need each other in a circle: {' → '.join(circle)}",
                    "a layer can not be laid over itself, nor read files of one that needs it",
                )
            elif needed[0] not in order:
                path[needed[0]] = iter(layers[needed[0]].needs)
    return list(order)
