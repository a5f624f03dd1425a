"""An instruction taken apart, to say what of it changed: the command, a variable, an option.

Values of variables may be secrets, so only digests of them are kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence

from ...compiler.graph.canonical import encode, sha256_hex
from ...compiler.graph.operations import Operation, Run
from ...compiler.unread import reading_of

__all__ = ["aspects", "difference", "why_read"]

_DIGITS = 12
_VARIABLE = "environment variable "
# Fields by what users call them; any other is called as it is.
_NAMES = {
    "argv": "the command",
    "cwd": "the working directory",
    "user": "the user",
    "network": "--network",
    "security": "--security",
    "devices": "--device",
    "extra_hosts": "--add-host",
    "shm_size": "--shm-size",
    "ulimits": "--ulimit",
    "hostname": "the host name",
    "named_only": "the arguments with '# layerc: named-only'",
    "origin": "--from",
    "sources": "the list of sources",
    "dest": "the destination",
    "chown": "--chown",
    "chmod": "--chmod",
    "exclude": "--exclude",
    "parents": "--parents",
    "link": "--link",
    "unpack": "--unpack",
    "path": "the directory",
    "created": "SOURCE_DATE_EPOCH",
    "digest": "the image",
    "reference": "the image",
    "platform": "the platform",
}


def aspects(operation: Operation) -> dict[str, str]:
    """What an operation consists of: names for people, and digests of the values."""
    return {name: sha256_hex(json.dumps(value))[:_DIGITS] for name, value in _parts(operation)}


def _parts(operation: Operation) -> Iterator[tuple[str, object]]:
    for field, value in encode(operation, identity=True).items():
        if field == "type":
            yield "the instruction", value
        elif field == "env":
            yield from ((_VARIABLE + name, text) for name, text in value)
        elif field == "mounts" and isinstance(operation, Run):
            for number, mount in enumerate(value):
                yield f"--mount={mount.get('kind')} {mount.get('target') or number}".rstrip(), mount
        elif field == "scripts":
            yield from ((f"the script <<{script['name']}", script) for script in value)
        else:
            yield _NAMES.get(field, field), value


def difference(before: Mapping[str, str], after: Mapping[str, str]) -> list[str]:
    """The names of what is not the same, those first that stand in the instruction itself."""
    names = [name for name in (*after, *before) if before.get(name) != after.get(name)]
    return sorted(dict.fromkeys(names), key=lambda name: name.startswith(_VARIABLE))


def why_read(operation: Operation, names: Sequence[str]) -> str:
    """Where of an operation only values of variables changed (``names`` are those of aspects): why the step is held
    to read the first of them. Empty where something else changed too.
    """
    variables = [name.removeprefix(_VARIABLE) for name in names if name.startswith(_VARIABLE)]
    if not variables or len(variables) < len(names) or not isinstance(operation, Run):
        return ""
    reason = reading_of(operation, variables[0])
    advice = "; an ARG below the step, or '# layerc: named-only' above it, spares this"
    return reason + (advice if reason.endswith("may read any variable") else "")
