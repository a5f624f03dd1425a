"""Programs that RUN calls, with their words in place: what rules about tools look at."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from ...grammar.shell_loose import loose_commands
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
    Word,
)
from ...grammar.source import Span
from ...grammar.syntax import Instruction
from .script import RunScript
from .stages import StageView

__all__ = ["Call", "CallWord", "calls_of_exec", "calls_of_script", "in_quotes", "pipes_in"]


class CallWord(NamedTuple):
    """One word: ``text`` without quotes, none where something in it is expanded; ``raw`` as in the script."""

    text: str | None
    raw: str
    span: Span

    @property
    def shown(self) -> str:
        """The text, or what stands for it."""
        return self.raw if self.text is None else self.text


class Call(NamedTuple):
    """One call: ``words`` begin with the program's name. ``chained`` is the number of the list's item in which it
    stands (``a && b; c``: 0, 0, 1), -1 within other commands. ``assigned`` are names set for it (``A=1 make``).
    ``via`` says what it was found behind, if it does not stand there itself: ``sudo``, ``sh -c``, backquotes.
    """

    stage: StageView
    instruction: Instruction
    words: tuple[CallWord, ...]
    span: Span
    chained: int = -1
    assigned: tuple[str, ...] = ()
    via: str = ""

    @property
    def name(self) -> str:
        """The program without its directory; empty where it is expanded."""
        return (self.words[0].text or "").rpartition("/")[2]

    @property
    def arguments(self) -> tuple[CallWord, ...]:
        """The words behind the name that are no flags."""
        return tuple(word for word in self.words[1:] if not word.shown.startswith("-"))

    @property
    def subcommand(self) -> str:
        """The first argument: ``install`` of ``apt-get -y install curl``."""
        return next((word.shown for word in self.arguments), "")

    @property
    def flags(self) -> tuple[str, ...]:
        """The flags as rules ask for them: ``-yq --quiet=2`` gives ``y``, ``q`` and ``quiet``."""
        found: list[str] = []
        for word in self.words[1:]:
            text = word.shown
            if text.startswith("--"):
                found.append(text[2:].partition("=")[0])
            elif text.startswith("-"):
                found += text[1:].partition("=")[0]
        return tuple(found)

    def has_flag(self, *names: str) -> bool:
        """Whether any of these is there: ``has_flag("y", "yes", "assume-yes")``; long ones also with one dash."""
        single = {word.shown[1:].partition("=")[0] for word in self.words[1:] if word.shown.startswith("-")}
        return not single.union(self.flags).isdisjoint(names)

    def is_call(self, name: str, *subcommands: str) -> bool:
        """Whether it calls ``name``, with one of ``subcommands`` among its arguments where any are given."""
        if self.name != name:
            return False
        return not subcommands or any(word.shown in subcommands for word in self.arguments)


def calls_of_script(script: RunScript) -> Iterator[Call]:
    """Every call in ``script``, those in groups, loops and substitutions included. Where the script is not
    understood as a whole, the words between its operators; none in scripts for shells of another kind.
    """
    tree = script.tree
    if tree is not None:
        yield from _in_script(script, tree, top=True)
    elif script.is_posix:
        for words in loose_commands(script.text):
            span = script.span(words[0].start, words[-1].end)
            yield Call(script.stage, script.instruction, tuple(_word(script, word) for word in words), span)


def pipes_in(tree: Script) -> Iterator[Pipeline]:
    """Every pipeline of several commands in ``tree``, wherever it stands."""
    for item in tree.items:
        for pipeline in item.chain.pipelines:
            if len(pipeline.commands) > 1:
                yield pipeline
            for command in pipeline.commands:
                for word in _words(command):
                    yield from _pipes_in_word(word)
                for body in _bodies(command):
                    yield from pipes_in(body)


def _pipes_in_word(word: Word) -> Iterator[Pipeline]:
    for part in word.parts:
        if part.script is not None:
            yield from pipes_in(part.script)
        if part.argument is not None:
            yield from _pipes_in_word(part.argument)


def calls_of_exec(stage: StageView, instruction: Instruction, source: str) -> Iterator[Call]:
    """The call of ``RUN ["program", "argument"]``."""
    words: list[CallWord] = []
    position = instruction.args_span.start
    for text in instruction.args:
        start = source.find(text, position, instruction.args_span.end)
        span = instruction.args_span if start < 0 else Span(start, start + len(text))
        position = position if start < 0 else span.end
        words.append(CallWord(text, text, span))
    if words:
        yield Call(stage, instruction, tuple(words), instruction.args_span, 0)


def _in_script(script: RunScript, tree: Script, *, top: bool = False) -> Iterator[Call]:
    for number, item in enumerate(tree.items):
        for pipeline in item.chain.pipelines:
            for command in pipeline.commands:
                yield from _in_command(script, command, number if top else -1)


def _in_command(script: RunScript, command: Command, number: int) -> Iterator[Call]:
    for word in _words(command):
        yield from _in_word(script, word)
    if isinstance(command, Simple):
        if command.words:
            words = tuple(_word(script, word) for word in command.words)
            names = tuple(each.name for each in command.assignments)
            span = script.span(command.start, command.end)
            yield Call(script.stage, script.instruction, words, span, number, names)
        return
    for body in _bodies(command):
        yield from _in_script(script, body)


def _words(command: Command) -> tuple[Word, ...]:
    """The words that are expanded before ``command`` runs."""
    match command:
        case Simple():
            return (*(each.value for each in command.assignments), *command.words)
        case For():
            return command.words or ()
        case Case():
            return (command.word,)
    return ()


def _bodies(command: Command) -> Iterator[Script]:
    match command:
        case Subshell() | Group() | For():
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


def _in_word(script: RunScript, word: Word) -> Iterator[Call]:
    # What stands in backquotes has places of its own text: there the whole word is the place.
    backquoted = "`" in script.text[word.start : word.end]
    for part in word.parts:
        if part.script is not None:
            if backquoted:
                span = script.span(word.start, word.end)
                yield from _within(_in_script(script, part.script), span, "backquotes")
            else:
                yield from _in_script(script, part.script)
        if part.argument is not None:
            yield from _in_word(script, part.argument)


def in_quotes(outer: Call, tree: Script, span: Span, via: str) -> Iterator[Call]:
    """The calls of a script that ``outer`` is handed in the word at ``span``."""
    script = RunScript(outer.instruction, outer.stage, "", (), (0,), (span.start,))
    yield from _within(_in_script(script, tree), span, via)


def _within(calls: Iterator[Call], span: Span, via: str) -> Iterator[Call]:
    """``calls`` of a script that has places of its own: ``span`` stands for all of them."""
    for call in calls:
        words = tuple(CallWord(word.text, word.text or "$VAR", span) for word in call.words)
        yield call._replace(words=words, span=span, via=via)


def _word(script: RunScript, word: Word) -> CallWord:
    return CallWord(word.literal, script.text[word.start : word.end], script.span(word.start, word.end))
