"""What an OCI runtime logged, told in the user's words."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence

from ..errors import EnvironmentLackError, StepError

__all__ = ["explain"]

NOT_FOUND, NOT_EXECUTABLE, NOT_STARTED = 127, 126, 125

# In the words of crun and of runc, old and new.
_NOT_FOUND = re.compile(
    r"executable file `.*` not found|exec: .*: (executable file not found|stat .*: no such file or directory)"
)
_NOT_EXECUTABLE = re.compile(
    r"open executable|the path `.*` (exists but it is not executable|is not a regular file)"
    r"|exec: .*: (permission denied|is a directory)"
)
_FOREIGN = re.compile("exec format error", re.IGNORECASE)


def explain(log: str, argv: Sequence[str]) -> tuple[int, str]:
    """The exit status for a program that could not be executed, and a line to show.

    Raises :class:`EnvironmentLackError` or :class:`StepError` where the container could not be made at all.
    """
    message = _last_message(log)
    program = argv[0]
    if _NOT_FOUND.search(message):
        where = "no such file or directory" if "/" in program else "not found in $PATH"
        return NOT_FOUND, f'exec: "{program}": {where}\n'
    if _FOREIGN.search(message):
        return NOT_EXECUTABLE, f'exec: "{program}": exec format error\n'
    if _NOT_EXECUTABLE.search(message):
        return NOT_EXECUTABLE, f'exec: "{program}": not an executable file\n'
    if _is_refusal(message):
        raise EnvironmentLackError(
            f"this machine does not let containers start: {message}",
            help="'layerc doctor' tells what is missing",
        )
    raise StepError(f"the container could not be started: {message}", status=NOT_STARTED)


def _last_message(log: str) -> str:
    """The newest line, which crun writes as text and runc as JSON."""
    line = log.strip().rpartition("\n")[2]
    if line.startswith("{"):
        try:
            message = json.loads(line)["msg"]
        except (ValueError, KeyError):
            return line
        return (
            str(message).removeprefix("runc run failed: ").removeprefix("unable to start container process: ")
        )
    return line


def _is_refusal(message: str) -> bool:
    return "Operation not permitted" in message and any(
        word in message for word in ("mount `proc`", "mount `sysfs`", "clone", "unshare", "pivot_root")
    )
