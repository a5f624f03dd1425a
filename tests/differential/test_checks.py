"""``docker buildx build --call`` answers the same about the cases of corpus/checks.

The engine's frontend is older than the rules that we follow. What it did not know yet is in cases whose names
begin with ``newer-``: of them only outlines and targets are compared.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from checks import CHECKS, expected, resolved

from layerc.compiler.call import check_dockerfile
from layerc.compiler.config import ImageConfig
from layerc.compiler.options import BaseImage, CompileOptions
from layerc.grammar.parse import parse
from layerc.grammar.source import SourceFile
from layerc.runtime.cli.answers.documents import check_document
from layerc.runtime.engine.call import Checked

pytestmark = pytest.mark.engine

FOLDERS = sorted(CHECKS.iterdir())
# What outlines have here and BuildKit's leave out.
OURS = ("cache",)
METHODS = ("check", "outline", "targets")

Answers = dict[str, dict[str, tuple[int, str, str]]]


@pytest.fixture(scope="module")
def engine_answers(
    docker_engine: dict[str, str], bases: dict[str, dict[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> Answers:
    """Exit code, standard output and standard error, by case and method."""
    busybox = bases["busybox:latest"]
    context = f"--build-context=busybox=oci-layout://{busybox['layout']}:{busybox['tag']}"
    root = tmp_path_factory.mktemp("checks")

    def ask(folder: Path) -> dict[str, tuple[int, str, str]]:
        shutil.copytree(folder, root / folder.name, ignore=shutil.ignore_patterns("*.json"))
        words = [docker_engine["buildx"], "build", context, *_options(folder), str(root / folder.name)]
        return {name: _run([*words, f"--call={name},format=json"], docker_engine) for name in METHODS}

    with ThreadPoolExecutor(3) as pool:
        return dict(zip((folder.name for folder in FOLDERS), pool.map(ask, FOLDERS), strict=True))


def _options(folder: Path) -> list[str]:
    path = folder / "options.json"
    options = json.loads(path.read_text()) if path.exists() else {}
    words = [f"--build-arg={name}={value}" for name, value in options.get("build_args", {}).items()]
    return words + ([f"--target={options['target']}"] if "target" in options else [])


def _run(words: list[str], engine: Mapping[str, str]) -> tuple[int, str, str]:
    environment = {**os.environ, "DOCKER_HOST": engine["host"]}
    done = subprocess.run(words, capture_output=True, text=True, env=environment, check=False)
    return done.returncode, done.stdout, done.stderr


@pytest.mark.parametrize("name", [folder.name for folder in FOLDERS if not folder.name.startswith("newer-")])
def test_check(engine_answers: Answers, name: str) -> None:
    code, text, _ = engine_answers[name]["check"]
    wanted = expected(CHECKS / name)["check"]
    found = json.loads(text)
    assert _warnings(found) == _warnings(wanted)
    assert ("buildError" in found) == ("buildError" in wanted)
    assert bool(code) == bool(wanted["warnings"] or "buildError" in wanted)
    if "buildError" in found and (place := found["buildError"]["location"]):
        line = wanted["buildError"]["location"]["ranges"][0]
        assert line in place["ranges"]


def _warnings(document: Mapping[str, Any]) -> list[str]:
    """Every field of each warning. BuildKit repeats one for each word, and its order is partly random."""
    return sorted({json.dumps(warning, sort_keys=True) for warning in document["warnings"] or ()})


@pytest.mark.parametrize("name", [folder.name for folder in FOLDERS])
def test_outline(engine_answers: Answers, name: str) -> None:
    code, text, _ = engine_answers[name]["outline"]
    wanted = expected(CHECKS / name)["outline"]
    assert bool(code) == ("error" in wanted)
    if code == 0:
        assert _outline(json.loads(text)) == _outline(wanted)


def _outline(document: Mapping[str, Any]) -> dict[str, Any]:
    """BuildKit lists what one instruction names in no order."""
    kept = {name: value for name, value in document.items() if name not in ("sources", *OURS)}
    lists = ("args", "secrets", "ssh")
    order = {name: sorted(kept[name], key=_line_and_name) for name in lists if name in kept}
    return {**kept, **order}


def _line_and_name(item: Mapping[str, Any]) -> tuple[int, str]:
    return item["location"]["ranges"][0]["start"]["line"], item["name"]


@pytest.mark.parametrize("name", [folder.name for folder in FOLDERS])
def test_targets(engine_answers: Answers, name: str) -> None:
    code, text, _ = engine_answers[name]["targets"]
    wanted = expected(CHECKS / name)["targets"]
    assert bool(code) == ("error" in wanted)
    if code == 0:
        found = json.loads(text)
        assert len(found.pop("sources")) == 1
        assert found == wanted


def test_a_base_of_another_platform(docker_engine: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\nFROM of-arm64:1 AS a\nENV a b\n")
    (tmp_path / "file").touch()
    archive = subprocess.run(["tar", "-C", tmp_path, "-c", "file"], capture_output=True, check=True).stdout
    environment = {**os.environ, "DOCKER_HOST": docker_engine["host"]}
    words = [docker_engine["docker"], "import", "--platform=linux/arm64", "-", "of-arm64:1"]
    subprocess.run(words, input=archive, env=environment, check=True, capture_output=True)
    buildx = [docker_engine["buildx"], "build", "--call=check,format=json", str(tmp_path)]
    code, text, errors = _run(buildx, docker_engine)
    assert code == 1, errors
    source = SourceFile.from_bytes("Dockerfile", (tmp_path / "Dockerfile").read_bytes())
    arm = BaseImage("sha256:1", ImageConfig(architecture="arm64", os="linux"))
    report = resolved(
        lambda known: check_dockerfile(parse(source), CompileOptions(), known), lambda _request: arm
    )
    assert _warnings(check_document(Checked(source, report.notices))) == _warnings(json.loads(text))
