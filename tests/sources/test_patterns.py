"""Patterns, wildcards and ignore files. The tables hold what the original Go code answers."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerc.compiler.globs import PatternError, clean, compile_glob, has_wildcards, rooted
from layerc.compiler.path_patterns import PatternMatcher
from layerc.runtime.errors import SourceError
from layerc.runtime.sources.ignore import load_ignore_file, parse_ignore

DATA = Path(__file__).parent / "data"


def table(name):
    return [json.loads(line) for line in (DATA / name).read_text("utf-8").splitlines()]


@pytest.mark.parametrize(("patterns", "answers"), table("patterns.jsonl"))
def test_patterns_match_what_they_match_for_docker(patterns, answers):
    if answers is None:
        with pytest.raises(PatternError):
            PatternMatcher(patterns)
    else:
        matcher = PatternMatcher(patterns)
        assert {path: matcher.matches(path) for path in answers} == answers


@pytest.mark.parametrize(("pattern", "text", "answer"), table("globs.jsonl"))
def test_wildcards_match_what_they_match_for_go(pattern, text, answer):
    if answer is None:
        with pytest.raises(PatternError):
            compile_glob(pattern)
    else:
        assert bool(compile_glob(pattern).fullmatch(text)) is answer


@pytest.mark.parametrize(("text", "lines"), table("ignore_files.jsonl"))
def test_ignore_files_are_read_as_docker_reads_them(text, lines):
    assert list(parse_ignore(text.encode())) == lines


@pytest.mark.parametrize(("path", "cleaned"), table("clean.jsonl"))
def test_paths_are_cleaned_as_go_cleans_them(path, cleaned):
    assert clean(path) == cleaned


@given(st.text(alphabet="a./", max_size=20))
def test_a_rooted_path_never_leads_up(path):
    parts = rooted(path).split("/")
    assert ".." not in parts
    assert "." not in parts
    assert rooted(rooted(path)) == rooted(path)


@given(st.lists(st.sampled_from(["a", "b", "*", "**", "a/b", "!a", "!a/b", "!**/b", "b*"]), max_size=5))
def test_directories_that_need_not_be_walked_hold_nothing_that_is_kept(patterns):
    matcher = PatternMatcher(patterns)
    for directory in ("a", "b", "a/b"):
        if matcher.matches(directory) and not matcher.reaches_into(directory):
            assert all(matcher.matches(f"{directory}/{below}") for below in ("a", "b", "a/b", "b/a", "c"))
        if not matcher.matches(directory) and not matcher.leads_into(directory):
            assert not any(matcher.matches(f"{directory}/{below}") for below in ("a", "b", "a/b", "b/a", "c"))


def test_the_pattern_to_blame_is_named():
    matcher = PatternMatcher(["*.log", "build", "!build/keep"])
    assert matcher.culprit("build/x") == "build"
    assert matcher.culprit("a.log") == "*.log"
    assert matcher.culprit("build/keep") == ""
    assert matcher.culprit("src") == ""


def test_escaped_wildcards_are_none():
    assert has_wildcards("a[b")
    assert has_wildcards(r"a\\*")
    assert not has_wildcards(r"a\*b\?\[")


def test_the_ignore_file_beside_the_dockerfile_wins(tmp_path):
    (tmp_path / ".dockerignore").write_text("a\n")
    (tmp_path / "web.Dockerfile").write_text("")
    dockerfile = str(tmp_path / "web.Dockerfile")
    assert load_ignore_file(str(tmp_path), dockerfile).matches("a")
    (tmp_path / "web.Dockerfile.dockerignore").write_text("b\n")
    matcher = load_ignore_file(str(tmp_path), dockerfile)
    assert matcher.matches("b")
    assert not matcher.matches("a")


def test_a_missing_ignore_file_ignores_nothing(tmp_path):
    assert not load_ignore_file(str(tmp_path))


def test_a_malformed_ignore_pattern_names_the_place(tmp_path):
    (tmp_path / ".dockerignore").write_text("ok\na[\n")
    with pytest.raises(SourceError, match=r"syntax error in pattern 'a\['") as caught:
        load_ignore_file(str(tmp_path))
    assert str(caught.value.where).endswith(".dockerignore:2:1")


def test_an_ignore_file_that_links_out_of_the_context_is_refused(tmp_path):
    (tmp_path / "secret").write_text("x\n")
    context = tmp_path / "context"
    context.mkdir()
    (context / ".dockerignore").symlink_to("../secret")
    with pytest.raises(SourceError, match="leads out of the build context"):
        load_ignore_file(str(context))
