"""``# layerc: …`` comments above instructions: what the user says of them and no text shows."""

from __future__ import annotations

import re

from .checks import Checks
from .instructions.arg import Arg
from .program import Program
from .suggest import suggestion

__all__ = ["named_only"]

_COMMENT = re.compile(r"layerc:\s*(.*)", re.IGNORECASE)
_NAMED_ONLY = "named-only"


def named_only(program: Program, checks: Checks) -> frozenset[str]:
    """Build arguments of which the user says that only commands that name them read them: ``# layerc: named-only``
    above any ARG that declares them. Comments that mean nothing are told to the user.
    """
    found: set[str] = set()
    commands = [*program.arguments, *(command for stage in program.stages for command in stage.commands)]
    places = [(command.site, command) for command in commands]
    for site, command in [*((stage.from_.site, None) for stage in program.stages), *places]:
        for text in checks.comments(site):
            if match := _COMMENT.fullmatch(text):
                if match[1].lower() != _NAMED_ONLY:
                    hint = suggestion(match[1], (_NAMED_ONLY,)) or f"there is `# layerc: {_NAMED_ONLY}`"
                    checks.remark(site, f"the comment `# {text}` is not known: {hint}")
                elif isinstance(command, Arg):
                    found.update(name for name, _ in command.declared)
                else:
                    checks.remark(site, f"the comment `# {text}` has an effect above ARG only")
    return frozenset(found)
