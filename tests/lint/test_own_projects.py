"""The projects of the corpus have the findings that they are meant to have, and no others."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

PROJECTS = Path(__file__).parents[2] / "corpus" / "projects"


def test_no_finding_that_is_not_meant(tmp_path: Path) -> None:
    """They copy too early, chain steps and pin nothing on purpose:lint-baseline.json knows."""
    words = [sys.executable, "-m", "layerc", "lint", "--no-cache", "--baseline", "lint-baseline.json", "."]
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path)}
    done = subprocess.run(words, cwd=PROJECTS, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.startswith("no findings in ")
