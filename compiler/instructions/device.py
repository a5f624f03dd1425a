"""``RUN --device=…``: a CDI device by its name."""

from __future__ import annotations

from ..gotext import parse_bool
from ..site import Site
from ..suggest import suggestion
from .csv import csv_fields

__all__ = ["read_device"]

_KEYS = ("name", "required")
_KEYS_HELP = "a device takes a name, and required"


def read_device(site: Site, text: str) -> str:
    """The device's name, with ``,required`` behind it where it must be there. Raises ``CompileError``."""
    name = ""
    required = False
    for field in csv_fields(site, text, "device"):
        key, equals, value = field.partition("=")
        key = key.lower()
        if key == "required":
            required = _required(site, value if equals else "true")
        elif key == "name" and equals:
            if name:
                raise site.error(
                    f"device name already set to {name}",
                    help="give one name a device",
                    at=field,
                    flag="device",
                )
            name = value
        elif not name:
            name = field  # a CDI name may hold an equals sign: vendor.com/class=device
        elif equals:
            raise site.error(
                f"unexpected key '{key}' in '{field}'",
                help=suggestion(key, _KEYS) or _KEYS_HELP,
                at=field,
                flag="device",
            )
        else:
            raise site.error(
                f"invalid field '{field}' must be a key=value pair", help=_KEYS_HELP, at=field, flag="device"
            )
    return f"{name},required" if required else name


def _required(site: Site, value: str) -> bool:
    try:
        return parse_bool(value)
    except ValueError:
        raise site.error(
            f"invalid value for required: {value}", help="true or false", flag="device"
        ) from None
