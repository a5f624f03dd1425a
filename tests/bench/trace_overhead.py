"""What it costs to observe a step: the same step with and without tracing, in turns.

    python tests/bench/trace_overhead.py                     all of it; writes the table into docs/benchmarks.md
    python tests/bench/trace_overhead.py --only pip --print  one of them; prints the table

Each work is one RUN on a base image (``scripts/base-images``), above a cached stage that holds what it needs, so
that nothing but this step runs. Rounds are pairs, traced and untraced, in an order that is turned around each
time. Reported are medians, and medians of the ratios *within* a pair: of the step's wall time (mounts, the
program, the new layer, the trace), and of the processor time of the whole build with all that it started, which
is steadier where other work runs on the machine. Needs root, and the network for what apt-get installs.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from page import MACHINE, ROOT, say, wait_for_quiet, write_section

MOST, MOST_MEDIAN = 1.25, 1.10  # the goals: no work above the first, their median not above the second
HEADERS = (
    *("stdio", "stdlib", "string", "errno", "unistd", "pthread", "signal", "math", "time", "fcntl", "dirent"),
    *("sys/types", "sys/stat", "sys/socket", "sys/wait", "netinet/in", "arpa/inet", "netdb", "poll", "regex"),
)
DEBIAN, PYTHON = "debian:bookworm-slim", "python:3.11-slim-bookworm"
NODE, GCC = "node:18-bookworm-slim", "gcc:12-bookworm"


@dataclass(frozen=True)
class Work:
    """A row: ``run`` is the step, on ``base`` with what ``make`` puts into a folder, as /w."""

    name: str
    title: str
    base: str
    run: str
    make: Callable[[Path], None]


def wheels(folder: Path) -> None:
    """Twelve packages of the standard library's modules, which pip unpacks and compiles."""
    library = Path(os.__file__).parent
    modules = sorted(
        path for path in library.rglob("*.py") if not {"test", "site-packages"} & set(path.parts)
    )
    for number in range(12):
        name = f"bench{number}"
        information = f"{name}-1.0.dist-info"
        files = {
            f"{name}/{path.stem}_{place}.py": path.read_bytes()
            for place, path in enumerate(modules[number:600:12])
        }
        files[f"{information}/METADATA"] = f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n".encode()
        files[f"{information}/WHEEL"] = b"Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
        files[f"{information}/RECORD"] = "".join(f"{path},,\n" for path in files).encode()
        with zipfile.ZipFile(folder / f"{name}-1.0-py3-none-any.whl", "w", zipfile.ZIP_DEFLATED) as wheel:
            for path, data in files.items():
                wheel.writestr(path, data)


def debian_packages(folder: Path) -> None:
    """git and what it needs that a minimal Debian has not."""
    with tempfile.TemporaryDirectory() as scratch:
        (Path(scratch) / "Dockerfile").write_text(
            f"FROM scratch\nCOPY --from={DEBIAN} /var/lib/dpkg/status /status\n"
        )
        subprocess.run(
            [*layerc(), "build", "-q", *contexts(DEBIAN), "-o", f"{scratch}/out", scratch],
            check=True,
            capture_output=True,
            env=environment(scratch),
        )
        (folder / "partial").mkdir()
        settings = (f"Dir::State::status={scratch}/out/status", f"Dir::Cache::archives={folder}/")
        options = [word for setting in (*settings, "Debug::NoLocking=1") for word in ("-o", setting)]
        words = [
            "apt-get",
            "-qq",
            *options,
            "--download-only",
            "--no-install-recommends",
            "-y",
            "install",
            "git",
        ]
        subprocess.run(words, check=True, capture_output=True)
        shutil.rmtree(folder / "partial", ignore_errors=True)
        if not list(folder.glob("*.deb")):
            raise subprocess.SubprocessError("apt-get downloads nothing")


