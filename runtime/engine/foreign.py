"""Steps of another platform than this machine's: refused before anything runs, where they can not run here."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from ...compiler.graph.layer import ImageLayer
from ...compiler.graph.operations import Base, Run
from ..errors import EnvironmentLackError
from ..oci.platforms import Platform, host_platform, parse_platform
from .worker import location_of

if TYPE_CHECKING:
    from ..snapshot.view import StackView
    from ..store import Store
    from .builder import BaseImages
    from .steps import StepRunner

__all__ = ["foreign_steps", "refuse_what_can_not_run"]

_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_MOST_INTERPRETERS = 4


def foreign_steps(
    layers: Mapping[str, ImageLayer], wanted: Iterable[ImageLayer]
) -> list[tuple[ImageLayer, Base]]:
    """Those of ``wanted`` that run programs of an image for another architecture, each with that image."""
    own = host_platform()
    found: list[tuple[ImageLayer, Base]] = []
    bases: dict[str, Base | None] = {}
    for layer in wanted:
        if isinstance(layer.operation, Run):
            base = _base(layers, layer, bases)
            if base is not None and _runs_elsewhere(base, own):
                found.append((layer, base))
    return found


def _runs_elsewhere(base: Base, own: Platform) -> bool:
    platform = parse_platform(base.platform)
    return (platform.os, platform.architecture) != (own.os, own.architecture) or _level(platform) > 1


def _level(platform: Platform) -> int:
    """What a variant of amd64 asks of the processor: 3 for v3. Others ask for nothing that could be told."""
    told = re.fullmatch("v([0-9])", platform.variant)
    return int(told[1]) if platform.architecture == "amd64" and told else 1


def _base(layers: Mapping[str, ImageLayer], layer: ImageLayer, known: dict[str, Base | None]) -> Base | None:
    """The image that a layer is laid over; none where it begins with nothing. Chains can be long."""
    passed: list[str] = []
    found: Base | None = None
    current: ImageLayer | None = layer
    while current is not None:
        if current.id in known:
            found = known[current.id]
            break
        passed.append(current.id)
        if isinstance(current.operation, Base):
            found = current.operation
            break
        current = None if current.parent is None else layers[current.parent]
    known.update(dict.fromkeys(passed, found))
    return found


def refuse_what_can_not_run(
    steps: Sequence[tuple[ImageLayer, Base]], store: Store, images: BaseImages, runner: StepRunner
) -> None:
    """Raises :class:`EnvironmentLackError` for the first of ``steps`` (see :func:`foreign_steps`) in the file whose
    programs run neither on this processor nor in an emulator.

    What an image is said to be for is not always what it holds: before a step is refused, its program is
    looked at, and where that can not be found, the step may try.
    """
    for layer, base in sorted(steps, key=lambda step: step[0].provenance.line):
        platform = parse_platform(base.platform)
        if platform.os != host_platform().os:
            raise EnvironmentLackError(
                f"a step of {platform} can not run on {host_platform()}",
                where=location_of(layer.provenance),
                help="only steps of Linux images can run here",
            )
        if runner.can_run(platform.architecture, store):
            _refuse_level(platform, layer)
            continue
        operation = layer.operation
        assert isinstance(operation, Run)
        held = _architecture(operation, images.materialise(base), store)
        if held is not None and not runner.can_run(held, store):
            from ..sandbox.foreign import EMULATOR_HELP

            raise EnvironmentLackError(
                f"a step of {platform} can not run on {host_platform()}: "
                "this processor does not run its programs, and no emulator is registered",
                where=location_of(layer.provenance),
                help=f"{EMULATOR_HELP}; or cross-build: FROM --platform=$BUILDPLATFORM for the stage that "
                "runs programs, and only COPY from it",
            )


def _refuse_level(platform: Platform, layer: ImageLayer) -> None:
    from ..sandbox.foreign import amd64_level

    if platform.architecture != host_platform().architecture or _level(platform) == 1:
        return
    with open("/proc/cpuinfo", encoding="utf-8", errors="replace") as file:
        level = amd64_level(file.read())
    if level < _level(platform):
        raise EnvironmentLackError(
            f"a step of {platform} can not run here: this processor is linux/amd64/v{level}",
            where=location_of(layer.provenance),
            help=f"build for linux/amd64/v{level}, or on another machine",
        )


def _architecture(run: Run, stack: tuple[str, ...], store: Store) -> str | None:
    """That of the program which ``run`` starts, or of the interpreter of its script; none if it is not there."""
    from ..sandbox.foreign import program_architecture
    from ..snapshot.view import StackView

    view = StackView(store, stack)
    name = run.argv[0]
    for _ in range(_MOST_INTERPRETERS):
        path = _find(view, name, run)
        if path is None:
            return None
        with view.open(path) as file:
            head = file.read(256)
        if not head.startswith(b"#!"):
            return program_architecture(head)
        words = head[2:].split(b"\n", 1)[0].split()
        if not words:
            return None
        name = os.fsdecode(words[0])
    return None


def _find(view: StackView, name: str, run: Run) -> str | None:
    """The regular file that ``name`` means, looked up as a step does."""
    search = dict(run.env).get("PATH", _DEFAULT_PATH).split(":")
    candidates = [os.path.join(run.cwd, name)] if "/" in name else [f"{place}/{name}" for place in search]
    for candidate in candidates:
        path = view.resolve(candidate)
        entry = None if path is None else view.lstat(path)
        if entry is not None and entry.kind == "file":
            return path
    return None
