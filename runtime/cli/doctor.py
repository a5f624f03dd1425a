"""``layerc doctor``: what this machine has and lacks for building, and how to get what is missing."""

from __future__ import annotations

import argparse
import json
import os
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

    findings = [*probe(arguments.store), _tracing(arguments.store)]
    can_build = not any(finding.required and finding.state == "missing" for finding in findings)
    if arguments.json:
        print(json.dumps({"can_build": can_build, "findings": [asdict(item) for item in findings]}, indent=2))
    else:
        print(render(findings, Style(wants_colour(sys.stdout))))
        print()
        print("Builds can run here." if can_build else "Builds with RUN can not run here.")
    return 0 if can_build else _CANNOT_BUILD


def _tracing(store_root: str | None) -> Finding:
    """Trace the listing of an empty directory."""
    from ..errors import EnvironmentLackError, StoreError
    from ..sandbox.probe import Finding
    from ..snapshot.mount import enter_mount_namespace
    from ..store import Store
    from ..trace.mirror import mirrored

    name, purpose = "tracing", "steps run again only if something that they read has changed"
    try:
        with Store.open(store_root) as store:
            tree = store.temporary("traced")
            os.mkdir(tree)
            enter_mount_namespace()
            with mirrored(store, tree, xattrs=False) as mirror:
                os.listdir(mirror.path)
    except (EnvironmentLackError, StoreError) as error:
        return Finding(name, "degraded", error.message, purpose, error.help or "")
    if mirror.trace is None:
        return Finding(name, "degraded", mirror.complaint, purpose)
    return Finding(name, "ok", "tried", purpose)


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
