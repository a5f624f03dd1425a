"""Finding a step of a recorded build by what people call it."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING

from ..errors import InputError, UsageError

if TYPE_CHECKING:
    from ..engine.history import BuildRecord, StepRecord
    from ..store.store import Store

__all__ = ["find_build", "find_last", "find_steps", "step_title"]

_NUMBERED = re.compile(r"(?:(?P<stage>[^\s:]+)[\s:])?(?P<step>\d+)(?:/\d+)?")


def find_build(store: Store, number: int | None) -> BuildRecord:
    """Build ``number``, or the last one. Raises :class:`InputError` where there is none."""
    from ..engine.history import read_builds

    for build in read_builds(os.path.join(store.root, "builds")):
        if number is None or build.number == number:
            return build
    if number is None:
        raise InputError(
            f"the store at {store.root} has no record of a build",
            help="layerc build makes one; --store names a store",
        )
    raise InputError(
        f"there is no record of build {number}", help="layerc explain --list shows those that are kept"
    )


def find_last(store: Store, text: str) -> StepRecord:
    """The step that ``text`` names, of the last build that needed it. Raises as the other two."""
    from ..engine.history import read_builds

    last = find_build(store, None)
    for build in read_builds(os.path.join(store.root, "builds")):
        if build.project == last.project:
            try:
                return find_steps(build, text)[0]
            except UsageError:
                continue
    return find_steps(last, text)[0]


def find_steps(build: BuildRecord, text: str) -> list[StepRecord]:
    """The steps that ``text`` names: ``STAGE:NUMBER``, the number alone, or a part of the instruction. Raises
    :class:`UsageError` where there is none, or a number is that of several stages.
    """
    words = text.strip().strip("[]")
    numbered = _NUMBERED.fullmatch(words)
    if numbered is not None:
        stage, number = numbered["stage"], int(numbered["step"])
        found = [item for item in build.steps if item.step == number and stage in (None, *_stages(item))]
        if stage is None and len(found) > 1:
            raise UsageError(
                f"several stages have a step {number}",
                help=f"name the stage: {found[0].stage or 'STAGE'}:{number}",
            )
    else:
        found = [item for item in build.steps if words.casefold() in step_title(item).casefold()]
    if not found:
        raise UsageError(
            f"build {build.number} has no step {text!r}",
            help="a step is STAGE:NUMBER, as in build:2, or a part of its instruction; layerc explain shows them",
        )
    return found


def _stages(step: StepRecord) -> tuple[str, str]:
    """How the stage of a step is called, with its platform and without."""
    return step.stage, step.stage.rpartition(" ")[2]


def step_title(step: StepRecord) -> str:
    """``[build 2/4] RUN make``, on one line."""
    title = " ".join(step.title.split())
    if not step.step:
        return title
    return (
        f"[{step.stage} {step.step}/{step.steps}] {title}"
        if step.stage
        else f"[{step.step}/{step.steps}] {title}"
    )
