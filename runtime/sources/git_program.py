"""Running ``git`` so that neither the machine's configuration nor a repository decides what it does."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import tempfile
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit, urlunsplit

from ..errors import EnvironmentLackError

__all__ = ["GitError", "GitProgram", "redacted", "without_credentials"]

# No local paths (file) and no commands (ext), neither as a remote nor as a submodule.
PROTOCOLS = "http:https:ssh:git"
_CONFIG = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.autocrlf=false",
    "protocol.ext.allow=never",
    "advice.detachedHead=false",
    "init.defaultBranch=master",
)
# Keys of the agent only: those in the user's home directory were not handed in.
_SSH = f"ssh -F {os.devnull} -o IdentityFile=none -o BatchMode=yes -o StrictHostKeyChecking=no"
_KEPT = (
    *("PATH", "TMPDIR", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    *(
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "NO_PROXY",
        "ALL_PROXY",
        "http_proxy",
        "https_proxy",
        "no_proxy",
        "all_proxy",
    ),
)
_MASK = "xxxxx"
_USER = re.compile(r"(https?://)[^/@\s']+@", re.IGNORECASE)
_POLL_SECONDS = 0.1
_GRACE_SECONDS = 5.0


class GitError(Exception):
    """``git`` failed; the message is what it said last."""


class GitProgram:
    """How ``git`` is run: ``environ`` is where the search path and proxies come from, ``ssh_socket`` an
    agent's socket, ``headers`` a header to send for each URL prefix (they never show up in a process list).
    ``check`` is called while it runs and may raise, which ends it. ``offline``: it may ask no other machine, not
    even for what a partial clone lacks.
    """

    def __init__(
        self,
        environ: Mapping[str, str],
        *,
        ssh_socket: str | None = None,
        headers: Mapping[str, str] | None = None,
        check: Callable[[], None] = lambda: None,
        offline: bool = False,
    ) -> None:
        self._check = check
        self._environ = {name: environ[name] for name in _KEPT if name in environ} | {
            "HOME": os.devnull,
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_CONFIG_GLOBAL": os.devnull,
            "GIT_TERMINAL_PROMPT": "0",
            "GIT_ALLOW_PROTOCOL": "" if offline else PROTOCOLS,
            "GIT_NO_LAZY_FETCH": "1" if offline else "0",
            "GIT_SSH_COMMAND": _SSH,
            "LC_ALL": "C",
        }
        if ssh_socket is not None:
            self._environ["SSH_AUTH_SOCK"] = ssh_socket
        for number, (prefix, header) in enumerate((headers or {}).items()):
            self._environ[f"GIT_CONFIG_KEY_{number}"] = f"http.{prefix}.extraHeader"
            self._environ[f"GIT_CONFIG_VALUE_{number}"] = header
        self._environ["GIT_CONFIG_COUNT"] = str(len(headers or {}))

    def run(self, *arguments: str, git_dir: str | None = None, work_tree: str | None = None) -> str:
        """What ``git`` prints. Raises :class:`GitError`, :class:`EnvironmentLackError`."""
        command = ["git"]
        for setting in _CONFIG:
            command += ["-c", setting]
        command += [f"--git-dir={git_dir}"] if git_dir is not None else []
        command += [f"--work-tree={work_tree}"] if work_tree is not None else []
        with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
            try:
                process = subprocess.Popen(
                    [*command, *arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=errors,
                    cwd=work_tree or git_dir or "/",
                    env=self._environ,
                    start_new_session=True,
                    umask=0o022,
                )
            except FileNotFoundError as error:
                raise EnvironmentLackError(
                    "the program git is needed to add a git repository, and is not there", help="install git"
                ) from error
            status = self._wait(process)
            output.seek(0)
            errors.seek(0)
            if status:
                raise GitError(_last_words(errors.read()) or f"git ended with status {status}")
            return output.read().decode("utf-8", "surrogateescape")

    def _wait(self, process: subprocess.Popen[bytes]) -> int:
        try:
            while True:
                try:
                    return process.wait(_POLL_SECONDS)
                except subprocess.TimeoutExpired:
                    self._check()
        except BaseException:
            _end(process)
            raise


def _end(process: subprocess.Popen[bytes]) -> None:
    """End git and the helpers that it has started."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
        except ProcessLookupError:
            return
        try:
            process.wait(_GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            continue


def _last_words(errors: bytes) -> str:
    """The lines that say what went wrong."""
    lines = [line.strip() for line in errors.decode("utf-8", "replace").splitlines() if line.strip()]
    starts = ("fatal:", "error:", "remote:", "ERROR:", "ssh:")
    fatal = [line for line in lines if line.startswith(starts) or "Permission denied (" in line]
    return "; ".join((fatal or lines)[-3:])


def redacted(remote: str) -> str:
    """``remote`` without a user and password, for messages and for ``.git/config``. The user of ssh stays.

    >>> redacted("https://token@example.com/a.git"), redacted("git@example.com:a.git")
    ('https://xxxxx@example.com/a.git', 'git@example.com:a.git')
    """
    parts = urlsplit(remote)
    user, at, host = parts.netloc.rpartition("@")
    name, colon, _ = user.partition(":")
    if not at or (parts.scheme == "ssh" and not colon):
        return remote
    name = name if parts.scheme == "ssh" else name and _MASK
    netloc = f"{name}:{_MASK}@{host}" if colon else f"{name}@{host}"
    return urlunsplit((parts.scheme, netloc, parts.path, parts.query, parts.fragment))


def without_credentials(text: str) -> str:
    """``text``, with all URLs in it redacted.

    >>> without_credentials("fatal: unable to access 'https://a:b@example.com/x.git/': no")
    "fatal: unable to access 'https://xxxxx@example.com/x.git/': no"
    """
    return _USER.sub(rf"\1{_MASK}@", text)
