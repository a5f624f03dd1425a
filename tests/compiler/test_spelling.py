"""Scripts with equal words have one canonical spelling, and it does what they do: asked of real shells."""

from __future__ import annotations

import shutil
import subprocess
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from layerc.compiler.shell.program import canonical_command
from layerc.compiler.shell.spelling import canonical_script

SHELLS = [
    shell
    for shell in (["sh"], ["bash"], ["bash", "--posix"], ["dash"], ["busybox", "sh"])
    if shutil.which(shell[0])
]
FILES = ("a", "b", "ab", "a b")
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "HOME": "/h", "LC_ALL": "C", "x": "p q", "y": "*", "e": ""}


def run(shell: list[str], script: str, directory: Path) -> object:
    """What ``script`` prints and leaves in a directory of a few files."""
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    for name in FILES:
        (directory / name).write_text(f"{name}\n")
    done = subprocess.run(
        [*shell, "-c", script],
        cwd=directory,
        env=ENVIRONMENT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=30,
        check=False,
    )
    left = {path.name: path.read_bytes() for path in directory.iterdir()}
    return min(done.returncode, 1), done.stdout, left


# --- equal words, spelled in two ways -----------------------------------------------------------------

WORDS = st.text(alphabet="ab2 \t$*~#'\"\\={}[]!;&|<>()-/%`\n", max_size=6)
BLANKS = st.sampled_from([" ", "  ", "\t", " \\\n", " \\\n  ", " \t \\\n"])
JOINS = ("&&", "||", ";", "|")


def quoted(word: str, draw: st.DrawFn) -> str:
    """``word`` in some quotes, piece by piece."""
    text = "" if word else draw(st.sampled_from(["''", '""']))
    position = 0
    while position < len(word):
        end = draw(st.integers(position + 1, len(word)))
        piece = word[position:end]
        ways = ['"' + "".join(f"\\{c}" if c in '"\\$`' else c for c in piece) + '"']
        if "'" not in piece:
            ways.append(f"'{piece}'")
        if "\n" not in piece:
            ways.append("".join(f"\\{c}" for c in piece))
        if all(c.isalnum() or c in "-/%" for c in piece):
            ways.append(piece)
        text += draw(st.sampled_from(ways))
        position = end
    return text


@st.composite
def spelled_twice(draw: st.DrawFn) -> tuple[list[list[str]], list[str], str, str]:
    """Commands as lists of words, what stands between them, and two scripts that say so."""
    commands = draw(st.lists(st.lists(WORDS, max_size=3), min_size=1, max_size=3))
    joins = [draw(st.sampled_from(JOINS)) for _ in commands[1:]]
    scripts = []
    for _ in range(2):
        script = draw(st.sampled_from(["", " ", "\n", "# begin\n"]))
        for number, words in enumerate(commands):
            if number:
                script += draw(st.sampled_from(["", " ", " \\\n"])) + joins[number - 1]
                script += draw(st.sampled_from(["", "  ", "\\\n ", " \\\n"]))
            script += "printf" + draw(BLANKS) + quoted("%s,", draw)
            script += "".join(draw(BLANKS) + quoted(word, draw) for word in words)
        scripts.append(script + draw(st.sampled_from(["", " ", "\n", " # the end", " \\\n"])))
    return commands, joins, *scripts


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(spelled_twice())
def test_equal_words_have_one_spelling(case: tuple[list[list[str]], list[str], str, str]) -> None:
    _, _, one, other = case
    assert canonical_script(one) == canonical_script(other)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(spelled_twice(), st.sampled_from(SHELLS))
def test_shells_take_them_for_equal(
    tmp_path: Path, case: tuple[list[list[str]], list[str], str, str], shell: list[str]
) -> None:
    _, _, one, other = case
    assert run(shell, one, tmp_path / "w") == run(shell, other, tmp_path / "w")


@settings(max_examples=60, deadline=None)
@given(spelled_twice(), st.data())
def test_other_words_have_another(
    case: tuple[list[list[str]], list[str], str, str], data: st.DataObject
) -> None:
    commands, joins, one, _ = case
    edited = [list(words) for words in commands]
    words = edited[data.draw(st.integers(0, len(edited) - 1))]
    place = data.draw(st.integers(0, len(words)))
    new = data.draw(WORDS)
    if place < len(words) and data.draw(st.booleans()):
        assume(words[place] != new)
        words[place] = new
    else:
        words.insert(place, new)
    pieces = ["".join(f" {quoted(word, data.draw)}" for word in words) for words in edited]
    script = "printf %s," + pieces[0]
    script += "".join(f" {join} printf %s,{piece}" for join, piece in zip(joins, pieces[1:], strict=True))
    assert canonical_script(script) != canonical_script(one)


