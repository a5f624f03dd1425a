"""Tiny builds, each of one subject of the language: what their case.toml says, and how to build them twice.

docs/development.md describes a folder of corpus/builds.
"""

from __future__ import annotations

import os
import subprocess
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from projects import ROOT, Built, Difference, layerc

__all__ = ["BuildCase", "build_case_with_docker", "build_case_with_layerc", "load_build", "load_builds"]

BUILDS = ROOT / "corpus" / "builds"
Bases = Mapping[str, Mapping[str, str]]


@dataclass(frozen=True)
class BuildCase:
    """A folder of corpus/builds. ``refused`` is what layerc says of a Dockerfile that both refuse, ``since`` the
    Dockerfile front end that a case needs where the compared engine's is too old.
    """

    name: str
    path: Path
    summary: str
    covers: tuple[str, ...]
    bases: tuple[str, ...] = ("busybox:latest",)
    names: Mapping[str, str] = field(default_factory=dict)
    file: str = ""
    target: str = ""
    arguments: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    options: tuple[str, ...] = ()
    differences: tuple[Difference, ...] = ()
    since: str = ""
    refused: str = ""
    refused_by_docker: str = "ERROR: "

    def words(self, bases: Bases) -> list[str]:
        """What says what to build, the same words for layerc and docker, to be run in the case's folder."""
        words = ["build", "."]
        for name, base in [*((base, base) for base in self.bases), *self.names.items()]:
            words += ["--build-context", f"{name}=oci-layout://{bases[base]['layout']}:{bases[base]['tag']}"]
        words += ["--file", self.file] if self.file else []
        words += ["--target", self.target] if self.target else []
        for key, value in self.arguments.items():
            words += ["--build-arg", f"{key}={value}"]
        for key, file in self.secrets.items():
            words += ["--secret", f"id={key},src={file}"]
        if not any(option.startswith("--network") for option in self.options):
            words.append("--network=none")
        return [*words, *self.options]


@cache
def load_builds() -> tuple[BuildCase, ...]:
    """All cases, by name."""
    return tuple(load_build(path) for path in sorted(BUILDS.iterdir()) if path.is_dir())


def load_build(folder: Path) -> BuildCase:
    """One case."""
    path = folder / "case.toml"
    given: dict[str, Any] = tomllib.loads(path.read_text()) if path.exists() else {}
    for name in ("covers", "bases", "options"):
        if name in given:
            given[name] = tuple(given[name])
    given["differences"] = tuple(Difference(**item) for item in given.get("differences", ()))
    given.setdefault("summary", "")
    given.setdefault("covers", ())
    return BuildCase(folder.name, folder, **given)


def build_case_with_docker(
    engine: Mapping[str, str], case: BuildCase, bases: Bases, archive: Path
) -> subprocess.CompletedProcess[str]:
    """Build with the real engine, without its cache, into an OCI archive."""
    command = [engine["buildx"], *case.words(bases), "--no-cache", "--provenance=false", "--progress=plain"]
    command.append(f"--output=type=oci,dest={archive}")
    environment = {**os.environ, **case.environment, "DOCKER_HOST": engine["host"]}
    return subprocess.run(
        command, capture_output=True, text=True, errors="replace", env=environment, cwd=case.path, check=False
    )


def build_case_with_layerc(case: BuildCase, bases: Bases, store: Path, archive: Path) -> Built:
    """Build with layerc, without what its cache knows, into an OCI archive."""
    words = [*case.words(bases), "--no-cache", "--progress=plain", f"--store={store}"]
    words.append(f"--output=type=oci,dest={archive}")
    return layerc(*words, environment=case.environment, cwd=case.path)
