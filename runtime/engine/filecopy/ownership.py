"""``--chown``: names are looked up in the image that is copied into."""

from __future__ import annotations

import re
from collections.abc import Callable

from ...errors import InputError
from ...sources.tree import SourceTree, TooManyLinksError, follow

__all__ = ["OWNER_FILES", "needs_users", "resolve_owner"]

OWNER_FILES = ("etc/passwd", "etc/group")

MAX_SIZE = 10 << 20
_ID = re.compile(r"\d{1,10}", re.ASCII)
_MAX_ID = 0x7FFFFFFF


def resolve_owner(chown: str, tree: SourceTree, warn: Callable[[str], None] | None = None) -> tuple[int, int]:
    """User and group number of ``user``, ``user:group``, ``:group``, each a name or a number.

    A number alone stands for the group too; a name alone has its own group in ``/etc/passwd``. What is left
    empty is root. As with BuildKit a user whom the image does not know is root, and an unknown group changes
    nothing; ``warn`` is told so.
    """
    user, colon, group = chown.partition(":")
    uid = gid = 0
    if user not in {"", "root"}:
        number = _number(user)
        uid, gid = (number, number) if number is not None else _look_up(tree, "passwd", user, warn) or (0, 0)
    if not colon:
        return uid, gid
    if group in {"", "root"}:
        return uid, 0
    number = _number(group)
    if number is not None:
        return uid, number
    found = _look_up(tree, "group", group, warn)
    return uid, gid if found is None else found[0]


def needs_users(chown: str) -> bool:
    """Whether :func:`resolve_owner` has to look a name up."""
    return any(part not in {"", "root"} and _number(part) is None for part in chown.split(":", 1))


def _number(text: str) -> int | None:
    if not _ID.fullmatch(text) or int(text) > _MAX_ID:
        return None
    return int(text)


def _look_up(
    tree: SourceTree, database: str, name: str, warn: Callable[[str], None] | None
) -> tuple[int, int] | None:
    """The numbers of ``name``, if it is known: user and group in ``passwd``, group and zero in ``group``."""
    names: list[str] = []
    for line in _lines(tree, f"etc/{database}"):
        fields = line.strip().split(":")
        if len(fields) < 3:
            continue
        if fields[0] == name and fields[2].isdecimal():
            group = fields[3] if database == "passwd" and len(fields) > 3 else ""
            return int(fields[2]), int(group) if group.isdecimal() else 0
        names.append(fields[0])
    kind, instead = ("user", "root owns the files") if database == "passwd" else ("group", "it is left out")
    if warn is not None:
        advice = _advice(name, names, kind)
        warn(f"there is no {kind} {name!r} in /etc/{database} of the image, so {instead}: {advice}")
    return None


def _advice(name: str, names: list[str], kind: str) -> str:
    from difflib import get_close_matches  # only needed to word an error

    close = get_close_matches(name, names, 1)
    if close:
        return f"did you mean {close[0]!r}?"
    return f"add the {kind} in an earlier RUN, or give its number"


def _lines(tree: SourceTree, path: str) -> list[str]:
    try:
        resolved = follow(tree, path)
    except TooManyLinksError:
        return []
    entry = tree.lstat(resolved)
    if entry is None or entry.kind != "file":
        return []
    if entry.size > MAX_SIZE:
        raise InputError(f"/{path} of the image is larger than {MAX_SIZE >> 20} MiB")
    with tree.open(resolved) as file:
        return file.read().decode("utf-8", "surrogateescape").split("\n")
