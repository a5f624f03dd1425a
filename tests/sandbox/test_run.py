"""Programs in the sandbox: output, status, user, environment, working directory."""

from __future__ import annotations

import os
import shutil
import signal
import threading
import time
from pathlib import Path

import pytest

from layerc.runtime.errors import InputError, StepError, UsageError
from layerc.runtime.sandbox import Process, ResolvedMount, Sandbox

from .conftest import LONG, Box, wait_for_process

pytestmark = pytest.mark.root


def test_output_and_status(box: Box) -> None:
    done = box.shell("echo one; echo two >&2; exit 3")
    assert (done.status, done.out, done.err) == (3, "one\n", "two\n")


def test_ten_megabytes_come_whole_and_in_order(box: Box) -> None:
    done = box.shell(
        "i=0; line=0123456789012345678901234567890123456789012345678901234567890123456789012345678901;"
        " while [ $i -lt 120000 ]; do echo $i-$line; i=$((i+1)); done"
    )
    assert done.status == 0
    lines = done.stream(1).split(b"\n")
    assert len(done.stream(1)) > 10_000_000
    assert [int(line.partition(b"-")[0]) for line in lines[:-1]] == list(range(120_000))


def test_output_is_bytes(box: Box) -> None:
    done = box.shell(r"printf '\377\000\200x'")
    assert done.stream(1) == b"\xff\x00\x80x"


def test_arguments_and_environment_are_unicode(box: Box) -> None:
    done = box.run("sh", "-c", 'printf %s "$ODD-$1"', "sh", 'é\udcff"\n\\', env=(("ODD", "\udcfe"),))
    assert done.out == '\ufffd-é\ufffd"\n\\'


def test_signals_are_told_as_shells_do(box: Box) -> None:
    assert box.shell("sh -c 'kill -15 $$'; exit $?").status == 143
    outcome: list[int] = []
    thread = threading.Thread(target=lambda: outcome.append(box.run("sleep", str(LONG + 1)).status))
    thread.start()
    os.kill(wait_for_process(f"sleep {LONG + 1}"), signal.SIGKILL)
    thread.join()
    assert outcome == [137]


def test_standard_input_is_empty(box: Box) -> None:
    assert box.shell("cat; ls -l /proc/self/fd/0").out.strip().endswith("/dev/null")


def test_a_background_process_does_not_hold_up_the_end(box: Box) -> None:
    started = time.monotonic()
    assert box.shell("sleep 100 & echo $!").status == 0
    assert time.monotonic() - started < 10


def test_unknown_program(box: Box) -> None:
    done = box.run("no-such-program")
    assert done.status == 127
    assert 'exec: "no-such-program": not found in $PATH' in done.err
    done = box.run("/no/such/program")
    assert done.status == 127
    assert 'exec: "/no/such/program": no such file or directory' in done.err


def test_program_without_execute_permission(box: Box) -> None:
    done = box.run("/etc/passwd")
    assert done.status == 126
    assert 'exec: "/etc/passwd": not an executable file' in done.err


def test_program_without_its_interpreter(box: Box) -> None:
    assert box.shell("printf '#!/nope\n' > /x; chmod +x /x").status in (0, 127)
    script = Path(box.root, "y")
    script.write_text("#!/nope\n")
    script.chmod(0o755)
    done = box.run("/y")
    assert done.status != 0
    assert "No such file or directory" in done.err


