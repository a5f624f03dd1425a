"""``Facts`` for the optimiser and the cost model: what earlier builds, the context and its history tell.

Nothing is built, fetched or changed. What can not be had is left out; ``Facts.unknown`` says why where people
would ask.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping

from ...compiler.effects.links import normal
from ...compiler.effects.paths import Reads, Writes
from ...compiler.graph.layer import ImageLayer
from ...compiler.graph.operations import Base, FromContext, Run
from ...compiler.graph.plan import LayerPlan
from ...compiler.optimize.facts import Commit, ContextFile, Facts, Observation
from ...grammar.errors import LayercError
from ..errors import StoreError
from ..snapshot.index import LayerIndex, open_index
from ..snapshot.view import StackView
from ..sources.context import ContextTree
from ..sources.git_history import history_of
from ..sources.ignore import load_ignore_file
from ..store import Store
from ..store.values import Result
from ..trace.trace import LISTED, Trace
from .history import StepRecord, project_mark, project_of, read_builds
from .keys import definition_key
from .manifest_files import is_manifest
from .reasons import last_run
from .request import BuildRequest
from .traces import recorded

__all__ = ["MOST_COMMITS", "gather", "observe"]

MOST_COMMITS = 500
_LARGEST_MANIFEST = 4 << 20  # bytes; a lock file may be long
_LISTED = ("file", "directory", "symlink")
_GIT = ".git"


def gather(
    request: BuildRequest,
    plan: LayerPlan,
    store: Store,
    *,
    commits: int = MOST_COMMITS,
    check: Callable[[], None] = lambda: None,
) -> Facts:
    """All that is known of ``plan``, which is what the text of ``request`` compiles to.

    Costs one ``stat`` for each file of the contexts that are directories. ``commits`` is how many are looked at.
    ``check`` may raise, to cancel. Raises nothing of its own: what can not be had is not known.
    """
    unknown: list[str] = []
    trees = _open_contexts(request, unknown)
    try:
        main = trees.get("")
        contexts = dict(_listings(trees, check, unknown))
        manifests = {} if main is None else dict(_manifests(main, contexts.get("", ())))
        changes = () if main is None else _commits(main, commits, check, unknown)
        links, directories, others = _bases(store, plan)
        observed = observe(store, plan, trees, project_of(request))
    finally:
        for tree in trees.values():
            tree.close()
    return Facts(observed, contexts, manifests, changes, links, directories, others, tuple(unknown))


# --- earlier builds ----------------------------------------------------------------------------------


def observe(
    store: Store, plan: LayerPlan, contexts: Mapping[str, ContextTree] | None = None, project: str = ""
) -> dict[str, Observation]:
    """What was seen of the steps of ``plan`` when they were built, by id of their layers. Where nothing was, the
    time of the step in its place in the last builds of ``project`` is taken (:func:`.history.project_of`).
    """
    last: dict[str, StepRecord] = {}
    places: dict[tuple[str, str], float] = {}
    mark = project_mark(project)
    for build in read_builds(os.path.join(store.root, "builds")):
        for step in build.steps:
            if step.state in ("cached", "done"):
                last.setdefault(step.layer, step)
                if build.project == mark:
                    places.setdefault((step.stage, step.title), step.seconds)
    observed: dict[str, Observation] = {}
    for layer in plan.layers:
        seen = _observation(store, layer, last, contexts or {})
        place = (layer.provenance.stage, layer.provenance.title)
        if seen is not None or place in places:
            observed[layer.id] = seen or Observation(seconds=places[place])
    return observed


def _observation(
    store: Store, layer: ImageLayer, last: Mapping[str, StepRecord], contexts: Mapping[str, ContextTree]
) -> Observation | None:
    if isinstance(layer.operation, Base):
        base = _base_result(store, layer)
        return None if base is None else Observation(size=_made(store, base.layers)[1], seconds=base.seconds)
    step = last.get(layer.id)
    seconds, key = last_run(store, layer)
    layers = () if step is None else step.layers
    result, traces = _traced(store, key, None if step is None else layers)
    if result is not None:
        layers, seconds = result.layers, result.seconds
    elif seconds is None and step is not None:
        seconds = step.seconds
    if seconds is None:
        return None
    reads, mounted = None, None
    if traces:
        reads = _reads_of(traces[0])
        mounted = _mounted(layer, traces[1:], contexts)
    writes, size = _made(store, layers)
    return Observation(reads, writes, seconds, size, mounted)


def _traced(
    store: Store, key: str, layers: tuple[str, ...] | None
) -> tuple[Result | None, tuple[Trace, ...]]:
    """The run that gave ``layers`` (not known: the last one), and what it took from each of its trees. A run on
    another tree is none: there the step may have read and written other things.
    """
    for result, data in store.traces(key) if key else ():
        views = recorded(data)
        if views and layers in (None, result.layers):
            return result, tuple(view.trace for view in views)
    return None, ()


def _reads_of(trace: Trace, root: str = "") -> Reads:
    """What a trace says of a tree whose root stands for ``root`` (a path without a slash at its ends)."""
    prefix = f"/{root}" if root else ""
    paths = {path: f"{prefix}/{path}" if path else prefix or "/" for path in trace.events}
    lists = frozenset(paths[path] for path, event in trace.events.items() if event & LISTED)
    return Reads(names=frozenset(paths.values()), lists=lists)


def _mounted(
    layer: ImageLayer, traces: Iterable[Trace], contexts: Mapping[str, ContextTree]
) -> tuple[Reads, ...] | None:
    """What was read of the bind mounts. A mounted directory of a context is a tree of its own."""
    if not isinstance(layer.operation, Run):
        return ()
    binds = [mount for mount in layer.operation.mounts if mount.kind == "bind"]
    found: list[Reads] = []
    for mount, trace in zip(binds, traces, strict=False):
        root: str | None = ""
        if isinstance(mount.origin, FromContext):
            tree = contexts.get(mount.origin.name)
            root = None if tree is None else _mount_root(tree, mount.source)
        if root is None:
            return None
        found.append(_reads_of(trace, root))
    return tuple(found) if len(found) == len(binds) else None


def _mount_root(tree: ContextTree, source: str) -> str | None:
    """The directory that the root of a mount's tree stands for; of a file, the one that it is in."""
    real = tree.resolve(source)
    entry = None if real is None else tree.lstat(real)
    if real is None or entry is None:
        return None
    return real if entry.is_directory else real.rpartition("/")[0]


