"""The grouping of layers for export is the best one there is, and quick to find."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence

import pytest
from compiling import compile_text
from hypothesis import given
from hypothesis import strategies as st

from layerc.compiler.optimize.squash import (
    Budget,
    StackLayer,
    change_rates,
    grouping_cost,
    optimize_layer_stack,
)


def groupings(layers: Sequence[StackLayer], budget: Budget) -> Iterator[tuple[range, ...]]:
    """All that are allowed, one after the other."""
    count = len(layers)
    for cuts in range(1 << max(count - 1, 0)):
        ends = [end for end in range(1, count) if cuts >> (end - 1) & 1] + [count] * bool(count)
        groups = tuple(range(start, end) for start, end in zip([0, *ends], ends, strict=False))
        kept_alone = not any(layers[i].kept and len(group) > 1 for group in groups for i in group)
        if kept_alone and (budget.layers is None or len(groups) <= budget.layers):
            yield groups


@st.composite
def stacks(draw: st.DrawFn) -> tuple[list[StackLayer], Budget]:
    layers = []
    left: list[int] = []
    for number in range(draw(st.integers(0, 8))):
        size = draw(st.integers(0, 10_000))
        hides = []
        for low in range(number):
            some = draw(st.integers(0, left[low]))
            left[low] -= some
            hides.append((low, some))
        left.append(size)
        rate = draw(st.sampled_from([0.0, 0.01, 0.1, 0.5, 0.9, 1.0]))
        compressed = draw(st.none() | st.integers(0, size))
        layers.append(StackLayer(size, rate, draw(st.integers(0, 4)) == 0, tuple(hides), compressed))
    overhead = draw(st.sampled_from([0, 1, 500, 10**6]))
    most = draw(st.none() | st.integers(1, 9))
    return layers, Budget(most, draw(st.sampled_from([0.0, 0.1, 1.0])), overhead)


@given(stacks())
def test_it_is_as_good_as_trying_everything(case: tuple[list[StackLayer], Budget]) -> None:
    layers, budget = case
    allowed = list(groupings(layers, budget))
    if not allowed:
        with pytest.raises(ValueError, match="can not be fewer than"):
            optimize_layer_stack(layers, budget)
        return
    found = optimize_layer_stack(layers, budget)
    assert found.groups in allowed
    best = min(grouping_cost(layers, groups, budget) for groups in allowed)
    assert grouping_cost(layers, found.groups, budget) == pytest.approx(best, rel=1e-9, abs=1e-6)
    assert found.cost == pytest.approx(best, rel=1e-9, abs=1e-6)


def test_equally_good_ones_have_the_fewest_layers() -> None:
    layers = [StackLayer(1000)] * 5
    assert optimize_layer_stack(layers, Budget(overhead=0)).groups == (range(5),)


def test_what_changes_stays_apart_from_what_does_not() -> None:
    layers = [StackLayer(10**9, 0.01), StackLayer(10**8, 0.01), StackLayer(10**6, 0.9)]
    assert optimize_layer_stack(layers).groups[-1] == range(2, 3)
    assert optimize_layer_stack(layers, Budget(1)).groups == (range(3),)


def test_files_that_are_removed_later_are_worth_a_group() -> None:
    apart = [StackLayer(10**6, 0.02), StackLayer(10**6, 0.5)]
    assert len(optimize_layer_stack(apart).groups) == 2
    emptied = [apart[0], apart[1]._replace(hides=((0, 10**6),))]
    assert len(optimize_layer_stack(emptied).groups) == 1


@pytest.mark.parametrize("most", [None, 127])
def test_five_hundred_layers_take_a_moment(most: int | None) -> None:
    layers = [
        StackLayer(10**6 + n * 7919 % 10**6, n * 31 % 100 / 100, hides=((n // 2, 5000),) if n > 1 else ())
        for n in range(500)
    ]
    start = time.process_time()
    found = optimize_layer_stack(layers, Budget(most, overhead=0))
    assert time.process_time() - start < 10
    assert most is None or len(found.groups) <= most


def test_rates_follow_what_a_step_copies() -> None:
    plan = compile_text(
        "FROM scratch\nRUN a\nCOPY pom.xml .\nRUN b\nCOPY . .\nRUN c\nADD https://example.com/x /x\n"
    )
    alone, named, after, whole, build, fetched = change_rates(plan.layers)
    assert alone < fetched < named < after < whole < build
