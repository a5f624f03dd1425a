"""Programs that run others: shells, ``env``, ``find -exec``, ``xargs``, ``sudo``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from .call import Call
from .values import Arg

__all__ = ["WRAPPERS"]


def _run(call: Call, args: Sequence[Arg]) -> None:
    """Run the words as a command."""
    if not args:
        return
    name = args[0].known
    if name is None:
        call.collector.fail("which program is run depends on a variable or a command")
        return
    from .programs import run_program

    run_program(call._replace(name=name, args=tuple(args[1:]), bodies=()))


def _skip(valued: str) -> Callable[[Call], None]:
    """A program that runs the command behind its options."""
    takes = frozenset(valued.split())

    def run(call: Call) -> None:
        args = list(call.args)
        state = call.state
        while args:
            text = args[0].text
            if text.startswith("-") and len(text) > 1:
                args.pop(0)
                if text in takes and args:
                    args.pop(0)
            elif "=" in text and call.base in {"env", "sudo"}:
                name = text.partition("=")[0]
                state = state.set(name, args[0].after(len(name) + 1).known)
                args.pop(0)
            else:
                break
        if call.base in {"timeout", "gosu", "su-exec", "chroot"} and args:
            if call.base == "chroot":
                call.collector.fail("`chroot` runs a program in another tree")
            args.pop(0)
        _run(call._replace(state=state), args)

    return run


def _shell(call: Call) -> None:
    """``sh -c script`` and ``sh < here-document``; a script in a file is not known."""
    args = list(call.args)
    collector = call.collector
    state = call.state
    command = False
    while args and args[0].text[:1] in {"-", "+"} and len(args[0].text) > 1:
        text = args.pop(0).text
        if text.startswith("--"):
            continue
        command |= "c" in text[1:]
        state = state._replace(stops=state.stops or (text[0] == "-" and "e" in text[1:]))
        if "l" in text[1:]:
            collector.read_paths(["/etc/profile", "/root/.profile", "/root/.bash_profile"])
            collector.read_paths(["/etc/profile.d"], tree=True)
        if "o" in text[1:] and args:
            args.pop(0)
    if command and args:
        script = args[0].known if not args[0].pattern else args[0].text
        if script is None or not args[0].exact:
            collector.fail(f"the script of `{call.base} -c` is made of a variable or a command")
            return
        rest = [arg.known for arg in args[2:]]
        values = tuple(item for item in rest if item is not None)
        known = values if len(values) == len(rest) else None
        call.walker.text(script, state._replace(arguments=known))
    elif args and args[0].text != "-":
        collector.read(args[0], call.cwds)
        collector.fail(f"`{call.base} {args[0].text}` runs a file whose content is not known")
    elif call.bodies and call.bodies[-1].literal is not None:
        call.walker.text(call.bodies[-1].literal, state._replace(arguments=()))
    else:
        collector.fail(f"`{call.base}` runs what it is fed")


_FIND_READS = frozenset(("-newer", "-anewer", "-cnewer", "-samefile"))
_FIND_WRITES = frozenset(("-fprint", "-fprint0", "-fls", "-fprintf"))


def _find(call: Call) -> None:
    collector = call.collector
    args = list(call.args)
    while args and args[0].text in {"-H", "-L", "-P"}:
        args.pop(0)
    roots: list[Arg] = []
    while args and not args[0].text.startswith(("-", "(", "!", "\\")):
        roots.append(args.pop(0))
    roots = roots or [Arg(".")]
    for root in roots:
        collector.read(root, call.cwds, tree=True)
    texts = [arg.text for arg in args]
    if "-delete" in texts:
        for root in roots:
            collector.write(root, call.cwds, tree=True)
    for at, text in enumerate(texts):
        if text in _FIND_READS and at + 1 < len(args):
            collector.read(args[at + 1], call.cwds)
        if text in _FIND_WRITES and at + 1 < len(args):
            collector.write(args[at + 1], call.cwds)
        if text in {"-exec", "-execdir", "-ok", "-okdir"}:
            end = next((i for i in range(at, len(texts)) if texts[i] in {";", "+"}), len(texts))
            for root in roots:
                _run(call, [_found(arg, root) for arg in args[at + 1 : end]])


def _found(arg: Arg, root: Arg) -> Arg:
    """An argument of ``-exec``, with what is found in the place of ``{}``."""
    if "{}" not in arg.text:
        return arg
    before = arg.text.partition("{}")[0]
    return Arg(before + root.fixed.rstrip("/") + "/", exact=False)


def _xargs(call: Call) -> None:
    takes = {"-n", "-P", "-I", "-L", "-d", "-s", "-E", "-a", "--max-args", "--max-procs", "--delimiter"}
    args = list(call.args)
    while args and args[0].text.startswith("-"):
        text = args.pop(0).text
        if text in takes and args:
            args.pop(0)
    _run(call, [*(args or [Arg("echo")]), Arg("", exact=False)])


def _su(call: Call) -> None:
    texts = [arg.known for arg in call.args]
    if "-c" in texts and texts.index("-c") + 1 < len(call.args):
        script = call.args[texts.index("-c") + 1].known
        if script is not None:
            call.collector.read_paths(["/etc", "/var/run", "/root", "/home"], tree=True)
            state = call.state.set("HOME", None)
            call.walker.text(script, state.set("!owner", "another"))
            return
    call.collector.fail("`su` runs what is not known")


WRAPPERS: Mapping[str, Callable[[Call], None]] = {
    **dict.fromkeys(("sh", "bash", "ash", "dash"), _shell),
    "env": _skip("-u -C -S --unset --chdir"),
    "sudo": _skip("-u -g -C -h -p"),
    "nice": _skip("-n"),
    "nohup": _skip(""),
    "time": _skip("-f -o"),
    "timeout": _skip("-k -s"),
    "gosu": _skip(""),
    "su-exec": _skip(""),
    "setarch": _skip(""),
    "tini": _skip(""),
    "eatmydata": _skip(""),
    "chroot": _skip("--userspec"),
    "find": _find,
    "xargs": _xargs,
    "su": _su,
}
