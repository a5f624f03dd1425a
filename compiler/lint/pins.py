"""Packages that are installed in whatever version there is: what the rules about pinned versions share."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence

from .calls import Call, CallWord
from .finding import Finding
from .tools import operands, text_of

__all__ = ["is_rpm_pinned", "packages_behind", "unpinned"]

_SHOWN = 3


def packages_behind(call: Call, subcommands: Collection[str], valued: Collection[str] = ()) -> list[CallWord]:
    """The operands of ``call`` that are none of ``subcommands``; none if it has none of these."""
    words = operands(call, valued)
    if not any(word.shown in subcommands for word in words):
        return []
    return [word for word in words if word.shown not in subcommands]


def unpinned(
    packages: Sequence[CallWord], is_pinned: Callable[[str], bool], pinned_form: str
) -> Iterator[Finding]:
    """One finding, on the first of ``packages`` whose version is open; ``pinned_form`` is how to write it."""
    names = [word for word in packages if not is_pinned(text_of(word))]
    if names:
        shown = ", ".join(text_of(word) for word in names[:_SHOWN])
        more = len(names) - _SHOWN
        message = f"No version is given for {shown}{f' and {more} more' if more > 0 else ''}"
        yield Finding(names[0].span, message, f"write {pinned_form}")


def is_rpm_pinned(package: str, variables: Collection[str]) -> bool:
    """Whether ``name-version`` or a file is given, for yum and dnf; ``variables`` may hold a version."""
    name, *parts = package.split("-")
    if package.endswith(".rpm"):
        return True
    if not parts or not name:
        return False
    if "$" in package:
        return any(f"${{{name}}}" in package or f"${name}" in package for name in variables)
    return all(_is_version(part) for part in parts) and any(part[:1].isdigit() for part in parts)


def _is_version(part: str) -> bool:
    return all(char.isascii() and (char.isalnum() or char in ".~^_:+") for char in part)
