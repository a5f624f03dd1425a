"""A tiny project that tests really build: a context with busybox, a store, and what happened in the last build."""

from __future__ import annotations

import shutil
from pathlib import Path

from layerc.compiler.options import CompileOptions
from layerc.grammar.source import SourceFile
from layerc.runtime.engine.build import build
from layerc.runtime.engine.request import BuildRequest, BuildResult
from layerc.runtime.events import Event, StepCached, StepOutput, StepStarted
from layerc.runtime.snapshot.view import StackView
from layerc.runtime.store import Store

__all__ = ["BASE", "TinyProject"]

BASE = 'FROM scratch AS base\nCOPY busybox /bin/busybox\nRUN ["/bin/busybox", "--install", "-s", "/bin"]\n'


class TinyProject:
    """A context, a store, and what happened in the last build."""

    def __init__(self, path: Path) -> None:
        self.context = path / "context"
        self.context.mkdir()
        shutil.copy(shutil.which("busybox") or "/bin/busybox", self.context / "busybox")
        self.home = path / "store"
        self.events: list[Event] = []

    def write(self, name: str, content: str) -> None:
        path = self.context / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)

    def request(self, text: str, **changes: object) -> BuildRequest:
        dockerfile = SourceFile("Dockerfile", BASE + text)
        request = BuildRequest(dockerfile, CompileOptions(), context=str(self.context))
        return request._replace(**changes)

    def build(self, text: str, **changes: object) -> BuildResult:
        self.events = []
        with Store.open(str(self.home)) as store:
            return build(self.request(text, **changes), store, self.events.append)

    def ran(self) -> list[str]:
        return [event.provenance.title for event in self.events if isinstance(event, StepStarted)]

    def levels(self) -> dict[str, str]:
        return {e.provenance.title: e.level for e in self.events if isinstance(e, StepCached)}

    def output(self) -> bytes:
        return b"".join(event.data for event in self.events if isinstance(event, StepOutput))

    def read(self, result: BuildResult, path: str) -> str:
        with (
            Store.open(str(self.home)) as store,
            StackView(store, result.images[0].diff_ids).open(path) as file,
        ):
            return file.read().decode()
