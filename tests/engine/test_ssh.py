"""``--ssh``: a real ssh-agent for steps and for git; keys leave no trace."""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tiny import TinyProject

from layerc.grammar.errors import LayercError
from layerc.runtime.engine.request import SshForward
from layerc.runtime.engine.ssh import SshAgents
from layerc.runtime.errors import EnvironmentLackError, InputError, SourceError, UsageError


def make_key(path: Path, *words: str, passphrase: str = "") -> str:
    """A new private key at ``path``; its fingerprint."""
    command = [
        "ssh-keygen",
        "-q",
        *(words or ("-t", "ed25519")),
        "-N",
        passphrase,
        "-C",
        path.name,
        "-f",
        str(path),
    ]
    subprocess.run(command, check=True)
    told = subprocess.run(["ssh-keygen", "-lf", f"{path}.pub"], capture_output=True, text=True, check=True)
    return told.stdout.split()[1]


def listed(socket: str) -> list[str]:
    """Fingerprints that an agent tells."""
    done = subprocess.run(
        ["ssh-add", "-l"],
        env=os.environ | {"SSH_AUTH_SOCK": socket},
        capture_output=True,
        text=True,
        check=False,
    )
    return [line.split()[1] for line in done.stdout.splitlines() if "SHA256:" in line]


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[tuple[str, str]]:
    """The socket of a running ssh-agent, and the fingerprint of its key."""
    fingerprint = make_key(tmp_path / "agents-key")
    path = str(tmp_path / "agent")
    with subprocess.Popen(["ssh-agent", "-D", "-a", path], stdout=subprocess.DEVNULL) as process:
        while not os.path.exists(path):
            assert process.poll() is None
        subprocess.run(
            ["ssh-add", "-q", tmp_path / "agents-key"], env=os.environ | {"SSH_AUTH_SOCK": path}, check=True
        )
        yield path, fingerprint
        process.terminate()


# --- what can be handed in ---------------------------------------------------------------------------


def test_the_users_own_agent(agent: tuple[str, str]) -> None:
    agents = SshAgents([SshForward("default")], {"SSH_AUTH_SOCK": agent[0]})
    assert agents.socket("default") == agent[0]
    assert agents.socket("other") is None


def test_key_files_are_served_and_end_with_the_build(tmp_path: Path) -> None:
    ones = make_key(tmp_path / "one"), make_key(tmp_path / "two", "-t", "rsa", "-b", "2048", "-m", "PEM")
    (tmp_path / "one").chmod(0o644)  # ssh itself would refuse it; BuildKit does not
    agents = SshAgents(
        [
            SshForward("both", (str(tmp_path / "one"), str(tmp_path / "two"))),
            SshForward("second", (str(tmp_path / "two"),)),
        ],
        {},
    )
    both, second = agents.socket("both"), agents.socket("second")
    assert both is not None
    assert second is not None
    assert (listed(both), listed(second)) == ([*ones], [ones[1]])
    assert stat.S_IMODE(os.stat(os.path.dirname(both)).st_mode) == 0o700
    assert agents.socket("both") == both
    agents.close()
    assert listed(both) == []
    assert not os.path.exists(os.path.dirname(both))


@pytest.mark.parametrize(
    ("words", "passphrase", "message", "advice"),
    [
        (("-t", "ed25519"), "secret", "is protected by a passphrase", "ssh-add "),
        (("-t", "rsa", "-b", "2048", "-m", "PEM"), "secret", "is protected by a passphrase", "ssh-add "),
        (("-t", "rsa", "-b", "2048", "-m", "PKCS8"), "secret", "is protected by a passphrase", "ssh-add "),
    ],
)
def test_locked_keys(
    tmp_path: Path, words: tuple[str, ...], passphrase: str, message: str, advice: str
) -> None:
    make_key(tmp_path / "key", *words, passphrase=passphrase)
    with pytest.raises(InputError, match=message) as caught:
        SshAgents([SshForward("default", (str(tmp_path / "key"),))], {})
    assert advice in str(caught.value.help)


@pytest.mark.parametrize(
    ("forwards", "kind", "message"),
    [
        ([SshForward("default")], InputError, "SSH_AUTH_SOCK is not set"),
        ([SshForward("a", ("/nowhere",))], InputError, "--ssh a: can not read /nowhere: No such file"),
        ([SshForward("a", ("/",))], InputError, "--ssh a: can not read /: Is a directory"),
        (
            [SshForward("a", ("key.pub",))],
            InputError,
            "key.pub is neither a private key nor an agent's socket",
        ),
        ([SshForward("a", ("key",)), SshForward("a", ("key",))], UsageError, "--ssh a is there twice"),
        ([SshForward("a", ("agent", "key"))], UsageError, "an agent's socket stands alone"),
        ([SshForward("a", ("agent", "agent"))], UsageError, "an agent's socket stands alone"),
    ],
)
def test_refused(
    tmp_path: Path,
    agent: tuple[str, str],
    monkeypatch: pytest.MonkeyPatch,
    forwards: list[SshForward],
    kind: type[LayercError],
    message: str,
) -> None:
    make_key(tmp_path / "key")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(kind, match=re.escape(message)):
        SshAgents(forwards, {})


