"""What the programs that measure whole builds share: the page, the machine, a quiet moment to begin."""

from __future__ import annotations

import os
import platform
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "benchmarks.md"
END = "<!-- end of results -->"
MACHINE = (
    f"{os.cpu_count()} processors, {round(os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 2**30)} GiB "
    f"of memory, Linux {platform.release().split('-')[0]}, Python {platform.python_version()}"
)


def write_section(program: str, text: str) -> None:
    """Put the results of ``program`` between their markers on the page."""
    page = PAGE.read_text(encoding="utf-8")
    head, begin, rest = page.partition(f"<!-- results of {program} -->")
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{PAGE.name} has no place for results of {program}")
    PAGE.write_text(f"{head}{begin}\n\n{text}\n\n{end}{tail}", encoding="utf-8")


def wait_for_quiet(patience: float) -> None:
    """Return when the processors were idle for most of half a second, or when patience ends."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        idle, total = _processor_times()
        time.sleep(0.5)
        later, total_later = _processor_times()
        if later - idle > 0.75 * (total_later - total):
            return


def _processor_times() -> tuple[int, int]:
    """Idle and all ticks since boot."""
    with open("/proc/stat", encoding="ascii") as file:
        ticks = [int(word) for word in file.readline().split()[1:9]]
    return ticks[3] + ticks[4], sum(ticks)


def say(message: str) -> None:
    """For people who wait."""
    print(message, file=sys.stderr, flush=True)