def c_program(folder: Path) -> None:
    """Thirty files with twenty system headers each."""
    includes = "".join(f"#include <{header}.h>\n" for header in HEADERS)
    for number in range(30):
        body = "".join(
            f'int f{number}_{each}(const char *s) {{ char b[64]; snprintf(b, sizeof b, "%s {each}", s); '
            f"return (int)strlen(b) + {each}; }}\n"
            for each in range(60)
        )
        (folder / f"part{number}.c").write_text(includes + body)
    (folder / "main.c").write_text(
        f'{includes}int f0_0(const char *);\nint main(void) {{ return f0_0(""); }}\n'
    )
    (folder / "Makefile").write_text(
        "CFLAGS = -O1 -D_GNU_SOURCE\nprogram: $(patsubst %.c,%.o,$(wildcard *.c))\n\t$(CC) -o $@ $^ -lm\n"
    )


def tarballs(folder: Path) -> None:
    """Ten packages with 300 small files each."""
    for number in range(10):
        files = {f"lib/{each}.js": f"module.exports = {each};\n".encode() * 20 for each in range(300)}
        files["package.json"] = json.dumps({"name": f"bench{number}", "version": "1.0.0"}).encode()
        with tarfile.open(folder / f"bench{number}-1.0.0.tgz", "w:gz") as archive:
            for path, data in files.items():
                member = tarfile.TarInfo(f"package/{path}")
                member.size, member.mode = len(data), 0o644
                archive.addfile(member, io.BytesIO(data))


def modules(folder: Path) -> None:
    """2,000 Python files in 40 directories."""
    source = random.Random(1)
    for number in range(2000):
        directory = folder / f"p{number % 40}"
        directory.mkdir(exist_ok=True)
        lines = (f"def f{each}(x):\n    return x * {source.random()} + {each}\n" for each in range(20))
        (directory / f"m{number}.py").write_text("\n".join(lines))


def nothing(folder: Path) -> None:
    """Only the base."""
    (folder / "none").touch()


WORKS = (
    Work(
        "pip",
        "`pip install` of 12 wheels, 600 files",
        PYTHON,
        "pip install -q --no-cache-dir --no-index --root-user-action=ignore /w/*.whl",
        wheels,
    ),
    Work(
        "apt",
        "`apt-get install` of git and what it needs",
        DEBIAN,
        "DEBIAN_FRONTEND=noninteractive apt-get install -qq --no-install-recommends /w/*.deb",
        debian_packages,
    ),
    Work("make", "`make -j2` of 31 C files", GCC, "cd /w && make -s -j2", c_program),
    Work(
        "npm",
        "`npm install` of 10 packages, 3,000 files",
        NODE,
        "mkdir /app && cd /app && npm install --silent --offline --no-audit --no-fund /w/*.tgz",
        tarballs,
    ),
    Work(
        "processes",
        "500 short processes",
        DEBIAN,
        "i=0; while [ $i -lt 500 ]; do /bin/ls / >/dev/null; i=$((i+1)); done",
        nothing,
    ),
    Work("compileall", "`compileall` of 2,000 files", PYTHON, "python -m compileall -q /w", modules),
)
EMPTY = Work("true", "`true`", DEBIAN, "true", nothing)


@dataclass
class Row:
    """Seconds of the step and processor seconds of the build: (untraced, traced), pair by pair."""

    work: Work
    wall: list[tuple[float, float]] = field(default_factory=list)
    cpu: list[tuple[float, float]] = field(default_factory=list)

    @staticmethod
    def ratio(pairs: Sequence[tuple[float, float]]) -> float:
        """Median of traced over untraced."""
        return statistics.median(traced / plain for plain, traced in pairs)

    def line(self) -> str:
        """Of the table."""
        plain, traced = (statistics.median(pair[side] for pair in self.wall) for side in (0, 1))
        used, more = (statistics.median(pair[side] for pair in self.cpu) for side in (0, 1))
        return (
            f"| {self.work.title} | {plain:.2f} | {traced:.2f} | {self.ratio(self.wall):.2f} "
            f"| {used:.2f} | {more:.2f} | {self.ratio(self.cpu):.2f} |"
        )


def layerc() -> list[str]:
    """The program of the environment that runs this."""
    return [sys.executable, "-m", "layerc"]


def contexts(name: str) -> list[str]:
    """The option that names a base image of ``scripts/base-images``."""
    done = subprocess.run(
        [ROOT / "scripts/base-images", "--json"], check=True, capture_output=True, text=True
    )
    image = json.loads(done.stdout.splitlines()[-1])[name]
    return ["--build-context", f"{name}=oci-layout://{image['layout']}:{image['tag']}"]


