"""What a step can not do and see: as in Docker."""

from __future__ import annotations

import json
import os
import platform
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from layerc.runtime.sandbox import ResolvedMount, Sandbox, capabilities
from layerc.runtime.sandbox.groups import StepGroup

from .conftest import Box
from .trees import make_rootfs

pytestmark = pytest.mark.root

# `docker run --rm busybox grep Cap /proc/self/status`, Docker 20.10 and 28
DOCKER_CAPABILITIES = 0x00000000A80425FB


def capability_sets(box: Box, **process: object) -> dict[str, int]:
    lines = box.shell("grep Cap /proc/self/status", **process).out.splitlines()
    return {
        key: int(value, 16) for key, _, value in (line.partition(":\t") for line in lines) if key[:3] == "Cap"
    }


def test_capabilities_are_dockers(box: Box) -> None:
    sets = capability_sets(box)
    assert sets["CapBnd"] == sets["CapPrm"] == sets["CapEff"] == DOCKER_CAPABILITIES
    assert sets["CapInh"] == sets["CapAmb"] == 0


def test_users_have_no_capabilities(box: Box) -> None:
    sets = capability_sets(box, user="app")
    assert (sets["CapPrm"], sets["CapEff"], sets["CapBnd"]) == (0, 0, DOCKER_CAPABILITIES)


def test_new_privileges_are_possible(box: Box) -> None:
    """setuid programs such as sudo work, as in Docker."""
    assert "NoNewPrivs:\t0" in box.shell("cat /proc/self/status").out


def test_namespaces_are_its_own(box: Box) -> None:
    lines = box.shell("ls -l /proc/self/ns/").out.splitlines()
    inside = {words[-3]: words[-1] for words in map(str.split, lines) if "->" in words}
    for name in ("pid", "ipc", "uts", "mnt"):
        assert inside[name] != os.readlink(f"/proc/self/ns/{name}")
    assert inside["net"] == os.readlink("/proc/self/ns/net")


def test_no_process_of_the_host_is_visible(box: Box) -> None:
    assert box.shell("for p in /proc/[0-9]*; do echo ${p#/proc/}; done").out.split() == ["1"]


def test_hostname_and_hosts(box: Box) -> None:
    done = box.shell("cat /proc/sys/kernel/hostname /etc/hosts", extra_hosts=(("db", "10.0.0.7"),))
    assert done.out.splitlines() == [
        "buildkitsandbox",
        "127.0.0.1\tlocalhost buildkitsandbox",
        "::1\tlocalhost ip6-localhost ip6-loopback",
        "10.0.0.7\tdb",
    ]
    assert socket.gethostname() != "buildkitsandbox"


def test_another_hostname_and_the_machine_itself(box: Box) -> None:
    hosts = (("machine", "host-gateway"),)
    done = box.shell("cat /proc/sys/kernel/hostname /etc/hosts", extra_hosts=hosts, hostname="tower")
    assert done.out.splitlines() == [
        "tower",
        "127.0.0.1\tlocalhost tower",
        "::1\tlocalhost ip6-localhost ip6-loopback",
        "127.0.0.1\tmachine",
    ]


def test_hosts_and_resolver_can_not_be_written(box: Box) -> None:
    done = box.shell("echo x >> /etc/hosts; echo x >> /etc/resolv.conf")
    assert done.err.count("Read-only file system") == 2


def test_network_none_has_only_loopback_and_it_works(box: Box) -> None:
    done = box.shell("ls /sys/class/net; cat /sys/class/net/lo/flags", network="none")
    assert done.out.split() == ["lo", "0x9"]  # up, loopback


