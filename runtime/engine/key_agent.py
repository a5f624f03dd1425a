"""An ``ssh-agent`` of a build's own, for ``--ssh ID=KEY``."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from contextlib import suppress

from ..errors import EnvironmentLackError, InputError

__all__ = ["KeyAgent"]


class KeyAgent:
    """Holds private keys in memory, and listens at ``path``. It ends with this process, however that ends.

    Raises :class:`EnvironmentLackError` where OpenSSH's programs are not there.
    """

    def __init__(self) -> None:
        self._directory = tempfile.mkdtemp(prefix="layerc-ssh-")
        self.path = os.path.join(self._directory, "agent")
        try:
            self._process, self._agent = self._start()
        except BaseException:
            shutil.rmtree(self._directory, ignore_errors=True)
            raise

    def _start(self) -> tuple[subprocess.Popen[bytes], int]:
        # The agent ends when the command that it was started for does: when nobody holds the pipe any more.
        command = ["ssh-agent", "-a", self.path, "sh", "-c", 'echo "$SSH_AGENT_PID"; exec cat > /dev/null']
        try:
            process = subprocess.Popen(
                command,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        except FileNotFoundError as error:
            raise _lacking() from error
        assert process.stdout is not None
        told = process.stdout.readline().decode("utf-8", "replace").strip()
        if not told.isdecimal():
            process.wait()
            raise EnvironmentLackError(f"ssh-agent does not start: {told}")
        return process, os.pidfd_open(int(told))

    def add(self, path: str, key: bytes) -> None:
        """Hand it ``key``, which was read from ``path``. Raises :class:`InputError` for one that is none."""
        environ = {name: value for name, value in os.environ.items() if name != "DISPLAY"}
        environ |= {"SSH_AUTH_SOCK": self.path, "SSH_ASKPASS_REQUIRE": "never", "LC_ALL": "C"}
        try:
            done = subprocess.run(
                ["ssh-add", "-q", "-"],
                input=key,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                env=environ,
                start_new_session=True,  # without a terminal there is nobody to ask for a passphrase
                check=False,
            )
        except FileNotFoundError as error:
            raise _lacking() from error
        if done.returncode:
            said = done.stderr.decode("utf-8", "replace").strip().replace("(stdin)", path).splitlines()
            raise InputError(f"--ssh: {path} is no usable private key", help=said[-1] if said else None)

    def close(self) -> None:
        """End it, and its keys with it."""
        with suppress(ProcessLookupError):
            signal.pidfd_send_signal(self._agent, signal.SIGTERM)
        os.close(self._agent)
        self._process.communicate()
        shutil.rmtree(self._directory, ignore_errors=True)


def _lacking() -> EnvironmentLackError:
    return EnvironmentLackError(
        "--ssh with a key file needs the programs ssh-agent and ssh-add, and they are not there",
        help="install OpenSSH's client (package openssh-client)",
    )
