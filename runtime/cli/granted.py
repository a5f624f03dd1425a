"""What the user hands to steps and grants them: secrets, ssh agents, rights."""

from __future__ import annotations

import argparse
import csv
import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..errors import InputError, UsageError

if TYPE_CHECKING:
    from ..engine.request import Secret, SshForward

__all__ = ["add_grant_options", "read_rights", "read_secrets", "read_ssh"]

_RIGHTS = ("network.host", "security.insecure", "device")
_MOST_SECRET = 500 * 1024  # BuildKit's limit


def add_grant_options(parser: argparse.ArgumentParser) -> None:
    """Add ``--secret``, ``--ssh`` and ``--allow``."""
    group = parser.add_argument_group("what steps get and no layer keeps")
    _repeatable(
        group,
        "--secret",
        "id=ID[,src=FILE|,env=NAME]",
        "a secret for RUN --mount=type=secret (default: the environment's ID, else the file ID)",
    )
    _repeatable(
        group,
        "--ssh",
        "default|ID[=SOCKET|=KEY[,KEY]]",
        "an ssh agent for RUN --mount=type=ssh and for git over ssh: the user's own (SSH_AUTH_SOCK), one at a "
        "socket, or one that holds these private keys; repeatable",
    )
    _repeatable(
        group,
        "--allow",
        "RIGHT",
        "grant what the Dockerfile asks for: network.host (RUN --network=host), security.insecure "
        "(RUN --security=insecure), device; repeatable",
    )


def _repeatable(group: Any, name: str, metavar: str, text: str) -> None:
    group.add_argument(name, metavar=metavar, action="append", default=[], help=text)


# --- rights ------------------------------------------------------------------------------------------


def read_rights(texts: Sequence[str]) -> frozenset[str]:
    """Values of ``--allow``, in BuildKit's forms. Raises :class:`UsageError`."""
    return frozenset(_right(text) for text in texts if text)


def _right(text: str) -> str:
    name, equals, device = text.partition("=")
    if name not in _RIGHTS or (equals and name != "device"):
        raise UsageError(f"--allow {text!r}: unknown entitlement", help=f"there are {', '.join(_RIGHTS)}")
    for field in device.split(",")[1:]:
        if not field.startswith("alias="):
            raise UsageError(
                f"--allow {text!r}: unknown device option {field!r}", help="write device=NAME[,alias=NAME]"
            )
    return text


# --- ssh ---------------------------------------------------------------------------------------------


def read_ssh(texts: Sequence[str]) -> tuple[SshForward, ...]:
    """Values of ``--ssh``: ``ID[=PATH[,PATH]]``, the id ``default`` where it is empty."""
    if not texts:
        return ()
    from ..engine.request import SshForward

    parts = [text.partition("=") for text in texts if text]
    return tuple(
        SshForward(name or "default", tuple(os.path.expanduser(path) for path in paths.split(",") if path))
        for name, _, paths in parts
    )


# --- secrets -----------------------------------------------------------------------------------------


def read_secrets(texts: Sequence[str], environ: Mapping[str, str] = os.environ) -> tuple[Secret, ...]:
    """Values of ``--secret``. Their values are read when a step needs them; that a file is there and small
    enough is checked at once, as docker does. Raises :class:`UsageError`, :class:`InputError`.
    """
    return tuple(_secret(text, environ) for text in texts if text)


def _secret(text: str, environ: Mapping[str, str]) -> Secret:
    from ..engine.request import Secret

    fields = _fields(text)
    name, kind = fields.get("id", ""), fields.get("type", "")
    source, variable = fields.get("src", fields.get("source", "")), fields.get("env", "")
    if not name:
        raise _wrong(text, "the id is missing")
    if kind not in ("", "file", "env"):
        raise _wrong(text, f"there is no type {kind!r}")
    if source and variable:
        raise _wrong(text, "a file and a variable at once")
    if kind == "env" and not variable:
        source, variable = "", source or name
    elif not source and not variable:
        source, variable = ("", name) if not kind and name in environ else (name, "")
    if source:
        source = os.path.expanduser(source)
        _check_file(name, source)
    return Secret(name, source, variable)


def _fields(text: str) -> dict[str, str]:
    try:
        (parts,) = csv.reader([text], strict=True)
    except (csv.Error, ValueError) as error:
        raise _wrong(text, str(error)) from None
    fields: dict[str, str] = {}
    for part in parts:
        key, equals, value = part.partition("=")
        if not equals:
            raise _wrong(text, f"invalid field {part!r} must be a key=value pair")
        if key.lower() not in ("id", "src", "source", "env", "type"):
            raise _wrong(text, f"unexpected key {key!r}")
        fields[key.lower()] = value
    return fields


def _wrong(text: str, why: str) -> UsageError:
    return UsageError(
        f"--secret {text!r} does not name a secret: {why}",
        help="write --secret id=ID,src=FILE or id=ID,env=NAME",
    )


def _check_file(name: str, path: str) -> None:
    try:
        size = os.stat(path).st_size
    except OSError as error:
        raise InputError(
            f"secret {name!r}: can not read {path}: {error.strerror}",
            help=f"--secret id={name},src=FILE names another file, id={name},env=NAME a variable",
        ) from error
    if size > _MOST_SECRET:
        raise InputError(
            f"secret {name!r}: {path} is too big: {size} bytes, at most {_MOST_SECRET} can be handed in"
        )
