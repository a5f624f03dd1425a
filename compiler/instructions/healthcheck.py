"""HEALTHCHECK: how to tell that a container is well."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from ..config import Healthcheck
from ..gotext import format_duration, format_list, parse_duration
from ..site import Site
from ..stage import Stage
from ..suggest import suggestion
from .command import Command, at_least_one
from .flags import Flags, read_flags

__all__ = ["HealthCheck"]

_DURATIONS = ("interval", "timeout", "start-period", "start-interval")
_SHORTEST = 1_000_000  # one millisecond


@dataclass(frozen=True, slots=True, eq=False)
class HealthCheck(Command):
    """Nothing in it is expanded."""

    check: Healthcheck

    @classmethod
    def read(cls, site: Site) -> Self:
        """``HEALTHCHECK [flags] CMD command`` or ``HEALTHCHECK NONE``."""
        kind, *args = at_least_one(site)
        kind = kind.upper()
        if kind == "NONE":
            if args:
                raise site.error("HEALTHCHECK NONE takes no arguments")
            return cls(site, Healthcheck(("NONE",)))
        flags = read_flags(site, texts=(*_DURATIONS, "retries"))
        if kind != "CMD":
            raise site.error(
                f'Unknown type "{kind}" in HEALTHCHECK (try CMD)', help=suggestion(kind, ("CMD", "NONE"))
            )
        command = tuple(args) if site.instruction.exec_form else (" ".join(args),) if args else ()
        if not command:
            raise site.error("Missing command after HEALTHCHECK CMD")
        interval, timeout, start_period, start_interval = (
            _duration(site, flags, name) for name in _DURATIONS
        )
        test = ("CMD" if site.instruction.exec_form else "CMD-SHELL", *command)
        retries = _retries(site, flags)
        return cls(site, Healthcheck(test, interval, timeout, start_period, start_interval, retries))

    def apply(self, stage: Stage) -> None:
        """Set the check of the image."""
        stage.checks.used_once(stage, self.site)
        stage.change(healthcheck=self.check)
        stage.record(f"HEALTHCHECK {_told(self.check)}")


def _duration(site: Site, flags: Flags, name: str) -> int:
    text = flags.text(name)
    if not text:
        return 0
    try:
        value = parse_duration(text)
    except ValueError:
        raise site.error(f"--{name}: invalid duration {text!r}", help="write it as 1m30s or 500ms") from None
    if value != 0 and value < _SHORTEST:
        raise site.error(f'Interval "{name}" cannot be less than 1ms')
    return value


def _retries(site: Site, flags: Flags) -> int:
    text = flags.text("retries")
    if not text:
        return 0
    digits = text[1:] if text[0] in "+-" else text
    if not (digits.isascii() and digits.isdigit()) or int(digits) >= 2**31:
        raise site.error(f"--retries: invalid number {text!r}")
    if text.startswith("-") and int(digits):
        raise site.error(f"--retries cannot be negative ({text})")
    return int(digits)


def _told(check: Healthcheck) -> str:
    """The check as history shows it: the fields of the document, in its order."""
    times = {
        "Interval": check.interval,
        "Timeout": check.timeout,
        "StartPeriod": check.start_period,
        "StartInterval": check.start_interval,
    }
    fields = [f"Test:{format_list(check.test)}", *(f"{k}:{format_duration(v)}" for k, v in times.items())]
    return "{" + " ".join([*fields, f"Retries:{check.retries}"]) + "}"
