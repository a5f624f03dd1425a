"""The names that ``import layerc`` offers, and that it costs nothing to offer them."""

from __future__ import annotations

import doctest
import subprocess
import sys

import pytest

import layerc
from layerc import DependencyResolver, ImageLayer, LayerGraph, SourceFile, read_document
from layerc.compiler.graph.graph import LayerGraphError
from layerc.compiler.graph.operations import Base, Run


def test_every_name_can_be_had() -> None:
    for name in layerc.__all__:
        assert getattr(layerc, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'Layer'"):
        layerc.Layer  # type: ignore[attr-defined]  # noqa: B018  # asking is the test


def test_the_example_holds() -> None:
    assert doctest.testmod(layerc).attempted >= 5
    assert doctest.testmod(layerc).failed == 0


def test_importing_it_imports_nothing_more() -> None:
    code = "import sys, layerc; print([name for name in sys.modules if name.startswith('layerc.')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_graph_made_by_hand_answers_what_definitions_ask() -> None:
    base = ImageLayer(Base("debian:12", "linux/amd64"))
    graph = LayerGraph().add_layer(base)
    with pytest.raises(LayerGraphError, match=r"its parent.*unknown"):
        graph.add_layer(ImageLayer(Run(("x",)), parent="nowhere"))
    left, right = (ImageLayer(Run((name,)), parent=base.id) for name in "lr")
    top = ImageLayer(Run(("t",)), parent=left.id, inputs=(right.id,))
    for layer in (left, right, top):
        graph = graph.add_layer(layer)
    resolver = DependencyResolver(graph)
    assert resolver.build_order(left.id) == (base, left)
    assert resolver.rebuild_affected_layers(left.id) == (left, top)
    assert resolver.affected_by([left.id, right.id, "unknown"]) == {left.id, right.id, top.id}
    assert resolver.waves() == ((base,), (left, right), (top,))
    document = read_document(SourceFile("l.json", '[{"name": "a", "parent": "debian:12"}]'))
    assert layerc.unparse(document) == "FROM debian:12 AS a\n"
