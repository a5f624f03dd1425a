"""The corpus projects: what their project.toml says, and how to build them with layerc and with Docker.

docs/development.md describes the fields of a project.toml.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

__all__ = [
    "OPTIMISED",
    "Built",
    "Difference",
    "Edit",
    "ImageCase",
    "Podman",
    "Program",
    "Project",
    "build_with_docker",
    "expected_reruns",
    "instructions",
    "layerc",
    "layerc_arguments",
    "load_projects",
]

ROOT = Path(__file__).resolve().parent.parent.parent
PROJECTS = ROOT / "corpus" / "projects"
OPTIMISED = "optimised.Dockerfile"  # in a project: what layerc optimize makes of its Dockerfile


@dataclass(frozen=True)
class Program:
    """A way to run an image: words after its name, and exactly what it prints."""

    arguments: tuple[str, ...]
    stdout: str


@dataclass(frozen=True)
class Difference:
    """A difference from the real engine that is accepted: where, what, and the heading in docs/differences.md
    that explains it.
    """

    path: str
    what: str
    why: str


@dataclass(frozen=True)
class ImageCase:
    """One image to build of a project."""

    project: Project
    target: str
    arguments: Mapping[str, str]
    programs: tuple[Program, ...]
    name: str


@dataclass(frozen=True)
class Edit:
    """A change of one file, and the beginnings of the instructions that run because of it, in order."""

    project: Project
    target: str
    file: str
    append: str
    replace: tuple[str, str] | None
    reruns: tuple[str, ...]
    name: str

    def apply(self, folder: Path) -> None:
        """Make the change in a copy of the project."""
        path = folder / self.file
        text = path.read_bytes()
        if self.replace:
            old, new = (part.encode() for part in self.replace)
            assert text.count(old) == 1, f"{self.file} has {self.replace[0]!r} {text.count(old)} times"
            text = text.replace(old, new)
        path.write_bytes(text + self.append.encode())


@dataclass(frozen=True)
class Project:
    """A folder of corpus/projects."""

    name: str
    path: Path
    bases: tuple[str, ...]
    secrets: Mapping[str, str]
    differences: tuple[Difference, ...]
    images: list[ImageCase] = field(default_factory=list, compare=False)
    edits: list[Edit] = field(default_factory=list, compare=False)

    def copy(self, folder: Path) -> Path:
        """A copy that a test may edit: times and links as they are."""
        return Path(shutil.copytree(self.path, folder / self.name, symlinks=True))


@cache
def load_projects() -> tuple[Project, ...]:
    """All projects, by name."""
    return tuple(_load(path.parent) for path in sorted(PROJECTS.glob("*/project.toml")))


def _load(folder: Path) -> Project:
    document = tomllib.loads((folder / "project.toml").read_text())
    known = {"summary", "bases", "secrets", "images", "edits", "differences"}
    assert not document.keys() - known, f"{folder.name}: unknown {document.keys() - known}"
    project = Project(
        folder.name,
        folder,
        tuple(document["bases"]),
        document.get("secrets", {}),
        tuple(Difference(**item) for item in document.get("differences", ())),
    )
    for number, item in enumerate(document["images"], 1):
        programs = [Program(tuple(item.get("command", ())), item["stdout"])]
        programs += [Program(tuple(run["arguments"]), run["stdout"]) for run in item.get("runs", ())]
        target = item.get("target", "")
        name = f"{folder.name}-{target or 'image'}" + (f"-{number}" if item.get("arguments") else "")
        case = ImageCase(project, target, item.get("arguments", {}), tuple(programs), name)
        project.images.append(case)
    for number, item in enumerate(document.get("edits", ()), 1):
        project.edits.append(
            Edit(
                project,
                item.get("target", ""),
                item["file"],
                item.get("append", ""),
                tuple(item["replace"]) if "replace" in item else None,
                tuple(item["reruns"]),
                f"{folder.name}-{number}",
            )
        )
    return project


# --- layerc ------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Built:
    """A finished ``layerc`` process: its status, what it printed, and the events of ``--progress json``."""

    status: int
    stdout: str
    stderr: str

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events, in order."""
        return [json.loads(line) for line in self.stderr.splitlines() if line.startswith("{")]

    @property
    def ran(self) -> list[str]:
        """The instructions that were executed, in the order of the file; base images are not instructions."""
        steps = [event["provenance"] for event in self.events if event["event"] == "step-started"]
        return instructions(steps)


