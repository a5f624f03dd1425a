"""Users who are not root, with a copy of this package that they may read."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .trees import make_rootfs

SOURCE = Path(__file__).parents[2] / ".src"
FIRST, COUNT = 3_000_000_000, 65536

PROGRAM = """
import os, signal, sys
from layerc.grammar.errors import LayercError
from layerc.runtime.sandbox.userns import enter
try:
    notices = enter()
    for notice in notices:
        print("notice:", notice)
    from layerc.runtime.sandbox import *
    sys.stdout.flush()
    with Sandbox() as sandbox:
        process = Process(tuple(sys.argv[4:]), user=sys.argv[2], network=sys.argv[3])
        status = sandbox.run(sys.argv[1], process, [ResolvedMount("secret", "/s", content=b"x")], lambda _, data: os.write(1, data))
except LayercError as error:
    print("error:", error.message, "help:", error.help)
    status = 99
sys.exit(status)
"""


@dataclass
class Account:
    """An unprivileged user with a root file system of their own."""

    name: str
    base: Path

    def command(self, *argv: str, user: str = "", network: str = "default") -> list[str]:
        return [interpreter(), "-c", PROGRAM, str(self.base / "rootfs"), user, network, *argv]

    def environment(self) -> dict[str, object]:
        return {
            "user": self.name,
            "group": self.name,
            "extra_groups": [],
            "cwd": str(self.base),
            "env": {"PATH": "/usr/bin:/bin", "HOME": str(self.base), "PYTHONPATH": str(self.base / "src"), "PYTHONDONTWRITEBYTECODE": "1"},
        }  # fmt: skip

    def run(self, *argv: str, user: str = "", network: str = "default") -> subprocess.CompletedProcess[str]:
        command = self.command(*argv, user=user, network=network)
        return subprocess.run(command, capture_output=True, text=True, check=False, **self.environment())  # type: ignore[call-overload,no-any-return]

    @contextmanager
    def start(self, *argv: str) -> Iterator[subprocess.Popen[str]]:
        """Killed at the end of the block, if it has not ended."""
        command = self.command(*argv)
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **self.environment()) as process:  # type: ignore[call-overload]
            try:
                yield process
            finally:
                process.kill()


def interpreter() -> str:
    """A Python that everyone may execute."""
    found = os.path.realpath(sys.executable)
    return (
        found
        if all(os.stat(path).st_mode & 1 for path in [found, *map(str, Path(found).parents)])
        else "/usr/bin/python3"
    )


def make_account(name: str, *options: str) -> Account:
    base = Path(tempfile.mkdtemp(prefix="layerc-test-"))
    base.chmod(0o755)
    subprocess.run(
        ["useradd", "--no-create-home", "-K", "SUB_UID_COUNT=0", "-K", "SUB_GID_COUNT=0", name], check=True
    )
    if options:
        subprocess.run(["usermod", *options, name], check=True)
    shutil.copytree(SOURCE, base / "src", ignore=shutil.ignore_patterns("__pycache__"))
    make_rootfs(base / "rootfs")
    subprocess.run(["chown", "-hR", f"{name}:", str(base)], check=True)
    return Account(name, base)


def remove_account(account: Account) -> None:
    subprocess.run(["userdel", account.name], check=True)
    shutil.rmtree(account.base)
