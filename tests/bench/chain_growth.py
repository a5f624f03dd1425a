"""How the time of a build grows with its steps: chains of layers, cold, unchanged, and edited in the middle.

    python tests/bench/chain_growth.py              the table, and docs/chain-growth.svg of docs/benchmarks.md
    python tests/bench/chain_growth.py --sizes 20 100 --rounds 1 --no-graph

What is shown is processor time of whole processes (with the steps that they run), which other work on the machine
disturbs less than the clock; the median of the rounds. Needs root, as all builds that run something.
"""

from __future__ import annotations

import argparse
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
GRAPH = ROOT / "docs" / "chain-growth.svg"
BASE = 'FROM scratch\nCOPY busybox /bin/busybox\nRUN ["/bin/busybox", "--install", "-s", "/bin"]\n'
SIZES = (20, 100, 200, 500)
COLOURS = ("#0b6e99", "#d9730d", "#0f7b6c")
WIDTH, HEIGHT, LEFT, BOTTOM, TOP, RIGHT = 620, 300, 60, 40, 20, 170


class Chain:
    """A project of so many layers, and a store."""

    def __init__(self, folder: Path, layers: int) -> None:
        self.context = folder / "context"
        self.context.mkdir()
        self.store = folder / "store"
        shutil.copy(shutil.which("busybox") or "/bin/busybox", self.context / "busybox")
        self.steps = [f"RUN echo {number} > /{number}\n" for number in range(layers - 2)]
        self.edits = 0

    def write(self) -> None:
        """Write the Dockerfile."""
        (self.context / "Dockerfile").write_text(BASE + "".join(self.steps))

    def edit(self) -> None:
        """Let the step in the middle do something else. What comes after it does not read it."""
        self.edits += 1
        middle = len(self.steps) // 2
        self.steps[middle] = f"RUN echo edit {self.edits} > /{middle}\n"
        self.write()

    def forget(self) -> None:
        """Begin with an empty store."""
        shutil.rmtree(self.store, ignore_errors=True)

    def build(self) -> float:
        """Build; the seconds of processor time."""
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        command = [sys.executable, "-m", "layerc", "build", "--quiet", "--store", self.store, self.context]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL, cwd=ROOT.parent)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


KINDS: dict[str, Callable[[Chain], None]] = {
    "cold": Chain.forget,
    "nothing to do": Chain.write,
    "the middle step edited": Chain.edit,
}


def measure(sizes: Sequence[int], rounds: int) -> dict[str, list[float]]:
    """Seconds by kind, one for each size."""
    found: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for size in sizes:
        taken: dict[str, list[float]] = {kind: [] for kind in KINDS}
        with tempfile.TemporaryDirectory(prefix="chain-") as folder:
            chain = Chain(Path(folder), size)
            chain.write()
            for _ in range(rounds):
                for kind, change in KINDS.items():
                    change(chain)
                    taken[kind].append(chain.build())
        for kind, values in taken.items():
            found[kind].append(statistics.median(values))
        print(size, {kind: round(values[-1], 3) for kind, values in found.items()}, file=sys.stderr)
    return found


def table(sizes: Sequence[int], found: dict[str, list[float]]) -> str:
    """As Markdown: seconds, and milliseconds for each layer beyond what no layers cost."""
    lines = [
        f"| processor seconds (milliseconds a layer) | {' | '.join(f'{size} layers' for size in sizes)} |",
        "|---|" + "---:|" * len(sizes),
    ]
    for kind, values in found.items():
        cells = (
            f"{value:.2f} ({1000 * value / size:.1f})" for size, value in zip(sizes, values, strict=True)
        )
        lines.append(f"| {kind} | {' | '.join(cells)} |")
    return "\n".join(lines)


def draw(sizes: Sequence[int], found: dict[str, list[float]]) -> str:
    """Milliseconds a layer: level lines are a constant cost."""
    most = max(
        1000 * value / size for values in found.values() for size, value in zip(sizes, values, strict=True)
    )

    def x(size: float) -> float:
        return LEFT + size / max(sizes) * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - value / (1.1 * most) * (HEIGHT - BOTTOM - TOP)

    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}">',
        "<style>text { font: 12px sans-serif }</style>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
    ]
    for size in sizes:
        parts.append(f'<path d="M{x(size):.1f} {TOP}V{HEIGHT - BOTTOM}" stroke="#ddd"/>')
        parts.append(f'<text x="{x(size):.1f}" y="{HEIGHT - BOTTOM + 18}" text-anchor="middle">{size}</text>')
    for step in range(0, int(1.1 * most) + 1, 10):
        parts.append(f'<path d="M{LEFT} {y(step):.1f}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        parts.append(f'<text x="{LEFT - 8}" y="{y(step) + 4:.1f}" text-anchor="end">{step} ms</text>')
    for index, (kind, values) in enumerate(found.items()):
        points = " ".join(
            f"{x(size):.1f},{y(1000 * value / size):.1f}" for size, value in zip(sizes, values, strict=True)
        )
        at, colour = TOP + 20 + index * 22, COLOURS[index]
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
        parts.append(f'<path d="M{WIDTH - RIGHT + 12} {at - 4}h20" stroke="{colour}" stroke-width="3"/>')
        parts.append(f'<text x="{WIDTH - RIGHT + 38}" y="{at}">{kind}</text>')
    return "\n".join([*parts, "</svg>", ""])


def main() -> None:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(description="how builds grow with their steps")
    parser.add_argument("--sizes", type=int, nargs="+", default=SIZES, metavar="LAYERS")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--no-graph", action="store_true", help="only the table")
    options = parser.parse_args()
    if os.geteuid():
        raise SystemExit("chain_growth: running steps needs root here")
    found = measure(options.sizes, options.rounds)
    print(table(options.sizes, found))
    if not options.no_graph:
        GRAPH.write_text(draw(options.sizes, found), encoding="utf-8")


if __name__ == "__main__":
    main()
