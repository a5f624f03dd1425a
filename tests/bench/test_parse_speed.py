"""Parse throughput, ours and other parsers', on the corpus and on large files.

pytest tests/bench/test_parse_speed.py --benchmark-only

The parsers and texts are those of parse_speed.py, which makes the tables and the graph of docs/benchmarks.md.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

_spec = importlib.util.spec_from_file_location("parse_speed", Path(__file__).with_name("parse_speed.py"))
assert _spec is not None
assert _spec.loader is not None
speed = importlib.util.module_from_spec(_spec)
sys.modules[_spec.name] = speed
_spec.loader.exec_module(speed)

OTHERS = {name: make for name, make, _ in speed.OTHERS}


@pytest.mark.benchmark(group="all files of the corpus")
@pytest.mark.parametrize("name", ["layerc", *OTHERS])
def test_the_corpus(benchmark: BenchmarkFixture, name: str) -> None:
    parser = OTHERS[name]() if name in OTHERS else speed.ours
    texts = speed.corpus_texts()
    benchmark.pedantic(lambda: [parser(text) for text in texts], rounds=5, warmup_rounds=1)


@pytest.mark.benchmark(group="one file of 1 MB")
@pytest.mark.parametrize("name", ["layerc", *OTHERS])
def test_a_large_file(benchmark: BenchmarkFixture, name: str) -> None:
    parser = OTHERS[name]() if name in OTHERS else speed.ours
    text = speed.sized(1_000_000)
    benchmark.pedantic(lambda: parser(text), rounds=2)


@pytest.mark.benchmark(group="shapes of 1 MB")
@pytest.mark.parametrize("shape", speed.SHAPES)
def test_shapes(benchmark: BenchmarkFixture, shape: str) -> None:
    text = speed.SHAPES[shape](1_000_000)
    result = benchmark.pedantic(lambda: speed.ours(text), rounds=2)
    assert not isinstance(result, Exception)