@pytest.mark.parametrize("network", ["default", "host"])
def test_network_of_the_host(box: Box, network: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        python = machine_python(box)
        code = f"import socket; socket.create_connection(('127.0.0.1', {port})).close()"
        assert box.run(*python[0], "-c", code, mounts=python[1], network=network).status == 0
        assert box.run(*python[0], "-c", code, mounts=python[1], network="none").status == 1


def test_masked_paths_are_empty(box: Box) -> None:
    files = [path for path in ("/proc/kcore", "/proc/keys", "/proc/timer_list") if os.path.exists(path)]
    directories = [path for path in ("/proc/acpi", "/proc/scsi", "/sys/firmware") if os.path.isdir(path)]
    assert files
    assert directories
    assert (
        box.shell(f"cat {' '.join(files)}; for d in {' '.join(directories)}; do ls -A $d; done").stream(1)
        == b""
    )


@pytest.mark.parametrize("path", ["/proc/sys/kernel/domainname", "/proc/irq/default_smp_affinity"])
def test_read_only_paths(box: Box, path: str) -> None:
    assert "Read-only file system" in box.shell(f"echo x > {path}").err


def test_sysfs_is_read_only(box: Box) -> None:
    assert "Read-only file system" in box.shell("mkdir /sys/kernel/x").err


def test_standard_devices(box: Box) -> None:
    done = box.shell(
        "for d in null zero full random urandom tty; do stat -c '%n %t:%T %a' /dev/$d; done;"
        " ls -d /dev/pts/ptmx /dev/fd /dev/stdin /dev/stdout /dev/stderr /dev/shm /dev/mqueue /dev/ptmx | wc -l;"
        " ls /dev | wc -l"
    )
    # BusyBox without stat or wc says so on 2
    assert done.err == "", done.err
    assert done.out.splitlines()[:6] == [
        "/dev/null 1:3 666",
        "/dev/zero 1:5 666",
        "/dev/full 1:7 666",
        "/dev/random 1:8 666",
        "/dev/urandom 1:9 666",
        "/dev/tty 5:0 666",
    ]
    assert int(done.out.split()[-2]) == 8
    assert int(done.out.split()[-1]) <= 16


def test_shared_memory_size(box: Box) -> None:
    assert (
        "size=65536k"
        in box.shell("mount | while read a; do case $a in *'/dev/shm '*) echo $a;; esac; done").out
    )
    done = box.shell(
        "mount | while read a; do case $a in *'/dev/shm '*) echo $a;; esac; done", shm_size=1 << 20
    )
    assert "size=1024k" in done.out


# --- devices -----------------------------------------------------------------------------------------

MAKE_NODE = "mknod /x c 10 229"  # /dev/fuse, which root may open everywhere


def test_nodes_can_be_made_and_only_harmless_ones_opened(box: Box) -> None:
    done = box.shell(
        "mknod /n c 1 3 && echo y > /n && echo written; mknod /b b 254 0; " + MAKE_NODE + "; : < /x"
    )
    assert done.out == "written\n"
    assert [line for line in done.err.splitlines() if line] == ["sh: can't open /x: Operation not permitted"]
    assert (box.upper / "b").is_block_device()


def test_devices_are_guarded_by_a_cgroup_of_this_process() -> None:
    group = StepGroup.create()
    assert group is not None
    assert os.path.isdir(group.path)
    group.close()
    assert not os.path.exists(group.path)


def test_groups_of_the_dead_are_removed() -> None:
    group = StepGroup.create()
    assert group is not None
    stale = group.path + "-stale"
    os.mkdir(stale)
    enter = f"echo 0 > {stale}/cgroup.procs && echo in; exec sleep 1000"
    with subprocess.Popen(["/bin/sh", "-c", enter], stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        other = StepGroup.create()
        assert other is not None
        assert process.wait(20) == -9
    assert not os.path.exists(stale)
    assert os.path.exists(group.path)
    group.close()
    other.close()


def test_without_a_cgroup_no_device_can_be_made(
    monkeypatch: pytest.MonkeyPatch,
    rootfs: Path,
    overlay: Callable[[Path], tuple[Path, Path]],
    tmp_path: Path,
) -> None:
    monkeypatch.setattr(StepGroup, "create", classmethod(lambda cls: None))
    merged, upper = overlay(rootfs)
    cache = tmp_path / "cache"
    cache.mkdir()
    os.mknod(cache / "null", 0o20666, os.makedev(1, 3))
    mount = ResolvedMount("cache", "/cache", str(cache))
    with Sandbox() as sandbox:
        box = Box(sandbox, str(merged), upper)
        done = box.shell(
            "mknod /x b 8 0; mknod /dev/x b 8 0; cat /cache/null; echo > /dev/null; touch /f", mount
        )
    assert done.err.count("Operation not permitted") == 2
    assert done.err.count("Permission denied") == 1
    assert done.status == 0


# --- system calls ------------------------------------------------------------------------------------


def machine_python(box: Box) -> tuple[list[str], tuple[ResolvedMount, ...]]:
    """The machine's own interpreter, mounted into the root file system."""
    python = os.path.realpath(sys.executable)
    mounts = tuple(
        ResolvedMount("bind", path, path, read_only=True)
        for path in (
            "/usr",
            "/lib",
            "/lib64",
            *([] if python.startswith("/usr") else [os.path.dirname(os.path.dirname(python))]),
        )
        if os.path.isdir(path)
    )
    return [python, "-I", "-S"], (
        *mounts,
        ResolvedMount("bind", "/probe", os.path.dirname(__file__), read_only=True),
    )


@pytest.mark.skipif(platform.machine() != "x86_64", reason="numbers of system calls")
@pytest.mark.parametrize("runtime", ["crun", "runc"])
def test_system_calls_fail_as_in_docker(box: Box, runtime: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAYERC_RUNTIME", runtime)
    python, mounts = machine_python(box)
    done = box.run(*python, "/probe/probe_calls.py", mounts=mounts)
    assert done.status == 0, done
    results = json.loads(done.out)
    denied = [
        "mount", "unshare_user", "unshare_mount", "clone_user", "keyctl", "bpf", "perf_event_open", "reboot", "init_module",
        "kexec_load", "open_by_handle_at", "setns", "swapon", "io_uring_setup", "userfaultfd", "socket_alg", "socket_vsock",
        "personality_odd",
    ]  # fmt: skip
    assert {name: results.pop(name) for name in denied} == dict.fromkeys(denied, "EPERM")
    # Other than in Docker: what tells more than the tracer is asked.
    blind = [name for name in results if name.startswith(("statx_lazy", "statx_of"))]
    assert {name: results.pop(name) for name in blind} == dict.fromkeys(blind, "ENOSYS")
    assert len(blind) == 5
    assert results == {
        "clone3": "ENOSYS",
        "newer_than_all": "ENOSYS",
        "x32_newer": "ENOSYS",
        "socket_inet": "ok",
        "personality_query": "ok",
        "ptrace_self": "ok",
        "statx": "ok",
        "statx_size": "ok",
        "statx_birth_too": "ok",
        "futex_waitv_known": "EINVAL",
    }


# --- security=insecure -------------------------------------------------------------------------------


def test_insecure_has_everything(box: Box) -> None:
    mine = sum(
        1 << number for number, name in enumerate(capabilities.NAMES) if name in capabilities.effective()
    )
    sets = capability_sets(box, security="insecure")
    assert set(sets.values()) == {mine}
    done = box.shell(
        "mount -t tmpfs none /bin/../etc && echo mounted; ls /dev/fuse; cat /proc/self/status; mkdir /sys/fs/x 2>&1",
        security="insecure",
    )
    assert "mounted" in done.out
    assert "/dev/fuse" in done.out
    assert "Seccomp:\t0" in done.out
    assert "Read-only" not in done.out


def test_insecure_may_open_devices(box: Box) -> None:
    done = box.shell(MAKE_NODE + "; : < /x && echo opened; : < /dev/fuse && echo opened", security="insecure")
    assert done.out == "opened\nopened\n", done.err


def test_pure_cgroup_v2_is_shown_read_only(tmp_path: Path) -> None:
    """In a process that sees cgroup v2 where most machines have it."""
    rootfs = make_rootfs(tmp_path / "rootfs")
    script = f"""
import os, sys
from layerc.runtime.snapshot import syscalls
syscalls.unshare(syscalls.CLONE_NEWNS)
syscalls.mount("none", "/", None, syscalls.MS_REC | syscalls.MS_PRIVATE)
syscalls.mount("none", "/sys/fs/cgroup", "cgroup2", 0)
from layerc.runtime.sandbox import *
with Sandbox() as sandbox:
    process = Process(("sh", "-c", "ls /sys/fs/cgroup/cgroup.procs; mkdir /sys/fs/cgroup/x; cat /proc/self/cgroup"))
    status = sandbox.run({str(rootfs)!r}, process, [], lambda _, data: os.write(1, data) and None)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert "/sys/fs/cgroup/cgroup.procs" in done.stdout
    assert "Read-only file system" in done.stdout
    assert "\n0::/\n" in done.stdout
