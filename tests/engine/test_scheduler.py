"""The scheduler against an in-memory worker: what it makes, in which order, and how it stops."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerc.compiler.graph.layer import ImageLayer
from layerc.compiler.graph.operations import Run
from layerc.runtime.engine.scheduler import Found, LayerResult, Scheduler


def layer(name: str, parent: ImageLayer | None = None, *inputs: ImageLayer) -> ImageLayer:
    return ImageLayer(Run((name,)), parent and parent.id, tuple(item.id for item in inputs))


class Worker:
    """Makes layers by naming them; ``known`` are found by their definition."""

    def __init__(self, known: set[str] | None = None, during: Callable[[str], None] = lambda _: None) -> None:
        self.known = known or set()
        self.made: list[str] = []
        self.probed: list[str] = []
        self.during = during

    def probe(self, layer: ImageLayer) -> Found | None:
        name = layer.operation.argv[0]
        self.probed.append(name)
        if name not in self.known:
            return None
        return lambda parent, _: LayerResult((*parent.stack, name), name)

    def make(self, layer: ImageLayer, parent: LayerResult, inputs: tuple[LayerResult, ...]) -> LayerResult:
        name = layer.operation.argv[0]
        self.during(name)
        self.made.append(name)
        return LayerResult((*parent.stack, name), f"{name}({','.join(item.content for item in inputs)})")


def run(
    layers: list[ImageLayer], targets: list[ImageLayer], worker: Worker, jobs: int = 4
) -> list[LayerResult]:
    scheduler = Scheduler(
        {item.id: item for item in layers},
        worker,
        jobs=jobs,
        cancel=threading.Event(),
        before_work=lambda: None,
    )
    results = scheduler.run([target.id for target in targets])
    return [results[target.id] for target in targets]


def test_a_chain_is_made_in_order() -> None:
    a = layer("a")
    b = layer("b", a)
    c = layer("c", b)
    worker = Worker()
    assert run([a, b, c], [c], worker)[0].stack == ("a", "b", "c")
    assert worker.made == ["a", "b", "c"]


def test_what_only_feeds_a_found_layer_is_not_looked_at() -> None:
    builder = layer("builder")
    base = layer("base")
    copy = layer("copy", base, builder)
    worker = Worker(known={"copy", "base"})
    assert run([builder, base, copy], [copy], worker)[0].stack == ("base", "copy")
    assert worker.made == []
    assert "builder" not in worker.probed


def test_inputs_are_handed_over_in_order() -> None:
    x, y = layer("x"), layer("y")
    top = layer("top", None, y, x, y)
    assert run([x, y, top], [top], Worker())[0].content == "top(y(),x(),y())"


def test_a_long_chain_needs_no_recursion() -> None:
    chain = [layer("0")]
    for number in range(1, 3000):
        chain.append(layer(str(number), chain[-1]))
    everything = {str(number) for number in range(3000)}
    assert len(run(chain, [chain[-1]], Worker(known=everything))[0].stack) == 3000


def test_independent_layers_run_at_the_same_time() -> None:
    barrier = threading.Barrier(3, timeout=10)
    leaves = [layer(name) for name in "abc"]
    top = layer("top", None, *leaves)
    worker = Worker(during=lambda name: None if name == "top" else (barrier.wait(), None)[1])
    run([*leaves, top], [top], worker, jobs=3)
    assert sorted(worker.made[:3]) == ["a", "b", "c"]


def test_the_first_failure_is_raised_after_running_steps_have_ended() -> None:
    ended: list[str] = []
    started = threading.Event()

    def during(name: str) -> None:
        if name == "bad":
            assert started.wait(10)
            raise RuntimeError("bad broke")
        if name == "slow":
            started.set()
            time.sleep(0.2)
            ended.append(name)

    slow, bad = layer("slow"), layer("bad")
    after = layer("after", bad)
    top = layer("top", None, slow, after)
    worker = Worker(during=during)
    with pytest.raises(RuntimeError, match="bad broke"):
        run([slow, bad, after, top], [top], worker, jobs=2)
    assert ended == ["slow"]
    assert "after" not in worker.made


@given(st.data())
def test_every_needed_layer_is_made_once_after_its_needs(data: st.DataObject) -> None:
    count = data.draw(st.integers(1, 12))
    layers: list[ImageLayer] = []
    for number in range(count):
        below = st.sampled_from(layers) if layers else st.nothing()
        parent = data.draw(st.none() | below)
        inputs = data.draw(st.lists(below, max_size=3)) if layers else []
        layers.append(layer(str(number), parent, *inputs))
    known = data.draw(st.sets(st.sampled_from([str(number) for number in range(count)])))
    worker = Worker(known)
    run(layers, [layers[-1]], worker)
    assert len(worker.made) == len(set(worker.made))
    assert len(worker.probed) == len(set(worker.probed))
    assert not set(worker.made) & known
    names = {item.id: item.operation.argv[0] for item in layers}
    position = {name: index for index, name in enumerate(worker.made)}
    for item in layers:
        if (name := names[item.id]) in position:
            needs = [names[need] for need in item.references if names[need] not in known]
            assert all(position[need] < position[name] for need in needs)
