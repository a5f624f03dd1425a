"""Builds of users who are not root."""

from __future__ import annotations

import io
import os
import shutil
import signal
import subprocess
import tarfile
from pathlib import Path

import pytest

from layerc.runtime.sandbox import userns

from .accounts import FIRST, Account, interpreter
from .conftest import LONG, processes, wait_for

pytestmark = pytest.mark.root


def test_root_needs_none() -> None:
    assert userns.enter() == ()


def test_without_ranges_there_is_one_user(plain: Account) -> None:
    done = plain.run("sh", "-c", "id -u; touch /made; cat /s; echo x > /dev/null && exit 7")
    assert done.returncode == 7, done
    notice, *rest = done.stdout.splitlines()
    assert notice.startswith("notice: no ids are given to the user in /etc/subuid and /etc/subgid: ")
    assert rest == ["0", "x"]
    made = plain.base / "rootfs/made"
    assert made.owner() == plain.name
    made.unlink()


def test_without_ranges_other_users_are_refused(plain: Account) -> None:
    done = plain.run("id", user="app")
    assert "error: a step can not run as user app (uid 1000, gid 1001) here" in done.stdout
    assert "subuid" in done.stdout


def test_with_ranges_there_are_all_users(ranged: Account) -> None:
    done = ranged.run("sh", "-c", "id; touch /tmp/made; cat /s; ls -ln /dev/pts/ptmx", user="app")
    assert "uid=1000(app) gid=1001(app) groups=50(staff),60(wheel),1001(app)" in done.stdout, done
    (ranged.base / "rootfs/tmp").mkdir()
    (ranged.base / "rootfs/tmp").chmod(0o777)
    assert ranged.run("touch", "/tmp/made", user="app").returncode == 0
    status = (ranged.base / "rootfs/tmp/made").stat()
    assert (status.st_uid, status.st_gid) == (FIRST + 999, FIRST + 1000)
    shutil.rmtree(ranged.base / "rootfs/tmp")


@pytest.mark.parametrize("account", ["plain", "ranged"])
def test_isolation(account: str, request: pytest.FixtureRequest) -> None:
    box: Account = request.getfixturevalue(account)
    done = box.run(
        "sh",
        "-c",
        "ls -d /proc/[0-9]*; cat /proc/self/status; mkdir /sys/kernel/x; mknod /x b 8 0; ls /sys/class/net",
        network="none",
    )
    lines = done.stdout.splitlines()
    assert "/proc/1" in lines
    assert len([line for line in lines if line.startswith("/proc/")]) <= 2
    assert "CapEff:\t00000000a80425fb" in lines
    assert "Seccomp:\t2" in lines
    assert "mkdir: can't create directory '/sys/kernel/x': Read-only file system" in lines
    assert "mknod: /x: Operation not permitted" in lines
    assert set(lines) & set(os.listdir("/sys/class/net")) == {"lo"}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGHUP])
def test_killing_the_command_ends_everything(ranged: Account, number: signal.Signals) -> None:
    with ranged.start("sleep", str(LONG + 101)) as started:
        wait_for(lambda: processes(f"sleep {LONG + 101}"))
        started.send_signal(number)
        started.wait()
        wait_for(lambda: not processes(f"sleep {LONG + 101}"))
    uid = ranged.base.joinpath("rootfs").stat().st_uid
    wait_for(lambda: not [name for name in os.listdir("/proc") if name.isdigit() and owner(name) == uid])


def owner(pid: str) -> int | None:
    try:
        return os.stat(f"/proc/{pid}").st_uid
    except OSError:
        return None


def test_killing_the_inner_process_ends_everything(ranged: Account) -> None:
    with ranged.start("sleep", str(LONG + 102)) as started:
        wait_for(lambda: processes(f"sleep {LONG + 102}"))
        children = Path(f"/proc/{started.pid}/task/{started.pid}/children").read_text().split()
        os.kill(int(children[0]), signal.SIGKILL)
        assert started.wait() == 137
        wait_for(lambda: not processes(f"sleep {LONG + 102}"))


def state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]


def test_stopping_and_going_on(ranged: Account) -> None:
    with ranged.start("sh", "-c", "echo started; sleep 1; exit 5") as started:
        assert started.stdout is not None
        assert started.stdout.readline() == "started\n"
        started.send_signal(signal.SIGTSTP)
        wait_for(lambda: state(started.pid) == "T")
        children = Path(f"/proc/{started.pid}/task/{started.pid}/children").read_text().split()
        wait_for(lambda: state(int(children[0])) == "T")
        started.send_signal(signal.SIGCONT)
        assert started.wait() == 5


def test_namespaces_that_are_forbidden(plain: Account) -> None:
    inside = (
        'echo 0 > /proc/sys/user/max_user_namespaces; exec setpriv --bounding-set=-all --inh-caps=-all "$@"'
    )
    command = ["unshare", "--user", "--map-root-user", "sh", "-c", inside, "sh", *plain.command("true")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, **plain.environment())  # type: ignore[call-overload]
    assert done.returncode == 99, done
    assert "error: no user namespace can be made: their number is limited" in done.stdout
    assert "user.max_user_namespaces" in done.stdout
    assert "Traceback" not in done.stderr


def test_newuidmap_that_does_not_work(ranged: Account, tmp_path: Path) -> None:
    """As inside of containers, where set-uid programs may be switched off: one id is left."""
    command = ["setpriv", "--no-new-privs", *ranged.command("id", "-u")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, **ranged.environment())  # type: ignore[call-overload]
    assert done.returncode == 0, done
    assert done.stdout.startswith("notice: the ids of the user can not be used (newuidmap")
    assert done.stdout.endswith("\n0\n")


DOCKERFILE = """\
FROM base
RUN id -u > /id && mkdir /mine && ln -s x /mine/link
USER app
WORKDIR /work
RUN id > made
COPY --chown=5:6 Dockerfile /copied
"""


def test_the_command_builds(ranged: Account) -> None:
    context = ranged.base / "context"
    context.mkdir()
    (context / "Dockerfile").write_text(DOCKERFILE)
    base = f"base={ranged.base}/rootfs"

    def layerc(*words: str) -> str:
        command = [interpreter(), "-m", "layerc", *words]
        done = subprocess.run(command, capture_output=True, check=False, **ranged.environment())  # type: ignore[call-overload]
        assert done.returncode == 0, done.stderr
        return str(done.stdout, "latin-1")

    build = ["build", "-q", "--build-context", base, str(context)]
    image = layerc(*build)
    assert image.startswith("sha256:")
    assert layerc(*build) == image
    data = layerc("build", "-q", "--build-context", base, "-o", "type=tar,dest=-", str(context)).encode(
        "latin-1"
    )
    with tarfile.open(fileobj=io.BytesIO(data[data.index(b"bin/") :])) as archive:
        owners = {item.name: (item.uid, item.gid) for item in archive}
    assert owners["id"] == owners["mine/link"] == (0, 0)
    assert owners["work"] == owners["work/made"] == (1000, 1001)
    assert owners["copied"] == (5, 6)
    assert "freed" in layerc("cache", "gc", "--all")


def test_id_ranges(tmp_path: Path) -> None:
    file = tmp_path / "subuid"
    file.write_text("# a comment\nann:1000:5\nbob:7:x\n\n1234:20:2\nann:9000:0\nann:2000:6\nanna:1:1\n")
    assert userns.id_ranges(str(file), "ann", 1234) == [(1000, 5), (20, 2), (2000, 6)]
    assert userns.id_ranges(str(file), "bob", 1) == []
    assert userns.id_ranges(str(tmp_path / "none"), "ann", 1) == []
