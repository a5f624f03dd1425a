"""``layerc affected`` on trees of files."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from layerc.runtime.cli.main import main

EXAMPLE = Path(__file__).parents[2] / "corpus" / "fleet"


@pytest.fixture
def fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(EXAMPLE, tmp_path / "fleet")
    monkeypatch.setenv("LAYERC_HOME", str(tmp_path / "store"))
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.chdir(tmp_path / "fleet")
    return tmp_path / "fleet"


def ask(capsys: pytest.CaptureFixture[str], *words: str, status: int = 0) -> dict[str, Any]:
    assert main(["affected", "--json", *words]) == status
    found: dict[str, Any] = json.loads(capsys.readouterr().out)
    return found


def rebuilt(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    return [image["image"] for image in ask(capsys, *words)["rebuild"]]


@pytest.mark.parametrize(
    ("path", "images"),
    [
        ("api/src/main.go", ["acme/api:5", "acme/report", "acme/web"]),
        ("api/src/new/file.go", ["acme/api:5", "acme/report", "acme/web"]),
        ("api/src/README.md", []),  # .dockerignore
        ("api/other.txt", []),
        ("api/.dockerignore", ["acme/api:5", "acme/report", "acme/web"]),
        ("web/package.json", ["acme/web"]),  # its context is the directory above
        ("package.json", []),
        ("jobs/layers.toml", ["acme/report", "acme/cleanup"]),
        ("../outside", []),
    ],
)
def test_a_changed_file(
    fleet: Path, capsys: pytest.CaptureFixture[str], path: str, images: list[str]
) -> None:
    assert rebuilt(capsys, "--changed-file", path) == images


def test_files_that_are_none_are_told(fleet: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = ask(capsys, "--changed", "debian:bookworm-slim", "--strict", status=3)
    assert found["problems"] == [{"file": "legacy/Dockerfile", "error": "unknown instruction RUM"}]
    assert found["critical_path"]["images"] == ["acme/base", "acme/api:5", "acme/web"]
    assert main(["affected", "--changed", "debian:bookworm"]) == 0
    told = capsys.readouterr()
    assert told.out == "none of 5 images must be rebuilt\n"
    assert "legacy/Dockerfile:2:1: unknown instruction RUM" in told.err
    assert "did you mean debian:bookworm-slim?" in told.err
    shutil.rmtree(fleet / "legacy")
    ask(capsys, "--strict", "--changed", "golang:1.23")


def test_trees_from_a_list_and_names_from_a_pattern(
    fleet: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    for name, text in (("one", "FROM debian:12\nRUN 1\n"), ("two", "FROM r.io/one/app:1\nRUN 2\n")):
        (tmp_path / name / "app").mkdir(parents=True)
        (tmp_path / name / "app" / "Dockerfile").write_text(text)
        (tmp_path / name / "node_modules").mkdir()
        (tmp_path / name / "node_modules" / "Dockerfile").write_text("no Dockerfile")
    (tmp_path / "list").write_text("# trees\none\n\ntwo\n")
    words = ("--repos", "../list", "--name-pattern", "r.io/{root}/{dir}", "--changed", "debian:12")
    assert rebuilt(capsys, *words) == ["r.io/one/app", "r.io/two/app"]
    assert rebuilt(capsys, *words[:2], "--changed", "debian:12") == ["../one/app/Dockerfile"]
    assert main(["affected", "--name-pattern", "{nothing}"]) == 4
    assert main(["affected", "--repos", "../none"]) == 4
    assert main(["affected", str(fleet / "none")]) == 4
    assert main(["affected", "--changed-layer", "sha256:1"]) == 2
    assert main(["affected", "--changed", "x:"]) == 2


def test_names_and_contexts_from_compose(
    fleet: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    compose = """
x-common: &common
  restart: always
services:
  app:
    <<: *common
    image: "acme/app:${TAG:-3}"   # what others use
    build:
      context: .
      dockerfile: docker/app.df
      target: run
      args:
        image: other
    environment:
      - A=b
    command: |
      image: not this
  db:
    image: postgres:16
  site:
    build: ./site
    image: acme/site
