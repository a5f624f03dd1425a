"""What the last builds decided: one small file a build, in the store's folder ``builds``.

Files and not rows of the index: a build that finds everything is over in a moment, and to change the index would
take longer than all the rest of it.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Iterator, Mapping
from threading import Lock
from types import TracebackType
from typing import Any, NamedTuple, Self

from ...compiler.graph.layer import ImageLayer
from ...compiler.graph.operations import Base
from ..decisions import Change, Decision, Earlier
from ..events import Event, Reporter, StepCached, StepFailed, StepFinished, StepStarted
from ..store.store import Store
from .request import BuildRequest, UrlContext

__all__ = [
    "BuildRecord",
    "History",
    "StepRecord",
    "name_of",
    "project_id",
    "project_of",
    "read_builds",
]

_KEPT = 20
_FORM = 1


class StepRecord(NamedTuple):
    """One step of a build. ``state``: cached, done, failed, canceled or running (the build was killed or failed).

    ``seconds`` is what it took, or what it once took if it was cached. ``layers`` are the diff IDs that it adds.
    """

    layer: str
    parent: str | None
    stage: str
    step: int
    steps: int
    title: str
    file: str
    line: int
    is_base: bool
    decision: Decision
    state: str = "running"
    seconds: float = 0.0
    size: int = 0
    layers: tuple[str, ...] = ()


class BuildRecord(NamedTuple):
    """One build: when it began (Unix time), how long it took, and its steps in the order of their decisions."""

    number: int
    started: float
    seconds: float
    project: str
    name: str
    failed: bool
    steps: tuple[StepRecord, ...]

    def stack(self, layer: str | None) -> tuple[str, ...] | None:
        """The diff IDs of all layers up to ``layer``; none if one is not known."""
        steps = {step.layer: step for step in self.steps}
        parts: list[tuple[str, ...]] = []
        while layer is not None:
            found = steps.get(layer)
            if found is None or found.state not in ("cached", "done"):
                return None
            parts.append(found.layers)
            layer = found.parent
        return tuple(diff_id for part in reversed(parts) for diff_id in part)


def project_of(request: BuildRequest) -> str:
    """What builds of the same thing have in common: their context and Dockerfile."""
    match request.context:
        case str() as directory:
            context = os.path.realpath(directory)
        case UrlContext(url):
            context = url
        case _:
            context = ""
    path = request.dockerfile_path
    return json.dumps([context, request.dockerfile_name if path is None else os.path.realpath(path)])


def project_id(request: BuildRequest) -> str:
    """:func:`project_of` as records of builds have it."""
    return _digest(project_of(request))


def _digest(project: str) -> str:
    return hashlib.sha256(project.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def project_mark(project: str) -> str:
    """How records name what :func:`project_of` gave: it may hold a password."""
    return hashlib.sha256(project.encode("utf-8", "surrogateescape")).hexdigest()[:16]


def name_of(request: BuildRequest) -> str:
    """How people call what is built: its first tag, else its directory."""
    if request.tags:
        return request.tags[0]
    return os.path.basename(os.path.realpath(request.context)) if isinstance(request.context, str) else ""


class _Step:
    def __init__(self, layer: ImageLayer, decision: Decision) -> None:
        self.layer = layer
        self.decision = decision
        self.state = "running"
        self.seconds = 0.0
        self.size = 0
        self.layers: tuple[str, ...] = ()

    def document(self) -> dict[str, Any]:
        place = self.layer.provenance
        return {
            "layer": self.layer.id,
            "parent": self.layer.parent,
            "stage": place.stage,
            "step": place.step,
            "steps": place.steps,
            "title": place.title,
            "file": place.file,
            "line": place.line,
            "is_base": isinstance(self.layer.operation, Base),
            "decision": _compact(self.decision),
            "state": self.state,
            "seconds": self.seconds,
            "size": self.size,
            "layers": self.layers,
        }


class History:
    """Listens to one build and keeps what it decided. ``project`` identifies builds of the same thing; ``name``
    is how people call it.
    """

    def __init__(self, store: Store, project: str, name: str, reporter: Reporter) -> None:
        self._folder = os.path.join(store.root, "builds")
        self._project = _digest(project)
        self._name = name
        self._report = reporter
        self._started = time.time()
        self._lock = Lock()
        self._layers: Mapping[str, ImageLayer] = {}
        self._steps: dict[str, _Step] = {}
        self._before: tuple[BuildRecord, ...] | None = None

    def set_layers(self, layers: Mapping[str, ImageLayer]) -> None:
        """Tell the layers of the plan."""
        self._layers = layers

    def __call__(self, event: Event) -> None:
        """Take note of ``event`` and hand it on."""
        match event:
            case StepStarted() | StepCached() if event.decision is not None:
                with self._lock:
                    step = self._steps[event.layer] = _Step(self._layers[event.layer], event.decision)
                    if isinstance(event, StepCached):
                        step.state, step.seconds, step.layers = "cached", event.saved, event.layers
            case StepFinished() | StepFailed() if event.layer in self._steps:
                step = self._steps[event.layer]
                step.seconds = event.seconds
                if isinstance(event, StepFinished):
                    step.state, step.size, step.layers = "done", event.size, event.layers
                else:
                    step.state = "canceled" if event.cancelled else "failed"
            case _:
                pass
        self._report(event)

    def stage_of(self, layer: str) -> str:
        """The stage of a layer of the plan, if it has one."""
        return self._layers[layer].provenance.stage if layer in self._layers else ""

    # --- earlier builds -------------------------------------------------------------------------------

    def parent_stack(self, layer: ImageLayer) -> tuple[str, ...] | None:
        """The tree below the step that stood in the place of ``layer`` in the last build of the same project."""
        for build in self._earlier():
            old = _place(build, layer)
            if old is not None:
                return build.stack(old.parent)
        return None

    def counterpart(self, layer: ImageLayer) -> str | None:
        """The id of the step of the last build of the same project that ``layer`` stands in the place of."""
        for build in self._earlier():
            if any(step.stage == layer.provenance.stage for step in build.steps):
                now = {item.provenance.title for item in self._layers.values()}
                old = _place(build, layer, taken=now)
                return None if old is None else old.layer
        return None

    def _earlier(self) -> tuple[BuildRecord, ...]:
        with self._lock:
            if self._before is None:
                found = read_builds(self._folder)
                self._before = tuple(build for build in found if build.project == self._project)
            return self._before

    # --- keeping --------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Write down what was decided. Where that is not possible, only answers to later questions are lost."""
        if self._steps:
            with contextlib.suppress(OSError):
                os.makedirs(self._folder, exist_ok=True)
                self._write(failed=kind is not None)

    def _write(self, *, failed: bool) -> None:
        steps = list(self._steps.values())
        document = {
            "form": _FORM,
            "started": self._started,
            "seconds": time.time() - self._started,
            "project": self._project,
            "name": self._name,
            "failed": failed or any(step.state == "failed" for step in steps),
            "steps": [step.document() for step in steps],
        }
        data = json.dumps(document, separators=(",", ":")).encode()
        idle = all(step.state == "cached" and step.decision.cause == "same" for step in steps)
        mark = hashlib.sha256("".join(self._steps).encode()).hexdigest()[:8] if idle else ""
        earlier = _numbers(self._folder)
        number = max(earlier, default=0)
        while True:
            number += 1
            path = os.path.join(self._folder, f"{number}.{mark}" if mark else str(number))
            try:
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            except FileExistsError:
                continue
            break
        with open(descriptor, "wb") as file:
            file.write(data)
        doomed = sorted(earlier)[: -(_KEPT - 1)]
        # A build that did nothing takes the place of one that did the same nothing just before.
        if mark and earlier and earlier[max(earlier)] == mark:
            doomed.append(max(earlier))
        for old in doomed:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(os.path.join(self._folder, f"{old}.{earlier[old]}" if earlier[old] else str(old)))


