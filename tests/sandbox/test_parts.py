"""Parts that need no container."""

from __future__ import annotations

import json
import struct

import pytest

from layerc.runtime.errors import EnvironmentLackError, StepError
from layerc.runtime.sandbox import Process, capabilities, seccomp
from layerc.runtime.sandbox.failure import explain
from layerc.runtime.sandbox.hostfiles import hosts, resolver
from layerc.runtime.sandbox.runtime import OciRuntime, find_runtime
from layerc.runtime.sandbox.seccomp import compile_filter, oci_profile, select_rules
from layerc.runtime.sandbox.spec import Machine, environment, runtime_config
from layerc.runtime.sandbox.users import User

ROOT = User(0, 0, (0,), "/root")
PLAIN = Machine(user_namespace=False, cgroups=False, devices_guarded=True)

# --- files of the host -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "with_host", "without"),
    [
        ("nameserver 10.0.0.1\n", ["nameserver 10.0.0.1"], ["nameserver 10.0.0.1"]),
        (
            "# a comment\n; another\n\nsearch  a.b   c.d\nnameserver 127.0.0.53\nnameserver fe80::1%eth0\noptions edns0\n",
            ["nameserver 127.0.0.53", "nameserver fe80::1%eth0", "search a.b c.d", "options edns0"],
            ["nameserver fe80::1%eth0", "search a.b c.d", "options edns0"],
        ),
        ("nameserver ::1\n", ["nameserver ::1"], ["nameserver 8.8.8.8", "nameserver 8.8.4.4"]),
        ("", ["nameserver 8.8.8.8", "nameserver 8.8.4.4"], ["nameserver 8.8.8.8", "nameserver 8.8.4.4"]),
    ],
)
def test_resolver(host: str, with_host: list[str], without: list[str]) -> None:
    public = ["nameserver 2001:4860:4860::8888", "nameserver 2001:4860:4860::8844"]
    for host_network, expected in ((True, with_host), (False, without)):
        lines = resolver(host, host_network=host_network).decode().splitlines()
        assert [line for line in lines if line not in public] == expected


def test_hosts() -> None:
    assert hosts((("a", "1.2.3.4"), ("b", "::5"))).decode().splitlines()[2:] == ["1.2.3.4\ta", "::5\tb"]


# --- seccomp -----------------------------------------------------------------------------------------


def names(machine: str, *more: str) -> dict[str, list[object]]:
    found: dict[str, list[object]] = {}
    for rule in select_rules([*capabilities.DEFAULT, *more], machine):
        for name in rule.names:
            found.setdefault(name, []).append((rule.error, rule.tests))
    return found


def test_rules_follow_the_machine() -> None:
    mask = 0x7E020000
    assert names("x86_64")["clone"] == [(0, ((0, "MASKED_EQ", mask),))]
    assert names("s390x")["clone"] == [(0, ((1, "MASKED_EQ", mask),))]
    assert "arch_prctl" in names("x86_64")
    assert "arch_prctl" not in names("aarch64")
    assert "sync_file_range2" in names("aarch64")


def test_rules_follow_the_capabilities() -> None:
    assert "mount" not in names("x86_64")
    assert names("x86_64", "CAP_SYS_ADMIN")["mount"] == [(0, ())]
    assert names("x86_64")["clone3"] == [(38, ())]
    assert names("x86_64", "CAP_SYS_ADMIN")["clone3"] == [(0, ())]
    assert names("x86_64")["chroot"] == [(0, ())]
    assert "reboot" not in names("x86_64")
    assert len(names("x86_64")) > 350


def test_profile_for_runtimes() -> None:
    profile = oci_profile(select_rules(capabilities.DEFAULT, "aarch64"), "aarch64")
    assert profile["architectures"] == ["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"]
    assert profile["defaultErrnoRet"] == 1
    calls = profile["syscalls"]
    assert isinstance(calls, list)
    clone3 = next(call for call in calls if "clone3" in call["names"])
    assert clone3 == {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38}


