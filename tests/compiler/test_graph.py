"""LayerGraph, DependencyResolver and the invariants, on examples and on random graphs."""

from __future__ import annotations

import itertools
import time
from functools import cached_property

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerc.compiler.config import HistoryItem, ImageConfig
from layerc.compiler.graph.graph import LayerGraph, LayerGraphError
from layerc.compiler.graph.invariants import InvariantError, check
from layerc.compiler.graph.layer import ImageLayer, Provenance
from layerc.compiler.graph.operations import (
    Base,
    ContextPath,
    Copy,
    FromContext,
    FromLayer,
    MakeDir,
    Run,
)
from layerc.compiler.graph.plan import ImagePlan
from layerc.compiler.graph.resolver import DependencyResolver


class Named(ImageLayer):
    """A layer whose id is given, so that a graph can be tied into a knot."""

    @cached_property
    def id(self) -> str:
        return self.provenance.title


def named(name: str, parent: str | None = None, *inputs: str) -> Named:
    return Named(MakeDir("/"), parent, inputs, Provenance(title=name))


def diamond() -> LayerGraph:
    """base ← left, right ← top; other stands alone."""
    return LayerGraph(
        [
            named("base"),
            named("left", "base"),
            named("right", "base"),
            named("top", "left", "right"),
            named("other"),
        ]
    )


def ids(layers: tuple[ImageLayer, ...]) -> list[str]:
    return [layer.id for layer in layers]


# --- identity -----------------------------------------------------------------------------------------------


def test_equal_work_has_an_equal_id_whatever_it_is_called() -> None:
    one = ImageLayer(Run(("make",)), provenance=Provenance("Dockerfile", 3, 3, "build", "RUN make"))
    two = ImageLayer(Run(("make",)), provenance=Provenance("other", 7, 8, "x", "run make"))
    assert one.id == two.id
    assert one == two
    assert ImageLayer(Run(("make",)), parent=one.id).id != one.id


def test_a_base_is_its_digest_and_not_its_name() -> None:
    digest = "sha256:" + "a" * 64
    assert (
        ImageLayer(Base("x:1", "linux/amd64", digest)).id == ImageLayer(Base("x:2", "linux/amd64", digest)).id
    )
    assert ImageLayer(Base("x:1", "linux/amd64")).id != ImageLayer(Base("x:2", "linux/amd64")).id
    assert ImageLayer(Base("x", "linux/amd64", digest)).id != ImageLayer(Base("x", "linux/arm64", digest)).id


def test_proxy_arguments_do_not_enter_a_key() -> None:
    plain = Run(("make",))
    assert ImageLayer(plain._replace(proxy=(("HTTP_PROXY", "x"),))).id == ImageLayer(plain).id


@pytest.mark.parametrize(
    "change",
    [
        {"argv": ("make", "x")},
        {"env": (("A", "1"),)},
        {"cwd": "/x"},
        {"user": "1"},
        {"network": "none"},
        {"shm_size": 1},
        {"ulimits": ("nofile=1:1",)},
    ],
)
def test_what_a_step_can_see_is_part_of_its_id(change: dict[str, object]) -> None:
    plain = Run(("make",))
    assert ImageLayer(plain._replace(**change)).id != ImageLayer(plain).id  # type: ignore[arg-type]


# --- growing ------------------------------------------------------------------------------------------------


def test_layers_may_come_in_any_order() -> None:
    layers = list(diamond())
    for order in itertools.permutations(layers):
        graph = LayerGraph(order)
        assert len(graph) == 5
        for layer in graph:
            assert all(graph.index(needed) < graph.index(layer.id) for needed in layer.references)


def test_an_unknown_parent_is_refused() -> None:
    with pytest.raises(LayerGraphError, match=r"needs nowhere \(its parent\), which is unknown"):
        LayerGraph().add_layer(named("top", "nowhere"))


def test_an_unknown_input_is_refused() -> None:
    with pytest.raises(LayerGraphError, match=r"needs nowhere \(an input\)"):
        diamond().add_layer(named("more", "top", "nowhere"))