def read_builds(folder: str) -> Iterator[BuildRecord]:
    """The builds that are kept, the last one first. What is damaged is left out."""
    names = _numbers(folder)
    for number in sorted(names, reverse=True):
        path = os.path.join(folder, f"{number}.{names[number]}" if names[number] else str(number))
        with contextlib.suppress(OSError, ValueError, TypeError, KeyError):
            with open(path, "rb") as file:
                document = json.loads(file.read())
            yield _build(number, document)


def _numbers(folder: str) -> dict[int, str]:
    """Numbers of builds, with the marks of those that did nothing."""
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return {}
    parts = (name.partition(".") for name in names)
    return {int(number): mark for number, _, mark in parts if number.isdecimal()}


def _build(number: int, document: Mapping[str, Any]) -> BuildRecord:
    if document["form"] != _FORM:
        raise ValueError("of another form")
    steps = tuple(
        StepRecord(**{**step, "decision": _decision(step["decision"]), "layers": tuple(step["layers"])})
        for step in document["steps"]
    )
    values = {name: document[name] for name in ("started", "seconds", "project", "name", "failed")}
    return BuildRecord(number=number, steps=steps, **values)


def _compact(decision: Decision) -> dict[str, Any]:
    if decision.cause == "same":
        return {"level": decision.level, "cause": "same"}
    return {name: value for name, value in decision.to_document().items() if value}


def _decision(data: Mapping[str, Any]) -> Decision:
    values = {"level": None, **data}
    values["changes"] = tuple(Change(**item) for item in data.get("changes", ()))
    values["earlier"] = Earlier(**data["earlier"]) if data.get("earlier") else None
    return Decision(**values)


def _place(build: BuildRecord, layer: ImageLayer, taken: set[str] | None = None) -> StepRecord | None:
    """The step of ``build`` that ``layer`` stands in the place of: one of the same stage with the same text, else
    the one with its number and kind of instruction. ``taken`` are texts that stand in the new Dockerfile as well.
    """
    place = layer.provenance
    steps = [step for step in build.steps if step.stage == place.stage and not step.is_base]
    keyword = place.title.partition(" ")[0]
    same = next((step for step in steps if step.title == place.title), None)
    if same is not None:
        return same
    others = [
        step
        for step in steps
        if step.title.partition(" ")[0] == keyword and (taken is None or step.title not in taken)
    ]
    return min(others, key=lambda step: abs(step.step - place.step), default=None)
