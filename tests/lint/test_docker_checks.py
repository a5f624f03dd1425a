"""The rules that are Docker's build checks find what the checks find, no more and no less."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from layerc.compiler.call import check_dockerfile
from layerc.compiler.checks import RULES as CHECKS
from layerc.compiler.config import ImageConfig
from layerc.compiler.lint import Surroundings, lint
from layerc.compiler.lint.rules import BY_ID
from layerc.compiler.options import BaseImage, CompileOptions, ImageRequest, UnresolvedImagesError
from layerc.compiler.path_patterns import PatternMatcher
from layerc.grammar.errors import DockerfileError
from layerc.grammar.parse import parse
from layerc.grammar.source import SourceFile
from layerc.runtime.sources.ignore import excluded_paths, parse_ignore

CORPUS = Path(__file__).parents[2] / "corpus"
FOLDERS = [*(CORPUS / "checks").iterdir(), *(CORPUS / "cases").iterdir()]


def test_each_check_is_a_rule() -> None:
    assert {check.name for check in CHECKS} <= BY_ID.keys()
    assert [BY_ID[check.name].default for check in CHECKS] == [not check.experimental for check in CHECKS]


@pytest.mark.parametrize("folder", [pytest.param(path, id=path.name) for path in sorted(FOLDERS)])
def test_the_same_is_found(folder: Path) -> None:
    source = SourceFile.from_bytes("Dockerfile", (folder / "Dockerfile").read_bytes())
    try:
        document = parse(source)
    except DockerfileError:
        assert [found.code for found in lint(source).found] == ["LC001"]
        return
    ignore = folder / ".dockerignore"
    ignored = excluded_paths(PatternMatcher(parse_ignore(ignore.read_bytes()))) if ignore.exists() else None
    images: dict[ImageRequest, BaseImage] = {}
    while True:
        try:
            report = check_dockerfile(document, CompileOptions(), images, ignored)
            break
        except UnresolvedImagesError as need:
            images |= {request: BaseImage("", config_of(request)) for request in need.requests}
    around = Surroundings(ignored=ignored, images=images)
    found = Counter(
        (each.code, each.finding.message)
        for each in lint(source, around).found
        if not each.code.startswith(("LC", "DL", "SC"))
    )
    wanted = Counter((notice.rule, notice.message) for notice in report.notices if notice.rule)
    if report.error is None:
        assert found == wanted
    else:  # what stands in for arguments may let us see more
        assert not wanted - found


def config_of(request: ImageRequest) -> ImageConfig:
    system, architecture = request.platform.split("/")[:2]
    return ImageConfig(architecture=architecture, os=system)