def test_default_environment(box: Box) -> None:
    lines = box.run("env", env=(("A", "1"), ("B", "x y"), ("A", "2"))).out.splitlines()
    assert sorted(lines) == [
        "A=2",
        "B=x y",
        "HOME=/root",
        "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    ]


@pytest.mark.parametrize(
    ("user", "ids", "home"),
    [
        ("", "uid=0(root) gid=0(root) groups=0(root)", "/root"),
        ("app", "uid=1000(app) gid=1001(app) groups=50(staff),60(wheel),1001(app)", "/home/app"),
        ("1000", "uid=1000(app) gid=1001(app) groups=50(staff),60(wheel),1001(app)", "/home/app"),
        ("app:wheel", "uid=1000(app) gid=60(wheel) groups=60(wheel)", "/home/app"),
        ("1000:7", "uid=1000(app) gid=7 groups=7", "/home/app"),
        ("77", "uid=77 gid=0(root) groups=0(root)", "/"),
        ("77:88", "uid=77 gid=88 groups=88", "/"),
        ("root:staff", "uid=0(root) gid=50(staff) groups=50(staff)", "/root"),
    ],
)
def test_users(box: Box, user: str, ids: str, home: str) -> None:
    done = box.shell("id; echo $HOME", user=user)
    assert done.out.splitlines() == [ids, home]


def test_home_that_is_given_stays(box: Box) -> None:
    assert box.shell("echo $HOME", env=(("HOME", "/x"),)).out == "/x\n"


@pytest.mark.parametrize(
    ("user", "message"), [("nobody", "unable to find user nobody"), ("app:no", "unable to find group no")]
)
def test_unknown_users(box: Box, user: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        box.run("true", user=user)


def test_a_hostile_list_of_users_is_not_read(box: Box, tmp_path: Path) -> None:
    passwd = Path(box.root, "etc/passwd")
    outside = tmp_path / "passwd"
    outside.write_text("spy:x:7:7::/:/bin/sh\n")
    for target in (outside, "../" * 20 + str(outside)):
        passwd.unlink()
        passwd.symlink_to(target)
        with pytest.raises(InputError, match="unable to find user spy"):
            box.run("true", user="spy")
    passwd.unlink()
    os.mkfifo(passwd)
    with pytest.raises(InputError, match="unable to find user spy"):
        box.run("true", user="spy")
    passwd.unlink()
    assert box.shell("echo $HOME").out == "/\n"
    with open(passwd, "wb") as file:
        file.truncate(11 << 20)
    with pytest.raises(InputError, match="more than 10485760 bytes"):
        box.run("true", user="spy")


def test_working_directory_is_made_for_the_user(box: Box) -> None:
    assert box.shell("pwd", cwd="/a/b", user="app").out == "/a/b\n"
    made = box.upper / "a/b"
    assert (made.stat().st_uid, made.stat().st_gid, made.stat().st_mode & 0o7777) == (1000, 1001, 0o755)
    assert box.changes() == ["a", "a/b", "dev", "proc", "sys"]


def test_working_directory_that_is_a_file(box: Box) -> None:
    with pytest.raises(StepError, match="etc/passwd") as caught:
        box.run("true", cwd="/etc/passwd/x")
    assert caught.value.status == 125


def test_umask(box: Box) -> None:
    box.shell("touch /f; mkdir /d")
    assert (box.upper / "f").stat().st_mode & 0o777 == 0o644
    assert (box.upper / "d").stat().st_mode & 0o777 == 0o755


def test_ulimits(box: Box) -> None:
    done = box.shell("ulimit -n; ulimit -Hn; ulimit -c", ulimits=("nofile=123:456", "core=0"))
    assert done.out.split() == ["123", "456", "0"]
    with pytest.raises(UsageError, match="no limit 'nofiles'"):
        box.run("true", ulimits=("nofiles=1",))
    with pytest.raises(UsageError, match="not a number"):
        box.run("true", ulimits=("nofile=many",))


def test_unknown_modes(box: Box) -> None:
    with pytest.raises(UsageError, match="--network=bridge"):
        box.run("true", network="bridge")
    with pytest.raises(UsageError, match="--security=lax"):
        box.run("true", security="lax")


def test_missing_mount_source(box: Box) -> None:
    with pytest.raises(InputError, match="mount on /x: there is no /no/where"):
        box.run("true", mounts=(ResolvedMount("bind", "/x", "/no/where"),))


def test_several_at_once(sandbox: Sandbox, rootfs: Path, tmp_path: Path) -> None:
    results: list[tuple[int, bytes]] = []

    def step(number: int) -> None:
        root = tmp_path / str(number)
        shutil.copytree(rootfs, root, symlinks=True)
        data: list[bytes] = []
        process = Process(("sh", "-c", f"echo {number} > /n; sleep 0.1; cat /n"))
        status = sandbox.run(str(root), process, [], lambda _, chunk: data.append(chunk))
        results.append((status, b"".join(data)))

    threads = [threading.Thread(target=step, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == [(0, b"%d\n" % number) for number in range(8)]


def test_an_error_of_the_listener_ends_the_step(box: Box) -> None:
    def fail(stream: int, data: bytes) -> None:
        raise RuntimeError("listener")

    with pytest.raises(RuntimeError, match="listener"):
        box.sandbox.run(box.root, Process(("sh", "-c", "echo x; sleep 1000")), [], fail)
