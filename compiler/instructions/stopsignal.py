"""STOPSIGNAL: how a container is asked to stop."""

from __future__ import annotations

from typing import Final, Self

from ..site import Site
from ..stage import Stage
from ..suggest import suggestion
from .command import Command

__all__ = ["StopSignal"]

_NAMES = (
    *("ABRT", "ALRM", "BUS", "CHLD", "CLD", "CONT", "FPE", "HUP", "ILL", "INT", "IO", "IOT", "KILL", "PIPE"),
    *("POLL", "PROF", "PWR", "QUIT", "SEGV", "STKFLT", "STOP", "SYS", "TERM", "TRAP", "TSTP", "TTIN", "TTOU"),
    *("URG", "USR1", "USR2", "VTALRM", "WINCH", "XCPU", "XFSZ", "RTMIN", "RTMAX"),
    *(f"RTMIN+{number}" for number in range(1, 16)),
    *(f"RTMAX-{number}" for number in range(1, 15)),
)
_KNOWN = frozenset(_NAMES)


class StopSignal(Command):
    """A signal's name, with or without SIG, or number. Flags are ignored here, as in BuildKit."""

    def __init__(self, site: Site, signal: str) -> None:
        super().__init__(site)
        self.signal: Final = signal

    @classmethod
    def read(cls, site: Site) -> Self:
        """``STOPSIGNAL signal``."""
        return cls(site, site.instruction.args[0])

    def apply(self, stage: Stage) -> None:
        """Set the signal of the image, spelled as the user did."""
        signal = stage.expand(self.site, self.signal)
        name = signal.upper().removeprefix("SIG")
        if name not in _KNOWN and not _is_number(signal):
            raise self.site.error(
                f"invalid signal: {signal}",
                help=suggestion(name, _NAMES) or "a name such as SIGTERM, or a number",
                at=signal,
            )
        stage.change(stop_signal=signal)
        stage.record(f"STOPSIGNAL {signal}")


def _is_number(text: str) -> bool:
    digits = text.removeprefix("-") if text.startswith("-") else text.removeprefix("+")
    return digits.isascii() and digits.isdigit() and int(digits) != 0
