"""Programs of other platforms: their headers, the emulators that are registered, and really running them."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerc.runtime.oci.platforms import host_platform
from layerc.runtime.sandbox import Process, ResolvedMount, Sandbox, emulators
from layerc.runtime.sandbox.foreign import (
    ARCHITECTURES,
    amd64_level,
    can_run,
    program_architecture,
    tiny_program,
)
from layerc.runtime.sandbox.process import OnOutput

from .accounts import Account
from .test_probe import ask

QEMU_NAMES = {
    "386": "i386",
    "amd64": "x86_64",
    "arm64": "aarch64",
    "loong64": "loongarch64",
    "mips64le": "mips64el",
}


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_a_program_tells_its_architecture(architecture: str) -> None:
    assert program_architecture(tiny_program(architecture)[:20]) == architecture


def test_other_files_have_none() -> None:
    assert program_architecture(b"#!/bin/sh\nexit 0 # and more") is None
    assert program_architecture(b"\x7fELF") is None
    unknown = bytearray(tiny_program("amd64"))
    unknown[18] = 0xEE
    assert "238" in (program_architecture(bytes(unknown)) or "")


@given(st.binary(max_size=40))
def test_any_bytes_have_an_answer(data: bytes) -> None:
    assert program_architecture(b"\x7fELF" + data) != ""


V2 = "cx16 lahf_lm pni popcnt sse4_1 sse4_2 ssse3"
V3 = f"{V2} abm avx avx2 bmi1 bmi2 f16c fma movbe xsave"
V4 = f"{V3} avx512f avx512bw avx512cd avx512dq avx512vl"


@pytest.mark.parametrize(
    ("flags", "level"),
    [("", 1), ("sse2 cx16", 1), (V2, 2), (V3, 3), (V4, 4), (f"{V2} avx512f avx2", 2), (f"fpu {V3} erms", 3)],
)
def test_the_level_of_a_processor(flags: str, level: int) -> None:
    text = f"processor\t: 0\nmodel name\t: Some flags\nflags\t\t: {flags}\nbugs\t\t: none\n"
    assert amd64_level(text) == level
    assert amd64_level("") == 1


@pytest.mark.engine
@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_the_tiny_programs_run_in_an_emulator(architecture: str, tmp_path: Path) -> None:
    program = tmp_path / "program"
    program.write_bytes(tiny_program(architecture))
    program.chmod(0o755)
    emulator = shutil.which(f"qemu-{QEMU_NAMES.get(architecture, architecture)}-static")
    assert emulator, "scripts/setup-system installs it"
    assert subprocess.run([emulator, program], check=False).returncode == 0


@pytest.mark.root
def test_this_processor_runs_its_own_programs(tmp_path: Path) -> None:
    with Sandbox() as sandbox:
        assert can_run(host_platform().architecture, str(tmp_path), sandbox.run)
    assert list(tmp_path.glob("program")) == []


def test_what_fails_to_run_can_not_run(tmp_path: Path) -> None:
    asked: list[tuple[str, ...]] = []

    def run(
        root: str,
        process: Process,
        mounts: Sequence[ResolvedMount],
        output: OnOutput,
        cancel: threading.Event | None = None,
    ) -> int:
        asked.append(process.argv)
        return 126

    assert not can_run("arm64", str(tmp_path), run)
    assert not can_run("pdp11", str(tmp_path), run)
    assert asked == [("/program",)]


# As Linux shows them.
REGISTRATIONS = {
    "qemu-aarch64": (
        "enabled\ninterpreter /usr/bin/qemu-aarch64-static\nflags: F\noffset 0\n"
        "magic 7f454c460201010000000000000000000200b700\nmask ffffffffffffff00fffffffffffffffffeffffff\n"
    ),
    "qemu-s390x": (
        "enabled\ninterpreter /usr/bin/qemu-s390x-static\nflags: F\noffset 0\n"
        "magic 7f454c4602020100000000000000000000020016\nmask ffffffffffffff00fffffffffffffffffffeffff\n"
    ),
    "qemu-arm": (
        "disabled\ninterpreter /usr/bin/qemu-arm-static\nflags: F\noffset 0\n"
        "magic 7f454c4601010100000000000000000002002800\nmask ffffffffffffff00fffffffffffffffffeffffff\n"
    ),
    "odd": "enabled\ninterpreter /bin/odd\nflags: \noffset 18\nmagic f300\n",
    "python3.11": "enabled\ninterpreter /usr/bin/python3.11\nflags: \noffset 0\nmagic a70d0d0a\n",
    "by-name": "enabled\ninterpreter /usr/bin/jexec\nflags: \nextension .jar\n",
    "status": "enabled\n",
}


@pytest.mark.parametrize(
    ("architecture", "interpreter"),
    [
        ("arm64", "/usr/bin/qemu-aarch64-static"),
        ("s390x", "/usr/bin/qemu-s390x-static"),
        ("riscv64", "/bin/odd"),
        ("arm", ""),
        ("ppc64le", ""),
    ],
)
def test_the_registered_emulator(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, architecture: str, interpreter: str
) -> None:
    for name, text in REGISTRATIONS.items():
        (tmp_path / name).write_text(text)
    (tmp_path / "register").mkdir()  # may not be read
    monkeypatch.setattr(emulators, "_PLACE", str(tmp_path))
    assert emulators.registered(architecture) == interpreter
    monkeypatch.setattr(emulators, "_PLACE", str(tmp_path / "not-mounted"))
    assert emulators.registered(architecture) == ""


def test_nothing_is_registered_in_a_namespace_that_is_not_ours() -> None:
    assert not emulators.register_found()


@pytest.mark.root
@pytest.mark.engine
def test_a_build_without_root_registers_what_it_finds(ranged: Account) -> None:
    _, found = ask(ranged)
    foreign = found["foreign platforms"]
    assert foreign["state"] == "ok"
    assert "linux/arm64 (qemu-aarch64-static)" in foreign["detail"]
    assert "linux/s390x (qemu-s390x-static)" in foreign["detail"]
