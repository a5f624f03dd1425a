"""``Sandbox``: run programs on prepared root file systems."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Self

from .process import OnOutput, Process, ResolvedMount

if TYPE_CHECKING:
    from .runtime import OciRuntime
    from .workshop import Workshop

__all__ = ["Sandbox"]


class Sandbox:
    """Runs steps, any number at once (threads may share it). What it needs is made at the first step."""

    def __init__(self, runtime: OciRuntime | None = None) -> None:
        self._runtime = runtime
        self._guard = threading.Lock()
        self._made: Workshop | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """End what runs and remove what was made outside of root file systems."""
        with self._guard:
            if self._made is not None:
                self._made.close()
                self._made = None

    def run(
        self,
        rootfs: str,
        process: Process,
        mounts: Sequence[ResolvedMount],
        on_output: OnOutput,
        cancel: threading.Event | None = None,
    ) -> int:
        """Run ``process`` with ``rootfs`` (a writable tree at rest) as its root directory.

        ``on_output(stream, data)`` gets what it prints to 1 or 2. The result is its exit status: 128 + n if
        signal n killed it (137 after ``cancel`` is set), 127 for a program that is not there, 126 for one
        that can not be executed.

        Raises :class:`InputError` (unknown user, missing mount source), :class:`UsageError` (a bad limit,
        network or security mode), :class:`StepError` with status 125 if the container can not be made,
        :class:`EnvironmentLackError` if this machine can not run containers.
        """
        # A build that finds all steps in the cache shall not wait for these.
        from .step import check, run_step

        check(process)
        return run_step(self._workshop(), rootfs, process, mounts, on_output, cancel)

    def _workshop(self) -> Workshop:
        from .runtime import find_runtime
        from .workshop import Workshop

        with self._guard:
            if self._made is None:
                self._made = Workshop(self._runtime or find_runtime())
            return self._made
