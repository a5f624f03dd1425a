"""How steps, times and sizes are written."""

from __future__ import annotations

from collections.abc import Sequence

from ....compiler.graph.layer import Provenance
from ...events import CheckWarning, TaskProgress

__all__ = ["amount", "duration", "size_text", "step_name", "warning_lines"]

_UNITS = ("B", "kB", "MB", "GB", "TB")


def step_name(provenance: Provenance) -> str:
    """``[build 2/4] RUN make``, on one line.

    >>> step_name(Provenance(stage="build", title="RUN make", step=2, steps=4))
    '[build 2/4] RUN make'
    """
    from ..terminal import visible

    title = visible(" ".join((provenance.title or provenance.text or "layer").split()))
    if not provenance.step:
        return title
    stage = f"{visible(provenance.stage)} " if provenance.stage else ""
    return f"[{stage}{provenance.step}/{provenance.steps}] {title}"


def duration(seconds: float) -> str:
    """A time for people: ``0.3s``, ``1m03s``, ``2h05m``.

    >>> duration(0.31), duration(63.4), duration(7500)
    ('0.3s', '1m03s', '2h05m')
    """
    if seconds < 59.95:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m{rest:02}s"
    return f"{minutes // 60}h{minutes % 60:02}m"


def size_text(count: int) -> str:
    """Bytes for people.

    >>> size_text(999), size_text(1_234_567)
    ('999 B', '1.2 MB')
    """
    value, unit = float(count), 0
    while value >= 999.95 and unit < len(_UNITS) - 1:
        value, unit = value / 1000, unit + 1
    return f"{value:.1f} {_UNITS[unit]}" if unit else f"{count} B"


def amount(event: TaskProgress) -> str:
    """How far a task has come: ``3.0 MB of 12.5 MB``, ``200 files``."""
    if event.unit == "bytes":
        done, total = size_text(event.done), size_text(event.total)
        return f"{done} of {total}" if event.total else done
    return f"{event.done} of {event.total} {event.unit}" if event.total else f"{event.done} {event.unit}"


def warning_lines(warnings: Sequence[CheckWarning]) -> list[str]:
    """What is said at the end of what the build checks found; nothing if they found nothing.

    >>> warning_lines([CheckWarning("UndefinedVar", "no $x", "Dockerfile:3")])
    ['1 warning found (layerc build --check explains it):', ' - UndefinedVar: no $x (Dockerfile:3)']
    """
    from ..terminal import visible

    if not warnings:
        return []
    count, them = ("1 warning", "it") if len(warnings) == 1 else (f"{len(warnings)} warnings", "them")
    found = (f"{item.rule}: {item.message} ({item.where})" for item in warnings)
    return [
        f"{count} found (layerc build --check explains {them}):",
        *(f" - {visible(text)}" for text in found),
    ]