def test_filters_are_made_of_whole_instructions_with_jumps_inside() -> None:
    program = compile_filter(select_rules(capabilities.DEFAULT, "x86_64"), "x86_64")
    assert program is not None
    assert len(program) % 8 == 0
    count = len(program) // 8
    for number in range(count):
        code, yes, no = program[number * 8], program[number * 8 + 2], program[number * 8 + 3]
        if code & 7 == 5 and code != 5:  # a conditional jump
            assert number + 1 + max(yes, no) < count


def decide(program: bytes, architecture: int, number: int, argument: int) -> int:
    """What a classic BPF program returns for a call whose arguments are all ``argument``."""
    data = struct.pack("=IIQ6Q", number, architecture, 0, *[argument] * 6)
    register, place = 0, 0
    while True:
        code, yes, no, value = struct.unpack_from("=HBBI", program, place * 8)
        place += 1
        match code:
            case 0x20:  # load a word
                (register,) = struct.unpack_from("=I", data, value)
            case 0x54:  # and
                register &= value
            case 0x05:  # jump
                place += value
            case 0x15:
                place += yes if register == value else no
            case 0x25:
                place += yes if register > value else no
            case 0x35:
                place += yes if register >= value else no
            case 0x45:
                place += yes if register & value else no
            case 0x06:
                return int(value)
            case _:
                raise AssertionError(f"instruction {code:#x}")


ALLOW, REFUSE, NO_SUCH_CALL, KILL = 0x7FFF0000, 0x00050001, 0x00050026, 0
X86_64, X86, ARM64 = 0xC000003E, 0x40000003, 0xC00000B7


def test_the_fast_filter_decides_as_the_plain_one(monkeypatch: pytest.MonkeyPatch) -> None:
    rules = select_rules(capabilities.DEFAULT, "x86_64")
    fast = compile_filter(rules, "x86_64")
    monkeypatch.setattr(seccomp, "_BY_BINARY_TREE", 1)
    plain = compile_filter(rules, "x86_64")
    assert fast is not None
    assert plain is not None
    assert fast != plain
    for architecture, first in ((X86_64, 0), (X86_64, 0x40000000), (X86, 0), (ARM64, 0)):
        for number in [*range(first, first + 600), 0xFFFFFFFF]:
            for argument in (0, 8, 38, 39, 40, 0x10000000, 0x20008, 0xFFFFFFFF, (1 << 64) - 1):
                expected = decide(plain, architecture, number, argument)
                assert decide(fast, architecture, number, argument) == expected, (
                    architecture,
                    number,
                    argument,
                )


def test_decisions_of_the_filter() -> None:
    program = compile_filter(select_rules(capabilities.DEFAULT, "x86_64"), "x86_64")
    assert program is not None
    read, mount, socket, clone, clone3 = 0, 165, 41, 56, 435
    assert decide(program, X86_64, read, 0) == ALLOW
    assert decide(program, X86_64, mount, 0) == REFUSE
    assert decide(program, X86, 21, 0) == REFUSE  # mount, there
    assert decide(program, X86_64, socket, 2) == ALLOW
    assert decide(program, X86_64, socket, 38) == REFUSE
    assert decide(program, X86_64, clone, 17) == ALLOW
    assert decide(program, X86_64, clone, 0x10000000) == REFUSE
    assert decide(program, X86_64, clone3, 0) == NO_SUCH_CALL
    assert decide(program, X86_64, 4000, 0) == NO_SUCH_CALL
    assert decide(program, X86, 4000, 0) == NO_SUCH_CALL
    assert decide(program, X86_64, 0x40000000 | 4000, 0) == NO_SUCH_CALL
    assert decide(program, ARM64, read, 0) == KILL


def test_an_unknown_machine_gets_no_filter_of_ours() -> None:
    assert compile_filter(select_rules((), "pdp11"), "pdp11") is None


# --- configuration -----------------------------------------------------------------------------------


def config(process: Process, machine: Machine = PLAIN) -> dict[str, object]:
    return json.loads(json.dumps(runtime_config("/r", process, ROOT, [], [], machine, {})))  # type: ignore[no-any-return]