def test_a_broken_key(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n")
    agents = SshAgents([SshForward("default", (str(key),))], {})
    try:
        with pytest.raises(InputError, match="is no usable private key"):
            agents.socket("default")
    finally:
        agents.close()


def test_without_openssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_key(tmp_path / "key")
    agents = SshAgents([SshForward("default", (str(tmp_path / "key"),))], {})
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(EnvironmentLackError, match="needs the programs ssh-agent and ssh-add"):
        agents.socket("default")


# --- in steps ----------------------------------------------------------------------------------------

CLIENT = "COPY client /\n"


@pytest.fixture
def project(tmp_path: Path) -> TinyProject:
    """With the machine's own ssh-add, and the libraries that it needs, in ``client``."""
    project = TinyProject(tmp_path)
    program = shutil.which("ssh-add")
    assert program is not None
    told = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    for path in [program, *re.findall(r"(/\S+) \(", told)]:
        copy = (
            project.context
            / "client"
            / os.path.realpath(os.path.dirname(path)).lstrip("/")
            / os.path.basename(path)
        )
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(path, copy)
    loader = next(path for path in re.findall(r"(/\S+) \(", told) if "/ld-" in path)
    link = project.context / "client" / loader.lstrip("/")
    if not link.exists():
        link.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(loader, link)
    return project


def stored(project: TinyProject) -> Iterator[bytes]:
    for path in project.home.rglob("*"):
        if path.is_file() and not path.is_symlink() and path.stat().st_size < 1 << 20:
            yield path.read_bytes()


@pytest.mark.root
def test_a_step_asks_the_agent(project: TinyProject, tmp_path: Path, agent: tuple[str, str]) -> None:
    other = make_key(tmp_path / "other")
    socket = agent[0]
    text = CLIENT + (
        "RUN --mount=type=ssh --mount=type=ssh,id=other,target=/agents/other,mode=0666,uid=7,gid=8 "
        "echo $SSH_AUTH_SOCK && ssh-add -l && ! ssh-add -D && ! ssh-add -x </dev/null && "
        "stat -c '%a %u %g' $SSH_AUTH_SOCK /agents/other && SSH_AUTH_SOCK=/agents/other ssh-add -l\n"
        "RUN test ! -e /agents && test ! -e /run/buildkit && test -z $SSH_AUTH_SOCK\n"
    )
    forwards = (SshForward("default", (socket,)), SshForward("other", (str(tmp_path / "other"),)))
    result = project.build(text, ssh=forwards)
    lines = project.output().decode().splitlines()
    assert lines[0] == "/run/buildkit/ssh_agent.0"
    assert agent[1] in lines[1]
    assert lines[-3:-1] == ["600 0 0", "666 7 8"]
    assert other in lines[-1]
    assert listed(socket) == [agent[1]]  # not removed

    secret = (tmp_path / "other").read_bytes().splitlines()[2]
    assert not any(secret in content for content in stored(project))
    assert project.build(text).images == result.images  # the agent is no part of what the step is
    assert project.ran() == []


@pytest.mark.root
def test_agents_that_are_not_there(project: TinyProject) -> None:
    project.build('RUN --mount=type=ssh echo "$SSH_AUTH_SOCK" && test ! -e $SSH_AUTH_SOCK\n')
    assert project.output() == b"/run/buildkit/ssh_agent.0\n"
    with pytest.raises(InputError, match="ssh agent 'x' was not handed in") as caught:
        project.build("RUN --mount=type=ssh,id=x,required true\n")
    assert "--ssh x" in str(caught.value.help)


# --- git ---------------------------------------------------------------------------------------------


@pytest.mark.root
def test_git_over_ssh_uses_the_agent(
    project: TinyProject, tmp_path: Path, agent: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The program ``ssh`` is one that goes nowhere, and tells which keys it could use."""
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b", "-C", str(tmp_path / "repo")]
    subprocess.run(["git", "init", "-q", "-b", "main", tmp_path / "repo"], check=True)
    (tmp_path / "repo/file").write_text("content")
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "one"], check=True)
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "ssh").write_text(
        f'#!/bin/sh\necho "$@" >> {tmp_path}/words\nssh-add -l >> {tmp_path}/keys\n'
        f"exec git -c safe.directory='*' upload-pack {tmp_path}/repo\n"
    )
    (programs / "ssh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}:{os.environ['PATH']}")
    text = "ADD git@example.com:owner/repo.git#main /src\n"
    with pytest.raises(SourceError, match="no ssh agent was handed in") as caught:
        project.build(text)
    assert "--ssh default" in str(caught.value.help)
    result = project.build(text, ssh=(SshForward("default", (agent[0],)),))
    assert project.read(result, "src/file") == "content"
    assert agent[1] in (tmp_path / "keys").read_text()
    assert "IdentityFile=none" in (tmp_path / "words").read_text()
