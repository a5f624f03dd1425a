"""Parse throughput and its growth: ours and other parsers', in one run.

    python tests/bench/parse_speed.py              the tables and docs/parse-speed.svg of docs/benchmarks.md
    python tests/bench/parse_speed.py --files DIR  on a folder of Dockerfiles of your own
    python tests/bench/parse_speed.py --only ours  no other parser, no waiting for them

Parsers take turns, round by round, on the same texts in memory; a figure is the median of the rounds. The Go
binding is measured in this process too, so nothing may fork once it is loaded.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import io
import math
import statistics
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from layerc.grammar.errors import DockerfileError
from layerc.grammar.parse import parse
from layerc.grammar.source import SourceFile

ROOT = Path(__file__).parents[2]
GRAPH = ROOT / "docs" / "parse-speed.svg"
SIZES = (10_000, 30_000, 100_000, 300_000, 1_000_000, 3_000_000, 10_000_000)

Parser = Callable[[str], object]


# --- parsers ----------------------------------------------------------------------------------------------


def ours(text: str) -> object:
    try:
        return parse(SourceFile("Dockerfile", text))
    except DockerfileError as error:
        return error


def official() -> Parser:
    import dockerfile

    def run(text: str) -> object:
        try:
            return dockerfile.parse_string(text)
        except (dockerfile.GoParseError, UnicodeError) as error:
            return error

    return run


def dockerfile_parse() -> Parser:
    from dockerfile_parse import DockerfileParser

    return lambda text: DockerfileParser(fileobj=io.BytesIO(text.encode("utf-8", "replace"))).structure


def e2b() -> Parser:
    from e2b_dockerfile_utils import DockerfileSyntaxError, parse_dockerfile_ast

    def run(text: str) -> object:
        try:
            return parse_dockerfile_ast(text)
        except (DockerfileSyntaxError, ValueError) as error:
            return error

    return run


def tree_sitter() -> Parser:
    import tree_sitter
    import tree_sitter_containerfile

    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_containerfile.language()))
    return lambda text: parser.parse(text.encode("utf-8", "replace"))


#: Name, what makes it, the distribution it comes from.
OTHERS: tuple[tuple[str, Callable[[], Parser], str], ...] = (
    ("the Go parser (dockerfile)", official, "dockerfile"),
    ("e2b-dockerfile-utils", e2b, "e2b-dockerfile-utils"),
    ("tree-sitter-containerfile", tree_sitter, "tree-sitter-containerfile"),
    ("dockerfile-parse", dockerfile_parse, "dockerfile-parse"),
)


def parsers(only_ours: bool) -> dict[str, Parser]:
    found: dict[str, Parser] = {"layerc": ours}
    for name, make, distribution in () if only_ours else OTHERS:
        try:
            found[f"{name} {importlib.metadata.version(distribution)}"] = make()
        except ImportError as error:
            print(f"left out: {name}: {error}", file=sys.stderr)
    return found


# --- texts ------------------------------------------------------------------------------------------------


def corpus_texts() -> list[str]:
    """The Dockerfiles of the corpus that parse."""
    paths = sorted(path for path in (ROOT / "corpus").rglob("Dockerfile") if "negative" not in path.parts)
    texts = [path.read_bytes().decode("utf-8", "replace") for path in paths]
    return [text for text in texts if not isinstance(ours(text), DockerfileError)]


def folder_texts(folder: Path) -> list[str]:
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return [path.read_bytes().decode("utf-8", "replace") for path in paths]


def sized(size: int) -> str:
    """An ordinary Dockerfile, its stages repeated up to a size."""
    case = ROOT / "corpus" / "cases" / "syntax-plain-web-service" / "Dockerfile"
    body = case.read_text(encoding="utf-8").split("\n", 1)[1]
    return body * max(size // len(body), 1)


SHAPES: dict[str, Callable[[int], str]] = {
    "instructions": sized,
    "continuation lines": lambda n: "FROM a\nRUN true" + " \\\n  && echo a" * (n // 14) + "\n",
    "continued line of words": lambda n: "FROM a\nCOPY" + " \\\na b c d e f" * (n // 14) + " /\n",
    "a heredoc": lambda n: "FROM a\nRUN <<E\n" + "echo some text\n" * (n // 15) + "E\n",
    "heredocs": lambda n: "FROM a\n" + "COPY <<E /x\ntext\nE\n" * (n // 19),
    "flags": lambda n: "FROM a\nRUN" + " \\\n--mount=target=/x" * (n // 20) + " x\n",
    "variables": lambda n: "FROM a\nENV" + " \\\na=$b${c:-d}" * (n // 14) + "\n",
    "a JSON array": lambda n: 'FROM a\nCMD ["a"' + ', \\\n"bcde"' * (n // 10) + "]\n",
}


# --- measuring --------------------------------------------------------------------------------------------


def seconds(parser: Parser, texts: Sequence[str]) -> float:
    start = time.process_time()
    for text in texts:
        parser(text)
    return time.process_time() - start


def rates(texts: Sequence[str], candidates: dict[str, Parser], rounds: int) -> dict[str, float]:
    """Median CPU seconds for all texts, by parser. The order turns around with each round."""
    taken: dict[str, list[float]] = {name: [] for name in candidates}
    for turn in range(rounds):
        names = list(candidates)[:: -1 if turn % 2 else 1]
        for name in names:
            taken[name].append(seconds(candidates[name], texts))
    return {name: statistics.median(values) for name, values in taken.items()}


def table(title: str, texts: Sequence[str], candidates: dict[str, Parser], rounds: int) -> str:
    size = sum(len(text.encode("utf-8", "replace")) for text in texts)
    lines = [
        f"| {title} ({len(texts)} files, {size / 1e6:.2f} MB) | files/s | MB/s |",
        "|---|---:|---:|",
    ]
    for name, taken in rates(texts, candidates, rounds).items():
        lines.append(f"| {name} | {len(texts) / taken:,.0f} | {size / taken / 1e6:.2f} |")
    return "\n".join(lines)


def growth() -> dict[str, list[tuple[int, float]]]:
    """(bytes, CPU seconds) of our parser for each shape and size, the best of some."""
    points: dict[str, list[tuple[int, float]]] = {}
    for name, make in SHAPES.items():
        for size in SIZES:
            text = make(size)
            best = min(seconds(ours, [text]) for _ in range(1 if size > 2e6 else 3))
            points.setdefault(name, []).append((len(text), best))
    return points


# --- drawing ----------------------------------------------------------------------------------------------

COLOURS = ("#0b6e99", "#d9730d", "#0f7b6c", "#ad1a72", "#6940a5", "#9b9a97", "#e03e3e", "#64473a")
WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 760, 420, 70, 50, 20, 210


def draw(points: dict[str, list[tuple[int, float]]]) -> str:
    """A log-log graph: a straight line at the angle of the grey one is linear growth."""
    x_low, x_high = 4.0, 7.0
    y_low, y_high = -3.5, 1.5

    def x(size: float) -> float:
        return LEFT + (math.log10(size) - x_low) / (x_high - x_low) * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        share = (math.log10(max(value, 10**y_low)) - y_low) / (y_high - y_low)
        return HEIGHT - BOTTOM - share * (HEIGHT - BOTTOM - TOP)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">',
        "<style>text { font: 12px sans-serif }</style>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
    ]
    for size, label in ((1e4, "10 kB"), (1e5, "100 kB"), (1e6, "1 MB"), (1e7, "10 MB")):
        parts.append(f'<path d="M{x(size):.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#ddd"/>')
        parts.append(
            f'<text x="{x(size):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{label}</text>'
        )
    for value, label in ((1e-3, "1 ms"), (1e-2, "10 ms"), (1e-1, "0.1 s"), (1.0, "1 s"), (10.0, "10 s")):
        parts.append(f'<path d="M{LEFT} {y(value):.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y(value) + 4:.1f}" text-anchor="end">{label}</text>')
    parts.append(
        f'<path d="M{x(1e4):.1f} {y(2e-3):.1f}L{x(1e7):.1f} {y(2.0):.1f}" stroke="#999" stroke-dasharray="4"/>'
    )
    for index, (name, series) in enumerate(points.items()):
        colour = COLOURS[index % len(COLOURS)]
        line = " ".join(f"{x(size):.1f},{y(value):.1f}" for size, value in series)
        parts.append(f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="1.5"/>')
        at = TOP + 20 + index * 22
        parts.append(f'<path d="M{WIDTH - RIGHT + 15} {at - 4}h20" stroke="{colour}" stroke-width="3"/>')
        parts.append(f'<text x="{WIDTH - RIGHT + 42}" y="{at}">{name}</text>')
    at = TOP + 20 + len(points) * 22
    parts.append(f'<path d="M{WIDTH - RIGHT + 15} {at - 4}h20" stroke="#999" stroke-dasharray="4"/>')
    parts.append(f'<text x="{WIDTH - RIGHT + 42}" y="{at}">linear: 5 MB/s</text>')
    return "\n".join([*parts, "</svg>", ""])


def main() -> None:
    parser = argparse.ArgumentParser(description="how fast Dockerfiles are parsed")
    parser.add_argument("--files", type=Path, help="a folder of Dockerfiles, in the place of the corpus")
    parser.add_argument("--only", choices=["ours"], help="no other parser")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--no-graph", action="store_true", help="only the tables")
    options = parser.parse_args()
    candidates = parsers(options.only is not None)
    texts = folder_texts(options.files) if options.files else corpus_texts()
    print(table("Files", texts, candidates, options.rounds) + "\n")
    if options.files is None:
        print(table("One large file", [sized(1_000_000)], candidates, 3) + "\n")
    if not options.no_graph:
        points = growth()
        for name, series in points.items():
            print(f"{name}: " + ", ".join(f"{n / 1e6:.2f} MB {value:.4f} s" for n, value in series))
        GRAPH.write_text(draw(points), encoding="utf-8")


if __name__ == "__main__":
    main()
