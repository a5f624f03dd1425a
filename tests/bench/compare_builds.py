"""Whole builds, timed: layerc beside other builders that the machine has.

    python tests/bench/compare_builds.py                    all of it; writes the table into docs/benchmarks.md
    python tests/bench/compare_builds.py --resume           go on after an interruption
    python tests/bench/compare_builds.py --list             what is measured, and with which engines
    python tests/bench/compare_builds.py --only chain --engine layerc --engine docker --print

It takes ``--minutes`` at most, a little more where builds are slow: works have fewer rounds then. Each finished row
is kept in .cache/bench.

Every figure is the wall time of a whole process, as a user waits for it. Engines take turns, round by round,
in an order that is turned around each time, so all of them see the same weather; a round begins when the
processors have something to spare. Reported are medians, and medians of the ratios *within* a round.
An engine that is missing is left out, and the reason is printed.

Docker is the one that ``scripts/engine-docker`` starts. It needs root, and is used if it has been installed
(``scripts/engine-docker prepare``).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from page import MACHINE, ROOT, say, wait_for_quiet, write_section
from trace_overhead import GCC, NODE, PYTHON, c_program, contexts, wheels

ROWS = ROOT / ".cache" / "bench" / "compare_builds.json"
BUSYBOX = 'FROM scratch AS base\nCOPY busybox /bin/busybox\nRUN ["/bin/busybox", "--install", "-s", "/bin"]\n'
FILES, FILE_SIZE = 20_000, 5_000
LIMIT = 300  # seconds after which a build counts as failed


# --- what is built -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Work:
    """One row. ``make`` fills a context; ``change`` is done before every timed build (none: a no-op).

    ``slow``: not for engines that take minutes for it. ``warm``: whether it needs a build that is not counted.
    ``base``: a base image of ``scripts/base-images``; its steps have no network.
    """

    name: str
    title: str
    rounds: int
    make: Callable[[Path], None]
    change: Callable[[Path], None] | None = None
    slow: bool = False
    warm: bool = True
    base: str = ""

    def options(self) -> list[str]:
        """More words for all engines."""
        return [*contexts(self.base), "--network=none"] if self.base else []


def ten_instructions(folder: Path) -> None:
    """An ordinary small project; ten instructions after FROM."""
    (folder / "requirements.txt").write_text("one\ntwo\n")
    (folder / "main.py").write_text("print('hello')\n")
    (folder / "Dockerfile").write_text(
        BUSYBOX
        + "ENV MODE=production\nWORKDIR /app\nCOPY requirements.txt ./\nRUN wc -l < requirements.txt > count\n"
        'COPY main.py ./\nRUN echo "$MODE" > mode\nLABEL kind=example\nCMD ["cat", "/app/count"]\n'
    )


def chain(steps: int) -> Callable[[Path], None]:
    """Steps that all read a file that changes, so each build runs all of them, whatever it knows of reads."""

    def make(folder: Path) -> None:
        runs = "".join(f"RUN cat /nonce > /{number}\n" for number in range(steps))
        (folder / "Dockerfile").write_text(f"{BUSYBOX}COPY nonce /nonce\n{runs}")
        touch_nonce(folder)

    return make


def wide(folder: Path) -> None:
    """Eight stages that need nothing of each other."""
    stages = "".join(
        f"FROM base AS s{number}\nCOPY nonce /nonce\nRUN sleep 2 && cat /nonce > /{number}\n"
        for number in range(8)
    )
    copies = "".join(f"COPY --from=s{number} /{number} /{number}\n" for number in range(8))
    (folder / "Dockerfile").write_text(f"{BUSYBOX}{stages}FROM base\n{copies}")
    touch_nonce(folder)


def many_files(folder: Path) -> None:
    """A context of 100 MB."""
    source = random.Random(1)
    for number in range(FILES):
        directory = folder / "src" / f"{number % 200:03}"
        directory.mkdir(parents=True, exist_ok=True)
        (directory / f"{number}.txt").write_bytes(source.randbytes(FILE_SIZE))
    (folder / "Dockerfile").write_text(f"{BUSYBOX}COPY src /src\n")


def install_after_all(folder: Path) -> None:
    """The order that costs most: everything copied, then an install (here: 5 seconds of sleep)."""
    (folder / "src").mkdir()
    for number in range(50):
        (folder / "src" / f"{number}.py").write_text(f"value = {number}\n")
    (folder / "requirements.txt").write_text("one\n")
    (folder / "Dockerfile").write_text(
        f"{BUSYBOX}WORKDIR /app\nCOPY . .\nRUN sleep 5 && cp requirements.txt /installed\n"
    )


def touch_nonce(folder: Path) -> None:
    """A file that no build has seen."""
    (folder / "nonce").write_bytes(os.urandom(16))


def edit_one_of_many(folder: Path) -> None:
    """One of the 20,000 files gets another content."""
    (folder / "src" / "007" / "7.txt").write_bytes(os.urandom(FILE_SIZE))


def edit_a_source(folder: Path) -> None:
    """A source file that the install does not read gets another content."""
    (folder / "src" / "7.py").write_text(f"value = {time.time_ns()}\n")


def project(name: str) -> Callable[[Path], None]:
    """A project of the corpus."""

    def make(folder: Path) -> None:
        shutil.copytree(ROOT / "corpus" / "projects" / name, folder, dirs_exist_ok=True)

    return make


def edit(file: str, mark: str = "#") -> Callable[[Path], None]:
    """Add a line to a file, one that no build has seen."""

    def change(folder: Path) -> None:
        with (folder / file).open("a", encoding="utf-8") as stream:
            stream.write(f"{mark} {time.time_ns()}\n")

    return change


def wheels_after_all(folder: Path) -> None:
    """Everything copied, then twelve wheels installed."""
    (folder / "wheels").mkdir()
    wheels(folder / "wheels")
    (folder / "main.py").write_text("print('hello')\n")
    (folder / "Dockerfile").write_text(
        f"FROM {PYTHON}\nWORKDIR /app\nCOPY . .\n"
        "RUN pip install --no-cache-dir --no-index --root-user-action=ignore wheels/*.whl\n"
    )


def make_after_all(folder: Path) -> None:
    """Everything copied, then a C program of 31 files made."""
    c_program(folder)
    (folder / "README").write_text("How to use it.\n")
    (folder / "Dockerfile").write_text(f"FROM {GCC}\nWORKDIR /src\nCOPY . .\nRUN make -s -j2\n")


WORKS = (
    Work("noop", "no-op rebuild, 10 instructions", 15, ten_instructions),
    Work("chain-20", "cold chain of 20 `RUN cat`", 5, chain(20), touch_nonce),
    Work("chain-100", "cold chain of 100", 3, chain(100), touch_nonce, slow=True, warm=False),
    Work("chain-200", "cold chain of 200", 2, chain(200), touch_nonce, slow=True, warm=False),
    Work("wide", "8 independent stages of `sleep 2`", 3, wide, touch_nonce),
    Work("many-noop", "no-op, context of 20,000 files (100 MB)", 7, many_files),
    Work("many-edit", "one file edited in that context", 5, many_files, edit_one_of_many),
    Work(
        "edit-install",
        "a source edited under `COPY . .` before a 5 s install",
        3,
        install_after_all,
        edit_a_source,
    ),
    Work(
        "rebuild-npm",
        "the program edited in `cache-unfriendly-npm`",
        5,
        project("cache-unfriendly-npm"),
        edit("index.js", "//"),
        slow=True,
        base=NODE,
    ),
    Work(
        "rebuild-pip",
        "the program edited in `cache-unfriendly-pip`",
        5,
        project("cache-unfriendly-pip"),
        edit("main.py"),
        slow=True,
        base=PYTHON,
    ),
    Work(
        "rebuild-wheels",
        "the program edited under `COPY . .` before `pip install` of 12 wheels",
        4,
        wheels_after_all,
        edit("main.py"),
        slow=True,
        base=PYTHON,
    ),
    Work(
        "rebuild-make",
        "the README edited under `COPY . .` before `make` of 31 C files",
        4,
        make_after_all,
        edit("README"),
        slow=True,
        base=GCC,
    ),
)


# --- what builds it ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Engine:
    """One column. ``most`` limits the rounds of an engine that is slow."""

    name: str
    version: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    most: int = 1000
    patient: bool = True

    def build(self, folder: Path, options: Sequence[str] = ()) -> float:
        """Build and return the seconds. Raises :class:`FailedError`."""
        # Compiled modules are kept, as an installation has them.
        environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
        started = time.perf_counter()
        try:
            done = subprocess.run(
                [*self.command, *options, str(folder)],
                capture_output=True,
                text=True,
                errors="replace",
                env=environment | dict(self.environment),
                check=False,
                timeout=LIMIT,
            )
        except subprocess.TimeoutExpired as error:
            raise FailedError(f"gave up after {LIMIT} s") from error
        seconds = time.perf_counter() - started
        if done.returncode:
            lines = [line for line in (done.stderr + done.stdout).splitlines() if line.strip()]
            raise FailedError(lines[-1] if lines else f"status {done.returncode}")
        return seconds


class FailedError(Exception):
    """A build ended with an error."""


@contextmanager
def engines(wanted: Sequence[str], scratch: Path) -> Iterator[list[Engine]]:
    """The engines that are there. Says why others are not."""
    with ExitStack() as held:
        found = [layerc(scratch)]
        for name, find in (("docker", find_docker), ("buildah", find_buildah)):
            if wanted and not any(item.startswith(name) for item in wanted):
                continue
            try:
                found += find(scratch, held)
            except FailedError as reason:
                say(f"without {name}: {reason}")
        yield [engine for engine in found if not wanted or engine.name in wanted]


def layerc(scratch: Path) -> Engine:
    """Ours, from the environment of the Python that runs this. The image is kept in the store."""
    program = Path(sys.executable).parent / "layerc"
    command = [str(program)] if program.exists() else [sys.executable, "-m", "layerc"]
    version = first_line([*command, "--version"])
    return Engine("layerc", version, [*command, "build", "--quiet", "--store", str(scratch / "store")])


def find_docker(scratch: Path, held: ExitStack) -> list[Engine]:
    """Docker's BuildKit, twice: with the image loaded into the engine, and with the result only cached."""
    script = ROOT / "scripts" / "engine-docker"
    if os.geteuid():
        raise FailedError("starting an engine needs root")
    if not any((ROOT / ".cache" / "engine").glob("*/usr/sbin/dockerd")):
        raise FailedError("it is not installed (scripts/engine-docker prepare)")
    process = subprocess.Popen(
        [str(script), "serve"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )

    def stop() -> None:
        process.communicate()  # closes its standard input, which ends it

    held.callback(stop)
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise FailedError(f"it does not start: {process.stderr.read().strip() if process.stderr else ''}")
    told = json.loads(line)
    environment = {"DOCKER_HOST": told["host"], "DOCKER_CONFIG": str(scratch / "docker")}
    build = [told["buildx"], "build", "--quiet", "--network=host", "--provenance=false"]
    version = f"Docker {told['version']}, {first_line([told['buildx'], 'version'])}"
    return [
        Engine("docker", version, [*build, "--load"], environment),
        Engine(
            "docker, no image",
            f"{version}, -o type=cacheonly",
            [*build, "--output=type=cacheonly"],
            environment,
        ),
    ]


def find_buildah(scratch: Path, held: ExitStack) -> list[Engine]:
    """buildah with a storage of its own."""
    if os.geteuid():
        raise FailedError("this measurement needs root")
    if not shutil.which("buildah"):
        raise FailedError("it is not installed")
    root = scratch / "buildah"
    held.callback(
        subprocess.run, ["umount", "--lazy", str(root / "root/overlay")], capture_output=True, check=False
    )
    command = [
        "buildah",
        "--root",
        str(root / "root"),
        "--runroot",
        str(root / "run"),
        "--storage-driver",
        "overlay",
    ]
    command += ["bud", "--quiet", "--layers", "--isolation", "chroot", "--network", "host", "--jobs", "8"]
    return [Engine("buildah", first_line(["buildah", "--version"]), command, most=2, patient=False)]


def first_line(command: Sequence[str]) -> str:
    """What a program says of itself."""
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return (done.stdout.splitlines() or ["?"])[0].strip()


# --- measuring ---------------------------------------------------------------------------------------


@dataclass
class Row:
    """Seconds by engine, one for each round; ``failures`` say why an engine has none."""

    work: Work
    seconds: dict[str, list[float]] = field(default_factory=dict)
    failures: dict[str, str] = field(default_factory=dict)


def measure(work: Work, found: Sequence[Engine], scratch: Path, patience: float, limit: float) -> Row:
    """Build once with each engine, then in turns, with no new round after ``limit`` seconds."""
    end = time.monotonic() + limit
    folder = scratch / work.name
    folder.mkdir()
    busybox = shutil.which("busybox")
    if busybox is None:
        raise SystemExit("compare_builds: busybox is missing (package busybox-static)")
    shutil.copy(busybox, folder / "busybox")
    work.make(folder)
    options = work.options()
    row = Row(work)
    takers = [engine for engine in found if engine.patient or not work.slow]
    for number in range(-1 if work.warm else 0, work.rounds):  # round -1 fills the caches and is not counted
        if number > 0 and time.monotonic() > end:
            say(f"{work.name}: {number} rounds, for lack of time")
            break
        wait_for_quiet(patience)
        for engine in takers if number % 2 else reversed(takers):
            if engine.name in row.failures or number >= engine.most:
                continue
            if work.change and number >= 0:
                work.change(folder)
            try:
                seconds = engine.build(folder, options)
            except FailedError as error:
                row.failures[engine.name] = str(error)
                say(f"{work.name}: {engine.name} failed: {error}")
                continue
            if number >= 0:
                row.seconds.setdefault(engine.name, []).append(seconds)
        if number >= 0:
            latest = ", ".join(f"{name} {values[-1]:.2f}" for name, values in row.seconds.items())
            say(f"{work.name} round {number + 1}/{work.rounds}: {latest}")
    shutil.rmtree(folder)
    return row


def keep(row: Row) -> None:
    """Add a finished row to those that ``--resume`` finds."""
    rows = kept() | {row.work.name: {"seconds": row.seconds, "failures": row.failures}}
    ROWS.parent.mkdir(parents=True, exist_ok=True)
    ROWS.write_text(json.dumps(rows, indent=1), encoding="utf-8")


def kept() -> dict[str, dict[str, dict[str, Any]]]:
    """Finished rows by the names of their works."""
    if not ROWS.exists():
        return {}
    rows: dict[str, dict[str, dict[str, Any]]] = json.loads(ROWS.read_text(encoding="utf-8"))
    return rows


def measure_start(found: Sequence[Engine], rounds: int, patience: float) -> dict[str, float]:
    """Median seconds until small commands are done."""
    ours = list(found[0].command)
    program = ours[: ours.index("build")]
    commands = {
        "an empty Python program": [sys.executable, "-c", "pass"],
        "`layerc --version`": [*program, "--version"],
        "`layerc build --help`": [*program, "build", "--help"],
        "`layerc compile --offline` of corpus/cases/tour": [
            *program,
            "compile",
            "--offline",
            str(ROOT / "corpus" / "cases" / "tour"),
        ],
    }
    for engine in found:
        if engine.name == "docker":
            commands["`docker-buildx version`"] = [engine.command[0], "version"]
        if engine.name == "buildah":
            commands["`buildah --version`"] = ["buildah", "--version"]
    environment = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(rounds):
        wait_for_quiet(patience)
        for name, command in commands.items():
            started = time.perf_counter()
            subprocess.run(command, capture_output=True, check=False, env=environment)
            seconds[name].append(time.perf_counter() - started)
    return {name: statistics.median(values) for name, values in seconds.items()}


# --- telling -----------------------------------------------------------------------------------------


def report(rows: Sequence[Row], found: Sequence[Engine], starts: Mapping[str, float]) -> str:
    """The Markdown that docs/benchmarks.md shows."""
    names = [engine.name for engine in found]
    when, load = time.strftime("%Y-%m-%d"), os.getloadavg()[2]
    lines = [
        f"Measured on {when} by `python tests/bench/compare_builds.py`: {MACHINE}.",
        f"Load average {load:.1f}, that of the builds included.",
        "",
        *(f"* {engine.name}: {engine.version}" for engine in found),
        "",
        f"| seconds, median (times layerc's) | {' | '.join(names)} |",
        "|---|" + "---:|" * len(names),
    ]
    lines += [f"| {row.work.title} | {' | '.join(cell(row, name) for name in names)} |" for row in rows]
    if starts:
        lines += ["", "| start-up | milliseconds, median |", "|---|---:|"]
        lines += [f"| {name} | {1000 * seconds:.0f} |" for name, seconds in starts.items()]
    return "\n".join(lines)


def cell(row: Row, name: str) -> str:
    """A median, and how many times ours that is."""
    if name in row.failures:
        return "fails"
    values = row.seconds.get(name)
    if not values:
        return "-"
    text = f"{statistics.median(values):.2f}"
    ours = row.seconds.get("layerc")
    if name == "layerc" or not ours:
        return text
    # Rounds are counted from the first for everyone, so the same position is the same round.
    ratio = statistics.median(theirs / mine for theirs, mine in zip(values, ours, strict=False))
    return f"{text} ({ratio:.1f}x)"


def main() -> int:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--list", action="store_true", help="list what is measured, and stop")
    parser.add_argument(
        "--only", action="append", default=[], metavar="NAME", help="only works that begin with NAME"
    )
    parser.add_argument(
        "--engine", action="append", default=[], metavar="NAME", help="only this engine; repeatable"
    )
    parser.add_argument("--rounds", type=int, metavar="COUNT", help="at most so many rounds for each work")
    parser.add_argument(
        "--patience", type=float, default=10, metavar="SECONDS", help="longest wait for a quiet moment"
    )
    parser.add_argument("--minutes", type=float, default=12, metavar="COUNT", help="for the whole table")
    parser.add_argument("--resume", action="store_true", help="keep the rows of a run that was interrupted")
    parser.add_argument("--print", action="store_true", help="print the table, and write nothing")
    options = parser.parse_args()
    if options.list:
        print("\n".join(f"{work.name:<16}{work.title}" for work in WORKS))
        return 0
    works = [work for work in WORKS if not options.only or work.name.startswith(tuple(options.only))]
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as folder,
        engines(options.engine, Path(folder)) as found,
    ):
        if not options.resume and not options.only:
            ROWS.unlink(missing_ok=True)
        finished = kept() if options.resume else {}
        end = time.monotonic() + 60 * options.minutes
        rows = []
        for number, work in enumerate(works):
            if (done := finished.get(work.name)) is not None:
                rows.append(Row(work, done["seconds"], done["failures"]))
                continue
            # A work may take twice its share of what is left: most take less.
            share = 2 * (end - time.monotonic()) / (len(works) - number)
            limited = replace(work, rounds=min(work.rounds, options.rounds or work.rounds))
            rows.append(measure(limited, found, Path(folder), options.patience, share))
            keep(rows[-1])
        ours = found and found[0].name == "layerc" and not options.only
        starts = measure_start(found, options.rounds or 15, options.patience) if ours else {}
        text = report(rows, found, starts)
    print(text)
    if not options.print:
        write_section("compare_builds.py", text)
    return 0


if __name__ == "__main__":
    # Also then the engines are stopped and the scratch directory is removed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    sys.exit(main())
