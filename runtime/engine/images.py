"""Base images of one build: each is resolved once, and its layers are brought in when a step needs them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from threading import Event

from ...compiler.graph.operations import Base
from ...compiler.options import BaseImage, ImageRequest, NamedContext
from ..errors import SourceError
from ..events import Reporter
from ..sources.image import Cancelled, ResolvedImage, bare_base
from ..sources.image_store import resolve_kept
from ..sources.images import resolve
from ..store.store import Store
from .contexts import Contexts
from .scheduler import CancelledStepError

__all__ = ["Images"]

_PARALLEL = 8  # resolving waits for registries; it does not compute


class Images:
    """Resolves what a compilation asks for, and materialises what the graph names."""

    def __init__(
        self,
        store: Store,
        contexts: Mapping[str, NamedContext],
        report: Reporter,
        cancel: Event,
        *,
        pull: bool,
        trees: Contexts,
    ) -> None:
        self._store = store
        self._contexts = contexts
        self._trees = trees
        self._report = report
        self._cancel = cancel
        self._pull = pull
        self._resolved: dict[ImageRequest, ResolvedImage] = {}

    def resolve(self, requests: Iterable[ImageRequest]) -> dict[ImageRequest, BaseImage]:
        """What the compiler must know of each. Raises :class:`SourceError`."""
        missing = [request for request in requests if request not in self._resolved]
        if len(missing) == 1:
            self._resolved[missing[0]] = self._resolve(missing[0])
        elif missing:
            from concurrent.futures import ThreadPoolExecutor

            with ThreadPoolExecutor(min(_PARALLEL, len(missing)), "resolve") as pool:
                self._resolved.update(zip(missing, pool.map(self._resolve, missing), strict=True))
        return {request: self._resolved[request].base for request in requests}

    def _resolve(self, request: ImageRequest) -> ResolvedImage:
        if request.context is None and not self._pull:
            kept = resolve_kept(request, self._store)
            if kept is not None:
                return kept
        try:
            if request.context is not None and request.context.kind in ("git", "http"):
                return self._begin_with(request, request.context.name)
            return resolve(request, self._store, self._report, pull=self._pull)
        except SourceError as error:
            error.where = error.where or request.where
            error.help = request.help or error.help
            raise

    def _begin_with(self, request: ImageRequest, context: str) -> ResolvedImage:
        """A stage that begins with the files of a context from a URL."""
        stack = self._trees.stack(context)
        return ResolvedImage(request, bare_base(request, stack[-1]), _Stack(stack), f"context {context}")

    def materialise(self, base: Base) -> tuple[str, ...]:
        """Diff IDs of the image's layers, which the store has then. Raises :class:`SourceError` if the image
        is no longer what the plan was made for.
        """
        try:
            return self._find(base).layers.bring(self._store, self._report, base.reference, self._cancel)
        except Cancelled as error:
            raise CancelledStepError from error

    def _find(self, base: Base) -> ResolvedImage:
        for request, resolved in self._resolved.items():
            if resolved.base.digest == base.digest and request.platform == base.platform:
                return resolved
        # A plan that was compiled before names its images; they must still be the same.
        from ...compiler.binding import find_context
        from ..oci.platforms import parse_platform

        context = find_context(self._contexts, base.reference, parse_platform(base.platform))
        request = ImageRequest(base.reference, base.platform, context)
        self.resolve([request])
        resolved = self._resolved[request]
        if base.digest and resolved.base.digest != base.digest:
            raise SourceError(
                f"{base.reference} has changed since the plan was compiled: "
                f"it was {base.digest}, now it is {resolved.base.digest}",
                help="compile the Dockerfile again",
            )
        return resolved


class _Stack:
    """The layers of a context that came from a URL; the store has them."""

    def __init__(self, diff_ids: tuple[str, ...]) -> None:
        self._diff_ids = diff_ids

    def bring(self, *_: object) -> tuple[str, ...]:
        """Nothing is left to do."""
        return self._diff_ids
