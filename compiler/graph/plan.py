"""The compiled plan (``layerc.plan/1``): layers in build order, and the images made of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from ..config import Healthcheck, HistoryItem, ImageConfig, rfc3339
from .canonical import check_types, decode, encode
from .layer import ImageLayer, Provenance
from .operations import MakeDir

__all__ = ["SCHEMA", "ImagePlan", "LayerPlan", "Notice"]

SCHEMA = "layerc.plan/1"


class Notice(NamedTuple):
    """A warning to show: ``rule`` is the name that Docker's build checks give it, if they have one. It is
    about the lines from ``line`` to ``end_line`` (0: about none).
    """

    message: str
    rule: str = ""
    file: str = ""
    line: int = 0
    end_line: int = 0


class ImagePlan(NamedTuple):
    """One image to make: the id of its top layer (none: an image of no layers), its config, its history.

    Items of the history that are not ``empty_layer`` correspond, in order, to the image's layers. ``epoch`` is
    the Unix time of SOURCE_DATE_EPOCH, if it is set.
    """

    name: str
    platform: str
    layer: str | None
    config: ImageConfig
    history: tuple[HistoryItem, ...] = ()
    epoch: int | None = None


class LayerPlan(NamedTuple):
    """Layers in an order in which each comes after all that it needs, and the images made of them.

    Notices take no part in equality.
    """

    layers: tuple[ImageLayer, ...]
    images: tuple[ImagePlan, ...]
    notices: tuple[Notice, ...] = ()

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LayerPlan) and self[:-1] == other[:-1]

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self[:-1])

    def to_document(self) -> dict[str, Any]:
        """The versioned JSON form (docs/plan.schema.json)."""
        return {
            "schema": SCHEMA,
            "layers": [_layer_document(layer) for layer in self.layers],
            "images": [_image_document(image) for image in self.images],
            "notices": [notice._asdict() for notice in self.notices],
        }

    @classmethod
    def from_document(cls, document: Any, meanings: Sequence[str] = ()) -> LayerPlan:
        """Read the JSON form. Raises ``ValueError`` where it is not one, or where an id does not match what
        it names (a plan may come from a stranger). ``meanings`` are those of the layers, where they are known.
        """
        if not isinstance(document, dict) or document.get("schema") != SCHEMA:
            found = document.get("schema") if isinstance(document, dict) else None
            raise ValueError(f"not a {SCHEMA} document: schema is {found!r}")
        try:
            layers = _layers(document["layers"], meanings)
            images = tuple(_image(entry) for entry in document["images"])
            notices = tuple(Notice(**entry) for entry in document.get("notices", ()))
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not a {SCHEMA} document: {error}") from error
        for value in (*images, *notices):
            check_types(value)
        known = {layer.id for layer in layers}
        for image in images:
            if image.layer is not None and image.layer not in known:
                raise ValueError(
                    f"image {image.name!r} is made of {image.layer[:12]}, which is not in the plan"
                )
        return cls(layers, images, notices)


def _layers(entries: list[dict[str, Any]], meanings: Sequence[str]) -> tuple[ImageLayer, ...]:
    layers: dict[str, ImageLayer] = {}
    for index, entry in enumerate(entries):
        layer = ImageLayer(
            decode(entry["operation"]),
            entry.get("parent"),
            tuple(entry.get("inputs", ())),
            _provenance(entry.get("provenance", {})),
        )
        check_types(layer)
        if meanings:
            layer.remember_meaning(meanings[index])
        if isinstance(layer.operation, MakeDir) and layer.operation.created is not None:
            rfc3339(layer.operation.created)
        check_types(layer.provenance)
        if layer.id != entry["id"]:
            raise ValueError(f"layer {str(entry['id'])[:12]} is really {layer.id[:12]}")
        if layer.id in layers:
            raise ValueError(f"layer {layer.id[:12]} is there twice")
        if unknown := [needed for needed in layer.references if needed not in layers]:
            raise ValueError(f"layer {layer.id[:12]} needs {unknown[0][:12]}, which is not before it")
        layers[layer.id] = layer
    return tuple(layers.values())


def _provenance(entry: dict[str, Any]) -> Provenance:
    return Provenance(**{key: _tupled(value) for key, value in entry.items()})


def _layer_document(layer: ImageLayer) -> dict[str, Any]:
    provenance = layer.provenance._asdict()
    if not layer.provenance.shared_with:
        del provenance["shared_with"]
    return {
        "id": layer.id,
        "operation": encode(layer.operation),
        "parent": layer.parent,
        "inputs": list(layer.inputs),
        "provenance": provenance,
    }


def _image_document(image: ImagePlan) -> dict[str, Any]:
    config = image.config._asdict()
    if image.config.healthcheck is not None:
        config["healthcheck"] = image.config.healthcheck._asdict()
    document: dict[str, Any] = {
        "name": image.name,
        "platform": image.platform,
        "layer": image.layer,
        "config": config,
        "history": [item._asdict() for item in image.history],
    }
    return document if image.epoch is None else document | {"epoch": image.epoch}


def _tupled(value: Any) -> Any:
    return tuple(_tupled(item) for item in value) if isinstance(value, list | tuple) else value


def _image(entry: dict[str, Any]) -> ImagePlan:
    config = {key: _tupled(value) for key, value in entry["config"].items()}
    if config.get("healthcheck") is not None:
        check = {key: _tupled(value) for key, value in config["healthcheck"].items()}
        config["healthcheck"] = Healthcheck(**check)
        check_types(config["healthcheck"])
    history = tuple(HistoryItem(**item) for item in entry.get("history", ()))
    image = ImagePlan(
        entry["name"],
        entry["platform"],
        entry["layer"],
        ImageConfig(**config),
        history,
        entry.get("epoch"),
    )
    for value in (image.config, *history):
        check_types(value)
    if image.epoch is not None:
        rfc3339(image.epoch)
    return image
