"""Runs one RUN step in the sandbox, and says well how it failed."""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from threading import Event, Lock

from ...compiler.graph.operations import Run
from ..errors import StepError
from ..sandbox import Process, ResolvedMount, Sandbox
from ..store import Store
from .scheduler import CancelledStepError

__all__ = ["StepRunner"]

_TAIL_BYTES = 16 << 10
_TAIL_LINES = 20


class StepRunner:
    """Holds the sandbox of one build; it is looked for when the first step needs it."""

    def __init__(self) -> None:
        self._sandbox: Sandbox | None = None
        self._making = Lock()
        self._can_run: dict[str, bool] = {}
        self._registered = False

    def close(self) -> None:
        """End what runs and remove what was made for it."""
        if self._sandbox is not None:
            self._sandbox.close()

    def can_run(self, architecture: str, store: Store) -> bool:
        """Whether programs of ``architecture`` run in steps here; tried once. Raises ``EnvironmentLackError``
        where nothing can be run.
        """
        if architecture not in self._can_run:
            from ..sandbox.emulators import register_found

            runs = self._try(architecture, store)
            if not runs and not self._registered:
                self._registered = True
                runs = register_found() and self._try(architecture, store)
            self._can_run[architecture] = runs
        return self._can_run[architecture]

    def _try(self, architecture: str, store: Store) -> bool:
        from ..sandbox.foreign import can_run
        from ..snapshot.mount import mount

        with store.draft() as draft, mount(store, (), draft) as root:
            return can_run(architecture, root, self._opened().run)

    def _opened(self) -> Sandbox:
        with self._making:
            self._sandbox = self._sandbox or Sandbox()
            return self._sandbox

    def run(
        self,
        run: Run,
        root: str,
        mounts: Sequence[ResolvedMount],
        report: Callable[[int, bytes], None],
        cancel: Event,
    ) -> None:
        """Run the step on the tree at ``root``. Raises :class:`StepError` if it fails,
        :class:`CancelledStepError` if ``cancel`` was set, ``EnvironmentLackError`` where nothing can be run.
        """
        sandbox = self._opened()
        tail = bytearray()

        def output(stream: int, data: bytes) -> None:
            tail.extend(data)
            del tail[:-_TAIL_BYTES]
            report(stream, data)

        status = sandbox.run(root, _process(run), [*mounts, *_scripts(run)], output, cancel)
        if cancel.is_set():
            raise CancelledStepError
        if status != 0:
            lines = bytes(tail).decode("utf-8", "replace").splitlines()[-_TAIL_LINES:]
            raise StepError(_failure(status), status=status, tail=tuple(lines), help=_advice(status, lines))


def _process(run: Run) -> Process:
    # Values of proxy arguments are seen by the step and are no part of its identity.
    return Process(
        run.argv,
        (*run.env, *run.proxy),
        run.cwd,
        run.user,
        run.network,
        run.security,
        run.extra_hosts,
        run.shm_size,
        run.ulimits,
        run.hostname,
    )


def _scripts(run: Run) -> list[ResolvedMount]:
    return [
        ResolvedMount(
            "file",
            f"/dev/pipes/{script.name}",
            read_only=True,
            mode=0o755,
            content=script.content.encode("utf-8", "surrogateescape"),
        )
        for script in run.scripts
    ]


def _failure(status: int) -> str:
    if status > 128:
        try:
            return f"the command was killed by {signal.Signals(status - 128).name} (status {status})"
        except ValueError:
            pass
    return f"the command failed with status {status}"


def _advice(status: int, tail: Sequence[str]) -> str | None:
    if any("exec format error" in line.lower() for line in tail):
        return "a program that was called is made for another platform; 'layerc doctor' tells which run here"
    match status:
        case 126:
            return "a program that was called is not executable, or is made for another platform"
        case 127:
            return "a program that was called is not in the image"
        case 137:
            return "it was killed, perhaps because memory ran out"
        case _:
            return None
