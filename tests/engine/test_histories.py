"""Small projects that are edited at random: after each edit the image is what a clean build makes of it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from histories import Player, load_history

ROOT = Path(__file__).parent.parent.parent
CASES = sorted((ROOT / "corpus" / "histories").glob("*.toml"))
SEED = 4
HISTORIES = 40

pytestmark = pytest.mark.root


@pytest.fixture(scope="module")
def player(tmp_path_factory: pytest.TempPathFactory) -> Player:
    return Player(tmp_path_factory.mktemp("histories"))


@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_what_once_failed(player: Player, path: Path) -> None:
    player.play(load_history(path))


def test_edits_at_random() -> None:
    """In processes of their own, side by side; ``make soak`` is the same for longer."""
    words = [sys.executable, ROOT / "tests/tools/soak.py", f"--seed={SEED}", f"--histories={HISTORIES}"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    counts = json.loads(done.stdout)
    states = counts["states"]
    # That it was worth something: states were built, and by all levels of the cache.
    assert states > 300
    assert counts["errors"] < states / 4
    assert counts.get("unsteady", 0) < states / 100
    assert counts["RUN trace"] > states / 5
    assert counts["COPY trace"] > states / 20
    assert counts["RUN content"] > states / 20
    assert counts["RUN executed"] > states / 4
    assert counts["ahead"] > 20
