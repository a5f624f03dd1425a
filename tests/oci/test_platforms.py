"""Platforms: names, order, and what runs where."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerc.runtime.errors import UsageError
from layerc.runtime.oci.platforms import Platform, host_platform, parse_platform


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("linux/amd64", "linux/amd64"),
        ("linux/x86_64", "linux/amd64"),
        ("linux/x86-64/v1", "linux/amd64"),
        ("linux/amd64/v3", "linux/amd64/v3"),
        ("Linux/AArch64", "linux/arm64"),
        ("linux/arm64/v8", "linux/arm64"),
        ("linux/arm64/8", "linux/arm64"),
        ("linux/arm64/v9.0", "linux/arm64/v9"),
        ("linux/arm", "linux/arm/v7"),
        ("linux/arm/6", "linux/arm/v6"),
        ("linux/armhf", "linux/arm/v7"),
        ("linux/armel", "linux/arm/v6"),
        ("linux/i386", "linux/386"),
        ("macos/arm64", "darwin/arm64"),
        ("linux/ppc64le", "linux/ppc64le"),
        ("plan10/vax", "plan10/vax"),
    ],
)
def test_names_are_normalised(text: str, expected: str) -> None:
    assert str(parse_platform(text)) == expected


def test_a_version_stands_in_brackets() -> None:
    assert parse_platform("windows(10.0.17763)/amd64").os_version == "10.0.17763"


def test_one_word_is_completed_from_this_machine() -> None:
    host = host_platform()
    assert parse_platform("linux").architecture == host.architecture
    assert parse_platform("s390x") == Platform(host.os, "s390x")


@pytest.mark.parametrize(
    "text", ["", "linux/", "/amd64", "a/b/c/d", "linux/am d64", "linux/*", "vax", "linux\n"]
)
def test_what_is_no_platform_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_platform(text)


@pytest.mark.parametrize(
    ("here", "offered", "rank"),
    [
        ("linux/amd64", "linux/amd64", 0),
        ("linux/amd64", "linux/386", 1),
        ("linux/amd64/v3", "linux/amd64/v2", 1),
        ("linux/amd64/v3", "linux/amd64", 2),
        ("linux/amd64", "linux/amd64/v2", None),
        ("linux/amd64", "linux/arm64", None),
        ("linux/amd64", "windows/amd64", None),
        ("linux/arm/v7", "linux/arm/v5", 2),
        ("linux/arm/v6", "linux/arm/v7", None),
        ("linux/arm64", "linux/arm64/v8", 0),
        ("linux/arm64", "linux/arm/v8", 1),
        ("linux/arm64", "linux/arm/v7", 2),
        ("linux/arm64/v9", "linux/arm64/v8.5", 1),
        ("linux/arm64/v8.1", "linux/arm64", 1),
        ("linux/arm64", "linux/arm64/v8.1", None),
    ],
)
def test_what_runs_where(here: str, offered: str, rank: int | None) -> None:
    assert parse_platform(here).rank(parse_platform(offered)) == rank


def test_an_image_that_needs_features_runs_only_where_they_are() -> None:
    offered = Platform("windows", "amd64", os_features=("win32k",))
    assert Platform("windows", "amd64").rank(offered) is None
    assert Platform("windows", "amd64", os_features=("a", "win32k")).rank(offered) == 0


names = st.sampled_from(["linux", "Darwin", "macos", "windows"])
architectures = st.sampled_from(["amd64", "x86_64", "arm", "armhf", "aarch64", "i386", "riscv64"])
variants = st.sampled_from(["", "v1", "v2", "5", "v6", "7", "8", "v8.0", "v9.0", "v8.3"])


@given(names, architectures, variants)
def test_normalising_twice_changes_nothing_and_every_platform_runs_on_itself(o: str, a: str, v: str) -> None:
    platform = Platform(o, a, v).normalized()
    assert platform.normalized() == platform
    assert platform.rank(Platform(o, a, v)) == 0
    assert Platform.from_document(platform.to_document()) == platform
    assert parse_platform(str(platform)) == platform


@pytest.mark.parametrize("document", [{"os": 1}, {"os": "linux", "os.features": "x"}, {"variant": ["v7"]}])
def test_a_document_with_wrong_types_is_refused(document: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="strings"):
        Platform.from_document(document)
