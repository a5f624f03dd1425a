"""``RUN --mount``: from what the Dockerfile says to directories and files of this machine."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager

from ...compiler.graph.operations import Copy, FromContext, FromLayer, Mount, Run
from ..errors import InputError, SourceError
from ..sandbox import ResolvedMount
from ..snapshot.view import StackView
from ..store import Store
from .cache_mounts import cache_directories
from .filecopy.plan import CopyPlan
from .filecopy.resolve import resolve_copy
from .inputs import Inputs, mount_copy
from .observer import Observer, Trees
from .request import BuildRequest
from .secrets import secret_value
from .ssh import SshAgents

__all__ = ["RunMounts"]

Stack = tuple[str, ...]


class RunMounts:
    """Prepares the mounts of one step at a time; threads may share it. ``restore`` may bring a cache mount that
    the store lacks.
    """

    def __init__(
        self,
        request: BuildRequest,
        store: Store,
        inputs: Inputs,
        agents: SshAgents,
        restore: Callable[[str], None] | None = None,
    ) -> None:
        self._restore = restore
        self._secrets = {secret.id: secret for secret in request.secrets}
        self._agents = agents
        self._store = store
        self._inputs = inputs

    @contextmanager
    def prepared(
        self,
        run: Run,
        inputs: Sequence[Stack],
        context_stack: Callable[[Copy], Stack],
        check: Callable[[], None],
        observer: Observer,
    ) -> Iterator[list[ResolvedMount]]:
        """The mounts of ``run``, held until the block ends. ``context_stack`` gives a stack with what a COPY
        takes from a build context; ``check`` raises where waiting for a lock makes no sense any more;
        ``observer`` mounts the trees of stages and contexts, in the order of :meth:`trees`.

        Raises :class:`SourceError` for a path that is not there, :class:`InputError` for a secret that was
        not handed in.
        """
        with ExitStack() as held:
            mounts: list[ResolvedMount] = []
            caches = {item: self._cache(item, inputs) for item in run.mounts if item.kind == "cache"}
            directories = held.enter_context(cache_directories(self._store, caches, check, self._restore))
            for item in run.mounts:
                match item.kind:
                    case "bind":
                        mounts.append(self._bind(item, inputs, context_stack, observer, held))
                    case "cache":
                        source = directories[item]
                        mounts.append(ResolvedMount("bind", item.target, source, read_only=item.read_only))
                    case "tmpfs":
                        mounts.append(
                            ResolvedMount("tmpfs", item.target, read_only=item.read_only, size=item.size)
                        )
                    case "secret":
                        mounts += self._secret(item)
                    case "ssh":
                        mounts += self._agent(item)
                    case kind:
                        raise InputError(f"--mount: unknown type {kind!r}")
            yield mounts

    def trees(self, run: Run, inputs: Sequence[Stack], context_stack: Callable[[Copy], Stack]) -> Trees:
        """The stacks that the bind mounts of ``run`` show; the path in each, and the names of its caches."""
        binds = [self._source(item, inputs, context_stack) for item in run.mounts if item.kind == "bind"]
        caches = [self._cache(item, inputs)[0] for item in run.mounts if item.kind == "cache"]
        return Trees(tuple(stack for stack, _ in binds), (*(path for _, path in binds), *caches))

    # --- bind and cache -------------------------------------------------------------------------------

    def _source(
        self, item: Mount, inputs: Sequence[Stack], context_stack: Callable[[Copy], Stack]
    ) -> tuple[Stack, str]:
        """The stack that a mount shows, and the path in it."""
        if isinstance(item.origin, FromContext):
            tree = self._inputs.context(item.origin.name)
            stack = context_stack(mount_copy(item, tree))
            real = tree.resolve(item.source) or ""
            entry = tree.lstat(real)
            is_directory = entry is None or entry.kind == "directory"
            return stack, "" if is_directory else real.rpartition("/")[2]
        origin = item.origin
        stack = inputs[origin.index] if isinstance(origin, FromLayer) and origin.index is not None else ()
        path = StackView(self._store, stack).resolve(item.source)
        if path is None:
            raise SourceError(
                f"--mount: there is no {item.source!r} to mount",
                help="the source is a path in the stage or image that from= names",
            )
        return stack, path

    def _bind(
        self,
        item: Mount,
        inputs: Sequence[Stack],
        context_stack: Callable[[Copy], Stack],
        observer: Observer,
        held: ExitStack,
    ) -> ResolvedMount:
        stack, path = self._source(item, inputs, context_stack)
        # What a step writes to a mount is not kept: it goes to a draft that nobody commits.
        draft = None if item.read_only else held.enter_context(self._store.draft())
        root = held.enter_context(observer.mount(stack, draft))
        return ResolvedMount("bind", item.target, os.path.join(root, path), read_only=item.read_only)

    def _cache(self, item: Mount, inputs: Sequence[Stack]) -> tuple[str, CopyPlan | None]:
        """The name of a cache, and what a new one begins with."""
        seed: CopyPlan | None = None
        name = item.cache_id or item.target
        if item.origin is None and item.source != "/":
            raise SourceError(
                f"--mount: there is no {item.source!r} in a new cache",
                help="from= names the stage or image whose files a cache begins with",
            )
        if item.origin is not None:
            tree = self._inputs.tree(item.origin, inputs)
            if tree is not None:
                seed = resolve_copy(mount_copy(item, tree), tree)
                # Another source is another cache, as in BuildKit. An owner or mode asks for a new directory,
                # unless a path is given.
                name += f" from {seed.key()}"
                if item.source == "/" and (item.mode, item.uid, item.gid) != (None, 0, 0):
                    seed = None
        return name, seed

    # --- secret and ssh -------------------------------------------------------------------------------

    def _secret(self, item: Mount) -> list[ResolvedMount]:
        secret = self._secrets.get(item.cache_id)
        if secret is None:
            if not item.required:
                return [ResolvedMount("env", item.env)] if item.env else []
            raise InputError(
                f"secret {item.cache_id!r} was not handed in",
                help=f"layerc build --secret id={item.cache_id},src=FILE (or ,env=VARIABLE)",
            )
        value = secret_value(secret)
        mounts: list[ResolvedMount] = []
        if item.env:
            mounts.append(ResolvedMount("env", item.env, content=value))
        if item.target:
            mode = 0o400 if item.mode is None else item.mode
            mounts.append(
                ResolvedMount("secret", item.target, content=value, mode=mode, uid=item.uid, gid=item.gid)
            )
        return mounts

    def _agent(self, item: Mount) -> list[ResolvedMount]:
        socket = self._agents.socket(item.cache_id or "default")
        if socket is None:
            if not item.required:
                return []
            raise InputError(
                f"ssh agent {item.cache_id or 'default'!r} was not handed in",
                help=f"layerc build --ssh {item.cache_id or 'default'}[=SOCKET|=KEY]",
            )
        mode = 0o600 if item.mode is None else item.mode
        return [ResolvedMount("ssh", item.target, socket, mode=mode, uid=item.uid, gid=item.gid)]
