"""What errors look like."""

from __future__ import annotations

import errno
import io
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerc.compiler.graph.layer import Provenance
from layerc.grammar.errors import DockerfileError, LayercError
from layerc.grammar.source import Location, SourceFile, Span
from layerc.runtime.cli.errors import render, report
from layerc.runtime.cli.terminal import Style, visible, width
from layerc.runtime.errors import EnvironmentLackError, InputError, StepError, StoreError, UsageError

PLAIN = Style(False)


def at(text: str, start: int, end: int, line: int = 7) -> Location:
    return Location("Dockerfile", line, start + 1, end + 1, text)


def shown(error: LayercError, screen: int = 100) -> list[str]:
    return render(error, PLAIN, screen).split("\n")


def test_message_place_caret_and_help() -> None:
    error = DockerfileError(
        "unknown instruction: RNU", where=at("RNU make", 0, 3, 12), help="did you mean RUN?"
    )
    assert shown(error) == [
        "error: unknown instruction: RNU",
        "  --> Dockerfile:12:1",
        "   |",
        "12 | RNU make",
        "   | ^^^",
        "help: did you mean RUN?",
    ]


def test_several_lines_of_message_and_help() -> None:
    error = InputError("two\nlines", help="more\nthan one")
    assert shown(error) == ["error: two", "       lines", "help: more", "      than one"]


@pytest.mark.parametrize(
    ("text", "start", "end", "caret"),
    [
        ("RUN a", 4, 5, "    ^"),
        ("\tRUN", 1, 4, "    ^^^"),
        ("漢字 x", 3, 4, "     ^"),
        ("漢字 x", 0, 1, "^^"),
        ("e\u0301 x", 3, 4, "  ^"),
        ("a\x1bb", 2, 3, "     ^"),
        ("a\x1bb", 1, 2, " ^^^^"),
        ("RUN", 3, 3, "   ^"),
        ("RUN", 9, 12, "   ^"),
        ("\udcffx", 1, 2, "    ^"),
    ],
)
def test_the_caret_is_below_what_it_marks(text: str, start: int, end: int, caret: str) -> None:
    lines = shown(DockerfileError("no", where=at(text, start, end)))
    assert lines[-2] == f"7 | {visible(text)}"
    assert lines[-1] == f"  | {caret}"


@pytest.mark.parametrize("start", [0, 5, 50, 500, 4_000, 9_990])
@pytest.mark.parametrize("screen", [40, 80, 200])
def test_long_lines_are_clipped_around_the_caret(start: int, screen: int) -> None:
    text = "".join(chr(ord("a") + number % 26) for number in range(10_000))
    *_, line, carets = shown(DockerfileError("no", where=at(text, start, start + 10)), screen)
    assert width(line) <= screen
    assert width(carets) <= screen
    begin = carets.index("^")
    assert line[begin : carets.rindex("^") + 1] == text[start : start + 10]
    assert line[line.index("|") + 2] == (text[0] if start < 6 else "…") or start == 50
    assert line.endswith("…") is (start < 9_990)


def test_a_megabyte_line_is_no_effort() -> None:
    text = "漢" * 1_000_000
    lines = shown(DockerfileError("no", where=at(text, 500_000, 900_000)))
    assert all(width(line) <= 100 for line in lines)


@given(
    st.text(st.characters(codec=None), max_size=300),
    st.integers(0, 300),
    st.integers(0, 300),
    st.integers(1, 200),
)
def test_any_line_fits_and_is_harmless(text: str, start: int, length: int, screen: int) -> None:
    text = text.replace("\n", " ")
    error = DockerfileError(text, where=at(text, start, start + length), help=text)
    *_, line, carets, _ = shown(
        DockerfileError("no", where=at(text, start, start + length), help="h"), screen
    )
    assert width(line) <= max(screen, 40)
    assert width(carets) <= max(screen, 40) + 1
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202e]", render(error, PLAIN, screen))


def test_a_place_of_an_empty_file() -> None:
    source = SourceFile("Dockerfile", "")
    assert shown(DockerfileError("no instruction", where=source.location(Span(0, 0)))) == [
        "error: no instruction",
        " --> Dockerfile:1:1",
    ]


def test_colours_are_only_colours() -> None:
    error = DockerfileError("no", where=at("RUN x", 4, 5), help="help")
    coloured = render(error, Style(True))
    assert re.sub(r"\x1b\[[0-9;]*m", "", coloured) == render(error, PLAIN)
    assert coloured != render(error, PLAIN)


# --- steps -------------------------------------------------------------------------------------------


def failed(text: str, tail: tuple[str, ...] = ()) -> StepError:
    provenance = Provenance("Dockerfile", 9, 9 + text.count("\n"), "build", text, "RUN make", 2, 4)
    return StepError("the command failed with status 2", status=2, tail=tail, provenance=provenance)


def test_a_failing_step_shows_its_lines_and_the_end_of_its_output() -> None:
    assert shown(failed("RUN make \\\n\tall\n", ("cc main.c", "\x1b[31mmain.c:1:\x1b[0m no\x07"))) == [
        "error: the command failed with status 2",
        "  --> Dockerfile:9",
        "   |",
        " 9 | RUN make \\",
        "10 |     all",
        "   |",
        "step: [build 2/4] RUN make",
        "last 2 lines of output:",
        "  cc main.c",
        "  main.c:1: no",
    ]


def test_a_long_instruction_is_shown_without_its_middle() -> None:
    lines = shown(failed("RUN " + "\n".join(f"line{number} \\" for number in range(50))))
    assert len(lines) < 20
    assert "   | …" in lines
    assert " 9 | RUN line0 \\" in lines
    assert "58 | line49 \\" in lines


def test_a_failing_step_without_an_instruction() -> None:
    assert shown(StepError("it failed", status=1, tail=("x",))) == [
        "error: it failed",
        "last line of output:",
        "  x",
    ]


# --- exit codes --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (StepError("", status=3), 1),
        (UsageError(""), 2),
        (DockerfileError(""), 3),
        (InputError(""), 4),
        (EnvironmentLackError(""), 5),
        (StoreError(""), 6),
        (OSError(errno.ENOSPC, "No space left on device", "/x"), 5),
        (OSError(errno.ENOENT, "No such file or directory", "/x"), 70),
        (KeyError("x"), 70),
        (RecursionError(), 70),
    ],
)
def test_exit_codes(error: Exception, code: int) -> None:
    assert report(error, io.StringIO()) == code


def test_a_full_disk_is_no_bug() -> None:
    out = io.StringIO()
    report(OSError(errno.ENOSPC, "No space left on device", "/store/x"), out)
    assert out.getvalue() == "error: No space left on device: /store/x\n"


def test_a_bug_is_one_line_and_says_how_to_see_more(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.delenv("LAYERC_DEBUG", raising=False)
    report(ValueError("odd"), out)
    first, second = out.getvalue().splitlines()
    assert first == "error: internal error: ValueError: odd"
    assert "LAYERC_DEBUG=1" in second
    monkeypatch.setenv("LAYERC_DEBUG", "1")
    out = io.StringIO()
    try:
        raise ValueError("odd")
    except ValueError as error:
        report(error, out)
    assert "Traceback" in out.getvalue()
