"""``layerc doctor`` on this machine, and on one that lacks things."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from layerc.runtime.cli.main import main


@pytest.fixture
def store(tmp_path: Path) -> str:
    return str(tmp_path / "store")


def findings(capsys: pytest.CaptureFixture[str]) -> dict[str, dict[str, object]]:
    document = json.loads(capsys.readouterr().out)
    return {item["name"]: item for item in document["findings"]}


def test_without_a_runtime_builds_can_not_run(
    store: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LAYERC_RUNTIME", "no-such-runtime")
    assert main(["doctor", "--json", "--store", store]) == 5
    found = findings(capsys)["OCI runtime"]
    assert found["state"] == "missing"
    assert "apt-get install crun" in str(found["help"])


def test_a_store_that_is_a_file_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("NO_COLOR", "1")
    assert main(["doctor", "--store", str(tmp_path / "file")]) == 5
    out = capsys.readouterr().out
    assert "✗ store" in out
    assert "Builds with RUN can not run here." in out


def test_a_runtime_that_is_none_is_found_out_by_trying(
    tmp_path: Path, store: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fake = tmp_path / "crun"
    fake.write_text("#!/bin/sh\necho 'crun version 0'\nexit 3\n")
    fake.chmod(0o755)
    monkeypatch.setenv("LAYERC_RUNTIME", str(fake))
    assert main(["doctor", "--json", "--store", store]) == 5
    states = {name: item["state"] for name, item in findings(capsys).items()}
    assert "missing" in (states.get("container"), states.get("overlay mount"), states["privileges"])


@pytest.mark.root
def test_this_machine_can_build(store: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["doctor", "--json", "--store", store]) == 0
    states = {name: item["state"] for name, item in findings(capsys).items()}
    assert states["overlay mount"] == "ok"
    assert states["container"] == "ok"
    assert states["tracing"] == "ok"


@pytest.mark.root
def test_without_a_compiler_steps_are_not_traced(
    store: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("CC", raising=False)
    monkeypatch.setattr("layerc.runtime.trace.program._COMPILERS", ("no-such-compiler",))
    main(["doctor", "--json", "--store", store])
    found = findings(capsys)["tracing"]
    assert found["state"] == "degraded"
    assert "install gcc" in str(found["help"])
