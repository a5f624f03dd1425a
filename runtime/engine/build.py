"""The whole way: request → plan → layers → images → outputs."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from threading import Event
from typing import TYPE_CHECKING, NamedTuple

from ...compiler.graph.operations import Base
from ...compiler.graph.plan import ImagePlan, LayerPlan
from ...compiler.reserved import refuse_removed, unsupported, wants_index
from ..errors import EnvironmentLackError
from ..events import BuildFinished, BuildStarted, CheckWarning, Notice, Reporter
from ..oci.image import ImageManifest
from ..sources.image_store import keep_image
from ..store import Store
from .assemble import config_document, own_layers
from .compile import compile_request
from .contexts import Contexts
from .fetch import Fetcher
from .history import History, name_of, project_of
from .images import Images
from .inputs import Inputs
from .request import BuildRequest, BuildResult, BuiltImage
from .rights import check_rights
from .scheduler import EMPTY, CancelledStepError, LayerResult, Scheduler
from .secrets import Credentials
from .shared import read_sharing
from .ssh import SshAgents
from .worker import CachingWorker

if TYPE_CHECKING:
    from ..export import Exported, Output
    from .builder import LayerBuilder
    from .sharing.caches import SharedCaches

__all__ = ["build", "build_again", "compile_only", "opened", "read_dockerfile"]

# Who asks for what no option names.
_BY_VERIFY = "layerc verify"


def compile_only(request: BuildRequest, store: Store, reporter: Reporter) -> LayerPlan:
    """The plan of ``request``; base images are looked at, nothing is built."""
    cancel = Event()
    with _outside(request, store, reporter, cancel) as outside:
        return _compile(request, store, outside, reporter, cancel)[0]


def read_dockerfile(request: BuildRequest, store: Store, reporter: Reporter) -> BuildRequest:
    """``request`` with the text of its Dockerfile, which is fetched if need be. Raises :class:`SourceError`."""
    with _outside(request, store, reporter, Event()) as outside:
        return _with_dockerfile(request, outside)


@contextmanager
def opened(request: BuildRequest, store: Store, reporter: Reporter) -> Iterator[tuple[BuildRequest, Images]]:
    """``request`` with the text of its Dockerfile, and what resolves its images: for questions that build
    nothing. Raises :class:`SourceError`.
    """
    cancel = Event()
    with _outside(request, store, reporter, cancel) as outside:
        yield _with_dockerfile(request, outside), _images(request, store, outside, reporter, cancel)


def build(
    request: BuildRequest, store: Store, reporter: Reporter, cancel: Event | None = None
) -> BuildResult:
    """Build what is asked for. Setting ``cancel`` stops it: running steps are killed.

    Raises the errors of ``grammar/errors.py`` and ``runtime/errors.py``; whatever it raises, what was built
    before the error stays in the store and is found by the next build.
    """
    started = time.monotonic()
    cancel = cancel or Event()
    refuse_removed(request.options.build_args)
    for text in unsupported(request.options.build_args):
        reporter(Notice(text))
    outputs = _outputs(request, reporter)
    sharing = read_sharing(request)
    with (
        _outside(request, store, reporter, cancel) as outside,
        sharing.opened(store, reporter, cancel) as shared,
    ):
        plan, images = _compile(request, store, outside, reporter, cancel)
        for notice in plan.notices:
            where = f"{notice.file}:{notice.line}" if notice.line else notice.file
            reporter(
                CheckWarning(notice.rule, notice.message, where)
                if notice.rule
                else Notice(notice.message, where)
            )
        check_rights(plan, request.allow, request.options.network, reporter)
        inputs = Inputs(store, outside.contexts, outside.fetcher)
        history = History(store, project_of(request), name_of(request), reporter)
        fresh = _fresh(request, plan)
        worker, results = _run(
            request, plan, fresh, store, inputs, images, outside.agents, history, cancel, shared
        )
        lines = sharing.write(plan, worker.keys, store, reporter, shared)
    rated = any("max-layers" in output.options for output in outputs)
    made = [_assemble(store, plan, image, results, rated=rated) for image in plan.images]
    _keep(store, request.tags, plan, made)
    written = _export(outputs, made, request.tags, store, reporter)
    store.sync()
    if worker.missed or outputs or request.cache_from:
        _make_room(store, request.keep_storage, reporter)
    seconds = time.monotonic() - started
    reporter(BuildFinished(seconds, worker.executed, worker.cached))
    digests = next((item.manifests for item in written if item.manifests), ("",) * len(made))
    kept = tuple(manifest.config_descriptor.digest for manifest in made)
    configs = next((item.configs for item in written if item.configs), kept)
    built = tuple(
        BuiltImage(image.name, image.platform, config, digest, manifest.diff_ids)
        for image, manifest, config, digest in zip(plan.images, made, configs, digests, strict=True)
    )
    lines += [item.summary for item in written]
    root = next((item.root for item in written if item.root), None)
    return BuildResult(
        built,
        worker.executed,
        worker.cached,
        seconds,
        tuple(lines),
        root,
        _is_index(request) or len(built) > 1,
    )


def build_again(
    request: BuildRequest,
    plan: LayerPlan,
    layers: Collection[str],
    store: Store,
    reporter: Reporter,
    cancel: Event,
) -> tuple[str, ...]:
    """Build the one image of ``plan`` once more: ``layers`` (ids) are made again, whatever is known of them. The
    diff IDs of its layers, which the store holds until it is closed.

    A trial: later builds find nothing of it, and know nothing of it. Raises as :func:`build` does.
    """
    from .scratch import ScratchStore, UnkeptHistory  # few builds are trials

    scratch = ScratchStore(store)
    with _outside(request, scratch, reporter, cancel) as outside:
        images = _images(request, scratch, outside, reporter, cancel)
        inputs = Inputs(scratch, outside.contexts, outside.fetcher)
        history = UnkeptHistory(scratch, project_of(request), name_of(request), reporter)
        fresh = dict.fromkeys(layers, _BY_VERIFY)
        _, results = _run(
            request, plan, fresh, scratch, inputs, images, outside.agents, history, cancel, None
        )
    top = plan.images[0].layer
    return () if top is None else results[top].stack


def _compile(
    request: BuildRequest, store: Store, outside: _Outside, reporter: Reporter, cancel: Event
) -> tuple[LayerPlan, Images]:
    request = _with_dockerfile(request, outside)
    images = _images(request, store, outside, reporter, cancel)
    return compile_request(request, store, images), images


def _images(
    request: BuildRequest, store: Store, outside: _Outside, reporter: Reporter, cancel: Event
) -> Images:
    return Images(
        store, request.options.contexts, reporter, cancel, pull=request.pull, trees=outside.contexts
    )


def _with_dockerfile(request: BuildRequest, outside: _Outside) -> BuildRequest:
    local = request.context is None or isinstance(request.context, str)
    if request.plan is not None or (local and request.dockerfile is not None):
        return request
    # Imported here: most Dockerfiles were read already.
    from .dockerfile import with_dockerfile

    return with_dockerfile(request, outside.contexts, outside.fetcher)


def _is_index(request: BuildRequest) -> bool:
    return wants_index(request.options.build_args, request.options.platforms)


def _outputs(request: BuildRequest, reporter: Reporter) -> list[Output]:
    """What is to be written; checked before anything is built."""
    index = _is_index(request)
    if not request.outputs and not request.annotations and request.max_layers is None:
        return []
    from dataclasses import replace

    from ..export import exporters, parse_output
    from ..export.annotations import annotated, parse_annotation

    annotations = [item for text in request.annotations for item in parse_annotation(text)]
    outputs = [annotated(replace(parse_output(text), index=index), annotations) for text in request.outputs]
    if request.max_layers is not None:
        outputs = [output.with_max_layers(request.max_layers) for output in outputs]
        if not any("max-layers" in output.options for output in outputs):
            reporter(
                Notice("only an image that is written with -o gets fewer layers; the store keeps them all")
            )
    for output in outputs:
        exporters.check(output, request.tags)
    if annotations and not outputs:
        reporter(Notice("annotations belong to what is written with -o; the image in the store has none"))
    return outputs


def _export(
    outputs: Sequence[Output],
    images: Sequence[ImageManifest],
    tags: Sequence[str],
    store: Store,
    reporter: Reporter,
) -> list[Exported]:
    if not outputs:
        return []
    from ..export import export

    return [export(output, images, tags, store, reporter) for output in outputs]


class _Outside(NamedTuple):
    """What a build reads besides its store and its base images."""

    agents: SshAgents
    fetcher: Fetcher
    contexts: Contexts


@contextmanager
def _outside(request: BuildRequest, store: Store, reporter: Reporter, cancel: Event) -> Iterator[_Outside]:
    def check() -> None:
        if cancel.is_set():
            raise CancelledStepError

    with closing(SshAgents(request.ssh)) as agents:
        credentials = Credentials(request.secrets)
        fetcher = Fetcher(store, reporter, check, lambda: agents.socket("default"), credentials)
        with closing(Contexts(request, store, fetcher, reporter, check)) as contexts:
            yield _Outside(agents, fetcher, contexts)


def _run(
    request: BuildRequest,
    plan: LayerPlan,
    fresh: Mapping[str, str],
    store: Store,
    inputs: Inputs,
    images: Images,
    agents: SshAgents,
    reporter: History,
    cancel: Event,
    shared: Callable[[], SharedCaches] | None,
) -> tuple[CachingWorker, dict[str, LayerResult]]:
    layers = {layer.id: layer for layer in plan.layers}
    reporter(BuildStarted(sum(not isinstance(layer.operation, Base) for layer in plan.layers)))
    with ExitStack() as held:

        def open_builder() -> LayerBuilder:
            # Imported here: a build that finds everything runs, mounts and writes nothing.
            from ..snapshot.mount import enter_mount_namespace
            from .builder import LayerBuilder
            from .foreign import foreign_steps, refuse_what_can_not_run
            from .mounts import RunMounts
            from .steps import StepRunner

            enter_mount_namespace()
            runner = held.enter_context(closing(StepRunner()))
            if steps := foreign_steps(layers, worker.missed):
                refuse_what_can_not_run(steps, store, images, runner)
            mounts = RunMounts(request, store, inputs, agents, None if shared is None else shared().restore)
            observes = request.traced and _can_observe(store, reporter)
            return LayerBuilder(store, inputs, images, runner, mounts, reporter, cancel, observes=observes)

        worker = CachingWorker(
            store,
            open_builder,
            inputs,
            reporter,
            fresh=fresh,
            history=reporter,
            cancel=cancel,
            shared=shared,
        )
        reporter.set_layers(layers)
        worker.set_keys(layers)
        scheduler = Scheduler(
            layers,
            worker,
            jobs=request.jobs or 4 * (os.cpu_count() or 1),
            cancel=cancel,
            before_work=worker.prepare,
            ahead=worker.ahead if request.side_by_side else None,
        )
        with reporter:
            return worker, scheduler.run(image.layer for image in plan.images if image.layer is not None)


def _can_observe(store: Store, reporter: Reporter) -> bool:
    """Whether steps can be traced here. The user is told why not."""
    from ..trace.mirror import check_observing

    try:
        check_observing(store)
    except EnvironmentLackError as lack:
        reporter(Notice(f"steps are not traced, so the cache knows less of them: {lack}"))
        return False
    return True


def _fresh(request: BuildRequest, plan: LayerPlan) -> dict[str, str]:
    """Layers that must be made again whatever is known, with the option that says so. Base images are never
    made.
    """
    stages = {stage.lower(): stage for stage in request.no_cache_filter}
    fresh: dict[str, str] = {}
    for layer in plan.layers:
        named = [stages[stage.lower()] for stage in layer.provenance.stages if stage.lower() in stages]
        if isinstance(layer.operation, Base):
            continue
        if request.no_cache:
            fresh[layer.id] = "--no-cache"
        elif named:
            fresh[layer.id] = f"--no-cache-filter {named[0]}"
        elif layer.id in request.fresh_layers:
            fresh[layer.id] = _BY_VERIFY
    return fresh


def _assemble(
    store: Store, plan: LayerPlan, image: ImagePlan, results: Mapping[str, LayerResult], *, rated: bool
) -> ImageManifest:
    result = EMPTY if image.layer is None else results[image.layer]
    layers = [(stored.diff_id, stored.created) for stored in store.layers(result.stack)]
    manifest = ImageManifest.from_config(config_document(image, layers))
    if image.epoch is None and not rated:
        return manifest
    own = own_layers(plan, image)
    manifest = manifest._replace(epoch=image.epoch, base_layers=len(layers) - len(own))
    if not rated:
        return manifest
    from ...compiler.optimize.squash import change_rates  # most builds write layers as they are

    return manifest._replace(rates=change_rates(own))


def _make_room(store: Store, limit: int | None, reporter: Reporter) -> None:
    from .upkeep import keep_below  # most builds leave the store as large as it was

    keep_below(store, limit, reporter)


def _keep(store: Store, tags: Sequence[str], plan: LayerPlan, made: Sequence[ImageManifest]) -> None:
    for tag in tags:
        for image, manifest in zip(plan.images, made, strict=True):
            keep_image(store, tag, image.platform, manifest)
