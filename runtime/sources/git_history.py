"""Which files changed together: the history of the git repository that a directory lies in."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from ..errors import EnvironmentLackError
from .git_program import GitError, GitProgram

__all__ = ["Change", "History", "history_of"]

_MOST_SECONDS = 20.0
_START = "\x01"
# What a repository's own configuration may not turn on: other programs, and files that nobody committed.
_SETTINGS = ("log.showRoot=false", "log.showSignature=false", "core.quotePath=false")
_LOG = (
    "log",
    f"--format={_START}%H %ct",
    "--name-status",
    "-z",
    "--no-merges",
    "--no-renames",
    "--no-ext-diff",
    "--no-textconv",
    "--no-show-signature",
    "--no-color",
    "--ignore-submodules=all",
)


class Change(NamedTuple):
    """One commit: paths relative to the directory that was asked about; ``moved`` are those that came or went."""

    id: str
    time: float
    paths: tuple[str, ...]
    moved: frozenset[str]


class History(NamedTuple):
    """Commits, newest first. ``root`` is the repository's directory; ``why`` says why nothing is known of it."""

    changes: tuple[Change, ...] = ()
    root: str = ""
    why: str = ""


def history_of(directory: str, most: int, check: Callable[[], None] = lambda: None) -> History:
    """The last ``most`` commits that changed something below ``directory``. Merges are left out: what they bring
    stands in the commits that they merge. So is the first commit, which made everything.

    Never raises for a repository that can not be read: ``why`` says so. ``check`` may raise, to cancel.
    """
    place = os.path.realpath(directory)
    root = _repository(place)
    if root is None:
        return History(why="it lies in no git repository")
    inside = os.path.relpath(place, root)
    limit = time.monotonic() + _MOST_SECONDS

    def checked() -> None:
        check()
        if time.monotonic() > limit:
            raise GitError(f"it takes longer than {_MOST_SECONDS:.0f} s")

    words = [word for setting in _SETTINGS for word in ("-c", setting)]
    words += ["--literal-pathspecs", *_LOG, f"--max-count={most}"]
    if inside != ".":
        words += [f"--relative={inside}/", "--", inside]
    try:
        git = GitProgram(os.environ, check=checked, offline=True)
        output = git.run(*words, git_dir=os.path.join(root, ".git"), work_tree=root)
    except (GitError, EnvironmentLackError) as error:
        return History(root=root, why=f"git can not tell: {error}")
    return History(tuple(_parse(output)), root)


def _repository(directory: str) -> str | None:
    """The nearest directory above that has a ``.git`` (a file in worktrees and submodules)."""
    while True:
        if os.path.lexists(os.path.join(directory, ".git")):
            return directory
        above = os.path.dirname(directory)
        if above == directory:
            return None
        directory = above


def _parse(output: str) -> Iterator[Change]:
    """Commits that name a path. Each word ends with a NUL: a commit's line, or a letter and then a path."""
    words = iter(output.split("\0"))
    head, found = "", dict[str, str]()
    for word in words:
        if word.startswith(_START):
            yield from _change(head, found)
            head, found = word[1:], {}
        elif letter := word.strip("\n"):
            found[next(words)] = letter
    yield from _change(head, found)


def _change(head: str, found: dict[str, str]) -> Iterator[Change]:
    if found:
        name, _, seconds = head.partition(" ")
        moved = frozenset(path for path, letter in found.items() if letter in "AD")
        yield Change(name, float(seconds), tuple(found), moved)