def test_a_layer_twice_is_refused() -> None:
    with pytest.raises(LayerGraphError, match="in the graph already"):
        diamond().add_layer(named("top", "base"))


def test_cycles_are_refused() -> None:
    with pytest.raises(LayerGraphError, match="needs itself"):
        LayerGraph().add_layer(named("a", "a"))
    with pytest.raises(LayerGraphError, match="in a cycle: a, b"):
        LayerGraph([named("a", "b"), named("b", "a"), named("c")])


def test_a_graph_does_not_change() -> None:
    before = diamond()
    left = before.add_layer(named("x", "top"))
    right = before.add_layer(named("y", "top"))
    assert len(before) == 5
    assert "x" not in before
    assert "x" in left
    assert "x" not in right
    assert "y" in right
    assert before.descendants("base") == {"left", "right", "top"}
    assert left.descendants("base") == {"left", "right", "top", "x"}
    assert right.descendants("base") == {"left", "right", "top", "y"}
    assert ids(before.dependents("top")) == []
    assert ids(tuple(left)) == ["base", "left", "right", "top", "other", "x"]
    assert set(before.digraph) == {"base", "left", "right", "top", "other"}
    with pytest.raises(LayerGraphError, match="no layer x"):
        before["x"]


def test_an_image_of_no_known_layer_is_refused() -> None:
    image = ImagePlan("", "linux/amd64", "nowhere", ImageConfig())
    with pytest.raises(LayerGraphError, match="made of nowhere, which is unknown"):
        diamond().with_images((image,))


# --- questions ----------------------------------------------------------------------------------------------


def test_ancestors_and_descendants() -> None:
    graph = diamond()
    assert graph.ancestors("top") == {"base", "left", "right"}
    assert graph.descendants("base") == {"left", "right", "top"}
    assert ids(graph.dependents("base")) == ["left", "right"]
    assert ids(graph.build_order("left")) == ["base", "left"]
    with pytest.raises(LayerGraphError, match="no layer nowhere"):
        graph.ancestors("nowhere")


def test_what_a_change_affects_and_nothing_else() -> None:
    resolver = DependencyResolver(diamond())
    assert ids(resolver.rebuild_affected_layers("left")) == ["left", "top"]
    assert ids(resolver.rebuild_affected_layers("base")) == ["base", "left", "right", "top"]
    assert ids(resolver.rebuild_affected_layers("other")) == ["other"]
    with pytest.raises(LayerGraphError, match="no layer nowhere"):
        resolver.rebuild_affected_layers("nowhere")


def test_waves() -> None:
    resolver = DependencyResolver(diamond())
    assert [ids(wave) for wave in resolver.waves()] == [["base", "other"], ["left", "right"], ["top"]]
    assert [ids(wave) for wave in resolver.waves("left")] == [["base"], ["left"]]
    assert DependencyResolver(LayerGraph()).waves() == ()


def test_critical_path() -> None:
    resolver = DependencyResolver(diamond())
    path = resolver.critical_path({"base": 1, "left": 5, "right": 2, "top": 1})
    assert (ids(path.layers), path.weight) == (["base", "left", "top"], 7)
    path = resolver.critical_path(lambda layer: 10 if layer.id == "other" else 1)
    assert (ids(path.layers), path.weight) == (["other"], 10)
    assert resolver.critical_path({}).weight == 0
    assert DependencyResolver(LayerGraph()).critical_path({}).layers == ()


# --- laws on random graphs ----------------------------------------------------------------------------------


@st.composite
def graphs(draw: st.DrawFn) -> LayerGraph:
    layers: list[Named] = []
    for number in range(draw(st.integers(0, 14))):
        known = [layer.id for layer in layers]
        parent = draw(st.sampled_from([None, *known]))
        inputs = draw(st.lists(st.sampled_from(known), max_size=3)) if known else []
        layers.append(named(f"n{number}", parent, *inputs))
    return LayerGraph(draw(st.permutations(layers)))


