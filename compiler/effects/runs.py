"""RUN: what the mounts, the directory and the command of a step read and write."""

from __future__ import annotations

from collections.abc import Mapping

from ..graph.operations import Run
from ..optimize.facts import Facts
from ..shell.program import has_script
from .builtins import BUILTINS
from .call import Call
from .collect import Collector
from .links import Links, normal
from .lookup import look_up, start_program
from .model import Effects, unknown
from .programs import run_program
from .script import Walker
from .values import Arg, State

__all__ = ["run_effects"]

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What the sandbox mounts over, and what the C library asks for.
_MOUNTED = ("/dev", "/proc", "/sys", "/etc/hosts", "/etc/resolv.conf", "/etc/hostname", "/selinux")
# Variables that a shell obeys which is not used by a person.
_CHANGING = frozenset(("BASH_ENV", "SHELLOPTS", "BASHOPTS"))
_ROOT = frozenset(("", "root", "0", "0:0", "root:root", "root:0", "0:root"))


def run_effects(
    operation: Run, facts: Facts, links: Links, placed: Mapping[str, str] | None = None
) -> Effects:
    """The effects of a RUN: of its command in its environment, and of what is mounted."""
    if not operation.argv:
        return unknown("it has no command")
    mounted = [normal(mount.target) for mount in operation.mounts if mount.target]
    collector = Collector(facts, links, (*mounted, "/dev/pipes"), placed)
    collector.mount_over(mounted)
    collector.mount(_MOUNTED)
    root = operation.user in _ROOT
    if not root:
        collector.read_paths(["/etc/passwd", "/etc/group"])
    variables = _variables(operation)
    cwd = normal(operation.cwd)
    collector.read_paths([cwd])
    state = State(variables, frozenset({cwd}))
    if not root:
        state = state.set("!owner", operation.user)
    _command(operation, collector, state)
    return collector.effects()


def _variables(operation: Run) -> Mapping[str, str | None]:
    variables: dict[str, str | None] = {"PATH": _PATH, **dict(operation.env)}
    if "HOME" not in variables:
        variables["HOME"] = "/root" if operation.user in _ROOT else None
    secrets = {mount.env: None for mount in operation.mounts if mount.env}
    return {**variables, **dict.fromkeys(dict(operation.proxy)), **secrets}


def _command(operation: Run, collector: Collector, state: State) -> None:
    argv = operation.argv
    walker = Walker(collector)
    call = Call(argv[0], tuple(Arg(word) for word in argv[1:]), state, walker)
    inline = {f"/dev/pipes/{script.name}": script.content for script in operation.scripts}
    if has_script(argv):
        for name in _CHANGING & set(state.variables):
            collector.fail(f"{name} is set: it changes what the shell does before its script, or with it")
        look_up(call, argv[0])
        flags = [word for word in argv[1:-1] if word.startswith("-")]
        stops = any("e" in word for word in flags) or "errexit" in argv
        state = state._replace(stops=stops)
        content = inline.get(argv[-1])
        if content is None:
            start_program(call, call.name)
            walker.text(argv[-1], state)
        elif not content.startswith("#!"):
            start_program(call, call.name)
            walker.text(content, state)
        else:
            _interpreted(call._replace(state=state), content)
        return
    if argv[0] in inline:
        _interpreted(call, inline[argv[0]])
        return
    if argv[0] in BUILTINS and argv[0] not in {"true", "false", "echo", "printf", "test", "["}:
        collector.fail(f"`{argv[0]}` is no program")
    run_program(call)


def _interpreted(call: Call, content: str) -> None:
    """A script with the name of its interpreter in its first line."""
    first, _, rest = content.partition("\n")
    words = first[2:].split()
    name = words[0].rpartition("/")[2] if words else ""
    if name == "env" and len(words) == 2:
        name = words[1]
    if name in {"sh", "bash", "ash", "dash"}:
        start_program(call, call.name)
        stops = call.state.stops or any("e" in word for word in words[1:] if word.startswith("-"))
        call.walker.text(rest, call.state._replace(stops=stops))
    else:
        call.collector.fail(f"a script of `{name}`: what it reads and writes is not known")
