"""What ``--call`` answers: golden documents, and laws of the build checks."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from checks import CHECKS, answers, expected, resolved
from compiling import compile_source

from layerc.compiler.call import check_dockerfile
from layerc.compiler.checks import RULES
from layerc.compiler.checks.wanted import Wanted
from layerc.compiler.config import ImageConfig
from layerc.compiler.options import BaseImage, CompileOptions, NamedContext, UnresolvedImagesError
from layerc.grammar.errors import DockerfileError
from layerc.grammar.parse import parse
from layerc.grammar.source import SourceFile

FOLDERS = [pytest.param(folder, id=folder.name) for folder in sorted(CHECKS.iterdir())]


@pytest.mark.parametrize("folder", FOLDERS)
def test_golden_answers(folder: Path, golden: Callable[[Path, str], None]) -> None:
    text = json.dumps(answers(folder), indent=1, ensure_ascii=False)
    golden(folder / "expected.json", text + "\n")


def test_every_rule_has_a_case() -> None:
    found = {
        warning["ruleName"]
        for folder in CHECKS.iterdir()
        for warning in expected(folder)["check"]["warnings"] or ()
    }
    assert found == {rule.name for rule in RULES} - {"InvalidBaseImagePlatform"}


def test_building_a_target_warns_of_what_its_check_says() -> None:
    compared = 0
    for folder in CHECKS.iterdir():
        source = SourceFile.from_bytes("Dockerfile", (folder / "Dockerfile").read_bytes())
        with suppress(DockerfileError):
            plan = compile_source(source, {}, CompileOptions(target="0"))
            report = resolved(lambda known, text=source: check_dockerfile(parse(text), TARGET, known))
            assert plan.notices == report.notices
            compared += bool(report.notices)
    assert compared > 25


TARGET = CompileOptions(target="0")
DEBIAN = ImageConfig(architecture="amd64", os="linux")


def compiled(text: str, config: ImageConfig = DEBIAN, **options: object) -> list[tuple[str, int, str]]:
    """Rule, line and detail of what building ``text`` warns of."""
    document, chosen = parse(SourceFile("Dockerfile", text)), CompileOptions(**options)  # type: ignore[arg-type]
    report = resolved(
        lambda known: check_dockerfile(document, chosen, known), lambda _: BaseImage("sha256:1", config)
    )
    assert report.error is None
    return [(notice.rule, notice.line, notice.message) for notice in report.notices]


def test_a_base_of_another_platform() -> None:
    arm = ImageConfig(architecture="arm64", os="linux", variant="v8")
    text = 'Base image debian:12 was pulled with platform "linux/arm64", expected "linux/amd64" for current build'
    assert compiled("FROM scratch\nFROM debian:12 AS a\n", arm) == [("InvalidBaseImagePlatform", 2, text)]
    contexts = {"debian:12": NamedContext("debian:12", "image", "oci-layout://x")}
    assert compiled("FROM debian:12\n", arm, contexts=contexts) == []


def test_triggers_are_told_where_the_base_is_named() -> None:
    base = ImageConfig(architecture="amd64", os="linux", onbuild=("ENV a b", "COPY $x /y"))
    found = compiled("FROM scratch\nARG z\nFROM debian AS b\n", base)
    assert [(rule, line) for rule, line, _ in found] == [("LegacyKeyValueFormat", 3), ("UndefinedVar", 3)]


def test_images_come_after_what_the_text_alone_tells() -> None:
    document = parse(SourceFile("Dockerfile", "FROM debian AS A\nCMD x\n"))
    with pytest.raises(UnresolvedImagesError) as need:
        check_dockerfile(document, CompileOptions(), {})
    assert [notice.rule for notice in need.value.notices] == ["StageNameCasing"]


def test_an_unknown_rule_gets_a_suggestion() -> None:
    found = compiled("# check=skip=JSONArgsRecomended\nFROM scratch\nCMD x\n")
    assert found[0] == ("", 0, "there is no check JSONArgsRecomended; did you mean JSONArgsRecommended?")
    assert found[1][0] == "JSONArgsRecommended"


def test_options_of_checks() -> None:
    wanted = Wanted.parse(" skip = A , B ; error = 1 ;experimental=all")
    assert (wanted.skip, wanted.experimental, wanted.error) == ({"A", "B"}, {"all"}, True)
    assert Wanted.parse(" ") == Wanted()
    for text in ("skip", "skip=a;b", "sikp=a", "error=maybe", "error"):
        with pytest.raises(ValueError, match=r"."):
            Wanted.parse(text)
