"""``RUN --mount=…``: what each mount is, in the stage where it stands."""

from __future__ import annotations

from ..gotext import clean_path, join_path
from ..graph.operations import Mount
from ..reserved import cache_namespace
from ..site import Site
from ..stage import Stage
from .mount_options import MountOptions, read_mount

__all__ = ["resolve_mounts"]


def resolve_mounts(
    site: Site, stage: Stage, texts: tuple[str, ...]
) -> tuple[tuple[Mount, ...], tuple[str, ...]]:
    """The mounts of a RUN, and the layers that they read. Raises ``CompileError``."""
    mounts: list[Mount] = []
    inputs: list[str] = []
    agents = 0
    for text in texts:
        options = read_mount(site, text, lambda value: stage.expand(site, value))
        if options.kind == "secret":
            mounts.append(_secret(site, stage, options))
        elif options.kind == "ssh":
            mounts.append(_ssh(stage, options, agents))
            agents += 1
        else:
            mounts.append(_tree(site, stage, options, inputs))
    return tuple(mounts), tuple(inputs)


def _secret(site: Site, stage: Stage, options: MountOptions) -> Mount:
    identity = options.source or options.id or clean_path(options.target).rpartition("/")[2]
    if not identity:
        raise site.error("one of source, target required", help="write id=NAME", flag="mount")
    target = options.target
    if options.env is None and not target:
        target = "/run/secrets/" + clean_path(identity).rpartition("/")[2]
    return Mount(
        "secret",
        target=_absolute(stage, target) if target else "",
        cache_id=identity,
        required=options.required,
        mode=options.mode,
        uid=options.uid or 0,
        gid=options.gid or 0,
        env=options.env or "",
    )


def _ssh(stage: Stage, options: MountOptions, number: int) -> Mount:
    return Mount(
        "ssh",
        target=_absolute(stage, options.target or f"/run/buildkit/ssh_agent.{number}"),
        cache_id=options.id or "default",
        required=options.required,
        mode=options.mode,
        uid=options.uid or 0,
        gid=options.gid or 0,
    )


def _absolute(stage: Stage, target: str) -> str:
    """``target`` from the working directory on, without ``.`` and ``..``: the runtime takes them off as well."""
    return join_path("/", target if target.startswith("/") else join_path(stage.config.workdir, target))


def _tree(site: Site, stage: Stage, options: MountOptions, inputs: list[str]) -> Mount:
    """A bind, cache or tmpfs mount. ``inputs`` gets the layer that it is taken from, if there is one."""
    target = _absolute(stage, options.target)
    if target == "/":
        raise site.error(
            f'invalid mount target "{target}"', help="give target=/a/path below the root", flag="mount"
        )
    read_only = options.kind == "bind" if options.read_only is None else options.read_only
    if options.kind == "tmpfs":
        return Mount("tmpfs", target=target, read_only=read_only, size=options.size)
    origin = None
    if options.from_ or options.kind == "bind":
        origin, layers = stage.origin(site, options.from_, "mount", target=options.target, first=len(inputs))
        inputs.extend(layers)
    is_cache = options.kind == "cache"
    namespace = cache_namespace(stage.options.build_args)
    cache = f"{namespace}/" if namespace else ""
    return Mount(
        options.kind,
        target=target,
        origin=origin,
        source=join_path("/", options.source),
        read_only=read_only,
        cache_id=cache + (options.id or clean_path(options.target)) if is_cache else "",
        sharing=options.sharing or "shared",
        mode=options.mode,
        uid=options.uid or 0,
        gid=options.gid or 0,
    )
