"""Variables that a step can be shown not to read: their values take no part in its identity.

Reads of the environment can not be observed, and each program inherits all of it. So this is a proof from the text
alone: the step is an exec form or the script of a known shell, understood as a whole; every command in it is a
command of the shell's own or a program of a short list; and the variable is neither named nor one that such
programs know. By the name of a program its usual meaning is meant: ``cp`` copies. Where anything is in doubt, the
variable is read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

from .graph.operations import Run
from .shell.commands import Command, assigned_name, simple_commands
from .shell.program import CHANGING, has_script
from .shell.programs import BLIND_PROGRAMS, BUILTINS, DIRECTORIES, PROGRAMS, is_system
from .shell.spelling import set_options_are_plain
from .shell.tokens import Part, UnknownSyntax, Word, tokenize

__all__ = ["is_named", "reading_of", "unread_variables"]

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
# The environment of a process is a file, too.
_FILES = re.compile(r"(?<![A-Za-z])proc(?![A-Za-z])|environ")
# The root, a way up, or a pattern right below the root may lead there.
_ROOTS = re.compile(r"/+|(?:.*/)?\.\.(?:/.*)?|/+[^/]*[*?\[{].*", re.DOTALL)
_PARAMETER = re.compile(r"#?[A-Za-z_0-9]+|[@*#?$!-]|[A-Za-z_][A-Za-z0-9_]*(?::?[-+=?]|##?|%%?)[^@]*")
_AS_FILE = "the command may come to read the environment as a file, in /proc"
_BINARY = frozenset(("=", "==", "!=", "-eq", "-ne", "-lt", "-le", "-gt", "-ge", "-nt", "-ot", "-ef"))
_UNARY = frozenset("-" + letter for letter in "bcdefghknprstuwxzGLOS")


def unread_variables(run: Run) -> frozenset[str]:
    """Names in the environment of ``run`` whose values it does not read: neither it nor what it starts."""
    return frozenset(name for name, _ in run.env if not reading_of(run, name))


def reading_of(run: Run, name: str) -> str:
    """Why ``run`` has to be taken to read the variable ``name``, in words; empty if it does not.

    >>> reading_of(Run(("/bin/sh", "-c", "make install")), "VERSION")
    'make may read any variable'
    >>> reading_of(Run(("/bin/sh", "-c", "mkdir -p /opt && cp a b"), cwd="/src"), "VERSION")
    ''
    """
    if is_named(run, name):
        return f"the command names {name}"
    if name in run.named_only:
        return ""
    if is_system(name) or not _NAME.fullmatch(name):
        return f"many programs know {name}"
    if loading := next((item for item, _ in run.env if _loads_code(item)), ""):
        return f"what {loading} names may read any variable"
    if run.scripts:
        return "the interpreter of a script may read any variable"
    return _doubt(run.argv, run.cwd.strip("/.") == "")


def _loads_code(name: str) -> bool:
    """Whether a variable makes shells or all programs run what is not in their text."""
    return name in CHANGING or name in ("LD_PRELOAD", "LD_AUDIT") or name.startswith("BASH_FUNC_")


def is_named(run: Run, name: str) -> bool:
    """Whether the text of ``run`` holds ``name``, be it as part of another word."""
    texts = (*run.argv, *(script.content for script in run.scripts))
    return any(name in text for text in texts)


@lru_cache(maxsize=512)
def _doubt(argv: tuple[str, ...], at_root: bool) -> str:
    """Why some program of the command may read any variable; empty if none can."""
    commands = [Command((), tuple(map(_quoted, argv)), ())]
    try:
        if has_script(argv):
            commands = list(simple_commands(tokenize(argv[-1])))
    except UnknownSyntax as unknown:
        return f"{unknown} is not understood"
    if any(_FILES.search(word) for word in argv):
        return _AS_FILE
    return next((doubt for command in commands for doubt in _doubts_of(command, at_root)), "")


def _quoted(text: str) -> Word:
    return Word((Part("text", text, quoted=True),))


def _doubts_of(command: Command, at_root: bool) -> Iterator[str]:
    for word in command.every_word:
        yield from _doubts_of_word(word, at_root)
    for word in command.assignments:
        if is_system(assigned_name(word)):
            yield f"it sets {assigned_name(word)}"
    if any("<" in operator and word.literal is None for operator, word in command.redirections):
        yield _AS_FILE
    if command.words:
        yield from _doubts_of_call(command.words[0], command.words[1:])


def _doubts_of_call(program: Word, arguments: Sequence[Word]) -> Iterator[str]:
    name = program.literal
    if name is None or (_has_pattern(program) and name != "["):
        yield "the name of a program comes from a variable or a pattern"
    elif name in _READERS:
        if any(word.literal is None for word in arguments):
            yield f"{name} may be given any path, also that of the environment as a file"
    elif name in _CHECKED:
        if doubt := _CHECKED[name](arguments):
            yield doubt
    elif name not in _HARMLESS:
        yield f"{name} may read any variable"


def _doubt_of_test(arguments: Sequence[Word]) -> str:
    return "" if _is_plain_test(arguments) else "a condition may name a variable"


def _doubt_of_set(arguments: Sequence[Word]) -> str:
    return "" if arguments and set_options_are_plain(arguments) else "set shows all variables"


def _doubt_of_for(arguments: Sequence[Word]) -> str:
    return _doubt_of_setting(arguments[:1])


def _doubt_of_printf(arguments: Sequence[Word]) -> str:
    """``printf -v NAME`` sets a variable."""
    has_options = not arguments or (arguments[0].literal or "-").startswith("-")
    return _doubt_of_setting(arguments[:2]) if has_options else ""


def _doubt_of_setting(names: Sequence[Word]) -> str:
    if all(word.literal and not is_system(word.literal) for word in names):
        return ""
    return "it may set a variable that decides which programs run"


_CHECKED: dict[str, Callable[[Sequence[Word]], str]] = {
    "[": lambda arguments: _doubt_of_test(arguments[:-1]),
    "test": _doubt_of_test,
    "set": _doubt_of_set,
    "for": _doubt_of_for,
    "printf": _doubt_of_printf,
    "export": lambda arguments: _doubt_of_names("export", arguments),
    "unset": lambda arguments: _doubt_of_names("unset", arguments),
}
_READERS = frozenset(place + name for place in DIRECTORIES for name in PROGRAMS)
_HARMLESS = BUILTINS | {place + name for place in DIRECTORIES for name in BLIND_PROGRAMS}


def _has_pattern(word: Word) -> bool:
    return any(part.kind == "text" and not part.quoted and part.text in "~*?[]{}^#!" for part in word.parts)


def _doubts_of_word(word: Word, at_root: bool) -> Iterator[str]:
    for part in word.parts:
        if part.kind == "variable" and not _PARAMETER.fullmatch(part.text):
            yield "a parameter may name another"
    literal = word.literal
    if not literal:
        return
    is_pattern = literal[0] in "*?[{" and _has_pattern(word) and literal not in ("[", "!")
    leads_up = at_root and (literal.strip("./") == "" or is_pattern)
    if leads_up or _ROOTS.fullmatch(literal) or _FILES.search(literal):
        yield _AS_FILE


def _doubt_of_names(name: str, arguments: Sequence[Word]) -> str:
    """``export`` and ``unset`` with names; with options or without any they show variables or functions."""
    if not arguments:
        return f"{name} shows all variables"
    for word in arguments:
        literal = word.literal
        changed = assigned_name(word) or (literal if literal and _NAME.fullmatch(literal) else "")
        if not changed:
            return f"{name} may show all variables"
        if is_system(changed):
            return f"it sets {changed}"
    return ""


def _is_plain_test(words: Sequence[Word]) -> bool:
    """Whether a condition is of a form that can not be ``-v NAME``."""
    if any(not part.quoted and part.kind != "text" for word in words for part in word.parts):
        return False
    literals = [word.literal for word in words]
    while literals and literals[0] == "!":
        literals.pop(0)
    if len(literals) < 2:
        return True
    if len(literals) == 2:
        return literals[0] in _UNARY
    return len(literals) == 3 and literals[1] in _BINARY
