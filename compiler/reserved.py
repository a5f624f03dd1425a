"""Build arguments with names of BuildKit's own: they change how it builds, whatever the Dockerfile declares.

Others are read where they are used: ``BUILDKIT_DOCKERFILE_CHECK`` by the checks,
``BUILDKIT_CONTEXT_KEEP_GIT_DIR`` where contexts are fetched, ``SOURCE_DATE_EPOCH`` for times.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..grammar.errors import CompileError
from .gotext import parse_bool

__all__ = ["cache_namespace", "refuse_removed", "sandbox_hostname", "unsupported", "wants_index"]

_MULTI_PLATFORM = "BUILDKIT_MULTI_PLATFORM"
_REMOVED = "BUILDKIT_DISABLE_FILEOP"
# Of no effect here, and what that means for the user.
_UNSUPPORTED = {
    "BUILDKIT_SYNTAX": "layerc is the frontend itself, and runs no other",
    "BUILDKIT_INLINE_CACHE": "the cache is the store, and no image holds it",
}
_NO = ("", "0", "false")
_ATTESTATIONS = "BUILDKIT_ATTEST_"


def wants_index(given: Mapping[str, str], platforms: Sequence[str]) -> bool:
    """Whether the result is an index of platforms, even of one alone. Raises ``CompileError``."""
    several = len(platforms) > 1
    text = given.get(_MULTI_PLATFORM, "")
    if not text:
        return several
    try:
        wanted = parse_bool(text)
    except ValueError:
        raise CompileError(
            f"invalid boolean value for multi-platform: {text}",
            help=f"--build-arg {_MULTI_PLATFORM}= takes true or false",
        ) from None
    if several and not wanted:
        raise CompileError(
            "conflicting config: returning multiple target platforms is not allowed",
            help=f"leave out --build-arg {_MULTI_PLATFORM}, or name one --platform",
        )
    return wanted


def sandbox_hostname(given: Mapping[str, str]) -> str:
    """The host name that steps see; empty for the usual one."""
    return given.get("BUILDKIT_SANDBOX_HOSTNAME", "")


def cache_namespace(given: Mapping[str, str]) -> str:
    """What keeps the cache mounts of this build apart from those of others; empty for the common ones."""
    return given.get("BUILDKIT_CACHE_MOUNT_NS", "")


def refuse_removed(given: Mapping[str, str]) -> None:
    """Raises ``CompileError`` for what BuildKit, too, refuses by now."""
    try:
        refused = parse_bool(given.get(_REMOVED, "false"))
    except ValueError:
        refused = False
    if refused:
        raise CompileError(
            f'support for "{_REMOVED}" build-arg was removed in BuildKit 0.11', help="leave it out"
        )


def unsupported(given: Mapping[str, str]) -> tuple[str, ...]:
    """What to tell the user of arguments that have an effect in BuildKit and none here."""
    told = [
        f"build argument {name} has no effect: {why}"
        for name, why in _UNSUPPORTED.items()
        if given.get(name, "") not in _NO
    ]
    told += [
        f"build argument {name} has no effect: layerc makes no attestations"
        for name in sorted(given)
        if name.startswith(_ATTESTATIONS)
    ]
    return tuple(told)
