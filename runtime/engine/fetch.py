"""What is outside the machine: files at URLs, git repositories. Fetched once a build, when needed."""

from __future__ import annotations

from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING

from ...compiler.graph.operations import GitTree, HttpFile
from ..events import Reporter
from ..sources.tree import SourceTree
from ..store import Store
from .secrets import Credentials

if TYPE_CHECKING:
    from ..snapshot.view import StackView
    from ..sources.git import GitSource
    from ..sources.http import HttpSource, HttpTree

__all__ = ["Fetcher"]


class Fetcher:
    """Hands URLs to the source that knows their kind. Threads may share it.

    ``credentials`` are for their servers. ``ssh_socket`` gives the socket of the agent for repositories that
    are read with ssh, or none.
    """

    def __init__(
        self,
        store: Store,
        report: Reporter,
        check: Callable[[], None],
        ssh_socket: Callable[[], str | None] = lambda: None,
        credentials: Credentials | None = None,
    ) -> None:
        self._store = store
        self._report = report
        self._check = check
        self._ssh_socket = ssh_socket
        self._credentials = credentials or Credentials()
        self._lock = Lock()
        self._http: HttpSource | None = None
        self._git: GitSource | None = None

    def fetch(self, source: HttpFile | GitTree) -> SourceTree:
        """The tree behind ``source``. Raises :class:`SourceError`, :class:`IntegrityError`."""
        return self.download(source) if isinstance(source, HttpFile) else self._clone(source)

    def download(self, source: HttpFile, name: str = "") -> HttpTree:
        """The file at a URL, called ``name`` (default: as the URL says). Raises as :meth:`fetch`."""
        # Imported here, as git is below: most builds download nothing.
        from ..sources.http import HttpSource

        with self._lock:
            self._http = self._http or HttpSource(
                self._store, authorization=self._credentials.http, report=self._report, check=self._check
            )
        return self._http.fetch(source, name)

    def _clone(self, source: GitTree) -> StackView:
        from ..sources.git import GitSource

        with self._lock:
            self._git = self._git or GitSource(
                self._store,
                ssh_socket=self._ssh_socket,
                authorization=self._credentials.git,
                report=self._report,
                check=self._check,
            )
        return self._git.fetch(source)
