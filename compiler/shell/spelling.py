"""One spelling for scripts that a shell reads as the same words.

The canonical form is itself a script: the same words, operators and lines, each written in the one way that is
left. So two scripts with one canonical form do what it does, and both do the same. Where a text is not understood,
or where the step could notice how it is spelled, it keeps its own spelling; that costs a needless run and is never
wrong.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import lru_cache

from .commands import RESERVED, simple_commands
from .tokens import PLAIN, Operator, Part, Token, UnknownSyntax, Word, tokenize

__all__ = ["canonical_script", "set_options_are_plain"]

# Programs and variables that show the text of the script, or the number of the line that they stand on.
_SHOWS_TEXT = re.compile(
    r"/proc|LINENO|BASH_|FUNCNAME|PS4|DEBUG|(?<![\w./-])(?:ps|pgrep|pkill|caller|history|fc|jobs|alias)(?![\w-])"
)
# Commands after which the rest of the text may be read by other rules.
_CHANGES_READING = frozenset(
    ("alias", "unalias", "eval", ".", "source", "shopt", "builtin", "command", "enable")
)
_PLAIN_OPTIONS = re.compile(r"[-+][abefhmnuxCE]*o?|pipefail|errexit|nounset|xtrace|noglob|errtrace|--")
_KEYWORDS = RESERVED | {"for", "in", "case", "esac", "time", "function", "select", "coproc", "[[", "]]"}
# They read their arguments as assignments, some shells only where their name is not quoted.
_DECLARE = frozenset(("export", "readonly", "local", "declare", "typeset", "alias", "let", "exec", "set"))
_PLAIN_RUN = re.compile(rf"[{PLAIN}]+")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_SPECIAL = "~{}[]*?!^#"


@lru_cache(maxsize=512)
def canonical_script(script: str) -> str:
    """The canonical spelling of ``script``; the text itself where it has to stay.

    >>> print(canonical_script("cat 'f'  >g &&\\\\\\n   echo \\"$x\\" # done"))
    cat f > g && echo "${x}"
    """
    if _SHOWS_TEXT.search(script):
        return script
    try:
        tokens = tokenize(script)
        if _may_notice(tokens):
            return script
        return _spelled(tokens)
    except UnknownSyntax:
        return script


# --- what can be noticed ------------------------------------------------------------------------------


def _may_notice(tokens: Sequence[Token]) -> bool:
    """Whether the shell's own messages, which tell lines and words, may reach a file; or whether a later line may
    be read by rules that an earlier one sets.
    """
    several_lines = Operator("\n") in tokens
    commands = list(simple_commands(tokens))
    for command in commands:
        name = command.words[0].literal if command.words else ""
        if several_lines and name in (*_CHANGES_READING, None):
            return True
        if name == "set" and not set_options_are_plain(command.words[1:]):
            return True
        if _keeps_messages(command.redirections):
            return True
    return Operator("|&") in _every_token(tokens)


def _every_token(tokens: Iterable[Token]) -> Iterable[Token]:
    for token in tokens:
        yield token
        if isinstance(token, Word):
            for part in token.parts:
                yield from _every_token(part.script)


def set_options_are_plain(words: Iterable[Word]) -> bool:
    """Whether arguments of ``set`` leave alone how the shell reads its script, and whether it shows it."""
    for word in words:
        text = word.bare
        if text is None or not _PLAIN_OPTIONS.fullmatch(text):
            return False
        if text == "--":
            break
    return True


def _keeps_messages(redirections: Sequence[tuple[str, Word]]) -> bool:
    """Whether standard error goes anywhere but to the step's output or to nothing."""
    before = ("", "", "")
    for redirection, word in redirections:
        number, operator = _split_number(redirection)
        target = word.literal or "?"
        now = (number, operator, target)
        if number == "2":
            kept = not (
                (operator in (">", ">>") and target in ("/dev/null", "/dev/stderr"))
                or (now == ("2", ">&", "1") and before == ("1", ">", "/dev/null"))
            )
        else:
            kept = "&" in operator and target not in ("2", "-")
        if kept:
            return True
        before = now
    return False


def _split_number(redirection: str) -> tuple[str, str]:
    operator = redirection.lstrip("0123456789")
    number = redirection[: len(redirection) - len(operator)]
    return number.lstrip("0") or ("0" if "<" in operator or number else "1"), operator


# --- spelling -----------------------------------------------------------------------------------------


def _spelled(tokens: Sequence[Token]) -> str:
    text = ""
    for token in tokens:
        if token == Operator("\n"):
            text += "\n"
            continue
        blank = " " if text and not text.endswith("\n") else ""
        text += blank + (_word(token) if isinstance(token, Word) else token.text)
    return text


def _word(word: Word) -> str:
    literal = word.literal
    if literal == "" or literal in _KEYWORDS or literal in _DECLARE:
        return _exact(word.parts) or "''"
    head, tail = _split(word.parts)
    return _exact(head) + (_exact(tail) if _is_delicate(tail) else _loose(tail))


def _split(parts: Sequence[Part]) -> tuple[list[Part], list[Part]]:
    """Up to the first equals sign that is not quoted, and the rest: an assignment's name can not be quoted."""
    for index, part in enumerate(parts):
        if part == Part("text", "=", quoted=False):
            return list(parts[: index + 1]), list(parts[index + 1 :])
    return [], list(parts)


def _is_delicate(parts: Iterable[Part]) -> bool:
    """Whether a neighbour without quotes gives plain characters a meaning: a pattern, ``~name``, ``{a,b}``, or a
    parameter that may hold one.
    """
    return any(not part.quoted and (part.kind != "text" or part.text in _SPECIAL) for part in parts)


def _loose(parts: Sequence[Part]) -> str:
    """Quotes around plain characters left out, and empty ones (next to ``"$@"`` they may make a field)."""
    expands = any(part.kind != "text" for part in parts)
    pieces: list[Part] = []
    for part in parts:
        if part.kind != "text" or not part.quoted:
            pieces.append(part)
        elif part.text:
            pieces += _pieces(part.text)
        elif expands:
            pieces.append(part)
    return _exact(pieces)


def _pieces(text: str) -> Iterable[Part]:
    position = 0
    while position < len(text):
        plain = _PLAIN_RUN.match(text, position)
        end = plain.end() if plain else position + 1
        yield Part("text", text[position:end], quoted=plain is None)
        position = end


def _exact(parts: Sequence[Part]) -> str:
    """What is quoted stays quoted, in the one form of quotes."""
    text = ""
    quoted: list[str] = []
    for part in (*parts, None):
        if part is not None and part.kind == "text" and part.quoted:
            quoted.append(part.text)
            continue
        if quoted:
            text += _quote("".join(quoted))
            quoted = []
        if part is not None:
            text += part.text if part.kind == "text" else _expansion(part)
    return text


def _quote(text: str) -> str:
    if not text:
        return "''"
    return "\\'".join(f"'{piece}'" if piece else "" for piece in text.split("'"))


def _expansion(part: Part) -> str:
    if part.kind == "command":
        inner = _spelled(part.script)
        text = f"$( {inner} )"
    else:
        text = f"${{{part.text}}}"
    return f'"{text}"' if part.quoted else text
