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
    ("runs", "emulators", "state", "words"),
    [
        ({"386"}, {}, "degraded", "linux/386; no emulator is registered"),
        (set(), {"arm": "/usr/bin/qemu-arm"}, "degraded", "for lack of flag F: /usr/bin/qemu-arm;"),
        ({"riscv64"}, {"riscv64": "/usr/bin/qemu-riscv64"}, "ok", "linux/riscv64 (qemu-riscv64)"),
        ({"s390x"}, {}, "ok", "linux/s390x"),
    ],
)
def test_foreign_platforms(
    monkeypatch: pytest.MonkeyPatch,
    runs: set[str],
    emulators: dict[str, str],
    state: str,
    words: str,
) -> None:
    monkeypatch.setattr(probe, "can_run", lambda architecture, *_: architecture in runs)
    monkeypatch.setattr(probe, "registered", lambda architecture: emulators.get(architecture, ""))
    found = probe._foreign_platforms("/", lambda *_: 0)
    assert found.state == state
    assert words in found.detail
