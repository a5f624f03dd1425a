"""``layerc build --max-layers``: fewer layers in what is written, as many as before in the cache."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from treediff import compare_trees, read_image

from layerc.runtime.cli.main import main

pytestmark = pytest.mark.root

TEXT = """\
FROM busybox:latest
COPY stays /app/
COPY a /app/
WORKDIR /app
RUN rm a /bin/vi && echo done > log
COPY b .
LABEL x=y
RUN echo more >> log
"""


@pytest.fixture
def build(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, bases: dict[str, dict[str, str]]
) -> tuple[str, ...]:
    """The words of a build in a folder of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LAYERC_HOME", str(tmp_path / "store"))
    (tmp_path / "context").mkdir()
    (tmp_path / "context" / "Dockerfile").write_text(TEXT)
    for name in ("a", "b", "stays"):
        (tmp_path / "context" / name).write_text(name * 70_000)
    base = bases["busybox:latest"]
    return (
        "build",
        "--build-context",
        f"busybox:latest=oci-layout://{base['layout']}:{base['tag']}",
        "context",
    )


def test_the_image_has_fewer_layers_and_the_cache_as_many(
    build: tuple[str, ...],
    bases: dict[str, dict[str, str]],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    base = read_image(bases["busybox:latest"]["layout"]).layers
    assert main([*build, "-o", "type=oci-layout,dest=all"]) == 0
    capsys.readouterr()
    (tmp_path / "context" / "b").write_text("changed" * 50_000)
    words = [
        "-o",
        "type=oci-layout,dest=one",
        "-o",
        "type=oci-layout,dest=two,max-layers=2",
        "--progress",
        "json",
    ]
    assert main([*build, *words, "--squash", "-t", "tagged"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["executed"], result["cached"]) == (1, 5)  # the last step does not read b
    images = [read_image(str(tmp_path / name)) for name in ("one", "two")]
    assert [len(image.layers) for image in images] == [len(base) + 1, len(base) + 2]
    for image in images:
        assert image.layers[: len(base)] == base
    for name in ("app/a", "bin/vi"):
        assert name not in images[0].tree
    assert not [item for item in compare_trees(images[0].tree, images[1].tree) if item.what != "mtime"]
    assert result["images"][0]["id"] != ""
    # Under its tag the store has all layers still.
    (tmp_path / "context" / "Dockerfile").write_text("FROM tagged\n")
    assert main(["build", "-q", "-o", "type=oci-layout,dest=again", "context"]) == 0
    assert len(read_image(str(tmp_path / "again")).layers) == len(base) + 6


def test_without_an_output_it_says_that_it_does_nothing(
    build: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "context" / "Dockerfile").write_text("FROM scratch\nCOPY a /\n")
    assert main([*build, "--max-layers", "3"]) == 0
    assert "only an image that is written with -o gets fewer layers" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--max-layers", "0"], ["--max-layers", "2", "--squash"]])
def test_wrong_words_are_refused(
    build: tuple[str, ...], capsys: pytest.CaptureFixture[str], words: list[str]
) -> None:
    assert main([*build, *words]) == 2
    assert "--max-layers" in capsys.readouterr().err
