"""The options of ``RUN --mount=…``, read and checked by the kind of mount."""

from __future__ import annotations

from collections.abc import Callable

from ..gotext import parse_bool, parse_size, parse_unsigned
from ..site import Site
from ..suggest import suggestion
from .csv import csv_fields

__all__ = ["MountOptions", "mount_source", "read_mount"]

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


class _OptionError(ValueError):
    """A field that can not stand there, and what can."""

    def __init__(self, message: str, help: str) -> None:  # noqa: A002
        super().__init__(message)
        self.help = help


class MountOptions:
    """One value of ``--mount``; none where an option is not given."""

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
    for field in csv_fields(site, text, "mount"):
        key, equals, value = field.partition("=")
        if equals and key.lower() == "from":
            if value.find("$") not in (-1, len(value) - 1):
                raise site.error(
                    "'from' doesn't support variable expansion",
                    help="define a stage with FROM, using an ARG from before the first FROM, and name that",
                    at=field,
                    flag="mount",
                )
            found = value
    return found


def read_mount(site: Site, text: str, expand: Callable[[str], str]) -> MountOptions:
    """Read one value of ``--mount``. Raises ``CompileError``."""
    options = MountOptions()
    at = text
    try:
        for field in csv_fields(site, text, "mount"):
            at = field
            _read_field(options, field, expand)
        at = text
        _check(options)
    except _OptionError as error:
        raise site.error(str(error), help=error.help, at=at, flag="mount") from error
    return options


def _read_field(options: MountOptions, field: str, expand: Callable[[str], str]) -> None:
    key, equals, value = field.partition("=")
    key = key.lower()
    name = _ALIASES.get(key, key)
    if key not in _KEYS:
        raise _OptionError(
            f"unexpected key '{key}' in '{field}'", suggestion(key, _KEYS) or f"one of {', '.join(_KEYS)}"
        )
    if not equals and name not in ("readonly", "readwrite", "required"):
        raise _OptionError(f"invalid field '{field}' must be a key=value pair", f"write {key}=…")
    _SETTERS[name](options, key, expand(value) if equals else "true")


def _one_of(value: str, known: tuple[str, ...], message: str) -> str:
    if value.lower() not in known:
        raise _OptionError(message, suggestion(value, known) or f"one of {', '.join(known)}")
    return value.lower()


def _set_kind(options: MountOptions, _key: str, value: str) -> None:
    options.kind = _one_of(value, _KINDS, f'unsupported mount type "{value}"')


def _set_sharing(options: MountOptions, _key: str, value: str) -> None:
    options.sharing = _one_of(value, _SHARING, f'unsupported sharing value "{value}"')


def _set_text(name: str) -> Callable[[MountOptions, str, str], None]:
    def set_(options: MountOptions, _key: str, value: str) -> None:
        setattr(options, name, value)

    return set_


def _boolean(key: str, value: str) -> bool:
    try:
        return parse_bool(value)
    except ValueError:
        raise _OptionError(f"invalid value for {key}: {value}", "true or false") from None


def _set_read_only(options: MountOptions, key: str, value: str) -> None:
    options.read_only = _boolean(key, value)


def _set_read_write(options: MountOptions, key: str, value: str) -> None:
    options.read_only = not _boolean(key, value)


def _only_for(options: MountOptions, key: str, *kinds: str) -> None:
    if options.kind not in kinds:
        raise _OptionError(
            f"unexpected key '{key}' for mount type '{options.kind}'",
            f"{key} is for {' and '.join(kinds)} mounts; type= stands before it",
        )


def _set_required(options: MountOptions, key: str, value: str) -> None:
    _only_for(options, key, "secret", "ssh")
    options.required = _boolean(key, value)


def _set_size(options: MountOptions, key: str, value: str) -> None:
    _only_for(options, key, "tmpfs")
    try:
        options.size = parse_size(value)
    except ValueError:
        raise _OptionError(f"invalid value for {key}: {value}", "a size such as 64m") from None


def _set_number(name: str, base: int) -> Callable[[MountOptions, str, str], None]:
    def set_(options: MountOptions, key: str, value: str) -> None:
        try:
            setattr(options, name, parse_unsigned(value, base))
        except ValueError:
            example = "0755" if base == 8 else "1000"
            raise _OptionError(f"invalid value {value} for {key}", f"a number such as {example}") from None

    return set_


_SETTERS: dict[str, Callable[[MountOptions, str, str], None]] = {
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


def _check(options: MountOptions) -> None:
    """What options exclude each other, by the kind of mount."""
    kind = options.kind
    if kind not in _OWNED:
        for name in ("mode", "uid", "gid"):
            if getattr(options, name) is not None:
                raise _OptionError(
                    f'{name} not allowed for "{kind}" type mounts', f"it is for {', '.join(_OWNED)}"
                )
    if kind == "secret":
        if options.from_:
            raise _OptionError(
                "secret mount should not have a from", "secrets come from --secret: drop from="
            )
        if options.sharing:
            raise _OptionError("secret mount should not define sharing", "drop sharing=")
        if not (options.source or options.target or options.id):
            raise _OptionError("invalid secret mount. one of source, target required", "write id=NAME")
        if options.source and options.id:
            raise _OptionError("both source and id can't be set", "source= is another name of id=: drop one")
    if options.sharing and kind != "cache":
        raise _OptionError(f"invalid cache sharing set for {kind} mount", "drop sharing=, or use type=cache")
    if kind == "ssh" and options.source:
        raise _OptionError("ssh does not support source", "name the agent with id=")
