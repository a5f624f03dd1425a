"""Small texts: Go's formats, git sources, platforms, suggestions, modes."""

from __future__ import annotations

import json

import pytest
from compiling import compile_text
from hypothesis import given
from hypothesis import strategies as st

from layerc.compiler.gitref import GitRef, is_http, parse_git_ref
from layerc.compiler.gotext import (
    clean_path,
    format_duration,
    join_path,
    parse_bool,
    parse_duration,
    parse_size,
    parse_unsigned,
    quote,
    quote_list,
)
from layerc.compiler.platforms import Platform, parse_platform
from layerc.compiler.references import familiar_name, parse_reference
from layerc.compiler.suggest import nearest
from layerc.grammar.errors import CompileError

SECOND = 1_000_000_000


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("5s", 5 * SECOND),
        ("1m30s", 90 * SECOND),
        ("1h0.5m", 3630 * SECOND),
        ("1.5h", 5400 * SECOND),
        (".5s", SECOND // 2),
        ("1.s", SECOND),
        ("-1s", -SECOND),
        ("+1s", SECOND),
        ("0", 0),
        ("1us", 1000),
        ("1µs", 1000),
        ("3ns", 3),
        ("100ms", SECOND // 10),
    ],
)
def test_durations(text: str, value: int) -> None:
    assert parse_duration(text) == value


@pytest.mark.parametrize("text", ["", "5", "s", ".s", "1 s", "1d", "1s2", "--1s", "1e3s", "9999999999h", "-"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="not a duration"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0s"),
        (1, "1ns"),
        (1500, "1.5µs"),
        (SECOND // 2, "500ms"),
        (SECOND, "1s"),
        (90 * SECOND, "1m30s"),
        (3600 * SECOND, "1h0m0s"),
        (2 * 3600 * SECOND + 1, "2h0m0.000000001s"),
        (-SECOND, "-1s"),
    ],
)
def test_durations_are_told_as_go_does(value: int, text: str) -> None:
    assert format_duration(value) == text


@given(st.integers(-(2**62), 2**62))
def test_a_told_duration_is_the_same(value: int) -> None:
    assert parse_duration(format_duration(value)) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("64m", 64 << 20),
        ("64MB", 64 << 20),
        ("1.5KiB", 1536),
        ("2 g", 2 << 30),
        ("10b", 10),
        (".5k", 512),
    ],
)
def test_sizes(text: str, value: int) -> None:
    assert parse_size(text) == value


@pytest.mark.parametrize("text", ["", "m", "-1m", "1x", "1mm", "1bb", "1 m b"])
def test_what_is_no_size(text: str) -> None:
    with pytest.raises(ValueError, match="not a size"):
        parse_size(text)


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ("a", '"a"'),
        ('say "hi"\\', '"say \\"hi\\"\\\\"'),
        ("\a\t\n\x1b\x7f", '"\\a\\t\\n\\x1b\\x7f"'),
        ("é\u200b\u00a0", '"é\\u200b\\u00a0"'),
        ("\U0001f600\U000e0001", '"😀\\U000e0001"'),
        ("\udcff", '"\\xff"'),
    ],
)
def test_quoting(text: str, quoted: str) -> None:
    assert quote(text) == quoted


def test_lists_and_booleans_and_numbers() -> None:
    assert quote_list(["a", "b c"]) == '["a" "b c"]'
    assert quote_list([]) == "[]"
    assert parse_bool("T")
    assert not parse_bool("0")
    assert parse_unsigned("0755", 8) == 0o755
    for text, base in (("8", 8), ("-1", 10), ("4294967296", 10), ("", 10), ("\u0663", 10)):
        with pytest.raises(ValueError, match=r"invalid literal|not a number|out of range"):
            parse_unsigned(text, base)
    with pytest.raises(ValueError, match="not a boolean"):
        parse_bool("yes")


