"""Drafts: what edits do to the text, and what they leave alone."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layerc.compiler.optimize.draft import Draft, Stage, Step
from layerc.grammar.errors import DockerfileError
from layerc.grammar.parse import parse
from layerc.grammar.source import SourceFile

TEXT = """\
# syntax=docker/dockerfile:1
# A file.

# the version
ARG V=1

# first
FROM debian AS one
# about RUN
RUN a \\
    # inside
    && b
COPY <<EOF /x
RUN not a step
EOF

FROM scratch
COPY --from=0 /x /

# last
COPY --from=one /y /
"""


def draft_of(text: str) -> Draft:
    return Draft.of(parse(SourceFile("Dockerfile", text)))


def step(draft: Draft, begin: str) -> Step:
    return next(each for each in draft.every if each.text.startswith(begin))


def texts(draft: Draft) -> list[str]:
    return [each.text for each in parse(draft.source).instructions]


def test_steps_hold_their_text_and_the_comments_above() -> None:
    draft = draft_of(TEXT)
    assert draft.text == TEXT
    assert draft.top == "# syntax=docker/dockerfile:1\n# A file.\n\n"
    assert draft.arguments[0].lead == "# the version\n"
    assert step(draft, "RUN").comments == "# about RUN\n"
    assert step(draft, "RUN").lines == (10, 12)
    assert [stage.name for stage in draft.stages] == ["one", ""]


def test_moving_takes_the_comments_right_above_along() -> None:
    draft = draft_of(TEXT)
    moved = draft.move(step(draft, "COPY --from=one"), before=step(draft, "COPY --from=0"))
    assert moved.text == TEXT.replace("\n# last\nCOPY --from=one /y /\n", "").replace(
        "COPY --from=0", "# last\nCOPY --from=one /y /\nCOPY --from=0"
    )
    assert moved.move_to_end(step(moved, "COPY --from=one")).text == TEXT.replace(
        "/x /\n\n# last", "/x /\n# last"
    )


def test_deleting_keeps_paragraphs_apart() -> None:
    draft = draft_of("FROM a\nRUN one\n\n# two\nRUN two\nRUN three\n\nRUN four\n")
    assert draft.delete(step(draft, "RUN two")).text == "FROM a\nRUN one\n\nRUN three\n\nRUN four\n"
    draft = draft.delete(step(draft, "RUN two"))
    assert draft.delete(step(draft, "RUN three")).text == "FROM a\nRUN one\n\nRUN four\n"


def test_numbers_of_stages_follow_when_stages_come_and_go() -> None:
    draft = draft_of(
        "FROM a\nFROM b\nFROM c\nCOPY --from=0 /a /\nCOPY --from=+1 \\\n  /b /\nCOPY --from=2x /c /\n"
    )
    gone = draft.delete_stage(draft.stages[0])
    assert texts(gone)[2:] == ["COPY --from=0 /a /\n", "COPY --from=0 \\\n  /b /\n", "COPY --from=2x /c /\n"]
    new = Stage(draft.step("FROM d"))
    assert texts(draft.insert_stage(new, before=draft.stages[1]))[4:6] == [
        "COPY --from=0 /a /\n",
        "COPY --from=2 \\\n  /b /\n",
    ]


def test_new_steps_are_written_as_the_file_is() -> None:
    draft = draft_of("# escape=`\r\nfrom a\r\nrun x `\r\n  y\r\ncopy a b\r\n")
    assert draft.keyword("COPY") == "copy"
    new = draft.step("copy c `\n  d", like=draft.stages[0].steps[1])
    assert new.text == "copy c `\r\n  d\r\n"
    assert new.instruction.args == ("c", "d")
    assert new.lines == (5, 5)
    after = draft.replace(draft.stages[0].steps[0], new)
    assert after.text == "# escape=`\r\nfrom a\r\ncopy c `\r\n  d\r\ncopy a b\r\n"


@pytest.mark.parametrize("text", ["RUN a\nRUN b", "# only a comment", "RUN a\n# comment\n"])
def test_a_step_is_one_instruction(text: str) -> None:
    with pytest.raises((ValueError, DockerfileError)):
        draft_of(TEXT).step(text)


def test_parts_of_a_step_are_replaced_by_their_spans() -> None:
    draft = draft_of("ARG A\nFROM a\nCOPY --chown=1:1 \\\n  x y\n")
    copy = draft.stages[0].steps[0]
    assert copy.with_flag("--link") == "COPY --link --chown=1:1 \\\n  x y\n"
    assert copy.spliced(
        [(copy.instruction.args_span, "z w"), (copy.instruction.flags[0].span, "--chown=2")]
    ) == ("COPY --chown=2 \\\n  z w\n")


@pytest.mark.parametrize("end", ["", "\n", " \\", " \\\n", " \\\n# comment\n", " \\\n\n"])
def test_a_continuation_that_leads_nowhere_swallows_nothing(end: str) -> None:
    text = f"FROM a\nRUN one\nRUN two{end}"
    draft = draft_of(text)
    assert draft.text == text
    moved = draft.move(step(draft, "RUN two"), before=step(draft, "RUN one"))
    found = parse(moved.source).instructions
    assert [each.args[0].strip() for each in found] == ["a", "two", "one"]


STEPS = st.sampled_from(
    [
        "RUN a",
        "# c\nRUN b",
        "\nRUN c \\\n  d",
        "\n\n# e\n# f\nCOPY a b",
        "COPY <<E /x\n# no\nE",
        "  env A=1",
        "\n \nUSER x",
    ]
)


@given(
    st.lists(STEPS, min_size=1, max_size=6),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["", "\n", "\n\n# end\n", "\n# end"]),
    st.data(),
)
@settings(max_examples=60, deadline=None)
def test_edits_leave_all_other_steps_as_they_are(
    parts: list[str], newline: str, end: str, data: st.DataObject
) -> None:
    text = ("FROM a\n" + "\n".join(parts) + end).replace("\n", newline)
    draft = draft_of(text)
    assert draft.text == text
    steps = draft.stages[0].steps
    chosen = data.draw(st.sampled_from(steps))
    rest = [each for each in steps if each.key != chosen.key]
    edits = [draft.delete(chosen), draft.move_to_end(chosen), draft.replace(chosen, draft.step("RUN new"))]
    if rest:
        edits.append(draft.move(chosen, before=data.draw(st.sampled_from(rest))))
    for edited in edits:
        found = texts(edited)
        kept = [each.text.rstrip() for each in edited.every]
        assert [each.rstrip() for each in found] == kept
        assert all(each.text.rstrip() in kept for each in rest)
        assert edited.text.count("# ") >= draft.text.count("# ") - chosen.comments.count("# ") - 1
