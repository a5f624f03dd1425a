"""Calls of tools as rules about tools need them: seen through what runs other programs, with operands told from
the values of flags.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence

from ...grammar.shell_parse import parse_script
from ...grammar.shell_syntax import UnknownSyntaxError
from ...grammar.syntax import Instruction
from .calls import Call, CallWord, in_quotes
from .finding import Edit, Fix

__all__ = ["append_fix", "called", "flag_fix", "flag_values", "has_mount", "operands", "text_of"]

#: Programs that run the command behind their own options: the options that take a value.
_WRAPPERS: Mapping[str, frozenset[str]] = {
    "sudo": frozenset(("-u", "-g", "-h", "-p", "-C", "-r", "-t", "-U", "--user", "--group")),
    "env": frozenset(("-u", "-C", "-S", "--unset", "--chdir")),
    "exec": frozenset(("-a",)),
    "command": frozenset(),
    "builtin": frozenset(),
    "busybox": frozenset(),
    "eatmydata": frozenset(),
    "nohup": frozenset(),
    "time": frozenset(("-f", "-o")),
    "nice": frozenset(("-n",)),
    "timeout": frozenset(("-s", "-k", "--signal", "--kill-after")),
    "gosu": frozenset(),
    "su-exec": frozenset(),
}
# Those whose first operand is not the command yet.
_ONE_OPERAND = frozenset(("timeout", "gosu", "su-exec"))
_SHELLS = frozenset(("sh", "bash", "ash", "dash", "zsh", "ksh"))
_DEEPEST = 4


def called(calls: Sequence[Call]) -> Mapping[str, tuple[Call, ...]]:
    """``calls``, and what those run that run other programs, by the name of the program."""
    found: dict[str, list[Call]] = {}
    for call in calls:
        for each in _seen_through(call, _DEEPEST):
            found.setdefault(each.name, []).append(each)
    return {name: tuple(each) for name, each in found.items()}


def _seen_through(call: Call, depth: int) -> Iterator[Call]:
    yield call
    name = call.name
    if depth == 0:
        return
    if name in _WRAPPERS:
        words = list(call.words[1:])
        while words and (words[0].shown.startswith("-") or _assigns(name, words[0])):
            if words.pop(0).shown in _WRAPPERS[name] and words:
                del words[0]
        if name in _ONE_OPERAND:
            del words[:1]
        if words:
            inner = call._replace(words=tuple(words), via=call.via or name)
            yield from _seen_through(inner, depth - 1)
    elif name in _SHELLS:
        yield from _in_shell(call, depth)


def _assigns(name: str, word: CallWord) -> bool:
    return name in ("sudo", "env") and "=" in word.shown


def _in_shell(call: Call, depth: int) -> Iterator[Call]:
    """What ``sh -c '…'`` runs: all of it stands in the one word."""
    for flag, word in zip(call.words[1:], call.words[2:], strict=False):
        if flag.shown.startswith("-") and "c" in flag.shown[1:] and not flag.shown.startswith("--"):
            if word.text is not None:
                try:
                    tree = parse_script(word.text)
                except UnknownSyntaxError:
                    return
                for inner in in_quotes(call, tree, word.span, f"{call.name} -c"):
                    yield from _seen_through(inner, depth - 1)
            return


def text_of(word: CallWord) -> str:
    """The word without the quotes around it, variables as written."""
    return word.raw.strip("\"'") if word.text is None else word.text


def operands(call: Call, valued: Collection[str] = ()) -> list[CallWord]:
    """The words behind the name that are neither flags nor their values; ``valued`` are flags, without dashes, that
    take the next word. What follows ``--`` are operands, whatever it looks like.
    """
    found: list[CallWord] = []
    words = iter(call.words[1:])
    for word in words:
        text = word.shown
        if text == "--":
            found += words
        elif text.startswith("-") and text != "-":
            if "=" not in text and _takes_value(text, valued):
                next(words, None)
        else:
            found.append(word)
    return found


def _takes_value(text: str, valued: Collection[str]) -> bool:
    if text.startswith("--"):
        return text[2:] in valued
    # ``-f value``, ``-qf value``, and long names with one dash
    return text[1:] in valued or (text[-1] in valued and text[1:].isalpha() and len(text) < 5)


def flag_values(call: Call, *names: str) -> Iterator[str]:
    """The values of these flags: ``--name value``, ``--name=value``, ``-n value`` and ``-nvalue``."""
    for index, word in enumerate(call.words):
        text = word.shown
        for name in names:
            if len(name) == 1:
                if text == f"-{name}" and index + 1 < len(call.words):
                    yield text_of(call.words[index + 1])
                elif text.startswith(f"-{name}"):
                    yield text[2:]
            elif text == f"--{name}" and index + 1 < len(call.words):
                yield text_of(call.words[index + 1])
            elif text.startswith(f"--{name}="):
                yield text[len(name) + 3 :]


def has_mount(instruction: Instruction, *fragments: str) -> bool:
    """Whether a cache or tmpfs mount has one of ``fragments`` in its target: what is left there is in no layer."""
    for flag in instruction.flags:
        if flag.name == "mount" and flag.value is not None:
            fields = dict(field.partition("=")[::2] for field in flag.value.split(","))
            target = fields.get("target") or fields.get("dst") or fields.get("destination") or ""
            if fields.get("type") in ("cache", "tmpfs") and any(part in target for part in fragments):
                return True
    return False


def flag_fix(call: Call, behind: CallWord, flag: str, *, safe: bool = False) -> tuple[Fix, ...]:
    """Adds ``flag`` behind a word of ``call``; nothing where the word is no place of its own."""
    if call.via not in ("", *_WRAPPERS) or call.instruction.exec_form:
        return ()
    end = behind.span.end
    return (Fix(f"add {flag}", (Edit(behind.span._replace(start=end), f" {flag}"),), safe),)


def append_fix(call: Call, command: str) -> tuple[Fix, ...]:
    """Runs ``command`` after ``call``, if that stands in a list of commands of its own."""
    if call.via not in ("", *_WRAPPERS) or call.chained < 0 or call.instruction.exec_form:
        return ()
    end = call.span.end
    return (Fix(f"run {command}", (Edit(call.span._replace(start=end), f" && {command}"),)),)
