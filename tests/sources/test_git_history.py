"""Which files changed together, by the history of a repository."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from layerc.runtime.sources.git_history import history_of


def git(folder: Path, *words: str) -> str:
    identity = ("-c", "user.name=n", "-c", "user.email=n@example.org")
    return subprocess.run(
        ["git", *identity, *words],
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
        env=os.environ | {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"},
    ).stdout


def commit(folder: Path, **files: str | None) -> None:
    """Write files, whose names have ``__`` for a slash, and commit them."""
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        if text is None:
            path.unlink()
        else:
            path.write_text(text)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "a change")


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    git(tmp_path, "init", "--quiet", "--initial-branch=main")
    commit(tmp_path, a="1", app__b="1", app__src__c="1")
    return tmp_path


def test_commits_come_newest_first_without_the_first_one(repository: Path) -> None:
    commit(repository, a="2", app__b="2")
    commit(repository, app__src__c=None, app__src__d="4")
    found = history_of(str(repository), 10)
    assert [sorted(each.paths) for each in found.changes] == [["app/src/c", "app/src/d"], ["a", "app/b"]]
    assert [sorted(each.moved) for each in found.changes] == [["app/src/c", "app/src/d"], []]
    assert found.changes[0].id == git(repository, "rev-parse", "HEAD").strip()
    assert found.changes[0].time == float(git(repository, "log", "-1", "--format=%ct"))
    assert (found.root, found.why) == (str(repository), "")
    assert len(history_of(str(repository), 1).changes) == 1


def test_a_folder_of_a_repository_has_its_own_commits_and_paths(repository: Path) -> None:
    commit(repository, a="2", app__b="2")
    commit(repository, a="3")
    assert [each.paths for each in history_of(str(repository / "app"), 10).changes] == [("b",)]
    (repository / "link").symlink_to("app")
    assert [each.paths for each in history_of(str(repository / "link"), 10).changes] == [("b",)]


def test_merges_are_left_out_and_what_they_bring_is_not(repository: Path) -> None:
    git(repository, "checkout", "--quiet", "-b", "side")
    commit(repository, side="1")
    git(repository, "checkout", "--quiet", "main")
    commit(repository, a="2")
    git(repository, "merge", "--quiet", "--no-edit", "side")
    assert sorted(each.paths for each in history_of(str(repository), 10).changes) == [("a",), ("side",)]


def test_names_are_taken_as_they_are(repository: Path) -> None:
    names = ["two\nlines", "\x01f00 1", "a\tb", " ", "ü", os.fsdecode(b"\xff")]
    for name in names:
        (repository / name).write_text("1")
    commit(repository)
    (found,) = history_of(str(repository), 10).changes
    assert sorted(found.paths) == sorted(names)


def test_a_rename_is_a_file_that_went_and_one_that_came(repository: Path) -> None:
    git(repository, "mv", "a", "z")
    commit(repository)
    (found,) = history_of(str(repository), 10).changes
    assert found.moved == {"a", "z"}


def test_a_folder_outside_has_none_and_says_so(tmp_path: Path) -> None:
    found = history_of(str(tmp_path), 10)
    assert (found.changes, found.why) == ((), "it lies in no git repository")


def test_a_damaged_repository_is_no_error(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    found = history_of(str(tmp_path), 10)
    assert found.changes == ()
    assert "not a git repository" in found.why


def test_a_new_repository_has_no_history(tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet")
    found = history_of(str(tmp_path), 10)
    assert found.changes == ()
    assert found.why


def test_a_repository_can_not_have_programs_run(repository: Path) -> None:
    commit(repository, a="2", **{".gitattributes": "* diff=mine filter=mine\n"})
    marker = repository / "ran"
    script = repository / "script"
    script.write_text(f"#!/bin/sh\ntouch {marker}\n")
    script.chmod(0o755)
    for name in (
        *("core.fsmonitor", "core.pager", "pager.log", "diff.external", "diff.mine.command"),
        *("diff.mine.textconv", "filter.mine.clean", "filter.mine.smudge", "gpg.program", "core.sshCommand"),
        *("core.editor", "core.hooksPath", "alias.log"),
    ):
        git(repository, "config", name, f"!{script}" if name == "alias.log" else str(script))
    git(repository, "config", "log.showSignature", "true")
    found = history_of(str(repository), 10)
    assert [sorted(each.paths) for each in found.changes] == [[".gitattributes", "a"]]
    assert not marker.exists()


def test_what_a_partial_clone_lacks_is_not_fetched(
    repository: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    commit(repository, a="2")
    clone = tmp_path_factory.mktemp("clone")
    git(repository, "config", "uploadpack.allowFilter", "true")
    git(clone, "clone", "--quiet", "--filter=tree:0", "--no-checkout", f"file://{repository}", ".")
    found = history_of(str(clone), 10)
    assert found.changes == ()
    assert found.why
