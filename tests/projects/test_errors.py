"""What a user does wrong, or lacks: one clear message with the place and a way out, never a traceback."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from projects import Built, layerc

Bases = Mapping[str, Mapping[str, str]]
Build = Callable[..., Built]

pytestmark = pytest.mark.root


@pytest.fixture
def build(bases: Bases, tmp_path: Path, store: Path) -> Build:
    """Builds a Dockerfile on busybox."""
    base = bases["busybox:latest"]

    def run(text: str, *words: str) -> Built:
        (tmp_path / "Dockerfile").write_text(text)
        context = f"busybox=oci-layout://{base['layout']}:{base['tag']}"
        return layerc(
            "build",
            *words,
            "--build-context",
            context,
            f"--store={store}",
            "--progress=plain",
            ".",
            cwd=tmp_path,
        )

    return run


CASES = {
    "unknown instruction": ("FROM busybox\nRUM echo\n", 3, "unknown instruction RUM", "2:1", "did you mean RUN?"),
    "unknown flag": ("FROM busybox\nCOPY --form=x a b\n", 3, "COPY has no flag --form", "2:6", "did you mean --from?"),
    "missing file": ("FROM busybox\nCOPY ab /x/\n", 4, "/ab was not found in the build context", "2:1", ""),
    "ignored file": ("FROM busybox\nCOPY ignored.txt /x/\n", 4, "/ignored.txt was not found", "2:1", ".dockerignore"),
    "unknown stage number": ("FROM busybox\nCOPY --from=7 /a /b\n", 3, "7", "2:", ""),
    "cyclic stages": (
        "FROM busybox AS a\nCOPY --from=b /x /y\nFROM busybox AS b\nCOPY --from=a /x /y\n",
        3, "circular dependency", "4:", "a stage can not read files of itself",
    ),
    "step exits with 3": (
        "FROM busybox\nRUN echo to be seen; \\\n    exit 3\n", 1, "failed with status 3", "2", "to be seen"
    ),
    "no such program": ("FROM busybox\nRUN nosuchprogram\n", 1, "failed with status 127", "2", "is not in the image"),
    "no such user": ("FROM busybox\nUSER ghost\nRUN true\n", 4, "unable to find user ghost", "3", ""),
    "base not reachable": (
        "FROM localhost:1/none\nRUN true\n", 4, "no base image localhost:1/none", "1:6", "--build-context"
    ),
    "empty file": ("", 3, "", "", ""),
    "no FROM": ("RUN true\n", 3, "", "1:1", "FROM"),
    "bad duration": ('FROM busybox\nHEALTHCHECK --interval=soon CMD true\n', 3, "soon", "2:", ""),
}  # fmt: skip


@pytest.mark.parametrize(("text", "status", "message", "where", "hint"), CASES.values(), ids=CASES)
def test_message(
    build: Build, text: str, status: int, message: str, where: str, hint: str, tmp_path: Path
) -> None:
    (tmp_path / ".dockerignore").write_text("ignored.txt\n")
    (tmp_path / "ignored.txt").write_text("")
    failed = build(text)
    assert failed.status == status
    said = failed.stderr[failed.stderr.index("error: ") :]
    assert message in said
    assert hint in said
    assert f"Dockerfile:{where}" in said
    assert "Traceback" not in failed.stdout + failed.stderr


def test_unknown_target(build: Build) -> None:
    failed = build("FROM busybox AS builder\nFROM busybox\n", "--target", "bilder")
    assert failed.status == 3
    assert "bilder" in failed.stderr
    assert "builder" in failed.stderr
    assert "Traceback" not in failed.stderr


def test_named_layout_is_not_there(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM base\nRUN true\n")
    failed = layerc(
        "build",
        "--build-context",
        "base=oci-layout:///nowhere/at/all",
        f"--store={tmp_path / 's'}",
        str(tmp_path),
    )
    assert failed.status == 4
    assert "/nowhere/at/all" in failed.stderr
    assert "Traceback" not in failed.stderr


def test_no_oci_runtime(bases: Bases, tmp_path: Path) -> None:
    """crun and runc are really hidden: in a mount namespace of its own, empty files lie over them."""
    (tmp_path / "Dockerfile").write_text("FROM busybox\nRUN true\n")
    base = bases["busybox:latest"]
    programs = [
        path
        for name in ("crun", "runc", "youki")
        for folder in ("/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/bin", "/sbin")
        if (path := shutil.which(name, path=folder))
    ]
    hide = "".join(f"mount --bind /dev/null '{path}'; " for path in programs)
    command = [sys.executable, "-m", "layerc", "build", f"--store={tmp_path / 'store'}", "--progress=plain"]
    command += ["--build-context", f"busybox=oci-layout://{base['layout']}:{base['tag']}", str(tmp_path)]
    failed = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "sh", "-ec", f'{hide} exec "$@"', "sh", *command],
        capture_output=True,
        text=True,
        check=False,
    )
    assert failed.returncode == 5, failed.stderr
    assert "crun" in failed.stderr
    assert "help: " in failed.stderr
    assert "Traceback" not in failed.stderr
