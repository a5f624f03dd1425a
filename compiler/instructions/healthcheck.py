"""HEALTHCHECK: how to tell that a container is well."""

from __future__ import annotations

from typing import Final, Self

from ..config import Healthcheck
from ..gotext import format_duration, format_list, parse_duration
from ..site import Site
from ..stage import Stage
from .command import Command
from .flags import flag_text

__all__ = ["HealthCheck"]

_DURATIONS = ("interval", "timeout", "start-period", "start-interval")
_SHORTEST = 1_000_000  # one millisecond


class HealthCheck(Command):
    """Nothing in it is expanded."""

    def __init__(self, site: Site, check: Healthcheck) -> None:
        super().__init__(site)
        self.check: Final = check

    @classmethod
    def read(cls, site: Site) -> Self:
        """``HEALTHCHECK [flags] CMD command`` or ``HEALTHCHECK NONE``."""
        kind, *args = site.instruction.args
        if kind.upper() == "NONE":
            return cls(site, Healthcheck(("NONE",)))
        command = args if site.instruction.exec_form else [" ".join(args)]
        test = ("CMD" if site.instruction.exec_form else "CMD-SHELL", *command)
        interval, timeout, start_period, start_interval = (_duration(site, name) for name in _DURATIONS)
        return cls(site, Healthcheck(test, interval, timeout, start_period, start_interval, _retries(site)))

    def apply(self, stage: Stage) -> None:
        """Set the check of the image."""
        stage.checks.used_once(self.site, stage.used)
        stage.change(healthcheck=self.check)
        stage.record(f"HEALTHCHECK {_told(self.check)}")


def _duration(site: Site, name: str) -> int:
    text = flag_text(site, name)
    if not text:
        return 0
    try:
        value = parse_duration(text)
    except ValueError:
        raise site.error(
            f"--{name}: invalid duration {text!r}", help="write it as 1m30s or 500ms", flag=name
        ) from None
    if value != 0 and value < _SHORTEST:
        raise site.error(
            f"--{name} cannot be less than 1ms", help="leave it out, or give a longer time", flag=name
        )
    return value


def _retries(site: Site) -> int:
    text = flag_text(site, "retries")
    if not text:
        return 0
    digits = text[1:] if text[0] in "+-" else text
    if not (digits.isascii() and digits.isdigit()) or int(digits) >= 2**31:
        raise site.error(f"--retries: invalid number {text!r}", help="a number such as 3", flag="retries")
    if text.startswith("-") and int(digits):
        raise site.error(f"--retries cannot be negative ({text})", help="a number such as 3", flag="retries")
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
