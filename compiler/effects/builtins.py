"""The shell's own commands: what they do to what is known, and what they read."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from .call import Call
from .links import normal
from .lookup import look_up
from .values import State

__all__ = ["BUILTINS"]

_FILE_TESTS = frozenset(f"-{letter}" for letter in "abcdefghkprstuwxLSGNO")


def _nothing(call: Call) -> State:
    return call.state


def _cd(call: Call) -> State:
    args = [arg for arg in call.args if arg.text not in {"-P", "-L", "--"}]
    if not args:
        target: str | None = call.state.get("HOME") or "/root"
    else:
        target = args[0].known
    if target is None or target == "-":
        call.collector.fail("`cd` to a directory that is not known")
        return call.state
    if not target.startswith(("/", ".")) and call.state.get("CDPATH"):
        call.collector.fail("`cd` with CDPATH")
    found: set[str] = set()
    for cwd in ["/"] if target.startswith("/") else call.cwds:
        path = normal(target if target.startswith("/") else f"{cwd}/{target}")
        call.collector.read_paths([path])
        found.add(path)
    return call.state._replace(cwds=frozenset(found))


def _export(call: Call) -> State:
    state = call.state
    for arg in call.args:
        name, sign, _ = arg.fixed.partition("=")
        if sign:
            state = state.set(name, arg.after(len(name) + 1).known)
    return state


def _umask(call: Call) -> State:
    usual = not call.args or call.args[0].known in {"022", "0022"}
    return call.state if usual else call.state.set("!owner", "other modes")


def _unset(call: Call) -> State:
    state = call.state
    for arg in call.args:
        if arg.known is None:
            return state._replace(variables=dict.fromkeys(state.variables))
        state = state.set(arg.text, "")
    return state


def _read(call: Call) -> State:
    state = call.state
    for arg in call.args:
        if arg.known is not None and not arg.text.startswith("-"):
            state = state.set(arg.text, None)
    return state


def _set(call: Call) -> State:
    state = call.state
    for index, arg in enumerate(call.args):
        text = arg.known
        if text is None:
            return state._replace(arguments=None)
        if text == "--" or not text.startswith(("-", "+")):
            rest = [item.known for item in call.args[index + (text == "--") :]]
            values = tuple(item for item in rest if item is not None)
            if text != "--" and index and call.args[index - 1].text.endswith("o"):
                continue  # the name of a long option
            return state._replace(arguments=values if len(values) == len(rest) else None)
        if "e" in text[1:] and not text.startswith("--"):
            state = state._replace(stops=text[0] == "-")
    return state


def _shift(call: Call) -> State:
    arguments = call.state.arguments
    count = call.args[0].known if call.args else "1"
    if arguments is None or count is None or not count.isdecimal():
        return call.state._replace(arguments=None)
    return call.state._replace(arguments=arguments[int(count) :])


def _test(call: Call) -> State:
    args = call.args
    for index, arg in enumerate(args[:-1]):
        following = args[index + 1]
        if arg.known in _FILE_TESTS and following.text != "]":
            call.collector.read(following, call.cwds)
        if arg.known in {"-nt", "-ot", "-ef"} and index:
            call.collector.read(args[index - 1], call.cwds)
            call.collector.read(following, call.cwds)
    return call.state


_RELEASE = (
    "ID",
    "ID_LIKE",
    "NAME",
    "PRETTY_NAME",
    "VERSION",
    "VERSION_ID",
    "VERSION_CODENAME",
    "UBUNTU_CODENAME",
)


def _source(call: Call) -> State:
    if not call.args:
        return call.state
    name = call.args[0].known or ""
    call.collector.read(call.args[0], call.cwds)
    if name in {"/etc/os-release", "/usr/lib/os-release", "/etc/lsb-release"}:
        return call.state._replace(variables={**call.state.variables, **dict.fromkeys(_RELEASE)})
    prefix = name.removesuffix("/bin/activate")
    path = call.state.get("PATH")
    if name.startswith("/") and prefix != name and path is not None:
        call.collector.claim(f"{name} puts an environment first in PATH")
        return call.state.set("VIRTUAL_ENV", prefix).set("PATH", f"{prefix}/bin:{path}")
    prefix = name.removesuffix("/env")
    if name.startswith("/") and name.endswith("cargo/env") and path is not None:
        call.collector.claim(f"{name} puts {prefix}/bin first in PATH")
        return call.state.set("PATH", f"{prefix}/bin:{path}")
    if name:
        call.collector.fail(f"`{call.name} {call.args[0].text}` runs a file whose content is not known")
    else:
        call.collector.fail(f"`{call.name}` runs a file that is not known")
    return call.state


def _eval(call: Call) -> State:
    words = [arg.known for arg in call.args]
    if None in words:
        call.collector.fail("`eval` of text that is not known")
        return call.state
    return call.walker.text(" ".join(word for word in words if word is not None), call.state)


def _exec(call: Call) -> State:
    return _wrapped(call)


def _wrapped(call: Call) -> State:
    """``command``, ``exec``, ``builtin``: the rest is a command."""
    args = list(call.args)
    looks = False
    while args and args[0].text.startswith("-"):
        looks |= args[0].text in {"-v", "-V"}
        args.pop(0)
    if not args:
        return call.state
    name = args[0].known
    if name is None:
        call.collector.fail("which program is run depends on a variable or a command")
        return call.state
    from .programs import run_program

    if looks:
        look_up(call, name)
        return call.state
    inner = call._replace(name=name, args=tuple(args[1:]))
    if name in BUILTINS:
        return BUILTINS[name](inner)
    run_program(inner)
    return call.state


def _look(call: Call) -> State:
    for arg in call.args:
        if arg.known is not None and not arg.text.startswith("-"):
            look_up(call, arg.text)
    return call.state


def _trap(call: Call) -> State:
    if call.args and call.args[0].text not in {"-", ""}:
        script = call.args[0].known
        if script is None:
            call.collector.fail("`trap` with text that is not known")
        else:
            call.walker.text(script, call.state)
    return call.state


BUILTINS: Mapping[str, Callable[[Call], State]] = {
    **dict.fromkeys(
        (":", "true", "false", "echo", "printf", "pwd", "exit", "return", "break", "continue", "wait"),
        _nothing,
    ),
    **dict.fromkeys(("ulimit", "shopt", "times", "hash", "kill", "jobs"), _nothing),
    **dict.fromkeys(("export", "readonly", "local", "declare", "typeset"), _export),
    **dict.fromkeys(("test", "[", "[["), _test),
    **dict.fromkeys((".", "source"), _source),
    **dict.fromkeys(("command", "builtin"), _wrapped),
    "cd": _cd,
    "unset": _unset,
    "read": _read,
    "set": _set,
    "shift": _shift,
    "eval": _eval,
    "exec": _exec,
    "type": _look,
    "trap": _trap,
    "umask": _umask,
}
