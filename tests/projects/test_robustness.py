"""Several builds in one store, and builds that are killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from projects import layerc, layerc_arguments, load_projects
from treediff import compare_trees, read_image

Bases = Mapping[str, Mapping[str, str]]
PROJECTS = {project.name: project for project in load_projects()}

pytestmark = pytest.mark.root


@pytest.mark.parametrize("name", ["wide", "deep-chain"])
def test_builds_at_once_make_each_layer_once(name: str, bases: Bases, tmp_path: Path) -> None:
    store = tmp_path / "store"
    words = [*layerc_arguments(PROJECTS[name], bases), f"--store={store}", "--progress=json"]
    with ThreadPoolExecutor(3) as threads:
        futures = [threads.submit(layerc, *words, f"--output={tmp_path}/{n}") for n in range(3)]
        builds = [future.result() for future in futures]
    assert [build.status for build in builds] == [0, 0, 0], builds[0].stderr
    together = sorted(step for build in builds for step in build.ran)
    alone = layerc(*words[:-2], f"--store={tmp_path / 'other'}", "--progress=json")
    assert together == sorted(alone.ran)
    assert layerc(*words).ran == []


@pytest.mark.parametrize("name", ["c-make", "wide", "deep-chain"])
def test_killed_at_any_moment(name: str, bases: Bases, tmp_path: Path) -> None:
    store, archive = tmp_path / "store", tmp_path / "image.tar"
    words = layerc_arguments(PROJECTS[name], bases)
    command = [sys.executable, "-m", "layerc", *words, f"--store={store}", "--progress=plain"]
    command += [f"--output=type=oci,dest={archive}"]
    for wait in (0.15, 0.3, 0.45, 0.7, 1.0, 1.5):
        build = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        )
        time.sleep(wait)
        # The builder alone, as the kernel does when memory runs out: what it started has to end by itself.
        build.send_signal(signal.SIGKILL)
        build.wait()
    finished = layerc(*words, f"--store={store}", f"--output=type=oci,dest={archive}")
    assert finished.status == 0, finished.stderr
    whole = tmp_path / "whole.tar"
    clean = layerc(*words, f"--store={tmp_path / 'clean'}", f"--output=type=oci,dest={whole}")
    assert clean.status == 0, clean.stderr
    assert not compare_trees(read_image(archive).tree, read_image(whole).tree)
    assert not [pid for pid in processes() if str(store) in pid]


def test_collections_killed_at_any_moment(bases: Bases, tmp_path: Path) -> None:
    """Builds that make room at their end, and a collection beside them, each killed again and again."""
    store, archive, whole = tmp_path / "store", tmp_path / "image.tar", tmp_path / "whole.tar"
    words = layerc_arguments(PROJECTS["wide"], bases)
    program = [sys.executable, "-m", "layerc"]
    commands = [
        [*program, *words, f"--store={store}", "--progress=plain"],
        [*program, "cache", "gc", "--keep-storage=50kB", f"--store={store}"],
    ]
    environment = os.environ | {"LAYERC_KEEP_STORAGE": "50kB"}
    for wait in (0.4, 0.7, 1.0, 1.5):
        running = [
            subprocess.Popen(
                command,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                env=environment,
            )
            for command in commands
        ]
        time.sleep(wait)
        for process in running:
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert layerc("cache", "verify", f"--store={store}").status == 0
    finished = layerc(*words, f"--store={store}", f"--output=type=oci,dest={archive}")
    assert finished.status == 0, finished.stderr
    clean = layerc(*words, f"--store={tmp_path / 'clean'}", f"--output=type=oci,dest={whole}")
    assert clean.status == 0, clean.stderr
    assert not compare_trees(read_image(archive).tree, read_image(whole).tree)
    assert layerc("cache", "gc", "--all", f"--store={store}").status == 0
    assert os.listdir(store / "snapshots") == ["0"]


def processes() -> list[str]:
    """The command lines of all processes."""
    lines = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            lines.append(
                Path("/proc", pid, "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            )
        except OSError:
            continue
    return lines


def test_an_interrupted_build_says_so_and_goes_on_later(bases: Bases, tmp_path: Path) -> None:
    folder = tmp_path / "context"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM busybox:latest\nRUN echo first > /first\nRUN sleep 60\n")
    base = bases["busybox:latest"]
    words = ["build", str(folder), f"--store={tmp_path / 'store'}", "--progress=plain"]
    words += ["--build-context", f"busybox:latest=oci-layout://{base['layout']}:{base['tag']}"]
    command = [sys.executable, "-m", "layerc", *words]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as build:
        assert build.stderr is not None
        for line in build.stderr:
            if "RUN sleep" in line:
                break
        time.sleep(0.3)
        began = time.monotonic()
        build.send_signal(signal.SIGINT)
        rest = build.stderr.read()
        assert build.wait() == 130
    assert time.monotonic() - began < 10
    assert "Traceback" not in rest
    (folder / "Dockerfile").write_text("FROM busybox:latest\nRUN echo first > /first\nRUN sleep 0\n")
    again = layerc(*words, "--progress=json")
    assert again.status == 0, again.stderr
    assert again.ran == ["RUN sleep 0\n"]
