"""What the sandbox is asked to run, as values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

__all__ = ["OnOutput", "Pairs", "Process", "ResolvedMount"]

Pairs = tuple[tuple[str, str], ...]
OnOutput = Callable[[int, bytes], None]


@dataclass(frozen=True, slots=True)
class Process:
    """One program and what it sees.

    ``user`` is as in ``USER`` and looked up in the root file system. ``network`` is default, host or none;
    ``security`` is sandbox or insecure. ``extra_hosts`` are (name, address). ``shm_size`` is bytes, 0 for the
    default; ``ulimits`` are ``name=soft[:hard]``. ``hostname`` is empty for BuildKit's
    usual one.
    """

    argv: tuple[str, ...]
    env: Pairs = ()
    cwd: str = "/"
    user: str = ""
    network: str = "default"
    security: str = "sandbox"
    extra_hosts: Pairs = ()
    shm_size: int = 0
    ulimits: tuple[str, ...] = ()
    hostname: str = ""


@dataclass(frozen=True, slots=True)
class ResolvedMount:
    """Something of this machine that the program finds at the absolute path ``target``.

    - bind: the directory or file ``source``; cache: the same, under the name that the Dockerfile gives it
    - tmpfs: an empty one of at most ``size`` bytes (0: the kernel's default)
    - file: ``content``, read-only; secret: the same, and on no disk
    - ssh: the socket ``source``
    - env: no mount at all: variable ``target`` with value ``content``, which no log and no layer sees

    ``mode``, ``uid`` and ``gid`` are those of the file, for file, secret and ssh.
    """

    kind: str
    target: str
    source: str = ""
    read_only: bool = False
    mode: int = 0o400
    uid: int = 0
    gid: int = 0
    size: int = 0
    content: bytes = b""
