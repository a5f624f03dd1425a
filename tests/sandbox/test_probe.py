"""What ``layerc doctor`` finds out."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from layerc.runtime.sandbox import probe
from layerc.runtime.sandbox.groups import StepGroup
from layerc.runtime.sandbox.memory import MemoryDirectory

from .accounts import Account, interpreter

DOCTOR = ["-m", "layerc", "doctor", "--json"]


def ask(account: Account, *wrapper: str) -> tuple[int, dict[str, dict[str, str]]]:
    command = [*wrapper, interpreter(), *DOCTOR, "--store", str(account.base / "store")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, **account.environment())  # type: ignore[call-overload]
    assert done.stdout, done.stderr
    return done.returncode, {item["name"]: item for item in json.loads(done.stdout)["findings"]}


@pytest.mark.root
def test_a_user_with_ranges_can_build(ranged: Account) -> None:
    code, found = ask(ranged)
    assert code == 0
    assert found["privileges"]["detail"] == "a user namespace, tried"
    assert {name for name, item in found.items() if item["state"] == "ok"} >= {
        "kernel",
        "subordinate ids",
        "privileges",
        "OCI runtime",
        "memory",
        "store",
        "overlay mount",
        "container",
        "device guard",
        "seccomp",
    }


@pytest.mark.root
def test_a_user_without_ranges_can_build_less(plain: Account) -> None:
    code, found = ask(plain)
    assert code == 0
    assert found["container"]["state"] == "ok"
    assert found["subordinate ids"]["state"] == found["owners of files"]["state"] == "degraded"
    assert (
        f"usermod --add-subuids 100000-165535 --add-subgids 100000-165535 {plain.name}"
        in found["subordinate ids"]["help"]
    )
    assert "apt-get install uidmap" in found["owners of files"]["help"]


@pytest.mark.root
def test_without_user_namespaces_nothing_can_be_built(plain: Account) -> None:
    inside = (
        'echo 0 > /proc/sys/user/max_user_namespaces; exec setpriv --bounding-set=-all --inh-caps=-all "$@"'
    )
    code, found = ask(plain, "unshare", "--user", "--map-root-user", "sh", "-c", inside, "sh")
    assert code == 5
    assert found["privileges"]["state"] == "missing"
    assert "sysctl -w user.max_user_namespaces=15000" in found["privileges"]["help"]
    assert "container" not in found


@pytest.mark.root
def test_a_machine_without_device_programs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(StepGroup, "create", classmethod(lambda cls: None))
    assert probe._device_guard().state == "degraded"


def test_a_machine_without_memory_for_secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("layerc.runtime.sandbox.memory._PLACES", (str(tmp_path), "/nowhere"))
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    found = probe._memory()
    assert (found.state, found.required) == ("missing", True)
    assert "mount a tmpfs on /dev/shm" in found.help


def test_the_runtime_directory_of_the_user_is_a_place_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("layerc.runtime.sandbox.memory._PLACES", ())
    monkeypatch.setenv("XDG_RUNTIME_DIR", "/dev/shm")
    directory = MemoryDirectory()
    assert directory.path.startswith("/dev/shm/layerc-")
    directory.close()


@pytest.mark.parametrize(
    ("handlers", "state", "words"),
    [
        ({}, "degraded", "no emulators"),
        ({"python3": "enabled\nflags:\n"}, "degraded", "no emulators"),
        ({"qemu-arm": "enabled\nflags: P\n"}, "degraded", "they lack flag F"),
        ({"qemu-arm": "enabled\nflags: P\n", "qemu-aarch64": "enabled\nflags: POCF\n"}, "ok", "qemu-aarch64"),
    ],
)
def test_emulators(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, handlers: dict[str, str], state: str, words: str
) -> None:
    for name, text in handlers.items():
        (tmp_path / name).write_text(text)
    monkeypatch.setattr(probe, "_HANDLERS", str(tmp_path))
    found = probe._foreign_platforms()
    assert found.state == state
    assert words in found.detail
