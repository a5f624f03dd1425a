"""Caches that an installer leaves in the layer: what the rules about cleaning up share."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from ...grammar.syntax import Instruction
from .calls import Call
from .finding import Finding
from .subject import Subject
from .tools import append_fix, has_mount, text_of

__all__ = ["in_result", "left_behind", "removes"]


def left_behind(
    subject: Subject,
    tools: Sequence[str],
    fills: Callable[[Call], bool],
    cleans: Callable[[Call], bool],
    mounts: Sequence[str],
    message: str,
    command: str,
) -> Iterator[Finding]:
    """The last call in each RUN that ``fills`` a cache where none after it ``cleans`` it and none of ``mounts``
    (parts of targets) holds it. ``command`` is what would clean.
    """
    filling = [call for tool in tools for call in subject.tools.get(tool, ()) if fills(call)]
    last = {call.instruction.span.start: call for call in filling}
    if not last:
        return
    cleaned = [call for calls in subject.tools.values() for call in calls if cleans(call)]
    for call in last.values():
        after = any(
            each.instruction is call.instruction and each.span.start >= call.span.start for each in cleaned
        )
        if not after and not has_mount(call.instruction, *mounts):
            yield Finding(
                call.words[0].span,
                message,
                f"add && {command}",
                fixes=append_fix(_end(subject, call), command),
            )


def _end(subject: Subject, call: Call) -> Call:
    """The last call of the list in which ``call`` stands: what comes after it may use the cache."""
    if call.chained < 0:
        return call
    return next(
        each
        for each in reversed(subject.calls)
        if each.instruction is call.instruction and each.chained == call.chained
    )


def removes(call: Call, *paths: str) -> bool:
    """Whether it removes what is below one of ``paths``."""
    return call.name in ("rm", "find") and any(text_of(word).startswith(paths) for word in call.words[1:])


def in_result(subject: Subject, instruction: Instruction) -> bool:
    """Whether the stage of ``instruction`` is in an image: it is the last, or another goes on from it."""
    stage = subject.stage_of(instruction)
    return stage.is_last or any(
        view.parent is not None and view.parent.number == stage.number for view in subject.stages
    )