def test_a_mount_at_a_standard_place_takes_its_place() -> None:
    own: dict[str, object] = {"destination": "/dev/shm", "type": "bind", "source": "/x", "options": ["rbind"]}
    made = runtime_config("/r", Process(("true",)), ROOT, [], [own], PLAIN, {})
    mounts = made["mounts"]
    assert isinstance(mounts, list)
    targets = [mount["destination"] for mount in mounts]
    assert len(targets) == len(set(targets))
    assert mounts[targets.index("/dev/shm")] == own
    assert targets.index("/dev") < targets.index("/dev/shm")


def test_without_a_device_guard_there_is_no_mknod() -> None:
    machine = Machine(user_namespace=False, cgroups=False, devices_guarded=False)
    process = config(Process(("true",)), machine)["process"]
    assert isinstance(process, dict)
    assert "CAP_MKNOD" not in process["capabilities"]["bounding"]
    assert len(process["capabilities"]["bounding"]) == 13


def test_environment_takes_secrets_last() -> None:
    process = Process(("true",), env=(("A", "1"), ("PATH", "/x")))
    assert environment(process, ROOT, [("A", "secret")]) == ["A=secret", "PATH=/x", "HOME=/root"]


# --- the runtime's words -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("log", "program", "status", "line"),
    [
        ("executable file `foo` not found in $PATH: No such file or directory\n", "foo", 127, "not found in $PATH"),
        ("executable file `/foo` not found: No such file or directory\n", "/foo", 127, "no such file or directory"),
        ("open executable: Permission denied\n", "/foo", 126, "not an executable file"),
        ("the path `/foo` exists but it is not executable: Operation not permitted\n", "/foo", 126, "not an executable file"),
        ("the path `/foo` is not a regular file: Operation not permitted\n", "/foo", 126, "not an executable file"),
        ("warning: x\nexecutable file `foo` not found in $PATH: No such file\n", "foo", 127, "not found in $PATH"),
        (r'exec: \"foo\": executable file not found in $PATH', "foo", 127, "not found in $PATH"),
        (r'exec: \"/foo\": stat /foo: no such file or directory', "/foo", 127, "no such file or directory"),
        (r'exec: \"/foo\": permission denied', "/foo", 126, "not an executable file"),
        (r'exec: \"/foo\": is a directory', "/foo", 126, "not an executable file"),
        (r'exec: \"/foo\": exec format error', "/foo", 126, "exec format error"),
        ("exec container process `/foo`: Exec format error\n", "/foo", 126, "exec format error"),
    ],
)  # fmt: skip
def test_programs_that_can_not_be_executed(log: str, program: str, status: int, line: str) -> None:
    if log.startswith("exec:"):
        log = f'{{"level":"error","msg":"runc run failed: unable to start container process: {log}","time":"x"}}\n'
    assert explain(log, [program]) == (status, f'exec: "{program}": {line}\n')


def test_containers_that_can_not_be_made() -> None:
    with pytest.raises(EnvironmentLackError, match="does not let containers start: mount `proc`"):
        explain("mount `proc` to `proc`: Operation not permitted\n", ["x"])
    with pytest.raises(StepError, match="could not be started: mkdir /x: Not a directory") as caught:
        explain("mkdir /x: Not a directory\n", ["x"])
    assert caught.value.status == 125


# --- which runtime -----------------------------------------------------------------------------------


def test_a_machine_without_a_runtime(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("LAYERC_RUNTIME", raising=False)
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("layerc.runtime.sandbox.runtime._PLACES", ())
    with pytest.raises(EnvironmentLackError, match="there is no OCI runtime on this machine") as caught:
        find_runtime()
    assert "apt-get install crun" in str(caught.value.help)
    assert "dnf install crun" in str(caught.value.help)
    assert "apk add crun" in str(caught.value.help)


def test_the_runtime_that_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAYERC_RUNTIME", "/bin/sh")
    assert find_runtime() == OciRuntime("/bin/sh", "other")
    monkeypatch.setenv("LAYERC_RUNTIME", "kata")
    with pytest.raises(EnvironmentLackError, match="there is no program 'kata'"):
        find_runtime()
