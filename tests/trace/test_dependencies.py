"""Whatever a step depends on: after an edit of it the step runs again, after others it does not, and the image is
the one of a clean build.

The steps of all cases are one Dockerfile, so that each edit is also an edit of what all other steps do not read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from layerc.compiler.options import CompileOptions, NamedContext
from layerc.grammar.source import SourceFile
from layerc.runtime.engine.build import build
from layerc.runtime.engine.request import BuildRequest
from layerc.runtime.events import Event, StepCached, StepStarted
from layerc.runtime.snapshot.entry import Entry
from layerc.runtime.snapshot.mount import enter_mount_namespace
from layerc.runtime.snapshot.view import StackView
from layerc.runtime.store import Store

from .cases import CASES, Case, Edit

pytestmark = pytest.mark.root

IMAGE = "python:3.11-slim-bookworm"
STAGES = 4
HEAD = f"FROM {IMAGE} AS base\nCOPY --from=probe probe /probe\nRUN mkdir /out\n"


class Builder:
    """Builds the same context again and again, in one store."""

    def __init__(self, path: Path, base: dict[str, str], probe: Path) -> None:
        self.context = path / "context"
        self.context.mkdir(parents=True)
        layout = f"oci-layout://{base['layout']}:{base['tag']}"
        self._contexts = {
            IMAGE: NamedContext(IMAGE, "image", layout),
            "probe": NamedContext("probe", "local", str(probe.parent)),
        }
        self.events: list[Event] = []
        self._home = str(path / "store")

    def build(self, text: str, **changes: Any) -> dict[str, Entry]:
        """The image's tree."""
        dockerfile = SourceFile("Dockerfile", text)
        options = CompileOptions(contexts=self._contexts)
        request = BuildRequest(dockerfile, options, context=str(self.context), **changes)
        events: list[Event] = []
        with Store.open(self._home) as store:
            result = build(request, store, events.append)
            view = StackView(store, result.images[-1].diff_ids)
            tree = {entry.path: entry._replace(mtime_ns=0) for entry in view.walk()}
        if not request.no_cache:
            self.events = events
        return tree

    def clean(self, text: str) -> dict[str, Entry]:
        """The tree of a build that knows nothing and observes nothing."""
        return self.build(text, no_cache=True, traced=False)

    def ran(self) -> set[str]:
        return {event.provenance.title for event in self.events if isinstance(event, StepStarted)}

    def levels(self) -> dict[str, str]:
        return {e.provenance.title: e.level for e in self.events if isinstance(e, StepCached)}


@pytest.fixture(scope="module")
def builder(
    tmp_path_factory: pytest.TempPathFactory, bases: dict[str, dict[str, str]], probe: Path
) -> Builder:
    enter_mount_namespace()
    return Builder(tmp_path_factory.mktemp("dependencies"), bases[IMAGE], probe)


def step(name: str, case: Case) -> str:
    mount = f"--mount=type=bind,target=/m,{case.mount.replace('{at}', name)} " if case.mount else ""
    return f"RUN {mount}OUT=/out/{name}; cd /c/{name}; exec >$OUT 2>&1; {case.step}; echo $?"


def dockerfile(cases: dict[str, Case]) -> str:
    """A few stages of many steps, side by side."""
    steps = [step(name, case) for name, case in cases.items()]
    stages = [f"FROM base AS s{n}\nCOPY . /c/\n" + "\n".join(steps[n::STAGES]) for n in range(STAGES)]
    collected = [f"COPY --from=s{n} /{name} /{n}/{name}" for n in range(STAGES) for name in ("c", "out")]
    inputs = "FROM scratch AS inputs\nCOPY . /c/"
    return "\n".join([HEAD, inputs, *stages, "FROM scratch", *collected])


def differing(
    left: dict[str, Entry], right: dict[str, Entry]
) -> dict[str, tuple[Entry | None, Entry | None]]:
    paths = sorted(left.keys() | right.keys())
    return {path: (left.get(path), right.get(path)) for path in paths if left.get(path) != right.get(path)}


def names(titles: set[str]) -> set[str]:
    return {title.split("OUT=/out/")[1].split(";")[0] for title in titles if "OUT=" in title}


def test_every_dependency(builder: Builder) -> None:
    """The first edits of all cases in one build, the second in the next, …"""
    for name, case in CASES.items():
        at = builder.context / name
        at.mkdir()
        case.make(at)
        for path in at.glob("script"):
            path.write_text(path.read_text().replace("{at}", f"/c/{name}"))
    text = dockerfile(CASES)
    builder.build(text)
    assert names(builder.ran()) == set(CASES)
    for number in range(2):
        edited = apply(builder, {name: case.misses[number:] for name, case in CASES.items()})
        builder.build(text)
        assert names(builder.ran()) == edited
        apply(builder, {name: case.hits[number:] for name, case in CASES.items()})
        tree = builder.build(text)
        assert not names(builder.ran())
        assert not differing(tree, builder.clean(text))


def apply(builder: Builder, edits: Mapping[str, Sequence[Edit]]) -> set[str]:
    """Make the first edit of each case; the names of those that had one."""
    edited = {name for name, todo in edits.items() if todo}
    for name in edited:
        edits[name][0](builder.context / name)
    return edited