"""
    root = tmp_path / "composed"
    for folder in ("docker", "site"):
        (root / folder).mkdir(parents=True)
    (root / "compose.yaml").write_text(compose)
    (root / "docker" / "app.df").write_text("FROM debian:12 AS run\nCOPY src /\nFROM alpine:3\n")
    (root / "site" / "Dockerfile").write_text("FROM acme/app:3\nRUN x\n")
    assert rebuilt(capsys, "--changed", "debian:12", str(root)) == ["acme/app:3", "acme/site"]
    assert rebuilt(capsys, "--changed", "alpine:3", str(root)) == []
    assert rebuilt(capsys, "--changed-file", str(root / "src" / "a"), str(root)) == [
        "acme/app:3",
        "acme/site",
    ]
    assert main(["affected", "--platform", "a/b/c/d", str(fleet)]) != 0


def add_blob(layout: Path, data: bytes, kind: str) -> dict[str, Any]:
    digest = hashlib.sha256(data).hexdigest()
    (layout / "blobs" / "sha256" / digest).write_bytes(data)
    return {"mediaType": f"application/vnd.oci.image.{kind}", "digest": f"sha256:{digest}", "size": len(data)}


def write_layout(layout: Path, names: dict[str, list[bytes]]) -> None:
    """An OCI layout of images with these layers, which are only looked at by their digests."""
    (layout / "blobs" / "sha256").mkdir(parents=True)
    (layout / "oci-layout").write_text('{"imageLayoutVersion":"1.0.0"}')
    entries = []
    for name, contents in names.items():
        layers = [add_blob(layout, content, "layer.v1.tar") for content in contents]
        rootfs = {"type": "layers", "diff_ids": [layer["digest"] for layer in layers]}
        config = {"architecture": "amd64", "os": "linux", "config": {}, "rootfs": rootfs}
        manifest = {
            "schemaVersion": 2,
            "config": add_blob(layout, json.dumps(config).encode(), "config.v1+json"),
        }
        entry = add_blob(layout, json.dumps(manifest | {"layers": layers}).encode(), "manifest.v1+json")
        entries.append(entry | {"annotations": {"org.opencontainers.image.ref.name": name}})
    index = {"schemaVersion": 2, "manifests": entries}
    (layout / "index.json").write_text(json.dumps(index))


def test_a_layer_that_has_to_be_replaced(
    fleet: Path, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    images = {
        "debian:bookworm-slim": [b"debian"],
        "acme/base:2": [b"debian", b"base"],
        "acme/api:5": [b"debian", b"base", b"api"],
    }
    write_layout(tmp_path / "layout", images)
    words = ("--layout", str(tmp_path / "layout"), "--changed-layer")

    def digest(content: bytes) -> str:
        return f"sha256:{hashlib.sha256(content).hexdigest()}"

    assert rebuilt(capsys, *words, digest(b"debian")) == [
        "acme/base",
        "acme/api:5",
        "acme/report",
        "acme/web",
    ]
    assert rebuilt(capsys, *words, digest(b"base")) == ["acme/base", "acme/api:5", "acme/report", "acme/web"]
    assert rebuilt(capsys, *words, digest(b"api")) == ["acme/api:5", "acme/report", "acme/web"]
    assert rebuilt(capsys, *words, digest(b"none")) == []
    write_layout(tmp_path / "tagged", {"5": [b"api"]})
    words = ("--layout", str(tmp_path / "tagged"), "--changed-layer")
    assert main(["affected", *words, digest(b"api")]) == 4
    assert "say what it is called" in capsys.readouterr().err
    named = ("--layout", f"acme/api:5={tmp_path / 'tagged'}", "--changed-layer")
    assert rebuilt(capsys, *named, digest(b"api")) == ["acme/api:5", "acme/report", "acme/web"]
    assert (fleet / "api").is_dir()


@pytest.mark.root
def test_times_of_earlier_builds(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    bases: dict[str, dict[str, str]],
) -> None:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "Dockerfile").write_text(
        "# layerc: image=acme/app\nFROM busybox:latest\nRUN sleep 0.3\nRUN true\n"
    )
    monkeypatch.setenv("LAYERC_HOME", str(tmp_path / "store"))
    base = bases["busybox:latest"]
    words = ["--build-context", f"busybox:latest=oci-layout://{base['layout']}:{base['tag']}"]
    assert (
        main(
            [
                "build",
                "--progress=quiet",
                "-t",
                "acme/app",
                "--iidfile",
                str(tmp_path / "id"),
                *words,
                str(tmp_path / "app"),
            ]
        )
        == 0
    )
    capsys.readouterr()
    found = ask(capsys, "--changed", "busybox:latest", str(tmp_path / "app"))
    assert found["critical_path"]["unit"] == "seconds"
    assert found["rebuild"][0]["measured"] == 2
    assert 0.3 < found["critical_path"]["cost"] < 10
    # The same, by a digest that an image of the store has, and by one of a layout.
    image = (tmp_path / "id").read_text()
    assert rebuilt(capsys, "--changed-layer", image, str(tmp_path / "app")) == ["acme/app"]
    layout = json.loads((Path(base["layout"]) / "index.json").read_text())
    manifest = layout["manifests"][0]["digest"]
    named = ["--layout", f"busybox:latest={base['layout']}", "--changed-layer", manifest]
    assert rebuilt(capsys, *named, str(tmp_path / "app")) == ["acme/app"]
