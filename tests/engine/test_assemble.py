"""Image configs from plans and layers."""

from __future__ import annotations

import pytest

from layerc.compiler.config import HistoryItem, ImageConfig
from layerc.compiler.graph.plan import ImagePlan
from layerc.runtime.engine.assemble import config_document

BASE = HistoryItem("base", created="2020-01-01T00:00:00Z")


def image(*history: HistoryItem) -> ImagePlan:
    return ImagePlan("x", "linux/amd64", None, ImageConfig(architecture="amd64"), history)


def times(*history: HistoryItem, layers: list[float]) -> list[str | None]:
    document = config_document(
        image(*history), [(f"sha256:{index}", time) for index, time in enumerate(layers)]
    )
    return [item.get("created") for item in document["history"]]


def test_metadata_takes_the_time_of_the_layer_before_it() -> None:
    history = (BASE, HistoryItem("ENV a"), HistoryItem("RUN x"), HistoryItem("CMD y", empty_layer=True))
    history = (BASE, HistoryItem("ENV a", empty_layer=True), *history[2:])
    assert times(*history, layers=[0.0, 60.0]) == [
        "2020-01-01T00:00:00Z",
        "1970-01-01T00:01:00Z",
        "1970-01-01T00:01:00Z",
        "1970-01-01T00:01:00Z",
    ]


def test_metadata_alone_takes_the_time_of_the_base() -> None:
    assert times(BASE, HistoryItem("ENV a", empty_layer=True), layers=[5.0])[1] == "2020-01-01T00:00:00Z"


def test_an_image_of_metadata_on_scratch_has_no_times() -> None:
    document = config_document(image(HistoryItem("LABEL a=b", empty_layer=True)), [])
    assert "created" not in document
    assert document["history"] == [{"created_by": "LABEL a=b", "empty_layer": True}]
    assert document["rootfs"] == {"type": "layers", "diff_ids": []}


def test_each_layer_must_have_its_line_of_history() -> None:
    with pytest.raises(ValueError, match="tells of 1 layers, the image has 2"):
        config_document(image(BASE), [("sha256:a", 1.0), ("sha256:b", 2.0)])
