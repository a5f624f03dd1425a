"""Rebuilds after an edit in a real BuildKit: the cache-unfriendly projects as they are, and optimised.

    python tests/bench/rebuilds.py                   about five minutes; prints the table of docs/benchmarks.md
    python tests/bench/rebuilds.py --only unfriendly-c

Each project is built once with both Dockerfiles. Then, round by round, a line is added to a source file and both are
built, in an order that is turned around each time. Reported are medians of whole ``docker buildx build`` processes,
and the median of the ratios within a round. Needs root and ``scripts/engine-docker prepare``.
"""

from __future__ import annotations

import argparse
import shutil
import statistics
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from compare_builds import Engine, edit, find_docker
from page import MACHINE, ROOT, say, wait_for_quiet
from trace_overhead import GCC, NODE, PYTHON, contexts

GOAL = 5.0
OPTIMISED = "optimised.Dockerfile"
PROJECTS = (
    ("cache-unfriendly-npm", "index.js", "//", NODE),
    ("cache-unfriendly-pip", "main.py", "#", PYTHON),
    ("cache-unfriendly-c", "src/main.c", "//", GCC),
)


def measure(
    engine: Engine, name: str, file: str, mark: str, base: str, rounds: int
) -> tuple[list[float], list[float]]:
    """Seconds of rebuilds of the original and of the optimised one, one for each round."""
    with tempfile.TemporaryDirectory(prefix="rebuilds-") as scratch:
        folder = Path(scratch) / name
        shutil.copytree(ROOT / "corpus" / "projects" / name, folder)
        options = [*contexts(base), "--network=none"]
        seconds: dict[str, list[float]] = {"Dockerfile": [], OPTIMISED: []}
        change = edit(file, mark)
        for number in range(-1, rounds):
            wait_for_quiet(5)
            change(folder)
            for dockerfile in list(seconds)[:: 1 if number % 2 else -1]:
                taken = engine.build(folder, [*options, f"--file={folder / dockerfile}"])
                if number >= 0:
                    seconds[dockerfile].append(taken)
        say(f"{name}, {engine.name}: {seconds}")
        return seconds["Dockerfile"], seconds[OPTIMISED]


def main(words: Sequence[str]) -> int:
    """The program. The status is 1 where the goal is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", default="", metavar="NAME", help="projects whose name contains this")
    chosen = parser.parse_args(words)
    lines: list[str] = []
    missed = False
    with tempfile.TemporaryDirectory(prefix="rebuilds-") as scratch, ExitStack() as held:
        engines = find_docker(Path(scratch), held)
        lines += [
            f"Measured by `python tests/bench/rebuilds.py`, {chosen.rounds} rounds: {MACHINE}; {engines[0].version}.",
            "",
            "| seconds, median | | as it is | optimised | times faster |",
            "|---|---|---:|---:|---:|",
        ]
        for project in (each for each in PROJECTS if chosen.only in each[0]):
            for engine in engines:
                before, after = measure(engine, *project, chosen.rounds)
                ratio = statistics.median(one / other for one, other in zip(before, after, strict=True))
                missed |= ratio < GOAL
                medians = f"{statistics.median(before):.2f} | {statistics.median(after):.2f}"
                lines.append(f"| `{project[0]}` | {engine.name} | {medians} | {ratio:.1f} |")
    print("\n".join(lines))
    return int(missed)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
