"""``layerc build`` with real builds: streams, files, exit codes, signals."""

from __future__ import annotations

import json
import os
import pty
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import pytest
from display import Display

from layerc.runtime.cli.main import main

pytestmark = pytest.mark.root

LAYERC = [sys.executable, "-m", "layerc"]
HEAVY = ("lark", "networkx", "rich", "docker", "urllib3", "requests", "zstandard")
DOCKERFILE = """\
FROM scratch
COPY busybox /bin/busybox
RUN ["/bin/busybox", "--install", "-s", "/bin"]
ARG STATUS=0
RUN echo before && \\
    exit $STATUS
CMD ["/bin/sh"]
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAYERC_HOME", str(tmp_path / "store"))
    for name in ("NO_COLOR", "FORCE_COLOR", "BUILDKIT_PROGRESS", "LAYERC_DEBUG"):
        monkeypatch.delenv(name, raising=False)
    shutil.copy(shutil.which("busybox") or "/bin/busybox", tmp_path / "busybox")
    (tmp_path / "Dockerfile").write_text(DOCKERFILE)
    return tmp_path


def build(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*LAYERC, "build", *words], capture_output=True, text=True, check=False)


def test_progress_goes_to_standard_error_and_the_result_to_standard_output(folder: Path) -> None:
    done = build("-t", "app", ".")
    assert done.returncode == 0
    assert "#3 [3/3] RUN echo before && exit 0\n" in done.stderr
    assert re.search(r"#3 \d\.\d{3} before\n#3 DONE", done.stderr)
    first, image, tag, kept = done.stdout.splitlines()
    assert re.fullmatch(r"built in \d+\.\ds: 3 steps executed, 0 cached", first)
    assert re.fullmatch(r"  image   sha256:[0-9a-f]{64}", image)
    assert tag == "  tag     docker.io/library/app:latest"
    assert kept.startswith(f"  kept in {folder}/store;")


def test_a_second_build_runs_nothing_and_imports_nothing_heavy(folder: Path) -> None:
    assert build(".").returncode == 0
    program = (
        "import sys; from layerc.runtime.cli.main import main; code = main(['build', '.']); "
        "print(*sys.modules, file=sys.stderr); sys.exit(code)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert "0 steps executed, 3 cached" in done.stdout
    assert {name.split(".")[0] for name in done.stderr.splitlines()[-1].split()}.isdisjoint(HEAVY)


def test_quiet_prints_the_id_alone(folder: Path) -> None:
    done = build("-q", "--iidfile", "id", "--metadata-file", "meta.json", "-t", "app:1", "-t", "other", ".")
    assert done.stderr == ""
    assert re.fullmatch(r"sha256:[0-9a-f]{64}\n", done.stdout)
    assert (folder / "id").read_text() == done.stdout.strip()
    assert json.loads((folder / "meta.json").read_text()) == {
        "containerimage.config.digest": done.stdout.strip(),
        "image.name": "docker.io/library/app:1,docker.io/library/other:latest",
    }


def test_metadata_has_the_digest_of_what_was_written(folder: Path) -> None:
    assert main(["build", "-q", "--metadata-file", "meta.json", "-o", "type=oci,dest=app.tar", "."]) == 0
    digest = json.loads((folder / "meta.json").read_text())["containerimage.digest"]
    with tarfile.open(folder / "app.tar") as archive:
        index = archive.extractfile("index.json")
        assert index is not None
        assert json.load(index)["manifests"][0]["digest"] == digest


def test_nothing_else_goes_into_an_archive_on_standard_output(folder: Path) -> None:
    with subprocess.Popen(
        [*LAYERC, "build", "-o", "-", "."], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        with tarfile.open(fileobj=process.stdout, mode="r|") as archive:
            assert "bin/busybox" in [member.name for member in archive]
        assert process.stderr is not None
        assert b"built in " in process.stderr.read()
    assert process.returncode == 0


def test_json_progress_is_json_alone(folder: Path) -> None:
    done = build("--progress", "json", "-t", "app", ".")
    events = [json.loads(line)["event"] for line in done.stderr.splitlines()]
    assert events[0] == "build-started"
    assert events[-1] == "build-finished"
    assert events.count("step-finished") == 3
    result = json.loads(done.stdout)
    assert (result["executed"], result["cached"], result["tags"]) == (3, 0, ["docker.io/library/app:latest"])
    assert result["images"][0]["id"] == build("-q", ".").stdout.strip()


def test_a_failing_step(folder: Path) -> None:
    done = build("--build-arg", "STATUS=3", ".")
    assert done.returncode == 1
    assert done.stdout == ""
    assert done.stderr.endswith(
        "error: the command failed with status 3\n"
        " --> Dockerfile:5\n"
        "  |\n"
        "5 | RUN echo before && \\\n"
        "6 |     exit $STATUS\n"
        "  |\n"
        "step: [3/3] RUN echo before && exit 3\n"
        "last line of output:\n"
        "  before\n"
    )


def test_a_failing_step_of_a_quiet_build_is_told(folder: Path) -> None:
    done = build("-q", "--build-arg", "STATUS=3", ".")
    assert done.stderr.startswith("error: the command failed with status 3\n")
    assert "  before\n" in done.stderr


def test_errors_of_the_dockerfile_point_at_it(folder: Path) -> None:
    (folder / "Dockerfile").write_text("FROM scratch\nCOPY nothing /\n")
    done = build(".")
    assert done.returncode == 4
    assert "\n --> Dockerfile:2:1\n" in done.stderr
    assert "2 | COPY nothing /\n" in done.stderr


def test_a_plan_is_built_like_its_dockerfile(folder: Path) -> None:
    plan = subprocess.run([*LAYERC, "compile", "."], capture_output=True, check=True).stdout
    (folder / "plan.json").write_bytes(plan)
    first = build("-q", "-f", "plan.json", ".")
    assert first.returncode == 0
    assert build("-q", ".").stdout == first.stdout


def test_a_dockerfile_from_standard_input(folder: Path) -> None:
    words = [*LAYERC, "build", "-q"]
    text = "FROM scratch\nWORKDIR /x\n"
    done = subprocess.run([*words, "-"], input=text, capture_output=True, text=True, check=True)
    assert (
        done.stdout
        == subprocess.run(
            [*words, "-f", "-", "."], input=text, capture_output=True, text=True, check=True
        ).stdout
    )


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_signals_cancel(folder: Path, number: signal.Signals, code: int) -> None:
    (folder / "Dockerfile").write_text(DOCKERFILE + 'RUN echo "sleeping"; sleep 60\n')
    with subprocess.Popen(
        [*LAYERC, "build", "."],
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=lambda: signal.signal(
            number, signal.default_int_handler if number == 2 else signal.SIG_DFL
        ),
    ) as process:
        assert process.stderr is not None
        while "sleeping" not in (line := process.stderr.readline()) or "RUN" in line:
            assert line
        process.send_signal(number)
        started = time.monotonic()
        rest = process.stderr.read()
    assert process.returncode == code
    assert time.monotonic() - started < 10
    assert "CANCELED" in rest
    assert rest.endswith("\ninterrupted\n")
    assert "Traceback" not in rest


def test_on_a_terminal(folder: Path) -> None:
    """The whole program on a pseudo-terminal; the display fails on sequences that are not ours."""
    (folder / "Dockerfile").write_text(DOCKERFILE + "RUN printf '\\033[2Jevil\\033]0;x\\007'; sleep 1\n")
    process, master = pty.fork()
    if process == 0:
        os.environ["TERM"] = "xterm"
        os.execv(LAYERC[0], [*LAYERC, "build", "."])
    seen = bytearray()
    try:
        while data := os.read(master, 65536):
            seen += data
    except OSError:  # how Linux tells that the other side is closed
        pass
    finally:
        os.close(master)
    assert os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]) == 0
    assert b"    evil" in seen
    display = Display(80, 24)
    display.feed(seen.decode())
    lines = display.lines()
    assert display.cursor_shown
    assert [line[:2] for line in lines[:4]] == ["✓ "] * 4
    assert lines[4].startswith("built in ")
    assert "evil" not in "".join(lines[4:])
