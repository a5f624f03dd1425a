"""Made-up Dockerfiles are built, optimised by what was seen of their steps, and built again: the image is the same.

tests/projects and tests/differential/test_builds.py do the same with the corpus, whose builds they have at hand.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from made_rewrites import Bench, try_dockerfiles
from make_vendored import PACKAGE, WHEEL, npm_package, read_archive, wheel_files

SEED, DOCKERFILES = 5, 25


@pytest.mark.root
def test_made_up_dockerfiles(tmp_path: Path) -> None:
    """``python tests/tools/made_rewrites.py`` is the same for longer."""
    bench = Bench(tmp_path)
    try_dockerfiles(bench, SEED, DOCKERFILES)
    # That it was worth something: many were built and changed.
    assert bench.counts["changed"] > DOCKERFILES / 3
    assert bench.counts["split-copy"] > 1
    assert bench.counts["not built"] < DOCKERFILES / 2


def test_packages_of_the_cache_unfriendly_projects_are_what_is_made() -> None:
    assert read_archive(WHEEL) == wheel_files()
    assert read_archive(PACKAGE) == npm_package()
