"""``layerc cache``."""

from __future__ import annotations

from pathlib import Path

import pytest

from layerc.runtime.cli.main import main
from layerc.runtime.cli.quantities import parse_duration, parse_size
from layerc.runtime.errors import UsageError
from layerc.runtime.store import Store


def test_gc_frees_what_du_shows(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = str(tmp_path / "store")
    with Store.open(place) as store:
        store.blobs.put(bytes(5_000_000))
    assert main(["cache", "du", "--store", place]) == 0
    assert "total           5.0 MB" in capsys.readouterr().out
    assert main(["cache", "gc", "--until", "1h", "--store", place]) == 0
    assert "freed  0 B" in capsys.readouterr().out
    assert main(["cache", "gc", "--keep-storage", "6MB", "--store", place]) == 0
    assert "freed  0 B" in capsys.readouterr().out
    assert main(["cache", "gc", "--all", "--store", place]) == 0
    assert "freed  5.0 MB" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        ["gc"],
        ["du", "--all"],
        ["gc", "--until", "soon"],
        ["gc", "--keep-storage", "x"],
        [],
        ["dv"],
        ["xyzzy"],
    ],
)
def test_wrong_use_is_told(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["cache", *words, "--store", str(tmp_path)]) == 2
    assert "error: " in capsys.readouterr().err


def test_sizes_and_durations() -> None:
    assert [parse_size(text) for text in ("0", "1kB", "2 KiB", "3g")] == [0, 1000, 2048, 3 * 10**9]
    assert parse_duration("1d2h3m4s") == 86400 + 2 * 3600 + 3 * 60 + 4
    for wrong in ("", "h", "1h!", "-1h"):
        with pytest.raises(UsageError):
            parse_duration(wrong)