@pytest.mark.parametrize(
    ("path", "clean"),
    [
        ("", "."),
        ("/", "/"),
        ("//a", "/a"),
        ("a/../..", ".."),
        ("/..", "/"),
        ("./a/./b/", "a/b"),
        ("a//b", "a/b"),
    ],
)
def test_paths(path: str, clean: str) -> None:
    assert clean_path(path) == clean
    assert join_path("", path) == ("" if not path else clean)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("https://h/o/r.git", GitRef("https://h/o/r.git")),
        ("https://h/o/r.git#main", GitRef("https://h/o/r.git", "main")),
        ("https://h/o/r.git#:sub/dir/", GitRef("https://h/o/r.git", "", "sub/dir")),
        ("https://h/o/r.git#v1:../../x", GitRef("https://h/o/r.git", "v1", "x")),
        ("git@h:o/r.git#main", GitRef("git@h:o/r.git", "main")),
        ("git@h:o/r?ref=v1", GitRef("git@h:o/r", "v1")),
        ("ssh://git@h/o/r", GitRef("ssh://git@h/o/r")),
        ("git://h/o/r", GitRef("git://h/o/r")),
        ("HTTPS://h/r.git", GitRef("https://h/r.git")),
        (
            "https://h/r.git?tag=refs/tags/v1&submodules=0",
            GitRef("https://h/r.git", "refs/tags/v1", submodules=False),
        ),
        ("https://h/r.git?keep-git-dir", GitRef("https://h/r.git", keep_git_dir=True)),
        ("https://h/r.git?subdir=a%20b#v1", GitRef("https://h/r.git", "v1", "a b")),
    ],
)
def test_git_sources(text: str, found: GitRef) -> None:
    assert parse_git_ref(text) == found
    assert not is_http(text)


@pytest.mark.parametrize(
    "text",
    [
        "a",
        "./git@h:o",
        "../x.git",
        "https://h/x.tar",
        "https://h.git",
        "github.com/o/r",
        "ftp://h/r.git",
        "C:\\x",
    ],
)
def test_what_is_no_git_source(text: str) -> None:
    assert parse_git_ref(text) is None
    assert is_http(text) == text.startswith("https://")


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("ref=a&ref=b", "multiple values"),
        ("ref", "has no value"),
        ("color=1", "unexpected query"),
        ("tag=a&branch=b", "conflicts"),
        ("ref=a&tag=b", "ref conflicts"),
        ("submodules=maybe", "invalid submodules value"),
        ("mtime=now", "invalid mtime value"),
    ],
)
def test_git_queries_that_make_no_sense(query: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_git_ref(f"https://h/r.git?{query}")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("linux/amd64", "linux/amd64"),
        ("linux/x86_64", "linux/amd64"),
        ("linux/arm64/v8", "linux/arm64/v8"),
        ("linux/arm/v7", "linux/arm/v7"),
        ("linux/arm", "linux/arm"),
        ("linux/armhf", "linux/arm"),
        ("arm64", "freebsd/arm64"),
        ("linux", "linux/riscv64"),
        ("LINUX/AMD64", "linux/amd64"),
        ("windows(10.0.1)/amd64", "windows(10.0.1)/amd64"),
    ],
)
def test_platforms(text: str, told: str) -> None:
    assert str(parse_platform(text, Platform("freebsd", "riscv64"))) == told


@pytest.mark.parametrize("text", ["", "/", "a/b/c/d", "linux/", "linux/a*", "nonsense", "linux amd64"])
def test_what_is_no_platform(text: str) -> None:
    with pytest.raises(ValueError, match=r"parts?|empty|unknown operating system"):
        parse_platform(text, Platform("linux", "amd64"))


def test_references() -> None:
    assert str(parse_reference("a/b:c").tagged()) == "docker.io/a/b:c"
    assert familiar_name("docker.io/library/a:latest") == "a"
    assert familiar_name("docker.io/library/a/b") == "library/a/b"
    assert familiar_name("example.org/a:1") == "example.org/a:1"
    with pytest.raises(ValueError, match="64-byte"):
        parse_reference("a" * 64)


@pytest.mark.parametrize(
    ("name", "known", "found"),
    [
        ("relaese", ("release", "test"), "release"),
        ("PAHT", ("PATH",), "PATH"),
        ("a", ("b", "c"), None),
        ("ab", ("ac",), "ac"),
        ("ab", ("cd",), None),
        ("tmp", ("bind", "tmpfs"), "tmpfs"),
        ("target", ("target",), None),
        ("nothing-like", ("release",), None),
    ],
)
def test_suggestions(name: str, known: tuple[str, ...], found: str | None) -> None:
    assert nearest(name, known) == found


@pytest.mark.parametrize(
    "mode",
    [
        "0",
        "644",
        "0644",
        "7777",
        "u=rwX",
        "a+x",
        "+x",
        "go-w",
        "u=rw,g=r,o=",
        "u+s",
        "g=u",
        "a=rx,u+w-x",
        "u=",
    ],
)
def test_modes(mode: str) -> None:
    plan = compile_text(f"FROM scratch\nCOPY --chmod={mode} a /\n")
    assert json.dumps(mode) in json.dumps(plan.to_document())


@pytest.mark.parametrize("mode", ["8", "10000", "rwx", "u=rwx,", "u", "x=r", "0x1ff", "u=rz", "-1"])
def test_what_is_no_mode(mode: str) -> None:
    with pytest.raises(CompileError, match="invalid chmod"):
        compile_text(f"FROM scratch\nCOPY --chmod={mode} a /\n")