def layerc(
    *arguments: str | Path, environment: Mapping[str, str] | None = None, cwd: Path | None = None
) -> Built:
    """Run the command as a user would, in a process of its own."""
    done = subprocess.run(
        [sys.executable, "-m", "layerc", *map(str, arguments)],
        capture_output=True,
        text=True,
        errors="replace",
        env={**os.environ, **(environment or {})},
        cwd=cwd,
        check=False,
    )
    return Built(done.returncode, done.stdout, done.stderr)


def layerc_arguments(
    project: Project,
    bases: Mapping[str, Mapping[str, str]],
    *,
    command: str = "build",
    folder: Path | None = None,
    target: str = "",
    arguments: Mapping[str, str] | None = None,
) -> list[str]:
    """The command (build or compile) and what says what to build; for build, the same words as docker's."""
    words = [command, str(folder or project.path)]
    for name in project.bases:
        base = bases[name]
        words += ["--build-context", f"{name}=oci-layout://{base['layout']}:{base['tag']}"]
    words += ["--target", target] if target else []
    for key, value in (arguments or {}).items():
        words += ["--build-arg", f"{key}={value}"]
    for key, file in project.secrets.items() if command == "build" else ():
        words += ["--secret", f"id={key},src={(folder or project.path) / file}"]
    return words


def instructions(provenances: Iterable[Mapping[str, Any]]) -> list[str]:
    """The texts of instructions by their lines in the file, without FROM."""
    steps = [step for step in provenances if not step["text"].upper().startswith("FROM ")]
    return [step["text"] for step in sorted(steps, key=lambda step: step["line"])]


def expected_reruns(edit: Edit, plan: Mapping[str, Any]) -> list[str]:
    """The texts of the instructions that ``edit`` should run again, by the plan of the edited project."""
    steps = [layer["provenance"] for layer in plan["layers"]]
    chosen: list[Mapping[str, Any]] = []
    for beginning in edit.reruns:
        after = chosen[-1]["line"] if chosen else 0
        found = [s for s in steps if s["text"].startswith(beginning) and s["line"] > after]
        assert found, f"no instruction after line {after} begins with {beginning!r}"
        chosen.append(min(found, key=lambda step: step["line"]))
    return instructions(chosen)


# --- other programs ----------------------------------------------------------------------------------


def build_with_docker(
    engine: Mapping[str, str], case: ImageCase, bases: Mapping[str, Mapping[str, str]], archive: Path
) -> None:
    """Build with the real engine into an OCI archive. Its cache is off: each build really runs."""
    words = layerc_arguments(case.project, bases, target=case.target, arguments=case.arguments)
    command = [engine["buildx"], *words, "--network=none", "--no-cache", "--provenance=false"]
    command += ["--progress=plain", f"--output=type=oci,dest={archive}"]
    environment = {**os.environ, "DOCKER_HOST": engine["host"]}
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 0, done.stderr[-5000:]


class Podman:
    """podman with a storage of its own, kept for a session: images share their base's layers there."""

    def __init__(self) -> None:
        # podman takes no path of more than 50 characters, so it is not among the other files of the tests.
        self.folder = folder = Path(tempfile.mkdtemp(prefix="layerc-podman-"))
        self.command = ["podman", "--root", str(folder / "root"), "--runroot", str(folder / "run")]
        self.command += ["--storage-driver=overlay", "--cgroup-manager=cgroupfs", "--events-backend=none"]
        self.command += [
            "--runtime=runc"
        ]  # crun refuses machines on which both versions of cgroups are in use
        # podman would raise the limits, for which a root without CAP_SYS_RESOURCE lacks the right.
        self.limits = ["--ulimit=nofile=1024:1024", "--ulimit=nproc=2048:2048"]

    def run(self, layout: Path, arguments: Sequence[str] = ()) -> subprocess.CompletedProcess[str]:
        """Run an image of an OCI layout or archive, by its own entry point."""
        image = f"{'oci' if layout.is_dir() else 'oci-archive'}:{layout}"
        words = ["run", "--rm", "--network=none", *self.limits, image, *arguments]
        return self(*words)

    def __call__(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*self.command, *words], capture_output=True, text=True, check=False)

    def close(self) -> None:
        """Remove the storage."""
        subprocess.run(
            ["umount", "--lazy", str(self.folder / "root/overlay")], capture_output=True, check=False
        )
        shutil.rmtree(self.folder, ignore_errors=True)
