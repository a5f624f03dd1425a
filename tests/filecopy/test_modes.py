"""``--chmod``. The table holds what the original Go code answers."""

import json
from pathlib import Path

import pytest

from layerc.runtime.engine.filecopy.modes import parse_mode

TABLE = (Path(__file__).parent / "data" / "modes.jsonl").read_text("utf-8").splitlines()


@pytest.mark.parametrize(("text", "mode", "is_directory", "result"), [json.loads(row) for row in TABLE])
def test_modes_are_what_they_are_for_buildkit(text, mode, is_directory, result):
    if result is None:
        with pytest.raises(ValueError, match="invalid chmod parameter"):
            parse_mode(text)
    else:
        assert oct(parse_mode(text).apply(int(mode, 8), is_directory)) == result
