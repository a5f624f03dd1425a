"""Words inside an instruction: flags, NAME=VALUE pairs, JSON arrays."""

from __future__ import annotations

import re
from bisect import bisect_left
from itertools import accumulate

__all__ = [
    "decode_exec",
    "decode_word",
    "drop_last_escape",
    "is_json_array",
    "read_flags",
    "split_flags",
    "split_pairs",
]

_ASCII_BLANK = re.compile(r"[\t\v\f\r ]+")
_FLAG = re.compile(r"[^\t-\r ]+")
_INTRICATE = re.compile(r"['\"\\`]|--(?:[\t-\r ]|\Z)")
_JSON_STRING = re.compile(r'"((?:[^"\\\x00-\x1f]++|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*+)"')
_JSON_ESCAPE = re.compile(
    r"\\(?:u([dD][89abAB][0-9a-fA-F]{2})\\u([dD][c-fC-F][0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|(.))"
)
_JSON_SIMPLE = {"b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t"}
_JSON_TOKEN = re.compile(
    r"[\t\n\r ]*+(?:(?P<open>[\[{])|(?P<close>[\]}])|(?P<comma>,)|(?P<colon>:)"
    r'|(?P<string>"(?:[^"\\\x00-\x1f]++|\\["\\/bfnrt]|\\u[0-9a-fA-F]{4})*+")'
    r"|(?P<atom>true|false|null|-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+))"
)
_JSON_DEPTH = 10000
_INVALID = re.compile("[\udc80-\udcff]")


def decode_word(word: str) -> str:
    """Bytes that are not UTF-8 become U+FFFD, as in the official parser wherever it reads characters."""
    return word if word.isascii() else _INVALID.sub("\ufffd", word)


def drop_last_escape(word: str, escape: str) -> str:
    """Without the escape character at the word's end, where that escapes nothing. ``word`` ends the line."""
    quote = ""
    position = 0
    while position < len(word):
        character = word[position]
        if character == escape and quote != "'":
            position += 1
            if position == len(word):
                return word[:-1]
        elif quote:
            quote = "" if character == quote else quote
        elif character in "'\"":
            quote = character
        position += 1
    return word


def _decode_escape(match: re.Match[str]) -> str:
    high, low, single, simple = match.groups()
    if simple:
        return _JSON_SIMPLE.get(simple, simple)
    if single:
        code = int(single, 16)
        return "\ufffd" if 0xD800 <= code < 0xE000 else chr(code)
    return chr(0x10000 + ((int(high, 16) & 0x3FF) << 10) + (int(low, 16) & 0x3FF))


def decode_exec(text: str) -> tuple[str, ...]:
    r"""The strings of a JSON array that the grammar has recognised as EXEC.

    >>> decode_exec('[ "a", "b\\u00e9\\n" ]')
    ('a', 'bé\n')
    """
    words = _JSON_STRING.findall(text)
    if "\\" in text:
        words = [_JSON_ESCAPE.sub(_decode_escape, word) for word in words]
    return tuple(map(decode_word, words))


def is_json_array(text: str) -> bool:
    """Whether ``text`` is a JSON array of anything. Works without recursion, in linear time.

    >>> is_json_array('["a", 1]'), is_json_array("[ -d /x ]")
    (True, False)
    """
    position, size = 0, len(text)
    stack: list[str] = []
    state = "value"
    while position < size:
        match = _JSON_TOKEN.match(text, position)
        if match is None:
            return not stack and state == "end" and not text[position:].strip("\t\n\r ")
        position = match.end()
        kind = match.lastgroup
        mark = match[kind] if kind else ""
        if state == "end" or (not stack and mark != "["):
            return False
        state = _json_step(stack, state, kind or "", mark)
        if not state or len(stack) > _JSON_DEPTH:
            return False
    return state == "end"


