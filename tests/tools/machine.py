"""Fixtures and rules about what the machine must have: base images, a real Docker engine, root.

With LAYERC_CI=1 a test that needs root or a foreign tool and is skipped counts as failed.
"""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parent.parent.parent / "scripts"


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """In CI nothing that really builds may be left out unnoticed; benchmarks have a run of their own."""
    report = yield
    needs = [name for name in ("root", "engine") if item.get_closest_marker(name)]
    if "benchmark" in getattr(item, "fixturenames", ()):
        return report
    if needs and report.skipped and not hasattr(report, "wasxfail") and os.environ.get("LAYERC_CI") == "1":
        report.outcome = "failed"
        report.longrepr = (
            f"skipped, although LAYERC_CI=1 allows no skip of {', '.join(needs)}: {report.longrepr}"
        )
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that need root are skipped aloud where we are not."""
    if os.geteuid():
        for item in items:
            if item.get_closest_marker("root"):
                item.add_marker(pytest.mark.skip(reason="needs root"))


@pytest.fixture(scope="session")
def bases() -> dict[str, dict[str, str]]:
    """The base images by name: ``layout`` and ``tag``. Made when they are not there (minutes, once)."""
    done = subprocess.run([SCRIPTS / "base-images", "--json"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    images: dict[str, dict[str, str]] = json.loads(done.stdout.splitlines()[-1])
    return images


@pytest.fixture(scope="session")
def docker_engine() -> Iterator[dict[str, str]]:
    """A real Docker engine: ``host``, ``docker``, ``buildx``, ``version``; installed when it is not there."""
    command = [SCRIPTS / "engine-docker", "serve"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        assert server.stdin is not None
        line = server.stdout.readline()
        assert line, "the engine does not start; its words are above"
        try:
            yield json.loads(line)
        finally:
            server.stdin.close()