# --- any text: the canonical spelling does the same -----------------------------------------------------

FRAGMENTS = """
printf|%s,|a|b|ab|2|1|$x|${x}|$y|$e|${e:-a b}|"$@"|$@|$1|$|#|~|*|?|[|]|a*|{|}|{a,b}|=|a=|y=b|!|;|(|)|$(|>|>>|<|2>
2>&1|if|then|fi|else|do|done|for i in a b|true|false|\\a|\\ |\\$|"|'|''|""|'a b'|"$x"|'$x'|-|+|.|:|,|@|%|^|cat|test
set -- a b|unset x|x=1|${#x}|${x#p}|`|$((1+1))|<<a|case|exec|\\
""".replace("\n", "|").strip("|")
PIECES = [
    *FRAGMENTS.split("|"),
    "||",
    "&&",
    " ",
    "  ",
    "\t",
    "\n",
    "\\\n",
    " \\\n",
    " #",
    '"$x"$e',
    "''$e",
]


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.sampled_from([*PIECES, *[" "] * 12]), max_size=12).map(
        lambda pieces: "printf %s, " + "".join(pieces)
    ),
    st.sampled_from(SHELLS),
)
@example("printf %s, $x{a,b}", ["bash"])
@example("printf %s, $\\$1", ["bash"])
@example("printf %s, a$e''", ["sh"])
@example("printf %s, 2\\\n>f", ["sh"])
@example("x='[a' y='b]'; printf %s, $x'-'$y", ["sh"])
def test_the_canonical_spelling_does_the_same(tmp_path: Path, script: str, shell: list[str]) -> None:
    assume("$$" not in script)  # the process's number
    canonical = canonical_script(script)
    assert canonical_script(canonical) == canonical
    if canonical != script:
        assert run(shell, canonical, tmp_path / "w") == run(shell, script, tmp_path / "w")


@settings(max_examples=200, deadline=None)
@given(
    st.one_of(
        st.text(max_size=40), st.text(alphabet="a1'\"\\$`(){}[]<>&|;!#~*?= \t\n\0\x80\udc80", max_size=40)
    )
)
@example("$(" * 5000)
@example("(" * 5000)
@example("{ " * 5000)
@example('"$(' * 5000)
def test_any_text_has_one(script: str) -> None:
    canonical = canonical_script(script)
    assert canonical_script(canonical) == canonical


# --- command lines ----------------------------------------------------------------------------------------

KNOWN = [
    ("/bin/sh", "-c"),
    ("sh", "-c"),
    ("/bin/bash", "-o", "pipefail", "-c"),
    ("/bin/bash", "-euxo", "pipefail", "-c"),
    ("/usr/bin/dash", "-ec"),
    ("ash", "-e", "-c"),
]
UNKNOWN = [
    ("cmd", "/S", "/C"),
    ("powershell", "-Command"),
    ("/bin/zsh", "-c"),
    ("/opt/bin/sh", "-c"),
    ("/bin/bash", "-lc"),
    ("/bin/bash", "--login", "-c"),
    ("/bin/bash", "-vc"),
    ("/bin/sh", "-e"),
    ("/bin/sh", "-c", "echo $0"),
]


@pytest.mark.parametrize("shell", KNOWN, ids=" ".join)
def test_scripts_of_known_shells(shell: tuple[str, ...]) -> None:
    assert canonical_command((*shell, "ls  /"), ["PATH"]) == (*shell, "ls /")


@pytest.mark.parametrize("shell", UNKNOWN, ids=" ".join)
def test_other_commands_stay(shell: tuple[str, ...]) -> None:
    assert canonical_command((*shell, "ls  /"), ["PATH"]) == (*shell, "ls  /")


@pytest.mark.parametrize("name", ["BASH_ENV", "ENV", "SHELLOPTS", "PS4"])
def test_variables_by_which_a_shell_reads_otherwise(name: str) -> None:
    assert canonical_command(("sh", "-c", "ls  /"), ["PATH", name])[2] == "ls  /"


@pytest.mark.parametrize(
    "piece", ["a ", "'a' ", '"$x" ', "$(", "\\\n", "# \n", "\\a", "&&\n", "${x:-a}", ">f ", "2>&1 ", "a=b "]
)
def test_time_grows_with_the_text(piece: str) -> None:
    def seconds(count: int) -> float:
        script = "echo " + piece * count
        started = time.process_time()
        canonical_script.__wrapped__(script)
        return time.process_time() - started

    small = min(seconds(2_000) for _ in range(3))
    assert min(seconds(20_000) for _ in range(2)) < 40 * small + 0.05