def _made(store: Store, layers: tuple[str, ...]) -> tuple[Writes | None, int | None]:
    """The paths that layers make, change or remove, and the bytes of their files."""
    names: set[str] = set()
    trees: set[str] = set()
    size = 0
    try:
        for diff_id in layers:
            for entry in _index(store, diff_id).entries():
                (trees if entry.opaque else names).add(f"/{entry.path}")
                size += 0 if entry.link else entry.size
    except StoreError:
        return None, None
    return (Writes(names=frozenset(names), trees=frozenset(trees)), size) if layers else (None, None)


def _index(store: Store, diff_id: str) -> LayerIndex:
    (stored,) = store.layers((diff_id,))
    return open_index(store.index_path(stored.snapshot))


# --- base images -------------------------------------------------------------------------------------


def _base_result(store: Store, layer: ImageLayer) -> Result | None:
    return store.result(definition_key(layer.meaning, "", (), ()))


def _bases(
    store: Store, plan: LayerPlan
) -> tuple[dict[str, dict[str, str]], dict[str, frozenset[str]], dict[str, frozenset[str]]]:
    """Links, plain directories and other directories of the base images that the store has."""
    links: dict[str, dict[str, str]] = {}
    directories: dict[str, frozenset[str]] = {}
    others: dict[str, frozenset[str]] = {}
    for layer in plan.layers:
        result = _base_result(store, layer) if isinstance(layer.operation, Base) else None
        if result is None:
            continue
        plain: set[str] = set()
        other: set[str] = set()
        targets: dict[str, str] = {}
        try:
            for entry in StackView(store, result.layers).walk():
                path = f"/{entry.path}"
                if entry.kind == "symlink":
                    targets[path] = normal(os.path.join(os.path.dirname(path), entry.target))
                elif entry.is_directory:
                    is_plain = (entry.mode, entry.uid, entry.gid, entry.xattrs) == (0o755, 0, 0, ())
                    (plain if is_plain else other).add(path)
        except StoreError:
            continue
        links[layer.id] = targets
        directories[layer.id], others[layer.id] = frozenset(plain), frozenset(other)
    return links, directories, others


# --- contexts ----------------------------------------------------------------------------------------


def _open_contexts(request: BuildRequest, unknown: list[str]) -> dict[str, ContextTree]:
    """The contexts that are directories, by name. What comes from elsewhere would have to be fetched."""
    places: dict[str, tuple[str, str | None]] = {
        name: (context.value, None)
        for name, context in request.options.contexts.items()
        if context.kind == "local"
    }
    if isinstance(request.context, str):
        places[""] = (request.context, request.dockerfile_path)
    elif request.context is not None:
        unknown.append("the files of the build context: it is no directory of this machine")
    trees: dict[str, ContextTree] = {}
    for name, (place, dockerfile) in places.items():
        path = os.path.realpath(place)
        title = f"the build context {name!r}" if name else "the build context"
        try:
            trees[name] = ContextTree(path, load_ignore_file(path, dockerfile), title=title)
        except LayercError as error:
            unknown.append(f"the files of {title}: {error}")
    return trees


def _listings(
    trees: Mapping[str, ContextTree], check: Callable[[], None], unknown: list[str]
) -> Iterator[tuple[str, tuple[ContextFile, ...]]]:
    for name, tree in trees.items():
        try:
            yield name, tuple(_files(tree, check))
        except LayercError as error:
            unknown.append(f"the files of {tree.title}: {error}")


def _files(tree: ContextTree, check: Callable[[], None]) -> Iterator[ContextFile]:
    """All entries but the root."""
    for entry in tree.walk():
        check()
        if entry.path and entry.kind in _LISTED:
            yield ContextFile(entry.path, entry.kind, entry.size, entry.target)


def _manifests(tree: ContextTree, files: Iterable[ContextFile]) -> Iterator[tuple[str, bytes]]:
    for file in files:
        if file.kind == "file" and file.size <= _LARGEST_MANIFEST and is_manifest(file.path):
            try:
                with tree.open(file.path) as opened:
                    yield file.path, opened.read()
            except (LayercError, OSError):
                continue  # unreadable, or changed at this moment: then nobody knows what it says


def _commits(
    tree: ContextTree, most: int, check: Callable[[], None], unknown: list[str]
) -> tuple[Commit, ...]:
    """Changes of what a build sees. Where the repository itself lies in the context, every commit changes it."""
    history = history_of(tree.path, most, check)
    if history.why:
        unknown.append(f"which files change together: {history.why}")
    repository = tree.lstat(_GIT)
    always = (f"{_GIT}/index",) if repository is not None and repository.is_directory else ()
    seen: dict[str, bool] = {}

    def is_seen(path: str) -> bool:
        if path not in seen:
            seen[path] = not tree.ignore.matches(path)
        return seen[path]

    return tuple(
        Commit(
            change.id,
            change.time,
            (*filter(is_seen, change.paths), *always),
            frozenset(filter(is_seen, change.moved)),
        )
        for change in history.changes
    )
