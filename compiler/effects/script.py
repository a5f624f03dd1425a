"""Walks the tree of a script: what each command may read and write, whichever way the script goes."""

from __future__ import annotations

from collections.abc import Iterable

from ...grammar.shell_parse import parse_script
from ...grammar.shell_syntax import (
    AndOr,
    Case,
    Command,
    For,
    Group,
    If,
    Loop,
    Pipeline,
    Redirect,
    Script,
    Simple,
    Subshell,
    UnknownSyntaxError,
    Word,
)
from .builtins import BUILTINS
from .call import Call
from .collect import Collector
from .programs import run_program
from .values import State, fields, value_of

__all__ = ["Walker"]

_MOST_SCRIPTS = 8


class Walker:
    """Runs scripts in the mind. What is found goes to ``collector``."""

    def __init__(self, collector: Collector) -> None:
        self.collector = collector
        self._depth = 0

    def text(self, script: str, state: State) -> State:
        """A script by its text."""
        self._depth += 1
        try:
            if self._depth > _MOST_SCRIPTS:
                self.collector.fail("scripts that run scripts that run scripts")
                return state
            return self.script(parse_script(script), state)
        except UnknownSyntaxError as error:
            where = script[max(error.position - 1, 0) :].strip().partition("\n")[0][:40]
            self.collector.fail(
                f"the script is not understood: {error.why}" + (f", at `{where}`" if where else "")
            )
            return state
        finally:
            self._depth -= 1

    def script(self, script: Script, state: State) -> State:
        """A list of commands."""
        for item in script.items:
            after = self._chain(item.chain, state)
            state = state if item.background else after
        return state

    def _chain(self, chain: AndOr, state: State) -> State:
        for index, pipeline in enumerate(chain.pipelines):
            before = state
            after = self._pipeline(pipeline, state)
            operator = chain.operators[index - 1] if index else "&&"
            state = after if operator == "&&" else before.merged(after)
            following = chain.operators[index : index + 1]
            if following != ("&&",) and not state.stops and state.cwds != before.cwds:
                state = state._replace(cwds=state.cwds | before.cwds)  # where `cd` fails, the script goes on
        return state

    def _pipeline(self, pipeline: Pipeline, state: State) -> State:
        if len(pipeline.commands) == 1:
            return self.command(pipeline.commands[0], state)
        for command in pipeline.commands:
            self.command(command, state)
        return state

    def command(self, command: Command, state: State) -> State:
        """One command; the state after it."""
        if isinstance(command, Simple):
            return self._simple(command, state)
        self._redirects(command.redirects, state)
        if isinstance(command, Subshell):
            self.script(command.body, state)
            return state
        if isinstance(command, Group):
            return self.script(command.body, state)
        if isinstance(command, If):
            return self._if(command, state)
        if isinstance(command, Loop):
            return self._loop((command.condition, command.body), (), state)
        if isinstance(command, For):
            return self._for(command, state)
        return self._case(command, state)

    def _if(self, command: If, state: State) -> State:
        ends: list[State] = []
        for condition, body in command.branches:
            state = self.script(condition, state)
            ends.append(self.script(body, state))
        ends.append(state if command.otherwise is None else self.script(command.otherwise, state))
        return _any_of(ends)

    def _case(self, command: Case, state: State) -> State:
        self._substitutions([command.word, *(word for arm in command.arms for word in arm.patterns)], state)
        return _any_of([state, *(self.script(arm.body, state) for arm in command.arms)])

    def _for(self, command: For, state: State) -> State:
        words = command.words or ()
        self._substitutions(words, state)
        args = fields(words, state) if command.words is not None else []
        values = [arg.known for arg in args]
        if command.words is None or None in values or len(values) > 20:
            for arg in args:
                if arg.pattern:
                    self.collector.read(arg, state.cwds)
            return self._loop((command.body,), (command.name,), state)
        for value in values:
            state = self._loop((command.body,), (), state.set(command.name, value), times=1)
        return state

    def _loop(
        self, parts: Iterable[Script], unknown: Iterable[str], state: State, *, times: int = 4
    ) -> State:
        """Until nothing changes in what is known; after some rounds all that still changes is not known."""
        for name in unknown:
            state = state.set(name, None)
        parts = list(parts)
        for _ in range(times):
            after = state
            for part in parts:
                after = self.script(part, after)
            merged = state.merged(after)
            if times == 1:
                return after
            if merged == state:
                return state
            state = merged
        if times > 1:
            self.collector.fail("a loop goes from directory to directory")
        return state

    # --- simple commands -----------------------------------------------------------------------------------

    def _simple(self, command: Simple, state: State) -> State:
        values = [item.value for item in command.assignments]
        self._substitutions([*values, *command.words], state)
        self._redirects(command.redirects, state)
        inner = state
        for assignment in command.assignments:
            value = value_of(assignment.value, inner)
            if assignment.appends:
                before = inner.get(assignment.name)
                value = None if value is None or before is None else before + value
            inner = inner.set(assignment.name, value)
        if not command.words:
            return inner
        args = fields(command.words, inner)
        if not args:
            return state
        for arg in args[1:]:
            if arg.pattern:  # which names there are is read
                self.collector.read(arg, state.cwds)
        name = args[0].known
        if name is None:
            self.collector.fail("which program is run depends on a variable or a command")
            return state
        bodies = tuple(item.body for item in command.redirects if item.body is not None)
        call = Call(name, tuple(args[1:]), inner, self, bodies)
        builtin = BUILTINS.get(name)
        if builtin is not None:
            after = builtin(call)
            kept = {item.name: state.variables.get(item.name) for item in command.assignments}
            return after._replace(
                variables={**after.variables, **{k: v for k, v in kept.items() if k in state.variables}}
            )
        run_program(call)
        return state

    def _substitutions(self, words: Iterable[Word], state: State) -> None:
        for word in words:
            for part in word.parts:
                if part.script is not None:
                    self.script(part.script, state)
                if part.argument is not None:
                    self._substitutions([part.argument], state)

    def _redirects(self, redirects: Iterable[Redirect], state: State) -> None:
        for redirect in redirects:
            self._substitutions([redirect.target], state)
            if redirect.body is not None:
                self._substitutions([redirect.body], state)
            if redirect.operator in {"<<", "<<-", "<<<"}:
                continue
            for arg in fields([redirect.target], state):
                if redirect.operator in {">&", "<&"} and (arg.text.isdecimal() or arg.text == "-"):
                    continue
                if redirect.operator != "<":
                    self.collector.write(arg, state.cwds)
                if redirect.operator in {"<", "<>", ">>", "&>>"}:
                    self.collector.read(arg, state.cwds)


def _any_of(states: list[State]) -> State:
    state = states[0]
    for other in states[1:]:
        state = state.merged(other)
    return state
