"""What a second build of A excuses, and what it does not."""

from __future__ import annotations

import pytest

from layerc.runtime.engine.verify.again import excuse
from layerc.runtime.engine.verify.verdict import Change
from layerc.runtime.snapshot.entry import Entry


def change(path: str, *aspects: str, mode: int = 0o644) -> Change:
    entry = Entry(path, "file", mode)
    return Change(
        path, aspects, None if aspects == ("added",) else entry, None if aspects == ("removed",) else entry
    )


def excused(found: list[Change], own: list[Change]) -> list[str]:
    return [each.path for each in excuse(found, {each.path: each for each in own}) if each.own]


@pytest.mark.parametrize(
    ("found", "own", "expected"),
    [
        ([change("a", "content")], [change("a", "content")], ["a"]),
        ([change("a", "content")], [change("a", "content", "mode")], ["a"]),
        ([change("a", "content", "mode")], [change("a", "content")], []),  # B changed the mode, too
        ([change("a", "removed")], [change("a", "content")], []),  # B lost the file
        ([change("a", "added")], [], []),
        ([change("a", "content")], [change("b", "content")], []),
    ],
)
def test_only_the_same_aspects_of_the_same_entry(
    found: list[Change], own: list[Change], expected: list[str]
) -> None:
    assert excused(found, own) == expected


def test_names_that_are_made_up_each_time() -> None:
    own = [change("t/one", "removed"), change("t/two", "added")]
    assert excused([change("t/one", "removed"), change("t/three", "added")], own) == ["t/one", "t/three"]
    # One name is made up, not two; not with another mode; not elsewhere.
    assert excused([change("t/x", "added"), change("t/y", "added")], own) == ["t/x"]
    assert excused([change("t/x", "added", mode=0o755)], own) == []
    assert excused([change("u/x", "added")], own) == []
    # Where A only adds, it adds names that can be known.
    assert excused([change("t/x", "added")], own[1:]) == []
