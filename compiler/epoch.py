"""SOURCE_DATE_EPOCH: the time that a reproducible image tells of itself.

Source: BuildKit, ``docs/build-repro.md`` and ``frontend/dockerfile/dockerfile2llb/epoch.go``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from ..grammar.errors import CompileError
from .binding import find_context
from .config import rfc3339
from .options import CompileOptions
from .platforms import Platform
from .program import Program

__all__ = ["EPOCH", "resolve_epoch", "with_epoch"]

EPOCH = "SOURCE_DATE_EPOCH"

_NUMBER = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_HELP = "give the seconds since 1970-01-01, such as 1700000000"


def resolve_epoch(
    program: Program, options: CompileOptions, arguments: Mapping[str, str], target: Platform
) -> int | None:
    """The Unix time that ``--build-arg`` or else a global ARG gives; none where neither does, or where it is
    to be taken from a context that has no time of its own. Raises ``CompileError``.
    """
    text = options.build_args.get(EPOCH, arguments.get(EPOCH, ""))
    if not text:
        return None
    if _NUMBER.fullmatch(text):
        try:
            rfc3339(int(text))
        except ValueError:
            raise _error(program, options, f"{EPOCH} is out of range: {text}", _HELP) from None
        return int(text)
    if text == "context":
        return options.context_time
    try:
        context = find_context(options.contexts, text, target)
    except ValueError:
        context = None
    if context is not None and context.kind in ("local", "image"):
        return None
    stages = (stage.from_.name for stage in program.stages)
    if context is not None or text.lower() in (name.lower() for name in stages if name):
        what = f"the named context {text}" if context is not None else f"what the stage {text} adds"
        raise _error(program, options, f"{EPOCH} can not be taken from {what} yet", _HELP)
    raise _error(program, options, f"invalid {EPOCH}: {text}", _HELP)


def with_epoch(values: Mapping[str, str], epoch: int | None) -> dict[str, str]:
    """``values`` with the number in the place of how it was given; without it where there is none."""
    if EPOCH not in values:
        return dict(values)
    if epoch is None:
        return {name: value for name, value in values.items() if name != EPOCH}
    return {**values, EPOCH: str(epoch)}


def _error(program: Program, options: CompileOptions, message: str, help: str) -> CompileError:  # noqa: A002
    """At the ARG that is the last to set it, if ``--build-arg`` does not."""
    if EPOCH not in options.build_args:
        for argument in reversed(program.arguments):
            if any(name == EPOCH for name, _ in argument.declared):
                return argument.site.error(message, help=help, at=EPOCH)
    return CompileError(message, help=help)
