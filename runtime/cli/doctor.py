"""``layerc doctor``: what this machine has and lacks for building, and how to get what is missing."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING

from .options import add_store_option
from .terminal import Style, visible, wants_colour

if TYPE_CHECKING:
    from ..sandbox.probe import Finding
    from .parser import ArgumentParser

__all__ = ["add_arguments", "run"]

_MARKS = {"ok": ("✓", "green"), "degraded": ("!", "yellow"), "missing": ("✗", "red")}
_CANNOT_BUILD = 5


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the command."""
    parser.usage = "layerc doctor [--json]"
    parser.description = (
        "Tell what of the kernel, the container runtime and the privileges is there.\n"
        "The exit code is 0 when builds can run here, else 5."
    )
    parser.add_argument("--json", action="store_true", help="print the findings as JSON")
    add_store_option(parser)


def run(arguments: argparse.Namespace) -> int:
    """Probe and print."""
    from ..sandbox.probe import probe

    findings = probe(arguments.store)
    can_build = not any(finding.required and finding.state == "missing" for finding in findings)
    if arguments.json:
        print(json.dumps({"can_build": can_build, "findings": [asdict(item) for item in findings]}, indent=2))
    else:
        print(render(findings, Style(wants_colour(sys.stdout))))
        print()
        print("Builds can run here." if can_build else "Builds with RUN can not run here.")
    return 0 if can_build else _CANNOT_BUILD


def render(findings: Sequence[Finding], style: Style) -> str:
    """A line for each finding, and for what is missing how to get it."""
    lines: list[str] = []
    names = max(len(finding.name) for finding in findings)
    for finding in findings:
        mark, colour = _MARKS[finding.state]
        lines.append(f"{style(colour, mark)} {finding.name:<{names}}  {visible(finding.detail)}")
        if finding.state != "ok":
            lines.append(f"  {'':<{names}}  needed for: {finding.purpose}")
            lines += [f"  {'':<{names}}  {finding.help}"] if finding.help else []
    return "\n".join(lines)