def environment(scratch: str | Path) -> dict[str, str]:
    """With a store of its own, and compiled modules kept, as an installation has them."""
    kept = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    return kept | {"LAYERC_HOME": str(Path(scratch) / "store")}


def build(folder: Path, base: Sequence[str], scratch: Path, *options: str) -> tuple[float, float]:
    """Run the measured stage again: seconds of its step, processor seconds of all. Raises :class:`SystemExit`."""
    command = [*layerc(), "build", "--progress=json", "--network=none", "--no-cache-filter=measured", *base]
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            [*command, *options, str(folder)],
            stdout=subprocess.DEVNULL,
            stderr=said,
            env=environment(scratch),
        )
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        said.seek(0)
        text = said.read()
    if process.returncode:
        raise SystemExit(f"trace_overhead: the build of {folder.name} failed:\n{text[-2000:]}")
    events = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    seconds = [event["seconds"] for event in events if event["event"] == "step-finished"]
    return seconds[-1], used.ru_utime + used.ru_stime


def measure(work: Work, rounds: int, scratch: Path, patience: float) -> Row:
    """Build once each way, then in pairs."""
    folder = scratch / work.name
    (folder / "w").mkdir(parents=True)
    work.make(folder / "w")
    (folder / "Dockerfile").write_text(
        f"FROM {work.base} AS prepared\nCOPY w /w\nRUN true\nFROM prepared AS measured\nRUN {work.run}\n"
    )
    base = contexts(work.base)
    row = Row(work)
    for number in range(-1, rounds):
        wait_for_quiet(patience)
        pair = {}
        for options in ((), ("--no-trace",))[:: 1 if number % 2 else -1]:
            pair[options] = build(folder, base, scratch, *options)
        if number >= 0:
            (plain, used), (traced, more) = pair["--no-trace",], pair[()]
            row.wall.append((plain, traced))
            row.cpu.append((used, more))
            say(
                f"{work.name} {number + 1}/{rounds}: {plain:.3f} -> {traced:.3f} s, {used:.3f} -> {more:.3f} s CPU"
            )
    shutil.rmtree(folder)
    return row


def report(rows: Sequence[Row]) -> str:
    """The Markdown that docs/benchmarks.md shows."""
    when, load = time.strftime("%Y-%m-%d"), os.getloadavg()[2]
    lines = [
        f"Measured on {when} by `python tests/bench/trace_overhead.py`, {len(rows[0].wall)} pairs each: {MACHINE}.",
        f"Load average {load:.1f}.",
        "",
        "| median | step, s | traced, s | ratio | build's CPU, s | traced, s | ratio |",
        "|---|---:|---:|---:|---:|---:|---:|",
        *(row.line() for row in rows),
    ]
    real = [row for row in rows if row.work is not EMPTY]
    if len(real) > 1:
        wall, cpu = (
            statistics.median(Row.ratio(pairs) for pairs in column)
            for column in zip(*((row.wall, row.cpu) for row in real), strict=True)
        )
        lines.append(
            f"| **median of the ratios** (but for `true`) | | | **{wall:.2f}** | | | **{cpu:.2f}** |"
        )
    return "\n".join(lines)


def main() -> int:
    """Measure what the command line names."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument(
        "--only", action="append", default=[], metavar="NAME", help="only works that begin so"
    )
    parser.add_argument("--rounds", type=int, default=7, metavar="COUNT", help="pairs for each work")
    parser.add_argument("--patience", type=float, default=5, metavar="SECONDS", help="longest wait for quiet")
    parser.add_argument("--print", action="store_true", help="print the table, and write nothing")
    options = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        for work in (*WORKS, EMPTY):
            if options.only and not work.name.startswith(tuple(options.only)):
                continue
            try:
                rows.append(measure(work, options.rounds, Path(scratch), options.patience))
            except subprocess.SubprocessError as error:
                say(f"without {work.name}: {error}")
    text = report(rows)
    print(text)
    if not options.print:
        write_section("trace_overhead.py", text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
