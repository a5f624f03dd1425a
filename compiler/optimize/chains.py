"""The commands of a RUN that are joined with ``&&``, each with its exact text; and what of a shell's state they
leave."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from ...grammar.lines import Reader
from ...grammar.shell_parse import parse_script
from ...grammar.shell_syntax import (
    Case,
    Command,
    For,
    Group,
    If,
    Loop,
    Pipeline,
    Script,
    Simple,
    Subshell,
    UnknownSyntaxError,
    Word,
)
from ...grammar.source import SourceFile
from ..graph.layer import ImageLayer
from ..graph.operations import Run
from ..shell.program import CHANGING, has_script
from .draft import Draft, Step

__all__ = [
    "Chain",
    "Link",
    "chain_of",
    "joined_text",
    "leaves",
    "run_of",
    "script_of",
    "text_of",
    "why_not_behind",
    "with_script",
]

_STATE = frozenset(
    (
        *(
            "cd",
            "export",
            "readonly",
            "local",
            "declare",
            "typeset",
            "unset",
            "set",
            "shopt",
            "umask",
            "trap",
        ),
        *(
            "ulimit",
            "alias",
            "unalias",
            "exec",
            "exit",
            "return",
            "source",
            ".",
            "eval",
            "read",
            "shift",
            "hash",
        ),
        *(
            "getopts",
            "mapfile",
            "readarray",
            "pushd",
            "popd",
            "dirs",
            "wait",
            "jobs",
            "bg",
            "fg",
            "disown",
            "let",
        ),
        *("break", "continue", "enable", "builtin", "command", "printf", "history", "fc", "bind", "complete"),
    )
)
_ASSIGNING = frozenset((":=", "="))
_PLAIN_SET = re.compile(r"-[eux]*(?:o pipefail)?(?: -[eux]+)*(?: -o pipefail)?")


class Link(NamedTuple):
    """One command of a chain. ``before`` is the text between it and the one before it (``&&`` and comments),
    ``text`` its own, as in the file; ``script`` is what the shell gets of it.
    """

    pipeline: Pipeline
    before: str
    text: str
    script: str

    @property
    def comments(self) -> tuple[str, ...]:
        """The comment lines before it."""
        return tuple(line.strip() for line in self.before.split("\n") if line.lstrip().startswith("#"))

    @property
    def words(self) -> tuple[str, ...]:
        """Its words where it is one plain command and all are known; else none."""
        if len(self.pipeline.commands) != 1 or self.pipeline.negated:
            return ()
        (command,) = self.pipeline.commands
        if not isinstance(command, Simple):
            return ()
        known = [word.literal for word in command.words]
        words = tuple(word for word in known if word is not None)
        return words if len(words) == len(known) else ()

    @property
    def sets_options(self) -> bool:
        """Whether it is ``set -e`` or the like: it can be said again elsewhere."""
        words = self.words
        return words[:1] == ("set",) and _PLAIN_SET.fullmatch(" ".join(words[1:])) is not None


class Chain(NamedTuple):
    """A RUN whose script is one chain of ``&&``. ``head`` is the text before its first command, ``tail`` that
    behind the last.
    """

    step: Step
    head: str
    links: tuple[Link, ...]
    tail: str

    @property
    def prefix(self) -> str:
        """The keyword and the flags, on one line."""
        keyword = self.step.text.lstrip()[: len(self.step.keyword)]
        return " ".join((keyword, *(flag.raw for flag in self.step.instruction.flags))) + " "


def run_of(step: Step) -> Run | None:
    """What a RUN in shell form does, where that is the same for all platforms; none for other steps."""
    operations = {layer.operation for layer in step.layers}
    if step.keyword != "RUN" or len(operations) != 1 or step.instruction.exec_form:
        return None
    (operation,) = operations
    if not isinstance(operation, Run) or step.instruction.heredocs or operation.scripts:
        return None
    if not has_script(operation.argv) or not CHANGING.isdisjoint(dict(operation.env)):
        return None
    return operation


def script_of(step: Step) -> Script | None:
    """The tree of the script of a RUN; none where it is not understood."""
    operation = run_of(step)
    if operation is None:
        return None
    try:
        return parse_script(operation.argv[-1])
    except UnknownSyntaxError:
        return None


def chain_of(step: Step, draft: Draft) -> Chain | None:
    """The chain of a RUN; none where its script is anything else."""
    script = script_of(step)
    if script is None or len(script.items) != 1 or script.items[0].background:
        return None
    chain = script.items[0].chain
    if "||" in chain.operators or any(pipeline.negated for pipeline in chain.pipelines):
        return None
    reader = Reader(SourceFile("", step.text))
    reader.escape = draft.escape
    reader.position = start = step.instruction.args_span.start - step.instruction.span.start
    line = reader.logical_line(start, reader.next_line())
    operation = run_of(step)
    if operation is None or line.text != operation.argv[-1] or "<<" in line.text:
        return None
    links: list[Link] = []
    end = 0
    for pipeline in chain.pipelines:
        first, behind = line.offset(pipeline.start), line.offset(pipeline.end - 1) + 1
        own = line.text[pipeline.start : pipeline.end]
        links.append(Link(pipeline, step.text[end:first], step.text[first:behind], own))
        end = behind
    head = links[0].before
    return Chain(step, head, (links[0]._replace(before=""), *links[1:]), step.text[end:])


def text_of(prefix: str, links: Iterable[Link], newline: str) -> str:
    """A RUN of some links. The comments before the first of them are left out."""
    first, *rest = links
    return prefix + first.text + "".join(link.before + link.text for link in rest) + newline


def joined_text(draft: Draft, text: str, more: str, comments: str = "") -> str:
    """A RUN with further commands behind those of ``text``; ``comments`` are lines that stand above those."""
    end = draft.newline
    lines = "".join(f"    {line.strip()}{end}" for line in comments.splitlines())
    return f"{text.rstrip()} {draft.escape}{end}{lines}    && {more.strip()}{end}"


def with_script(layer: ImageLayer, script: str) -> ImageLayer:
    """The layer of a RUN with another script."""
    operation = layer.operation
    assert isinstance(operation, Run)
    return layer._replace(operation=operation._replace(argv=(*operation.argv[:-1], script)))


def why_not_behind(step: Step, draft: Draft, *, anywhere: bool) -> str:
    """Why a further command can not be put behind those of a RUN, to be run if they succeed; empty if it can.
    ``anywhere`` says that it does the same in any directory.
    """
    script, operation = script_of(step), run_of(step)
    if script is None or operation is None or step.text.rstrip().endswith(draft.escape):
        return "the script of that is not understood"
    if "#" in operation.argv[-1][script.items[-1].chain.pipelines[-1].end :]:
        return "there is a comment behind its last command"
    for item in script.items:
        if item.background or item.chain.pipelines[-1].negated or "<<" in operation.argv[-1]:
            return (
                "it leaves a program running" if item.background else "the script of that is not understood"
            )
        for pipeline in item.chain.pipelines:
            link = Link(pipeline, "", "", "")
            is_plain = link.sets_options or (anywhere and link.words[:1] == ("cd",))
            if not is_plain and (why := leaves(pipeline)):
                return why
    return ""


# --- state -------------------------------------------------------------------------------------------


def leaves(pipeline: Pipeline) -> str:
    """What of the shell's state may be another behind a command, in words; empty if nothing is."""
    if len(pipeline.commands) > 1:
        return ""  # each runs in a shell of its own
    return _left(pipeline.commands[0])


