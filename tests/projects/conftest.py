"""One store and one podman for all tests of the projects."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from projects import Podman


@pytest.fixture(scope="session")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Shared, as a user's is: each project finds what others have built."""
    return tmp_path_factory.mktemp("store")


@pytest.fixture(scope="session")
def podman() -> Iterator[Podman]:
    program = Podman()
    yield program
    program.close()
