"""Plans as documents: what is not one is refused; the schema says what the code says."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from compiling import compile_text
from hypothesis import given
from hypothesis import strategies as st

from layerc.compiler.config import Healthcheck, HistoryItem, ImageConfig
from layerc.compiler.graph import canonical
from layerc.compiler.graph.layer import ImageLayer, Provenance
from layerc.compiler.graph.plan import ImagePlan, LayerPlan, Notice

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "plan.schema.json").read_text())
TEXT = """
FROM debian AS a
ARG V=1
RUN --mount=type=cache,target=/c --mount=from=b,target=/b make
FROM scratch
COPY --from=a --chown=1 /x <<E /y/
hello
E
ADD https://example.org/x https://example.org/y.git /z/
HEALTHCHECK CMD true
"""


def document() -> dict[str, Any]:
    return json.loads(json.dumps(compile_text(TEXT, labels=(("a", "b"),)).to_document()))


def test_round_trip() -> None:
    plan = compile_text(TEXT)
    assert LayerPlan.from_document(document()).layers == plan.layers
    assert LayerPlan.from_document(plan.to_document()) == plan


def set_in(path: str, value: Any) -> Callable[[dict[str, Any]], None]:
    def change(found: Any) -> None:
        *parents, last = [int(part) if part.lstrip("-").isdigit() else part for part in path.split(".")]
        for part in parents:
            found = found[part]
        found[last] = value

    return change


def delete(path: str) -> Callable[[dict[str, Any]], None]:
    def change(found: Any) -> None:
        *parents, last = [int(part) if part.lstrip("-").isdigit() else part for part in path.split(".")]
        for part in parents:
            found = found[part]
        del found[last]

    return change


def swap_layers(found: dict[str, Any]) -> None:
    found["layers"].reverse()


def repeat_layer(found: dict[str, Any]) -> None:
    found["layers"].append(found["layers"][0])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (set_in("schema", "layerc.plan/2"), "schema is 'layerc.plan/2'"),
        (delete("schema"), "schema is None"),
        (delete("layers"), "'layers'"),
        (set_in("layers", 5), "not a layerc.plan/1 document"),
        (set_in("layers.0", "x"), "not a layerc.plan/1 document"),
        (set_in("layers.0.operation.type", "brew"), "unknown type 'brew'"),
        (set_in("layers.0.operation.type", ["run"]), "unknown type"),
        (set_in("layers.0.operation.extra", 1), r"unknown \['extra'\]"),
        (delete("layers.0.operation.reference"), r"missing \['reference'\]"),
        (set_in("layers.0.operation.reference", 5), "reference can not be 5"),
        (set_in("layers.0.operation.reference", "evil"), "is really"),
        (set_in("layers.-1.operation.dest", "/etc"), "is really"),
        (set_in("layers.0.id", "0" * 64), "layer 000000000000 is really"),
        (set_in("layers.1.parent", 3), "parent can not be 3"),
        (set_in("layers.0.provenance.line", "3"), "line can not be '3'"),
        (set_in("layers.0.provenance.colour", "3"), "colour"),
        (swap_layers, "which is not before it"),
        (repeat_layer, "is there twice"),
        (set_in("images.0.layer", "f" * 64), "which is not in the plan"),
        (set_in("images.0.config.env", [["A"]]), "env can not be"),
        (set_in("images.0.config.cmd", "sh"), "cmd can not be 'sh'"),
        (set_in("images.0.config.args_escaped", 1), "args_escaped can not be 1"),
        (set_in("images.0.config.healthcheck.test", "x"), "test can not be"),
        (set_in("images.0.config.colour", "x"), "colour"),
        (set_in("images.0.history.0.empty_layer", None), "empty_layer can not be None"),
        (delete("images.0.platform"), "'platform'"),
        (set_in("notices", [{"text": "x"}]), "not a layerc.plan/1 document"),
        (set_in("notices", [{"message": 1}]), "message can not be 1"),
    ],
)
def test_what_is_no_plan_is_refused(change: Callable[[dict[str, Any]], None], message: str) -> None:
    changed = document()
    change(changed)
    with pytest.raises(ValueError, match=message):
        LayerPlan.from_document(changed)


@pytest.mark.parametrize("value", [None, [], "x", 5, {}])
def test_what_is_no_document_is_refused(value: object) -> None:
    with pytest.raises(ValueError, match=r"not a layerc\.plan/1 document"):
        LayerPlan.from_document(value)


_json = st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=3), st.lists, max_leaves=4)


@given(st.data())
def test_no_value_anywhere_gives_another_error(data: st.DataObject) -> None:
    changed = copy.deepcopy(_DOCUMENT)
    place: Any = changed
    while True:
        keys = list(place) if isinstance(place, dict) else list(range(len(place)))
        if not keys:
            return
        key = data.draw(st.sampled_from(keys))
        if not isinstance(place[key], dict | list) or data.draw(st.booleans()):
            break
        place = place[key]
    place[key] = data.draw(_json)
    try:
        LayerPlan.from_document(changed)
    except ValueError:
        return


_DOCUMENT = document()


def test_the_schema_names_every_field() -> None:
    kinds: dict[str, type[Any]] = {
        "image": ImagePlan,
        "config": ImageConfig,
        "history": HistoryItem,
        "healthcheck": Healthcheck,
        "notice": Notice,
        "provenance": Provenance,
    }
    for name, kind in kinds.items():
        assert set(SCHEMA["$defs"][name]["properties"]) == set(kind._fields), name
    assert set(SCHEMA["$defs"]["layer"]["properties"]) == set(ImageLayer._fields) | {"id"}
    tagged = {
        entry["properties"]["type"]["const"]: entry
        for entry in SCHEMA["$defs"].values()
        if "const" in entry.get("properties", {}).get("type", {})
    }
    assert tagged.keys() == canonical.KINDS.keys()
    for tag, kind in canonical.KINDS.items():
        assert set(tagged[tag]["properties"]) == set(kind._fields) | {"type"}, tag