def _left(command: Command) -> str:
    if isinstance(command, Subshell):
        return ""
    if isinstance(command, Simple):
        return _left_by_simple(command)
    if isinstance(command, For):
        return f"it sets ${command.name}"
    for word in _words(command):
        if why := _left_by_word(word):
            return why
    for body in _bodies(command):
        for item in body.items:
            if item.background:
                return "it leaves a program running"
            for pipeline in item.chain.pipelines:
                if why := leaves(pipeline):
                    return why
    return ""


def _left_by_simple(command: Simple) -> str:
    name = command.words[0].literal if command.words else None
    if command.assignments and not command.words:
        return f"it sets ${command.assignments[0].name}"
    if name is None:
        return "which program is run depends on a variable or a command"
    if name in _STATE and not (name == "command" and _only_looks(command)):
        if name == "printf" and "-v" not in [word.literal for word in command.words]:
            return ""
        return f"`{name}` changes the shell"
    redirects = (redirect.target for redirect in command.redirects)
    values = (item.value for item in command.assignments)
    return next(filter(None, map(_left_by_word, (*command.words, *redirects, *values))), "")


def _only_looks(command: Simple) -> bool:
    return len(command.words) > 1 and command.words[1].literal in {"-v", "-V"}


def _left_by_word(word: Word) -> str:
    for part in word.parts:
        if part.kind == "parameter" and part.operation in _ASSIGNING:
            return f"it sets ${part.text}"
        if part.kind == "arithmetic" and re.search(r"=|\+\+|--", part.text):
            return "it sets variables"
        if part.argument is not None and (why := _left_by_word(part.argument)):
            return why
    return ""


def _words(command: If | Loop | Group | Case) -> Iterator[Word]:
    if isinstance(command, Case):
        yield command.word
        for arm in command.arms:
            yield from arm.patterns
    for redirect in command.redirects:
        yield redirect.target


def _bodies(command: If | Loop | Group | Case) -> Iterator[Script]:
    match command:
        case Group():
            yield command.body
        case If():
            for branch in command.branches:
                yield from branch
            if command.otherwise is not None:
                yield command.otherwise
        case Loop():
            yield from (command.condition, command.body)
        case Case():
            yield from (arm.body for arm in command.arms)