def _json_step(stack: list[str], state: str, kind: str, mark: str) -> str:
    """The state after ``mark``, or an empty one when it must not stand here."""
    if kind == "close":
        empty = "first" if mark == "]" else "key or end"
        if not stack or stack[-1] != ("[" if mark == "]" else "{") or state not in ("after", empty):
            return ""
        stack.pop()
        return "after" if stack else "end"
    if state in ("value", "first"):
        if kind == "open":
            stack.append(mark)
            return "first" if mark == "[" else "key or end"
        if kind == "atom":
            return "after" if _fits(mark) else ""
        return "after" if kind == "string" else ""
    if state in ("key", "key or end"):
        return "colon" if kind == "string" else ""
    if state == "colon":
        return "value" if kind == "colon" else ""
    if kind == "comma":
        return "value" if stack[-1] == "[" else "key"
    return ""


def _fits(token: str) -> bool:
    """Whether a JSON atom that is a number is within the range of a double."""
    return token[0] not in "-0123456789" or abs(float(token)) != float("inf")


class CutCharacterError(ValueError):
    """The official parser would cut this character between two of its bytes, at one that is a blank alone."""


def split_flags(text: str, escape: str) -> tuple[list[tuple[int, int, str]], int]:
    """The flags at the beginning of ``text``: (start, end, value) each, and where the rest begins.

    Quotes group and vanish, the escape character makes the next one plain. The official parser does this byte
    by byte and takes each byte for a character (so ``é`` becomes ``Ã©``); values follow it, positions are
    characters of ``text``. Raises CutCharacterError.

    >>> split_flags("--a=b --c='d e' f", "\\\\")
    ([(0, 5, '--a=b'), (6, 15, '--c=d e')], 16)
    """
    if not text.isascii():
        return _split_flag_bytes(text, escape)
    return _split_flag_words(text, escape)


def read_flags(text: str, escape: str) -> list[tuple[int, int, str]]:
    """The flags of a FLAGS word, as :func:`split_flags` gives them."""
    if text.isascii() and _INTRICATE.search(text) is None:
        return [(*match.span(), match[0]) for match in _FLAG.finditer(text)]
    return split_flags(text, escape)[0]


def _split_flag_bytes(text: str, escape: str) -> tuple[list[tuple[int, int, str]], int]:
    data = text.encode("utf-8", "surrogateescape")
    flags, rest = _split_flag_words(data.decode("latin-1"), escape)
    starts = list(accumulate((len(c.encode("utf-8", "surrogateescape")) for c in text), initial=0))
    position = bisect_left(starts, rest)
    if starts[position] != rest:
        raise CutCharacterError(text[position - 1])
    return [(bisect_left(starts, a), bisect_left(starts, b), value) for a, b, value in flags], position


def _split_flag_words(text: str, escape: str) -> tuple[list[tuple[int, int, str]], int]:
    blanks = "\t\n\v\f\r \x85\xa0"
    flags: list[tuple[int, int, str]] = []
    position, size = 0, len(text)
    while True:
        while position < size and text[position] in blanks:
            position += 1
        if not text.startswith("--", position):
            return flags, position
        start = position
        value: list[str] = []
        quote = ""
        quoted = False
        while position < size and (quote or text[position] not in blanks):
            character = text[position]
            position += 1
            if character == quote:
                quote = ""
            elif not quote and character in "'\"":
                quote, quoted = character, True
            elif character == escape:
                value.append(text[position : position + 1])
                position += 1
            else:
                value.append(character)
        position = min(position, size)
        word = "".join(value)
        if word == "--":
            return flags, position
        if word or quoted:
            flags.append((start, position, word))


def split_pairs(text: str, words: list[str]) -> tuple[list[str], str | None]:
    """The names and values of ENV or LABEL, and the first word that is not NAME=VALUE, or none.

    ``NAME=VALUE …`` when the first word has a ``=``; else ``NAME the rest of the line``.
    """
    if not words:
        return [], None
    if "=" not in words[0]:
        parts = _ASCII_BLANK.split(text, maxsplit=1)
        return (parts, None) if len(parts) == 2 else ([], words[0])
    pairs: list[str] = []
    for word in words:
        name, sign, value = word.partition("=")
        if not sign:
            return pairs, word
        pairs += (name, value)
    return pairs, None
