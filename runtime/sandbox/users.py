"""``USER`` values, looked up in the root file system's own ``/etc/passwd`` and ``/etc/group``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass

from ..errors import InputError
from .rootpath import open_in_root

__all__ = ["User", "resolve_user"]

_MOST_BYTES = 10 << 20
_MOST_ID = (1 << 31) - 1
_WIDEST_ID = (1 << 32) - 1


@dataclass(frozen=True, slots=True)
class User:
    """Ids of a process. ``groups`` holds ``gid``, too. ``home`` is ``HOME`` where the image sets none."""

    uid: int
    gid: int
    groups: tuple[int, ...]
    home: str


def resolve_user(root: str, spec: str) -> User:
    """``spec`` is empty, or a user and perhaps a group, by name or number: ``app``, ``1000``, ``app:staff``.

    A user given without a group is in the groups that list it. Raises :class:`InputError` for a name that is
    not there.
    """
    name, _, group = spec.partition(":")
    if group and _is_id(name, _WIDEST_ID) and _is_id(group, _WIDEST_ID):
        uid, gid = _plain_id(name), _plain_id(group)
        return User(uid, gid, (gid,), _home(root, uid))
    entry = _find_user(root, name)
    uid, gid = (entry.uid, entry.gid) if entry else (_number(name, "user"), 0)
    more: list[int] = []
    if group:
        gid = _find_group(root, group)
    elif entry:
        more = [number for _, number, members in _groups(root) if entry.name in members]
    groups = tuple(more) if gid in more else (gid, *more)
    return User(uid, gid, groups, _home(root, uid))


@dataclass(frozen=True, slots=True)
class _Account:
    name: str
    uid: int
    gid: int
    home: str


def _find_user(root: str, name: str) -> _Account | None:
    """The first matching account. A number is an id, never a name."""
    wanted = name or "0"
    accounts = _accounts(root)
    if wanted.isdecimal():
        return next((account for account in accounts if account.uid == int(wanted)), None)
    found = next((account for account in accounts if account.name == wanted), None)
    if found is None:
        raise InputError(
            f"unable to find user {name}: the image's /etc/passwd has no such entry",
            help="create the user in an earlier RUN, or give it by number",
        )
    return found


def _find_group(root: str, group: str) -> int:
    if group.isdecimal():
        return _number(group, "group")
    found = next((gid for name, gid, _ in _groups(root) if name == group), None)
    if found is None:
        raise InputError(
            f"unable to find group {group}: the image's /etc/group has no such entry",
            help="create the group in an earlier RUN, or give it by number",
        )
    return found


def _number(text: str, what: str) -> int:
    number = int(text or "0")
    if number > _MOST_ID:
        raise InputError(f"{what} {text}: ids go from 0 to {_MOST_ID}")
    return number


def _is_id(text: str, most: int) -> bool:
    return text == "root" or (text.isdecimal() and int(text) <= most)


def _plain_id(text: str) -> int:
    return 0 if text == "root" else int(text)


def _home(root: str, uid: int) -> str:
    return next((account.home for account in _accounts(root) if account.uid == uid), "/")


def _accounts(root: str) -> Iterator[_Account]:
    for fields in _lines(root, "/etc/passwd"):
        name, _, uid, gid, _, home = (fields + [""] * 6)[:6]
        if uid.isdecimal() and gid.isdecimal():
            yield _Account(name, int(uid), int(gid), home)


def _groups(root: str) -> Iterator[tuple[str, int, list[str]]]:
    for fields in _lines(root, "/etc/group"):
        name, _, gid, members = (fields + [""] * 4)[:4]
        if gid.isdecimal():
            yield name, int(gid), members.split(",")


def _lines(root: str, path: str) -> list[list[str]]:
    """The fields of each line; nothing if the file is missing or no regular file."""
    try:
        descriptor = open_in_root(root, path)
    except OSError:
        return []
    with open(descriptor, "rb") as file:
        data = file.read(_MOST_BYTES + 1)
    if len(data) > _MOST_BYTES:
        raise InputError(f"{path} of the image has more than {_MOST_BYTES} bytes")
    text = os.fsdecode(data)
    return [line.split(":") for line in text.split("\n") if line.strip() and not line.startswith("#")]
