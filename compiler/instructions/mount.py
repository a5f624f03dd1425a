"""``RUN --mount=…``: the options of each kind of mount, checked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from ..gotext import clean_path, join_path, parse_bool, parse_size, parse_unsigned
from ..graph.operations import Mount
from ..site import Site
from ..stage import Stage
from ..suggest import suggestion
from .csv import csv_fields

__all__ = ["mount_source", "read_mount", "resolve_mounts"]

Expand = Callable[[str], str]

_KINDS = ("bind", "cache", "tmpfs", "secret", "ssh")
_SHARING = ("shared", "private", "locked")
_KEYS = (
    *(
        "type",
        "from",
        "source",
        "target",
        "readonly",
        "id",
        "sharing",
        "required",
        "size",
        "mode",
        "uid",
        "gid",
    ),
    *("src", "dst", "destination", "ro", "rw", "readwrite", "env"),
)
_ALIASES = {
    "src": "source",
    "dst": "target",
    "destination": "target",
    "ro": "readonly",
    "rw": "readwrite",
}
_OWNED = ("secret", "ssh", "cache")


@dataclass(slots=True)
class _Options:
    """The options as they are read; none where one is not given."""

    kind: str = "bind"
    from_: str = ""
    source: str = ""
    target: str = ""
    read_only: bool | None = None
    id: str = ""
    sharing: str = ""
    required: bool = False
    size: int = 0
    mode: int | None = None
    uid: int | None = None
    gid: int | None = None
    env: str | None = None


def mount_source(site: Site, text: str) -> str:
    """The stage or image that a mount is taken from, empty if none: ``from`` takes no variables."""
    found = ""
    for field in csv_fields(site, text):
        key, equals, value = field.partition("=")
        if equals and key.lower() == "from":
            dollar = value.find("$")
            if dollar not in (-1, len(value) - 1):
                raise site.error(
                    "'from' doesn't support variable expansion",
                    help="define a stage with FROM, using an ARG from before the first FROM, and name that",
                )
            found = value
    return found


def read_mount(site: Site, text: str, expand: Expand) -> _Options:
    """Read one value of ``--mount``. Raises ``CompileError``."""
    options = _Options()
    for field in csv_fields(site, text):
        key, equals, value = field.partition("=")
        key = key.lower()
        name = _ALIASES.get(key, key)
        if not equals and name not in ("readonly", "readwrite", "required"):
            raise site.error(f"invalid field '{field}' must be a key=value pair", help=suggestion(key, _KEYS))
        if key not in _KEYS:
            raise site.error(f"unexpected key '{key}' in '{field}'", help=suggestion(key, _KEYS))
        _SETTERS[name](site, options, key, expand(value) if equals else "true")
    _check(site, options)
    return options


def _set_kind(site: Site, options: _Options, _key: str, value: str) -> None:
    if value.lower() not in _KINDS:
        raise site.error(
            f'unsupported mount type "{value}"',
            help=suggestion(value, _KINDS) or f"one of {', '.join(_KINDS)}",
        )
    options.kind = value.lower()


def _set_sharing(site: Site, options: _Options, _key: str, value: str) -> None:
    if value.lower() not in _SHARING:
        raise site.error(
            f'unsupported sharing value "{value}"',
            help=suggestion(value, _SHARING) or f"one of {', '.join(_SHARING)}",
        )
    options.sharing = value.lower()


def _set_text(name: str) -> Callable[[Site, _Options, str, str], None]:
    def set_(_site: Site, options: _Options, _key: str, value: str) -> None:
        setattr(options, name, value)

    return set_


def _boolean(site: Site, key: str, value: str) -> bool:
    try:
        return parse_bool(value)
    except ValueError:
        raise site.error(f"invalid value for {key}: {value}", help="true or false") from None


def _set_read_only(site: Site, options: _Options, key: str, value: str) -> None:
    options.read_only = _boolean(site, key, value)


def _set_read_write(site: Site, options: _Options, key: str, value: str) -> None:
    options.read_only = not _boolean(site, key, value)


def _set_required(site: Site, options: _Options, key: str, value: str) -> None:
    if options.kind not in ("secret", "ssh"):
        raise site.error(f"unexpected key '{key}' for mount type '{options.kind}'")
    options.required = _boolean(site, key, value)


def _set_size(site: Site, options: _Options, key: str, value: str) -> None:
    if options.kind != "tmpfs":
        raise site.error(f"unexpected key '{key}' for mount type '{options.kind}'")
    try:
        options.size = parse_size(value)
    except ValueError:
        raise site.error(f"invalid value for {key}: {value}", help="a size such as 64m") from None


def _set_number(name: str, base: int) -> Callable[[Site, _Options, str, str], None]:
    def set_(site: Site, options: _Options, key: str, value: str) -> None:
        try:
            setattr(options, name, parse_unsigned(value, base))
        except ValueError:
            raise site.error(f"invalid value {value} for {key}") from None

    return set_


_SETTERS: dict[str, Callable[[Site, _Options, str, str], None]] = {
    "type": _set_kind,
    "from": _set_text("from_"),
    "source": _set_text("source"),
    "target": _set_text("target"),
    "readonly": _set_read_only,
    "readwrite": _set_read_write,
    "required": _set_required,
    "size": _set_size,
    "id": _set_text("id"),
    "sharing": _set_sharing,
    "mode": _set_number("mode", 8),
    "uid": _set_number("uid", 10),
    "gid": _set_number("gid", 10),
    "env": _set_text("env"),
}


def _check(site: Site, options: _Options) -> None:
    """What options exclude each other, by the kind of mount."""
    kind = options.kind
    if kind not in _OWNED:
        for name in ("mode", "uid", "gid"):
            if getattr(options, name) is not None:
                raise site.error(f'{name} not allowed for "{kind}" type mounts')
    if kind == "secret":
        if options.from_:
            raise site.error("secret mount should not have a from")
        if options.sharing:
            raise site.error("secret mount should not define sharing")
        if not (options.source or options.target or options.id):
            raise site.error("invalid secret mount. one of source, target required")
        if options.source and options.id:
            raise site.error("both source and id can't be set")
    if options.sharing and kind != "cache":
        raise site.error(f"invalid cache sharing set for {kind} mount")
    if kind == "ssh" and options.source:
        raise site.error("ssh does not support source")


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


def _secret(site: Site, stage: Stage, options: _Options) -> Mount:
    identity = options.source or options.id or clean_path(options.target).rpartition("/")[2]
    if not identity:
        raise site.error("one of source, target required")
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


def _ssh(stage: Stage, options: _Options, number: int) -> Mount:
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
    return target if target.startswith("/") else join_path("/", stage.config.workdir, target)


def _tree(site: Site, stage: Stage, options: _Options, inputs: list[str]) -> Mount:
    """A bind, cache or tmpfs mount. ``inputs`` gets the layer that it is taken from, if there is one."""
    target = _absolute(stage, options.target)
    if target == "/":
        raise site.error(f'invalid mount target "{target}"', help="give target=/a/path below the root")
    read_only = options.kind == "bind" if options.read_only is None else options.read_only
    if options.kind == "tmpfs":
        return Mount("tmpfs", target=target, read_only=read_only, size=options.size)
    origin = None
    if options.from_ or options.kind == "bind":
        origin, layers = stage.origin(site, options.from_, "mount", target=options.target, first=len(inputs))
        inputs.extend(layers)
    is_cache = options.kind == "cache"
    return Mount(
        options.kind,
        target=target,
        origin=origin,
        source=join_path("/", options.source),
        read_only=read_only,
        cache_id=(options.id or clean_path(options.target)) if is_cache else "",
        sharing=options.sharing or "shared",
        mode=options.mode,
        uid=options.uid or 0,
        gid=options.gid or 0,
    )
