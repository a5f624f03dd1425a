"""Parse throughput, ours and other parsers', on one text of ordinary size and on large ones.

pytest tests/bench/test_parse_speed.py --benchmark-only
"""

from __future__ import annotations

from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from layerc.grammar.parse import parse
from layerc.grammar.source import SourceFile

CASES = Path(__file__).parent.parent.parent / "corpus" / "cases"
SERVICE = (CASES / "syntax-plain-web-service" / "Dockerfile").read_text(encoding="utf-8")
FILES = [
    path.read_bytes().decode("utf-8", "surrogateescape") for path in sorted(CASES.glob("syntax-*/Dockerfile"))
]
INSTRUCTIONS = 16
BODY = SERVICE.split("\n", 1)[1]


@pytest.mark.benchmark(group="one file of 0.9 KB")
def test_layerc(benchmark: BenchmarkFixture) -> None:
    document = benchmark(lambda: parse(SourceFile("Dockerfile", SERVICE)))
    assert len(document.instructions) == INSTRUCTIONS


@pytest.mark.benchmark(group="one file of 0.9 KB")
def test_official_go_parser(benchmark: BenchmarkFixture) -> None:
    dockerfile = pytest.importorskip("dockerfile")
    assert len(benchmark(dockerfile.parse_string, SERVICE)) == INSTRUCTIONS


@pytest.mark.benchmark(group="one file of 0.9 KB")
def test_dockerfile_parse(benchmark: BenchmarkFixture, tmp_path: Path) -> None:
    module = pytest.importorskip("dockerfile_parse")
    (tmp_path / "Dockerfile").write_text(SERVICE, encoding="utf-8")
    parser = module.DockerfileParser(str(tmp_path), cache_content=True)
    assert len(benchmark(lambda: parser.structure)) == INSTRUCTIONS + 1  # a comment counts


@pytest.mark.benchmark(group="all cases of the corpus")
def test_layerc_on_the_corpus(benchmark: BenchmarkFixture) -> None:
    benchmark(lambda: [parse(SourceFile("Dockerfile", text)) for text in FILES])


@pytest.mark.benchmark(group="linear in size")
@pytest.mark.parametrize("megabytes", [0.1, 1, 10])
def test_layerc_on_large_files(benchmark: BenchmarkFixture, megabytes: float) -> None:
    source = SourceFile("Dockerfile", BODY * int(megabytes * 1e6 / len(BODY)))
    document = benchmark.pedantic(lambda: parse(source), rounds=2)
    assert len(document.items) > 1000 * megabytes
