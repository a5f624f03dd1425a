"""``--chmod``: an octal number or the symbolic form of BSD's ``chmod``, which BuildKit reads it with."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

__all__ = ["Mode", "parse_mode"]

_SETID = 0o6000
_STICKY = 0o1000
_STANDARD = 0o6777
_CLASSES = {"u": (0o4700, 6), "g": (0o2070, 3), "o": (0o0007, 0)}
_PERMISSIONS = {"r": 0o444, "w": 0o222, "x": 0o111}

# What one clause does: from the mode as it was, the mode so far, and "is a directory or executable".
_Change = Callable[[int, bool], int]


class Mode(NamedTuple):
    """A parsed ``--chmod``. ``number`` is none for the symbolic form.

    >>> oct(parse_mode("640").apply(0o755, False)), oct(parse_mode("go-w,a+X").apply(0o622, True))
    ('0o640', '0o711')
    """

    number: int | None
    changes: tuple[_Change, ...] = ()

    def apply(self, mode: int, is_directory: bool) -> int:
        """The permission bits that an entry with ``mode`` gets."""
        if self.number is not None:
            return self.number
        executable = is_directory or bool(mode & 0o111)
        for change in self.changes:
            mode = change(mode, executable)
        return mode


def parse_mode(text: str) -> Mode:
    """Raises ``ValueError`` where ``text`` is neither form."""
    if re.fullmatch(r"[0-7]+", text, re.ASCII):
        number = int(text, 8)
        if number <= 0o7777:
            return Mode(number)
    if not text or text[0] in "0123456789":
        raise ValueError(f"invalid chmod parameter: {text!r}: it should be an octal number from 0 to 07777")
    changes: list[_Change] = []
    for clause in text.split(","):
        changes += _clause(clause, text)
    return Mode(None, tuple(changes))


def _clause(clause: str, text: str) -> list[_Change]:
    match = re.match(r"[augo]*", clause)
    letters = match.group() if match else ""
    rest = clause[len(letters) :]
    who = 0
    for letter in letters:
        who |= _STANDARD if letter == "a" else _CLASSES[letter][0]
    parts = re.findall(r"[-+=][rstwXxugo]*", rest)
    if not parts or "".join(parts) != rest:
        raise ValueError(
            f"invalid chmod parameter: {text!r}: it should be an octal number, or like u+x,go-w,a=rX"
        )
    changes: list[_Change] = []
    for part in parts:
        changes += _operation(part[0], part[1:], who)
    return changes


def _operation(operator: str, letters: str, who: int) -> list[_Change]:
    """The changes of one operator and the letters after it. A letter ``u``, ``g`` or ``o`` ends what was
    collected before it.
    """
    changes: list[_Change] = []
    bits = conditional = 0
    copied = False

    def flush() -> None:
        nonlocal bits, conditional
        if bits or (operator == "=" and not copied):
            changes.append(_set(operator, who, bits))
        if conditional:
            changes.append(_set_if_executable(conditional & who if who else conditional))
        bits = conditional = 0

    for letter in letters:
        applies = not who or bool(who & ~0o007)
        if letter in _PERMISSIONS:
            bits |= _PERMISSIONS[letter]
        elif letter == "X":
            if operator == "-":
                bits |= 0o111
            else:
                conditional |= 0o111
        elif letter == "s":
            bits |= _SETID if applies else 0
        elif letter == "t":
            if applies:
                who |= _STICKY
                bits |= _STICKY
        else:
            copied = True
            flush()
            changes.append(_copy(operator, who, letter))
    flush()
    return changes


def _set(operator: str, who: int, bits: int) -> _Change:
    bits = bits & who if who else bits
    if operator == "-":
        return lambda mode, _: mode & ~bits
    if operator == "+":
        return lambda mode, _: mode | bits
    cleared = who or _STANDARD
    return lambda mode, _: mode & ~cleared | bits


def _set_if_executable(bits: int) -> _Change:
    return lambda mode, executable: mode | bits if executable else mode


def _copy(operator: str, who: int, source: str) -> _Change:
    """Copy the permissions of class ``source`` to the classes in ``who`` (none: all)."""
    shift_from = _CLASSES[source][1]
    targets = [shift for bits, shift in _CLASSES.values() if not who or who & bits & 0o444]

    def change(mode: int, _: bool) -> int:
        value = mode >> shift_from & 0o7
        for shift in targets:
            if operator == "=":
                mode &= ~(0o7 << shift)
            if operator == "-":
                mode &= ~(value << shift)
            else:
                mode |= value << shift
        return mode

    return change
