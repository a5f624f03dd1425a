"""Hypothesis strategies for Dockerfiles: mostly right, with nasty fragments in them."""

from __future__ import annotations

from hypothesis import strategies as st

KEYWORDS = [
    "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER",
    "ONBUILD", "RUN", "SHELL", "STOPSIGNAL", "USER", "VOLUME", "WORKDIR",
]  # fmt: skip
USUAL = {
    "ADD": ["a b", "--checksum=x https://e/x /y"],
    "ARG": ["x=y z", "A"],
    "CMD": ['["a", "b"]', "a b"],
    "COPY": ["--from=x a b", '["a b", "c"]', "<<E /x\n1\nE"],
    "ENV": ["a=b c='d e'", "a b c"],
    "FROM": ["a", "a AS b", "--platform=x a"],
    "HEALTHCHECK": ["--interval=3s CMD x", "NONE", 'CMD ["x"]'],
    "LABEL": ["a=b", 'a="b c"'],
    "ONBUILD": ["RUN x", "COPY a b", "ENV x=y"],
    "RUN": ["make", "--mount=type=cache,target=/x a", "cat <<E\nhi $x\n\tE\nE", "cat <<-'A' <<B\n\tA\nb\nB"],
    "SHELL": ['["sh", "-c"]'],
    "VOLUME": ["/a /b", '["/a"]'],
}
FRAGMENTS = [
    *"'\"\\`#=[]<>{}$-/,:@ \t\n\v\f\r\0", "\\\n", "\\ \n", "`\n", "\\\r\n", "\r\n", "\\\n# c\n",
    "\\\n\n", "\\\n  # c \\\n", "\\\\\n", "\\\\\\\n", "\x1c", "\x85", "\xa0", "\u3000", "\ufeff",
    "\udcff", "\udc85", "\udca0", "é", "à", "\u0130", "\u0131", "\u017f", "\u212a", "a", "b=c", "x y",
    "--", "--x", "--from=x", "--link", "--x='a b'", '["a"]', '["a", "b\\n"]', '["a"] x', "[1]", "['a']",
    '["\\ud800"]', "[null]", "[[[]]]", '["a",]', "<<E", "<<-E", "<<'E'", "<< E", '<<"E', "3<<E", "<<<",
    "$x", "${x}", "${x:-y}", "${x#y}", "${x^}", "${", "${x:-${y}}", "E", "\nE\n", "\n\tE\n", "\r\nE\r\n",
    "CMD", "NONE", "AS", "as b", "1x", "ONBUILD", "RUN", "FROM", '\\"', "\\'", "\\$",
]  # fmt: skip
DIRECTIVES = [
    "# syntax=docker/dockerfile:1", "# escape=`", "# escape=\\", "#escape=x", "# check=skip=all",
    "# Escape = ` ", "  # escape=`", "\ufeff# escape=`", "# escape= ", "# comment", "#", "", "#!x",
    "#\xa0escape=`", "# escape",
]  # fmt: skip
LINE_ENDS = ["\n"] * 8 + [
    "\r\n",
    "\\\n",
    "`\n",
    "\r\r\n",
    " \n",
    "\\ \t\n",
    "\\\r\n",
    "\\\n\n",
    "\\\\\n",
    "",
    "\\",
]

fragments = st.sampled_from(FRAGMENTS) | st.text(max_size=3)


@st.composite
def instructions(draw: st.DrawFn) -> str:
    keyword = draw(
        st.sampled_from(KEYWORDS) | st.sampled_from(["", "FOO", "run", "Run", "RU\\\nN", "comment", "Text"])
    )
    blank = draw(st.sampled_from([" "] * 6 + ["\t", "  ", "\v", "\xa0", ""]))
    if draw(st.booleans()):
        words = draw(st.sampled_from(USUAL.get(keyword, ["x"])))
        place = draw(st.integers(0, len(words)))
        words = words[:place] + draw(st.just("") | fragments) + words[place:]
    else:
        words = "".join(draw(st.lists(fragments, max_size=6)))
    return keyword + blank + words + draw(st.sampled_from(LINE_ENDS))


@st.composite
def dockerfiles(draw: st.DrawFn) -> str:
    top = "".join(line + "\n" for line in draw(st.lists(st.sampled_from(DIRECTIVES), max_size=3)))
    first = draw(st.sampled_from(["FROM a\n", "from a as b\r\n", "ARG x\nFROM $x\n", ""]))
    text = top + first + "".join(draw(st.lists(instructions(), max_size=4)))
    # What no file holds: half of a UTF-16 pair. (Lone bytes are surrogates too, of another range.)
    return text.encode("utf-8", "surrogateescape" if _writable(text) else "replace").decode(
        "utf-8", "surrogateescape"
    )


def _writable(text: str) -> bool:
    return all(not 0xD800 <= ord(c) < 0xE000 or 0xDC80 <= ord(c) < 0xDD00 for c in text)