@given(graphs())
def test_laws(graph: LayerGraph) -> None:
    resolver = DependencyResolver(graph)
    order = ids(resolver.build_order())
    plain = nx.DiGraph((needed, layer.id) for layer in graph for needed in layer.references)
    plain.add_nodes_from(order)
    assert sorted(order) == sorted(plain)
    for layer in graph:
        before = order[: order.index(layer.id)]
        assert set(layer.references) <= set(before)
        assert set(ids(resolver.build_order(layer.id))) == nx.ancestors(plain, layer.id) | {layer.id}
        affected = ids(resolver.rebuild_affected_layers(layer.id))
        assert set(affected) == nx.descendants(plain, layer.id) | {layer.id}
        assert affected == sorted(affected, key=order.index)
    waves = resolver.waves()
    assert sorted(ids(tuple(itertools.chain(*waves)))) == sorted(order)
    done: set[str] = set()
    last: set[str] = set()
    for wave in waves:
        assert all(set(layer.references) <= done for layer in wave)
        assert not last or all(set(layer.references) & last for layer in wave)
        last = set(ids(wave))
        done |= last
    path = resolver.critical_path(lambda _layer: 1.0)
    assert path.weight == len(path.layers) == len(waves)
    assert all(a.id in b.references for a, b in itertools.pairwise(path.layers))


@given(graphs())
def test_growing_one_by_one_gives_the_same_graph(graph: LayerGraph) -> None:
    grown = LayerGraph()
    for layer in graph:
        grown = grown.add_layer(layer)
    assert list(grown) == list(graph)
    assert LayerGraph.from_plan(graph.to_plan()).to_plan() == graph.to_plan()


def test_a_large_graph_is_answered_quickly() -> None:
    count = 40_000
    layers = [named("0")]
    layers += [named(str(n), str(n - 1), *([str(n // 2)] if n % 3 == 0 else [])) for n in range(1, count)]
    for layer in layers:
        assert layer.id
    resolver = DependencyResolver(LayerGraph(layers))
    for question in (
        lambda: len(resolver.rebuild_affected_layers("10")),
        lambda: len(resolver.build_order(str(count - 1))),
        lambda: len(resolver.waves()),
        lambda: len(resolver.critical_path(lambda _layer: 1.0).layers),
    ):
        started = time.process_time()
        assert question() > count - 20
        assert time.process_time() - started < 2


# --- invariants ---------------------------------------------------------------------------------------------


def violations(graph: LayerGraph) -> list[str]:
    with pytest.raises(InvariantError) as caught:
        check(graph)
    return caught.value.violations


def test_a_sound_graph_passes() -> None:
    base = ImageLayer(Base("x", "linux/amd64"))
    source = ImageLayer(MakeDir("/src"))
    top = ImageLayer(Copy(origin=FromLayer(0), sources=(ContextPath("a"),), dest="/a"), base.id, (source.id,))
    history = (HistoryItem("base"), HistoryItem("COPY"))
    check(LayerGraph([base, source, top], (ImagePlan("", "linux/amd64", top.id, ImageConfig(), history),)))


def test_each_violation_is_told() -> None:
    base = ImageLayer(Base("x", "linux/amd64"))
    assert (
        "laid over another"
        in violations(LayerGraph([base, ImageLayer(Base("y", "linux/amd64"), base.id)]))[0]
    )
    unused = ImageLayer(Run(("true",)), base.id, (base.id,))
    assert "reads inputs [] of 1" in violations(LayerGraph([base, unused]))[0]
    beyond = ImageLayer(Copy(origin=FromLayer(3), sources=(), dest="/"), base.id)
    assert "reads inputs [3] of 0" in violations(LayerGraph([base, beyond]))[0]
    relative = ImageLayer(Copy(origin=FromContext(), sources=(), dest="a"))
    assert "'a', which is not absolute" in violations(LayerGraph([relative]))[0]
    image = ImagePlan("i", "linux/amd64", unused.id, ImageConfig())
    assert "image 'i' has 1 layers and a history of 0" in violations(LayerGraph([base, unused], (image,)))
