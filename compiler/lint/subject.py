"""What rules look at: one Dockerfile as text, tree, program, evaluated stages, with what surrounds it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cached_property
from types import MappingProxyType
from typing import NamedTuple

from ...grammar.source import Location, SourceFile, Span
from ...grammar.syntax import Document, Flag, Instruction
from ..gotext import clean_path
from ..graph.layer import ImageLayer
from ..graph.operations import Add, ContextPath, Copy, FromContext, Run
from ..graph.plan import Notice
from ..optimize.facts import NO_FACTS, Facts
from ..options import BaseImage, CompileOptions, ImageRequest
from ..program import Program
from .calls import Call, calls_of_exec, calls_of_script
from .evaluation import Evaluation, evaluate
from .places import span_of
from .pragmas import Pragmas
from .script import RunScript, read_script
from .settings import Settings
from .shellcheck import Answer
from .stages import StageView, stages_of
from .tools import called

__all__ = ["StageView", "Subject", "Surroundings"]

_GLOB = frozenset("*?[\\")


class Surroundings(NamedTuple):
    """What is known besides the text. ``ignored`` says of a path of the build context whether ``.dockerignore``
    excludes it (none: there is no context). ``images`` are those that happen to be known: nothing is fetched.
    ``gather``, if given, is asked for the facts when a rule first wants them. ``guessed`` says that nobody named
    the build context: what is known of its files is dropped where the Dockerfile copies files that are not there.
    ``shellcheck`` says what ShellCheck finds in a script (none: it is not there).
    """

    settings: Settings = Settings()
    facts: Facts = NO_FACTS
    ignored: Callable[[str], bool] | None = None
    options: CompileOptions = CompileOptions()
    images: Mapping[ImageRequest, BaseImage] = MappingProxyType({})
    gather: Callable[[], Facts] | None = None
    guessed: bool = False
    shellcheck: Callable[[str], tuple[Answer, ...]] | None = None


class Subject:
    """One Dockerfile. All properties are computed when first asked for, once.

    The tree (``document``, ``stages``, ``scripts``) is always there. ``program`` is none where an instruction is
    wrong in itself, and what is evaluated (``run_of``, ``layers_of``, a stage's ``result``) where the file does not
    compile: rules go on without.
    """

    def __init__(self, document: Document, surroundings: Surroundings | None = None) -> None:
        self.document = document
        self.surroundings = Surroundings() if surroundings is None else surroundings

    # --- text and tree -------------------------------------------------------------------------------

    @property
    def source(self) -> SourceFile:
        """The file."""
        return self.document.source

    @cached_property
    def instructions(self) -> tuple[Instruction, ...]:
        """All instructions, in order; what ONBUILD holds is its ``child``."""
        return self.document.instructions

    @cached_property
    def stages(self) -> tuple[StageView, ...]:
        """FROM and what follows it, for each stage."""
        return stages_of(self.instructions)

    @cached_property
    def arguments(self) -> tuple[Instruction, ...]:
        """The ARGs before the first FROM."""
        end = self.stages[0].from_.span.start if self.stages else 0
        return tuple(each for each in self.instructions if each.span.start < end)

    def each(self, *keywords: str, onbuild: bool = False) -> Iterator[tuple[StageView, Instruction]]:
        """The instructions of these keywords with their stages (all, without keywords). With ``onbuild`` also
        those that ONBUILD holds.
        """
        for stage in self.stages:
            for instruction in (stage.from_, *stage.instructions):
                if not keywords or instruction.keyword in keywords:
                    yield stage, instruction
                child = instruction.child
                if onbuild and child is not None and (not keywords or child.keyword in keywords):
                    yield stage, child

    def stage_of(self, instruction: Instruction) -> StageView:
        """The stage in which ``instruction``, which is not before the first FROM, stands."""
        return next(view for view in reversed(self.stages) if view.from_.span.start <= instruction.span.start)

    def at(self, span: Span) -> Instruction:
        """The instruction in which ``span`` begins."""
        return next(each for each in self.instructions if each.span.start <= span.start < each.span.end)

    def text(self, span: Span) -> str:
        """The characters of ``span``."""
        return self.source.text[span.start : span.end]

    def find(self, instruction: Instruction, text: str, start: int | None = None) -> Span:
        """Where ``text`` stands in the arguments of ``instruction``, from offset ``start`` on; the arguments, or
        the keyword where there are none, if it is not there as it is.
        """
        arguments = instruction.args_span
        begin = arguments.start if start is None else start
        found = self.source.text.find(text, begin, arguments.end) if text else -1
        if found >= 0:
            return Span(found, found + len(text))
        return arguments if arguments.end > arguments.start else instruction.keyword_span

    def span_of(self, where: Location | None) -> Span:
        """The characters that an error's location marks."""
        return span_of(self.source, where)

    @staticmethod
    def flag(instruction: Instruction, name: str) -> Flag | None:
        """The flag ``--name`` of ``instruction``, with its value and its span; the last, if it is given twice."""
        return next((flag for flag in reversed(instruction.flags) if flag.name == name), None)

    @cached_property
    def pragmas(self) -> Pragmas:
        """What comments say to linters."""
        return Pragmas.of(self.document)

    # --- shell ---------------------------------------------------------------------------------------

    @cached_property
    def scripts(self) -> tuple[RunScript, ...]:
        """What RUN hands to a shell, ONBUILD RUN included, in order; exec forms are none."""
        scripts = (
            read_script(self.document, stage, each, self.pragmas.shells)
            for stage, each in self.each("RUN", onbuild=True)
        )
        return tuple(script for script in scripts if script is not None)

    @cached_property
    def _script_of(self) -> Mapping[int, RunScript]:
        return {script.instruction.span.start: script for script in self.scripts}

    def script_of(self, instruction: Instruction) -> RunScript | None:
        """The script of a RUN; none for the exec form."""
        return self._script_of.get(instruction.span.start)

    @cached_property
    def calls(self) -> tuple[Call, ...]:
        """Every program that a RUN calls, ONBUILD RUN and exec forms included, in order."""
        found: list[Call] = []
        for stage, instruction in self.each("RUN", onbuild=True):
            script = self.script_of(instruction)
            if script is not None:
                found += calls_of_script(script)
            elif instruction.exec_form:
                found += calls_of_exec(stage, instruction, self.source.text)
        return tuple(found)

    @cached_property
    def tools(self) -> Mapping[str, tuple[Call, ...]]:
        """The calls by the program's name, those behind ``sudo``, ``env``, ``sh -c`` and the like included."""
        return called(self.calls)

    # --- meaning -------------------------------------------------------------------------------------

    @cached_property
    def evaluation(self) -> Evaluation:
        """All that compiling says: see there. Bases that are not known count as empty images."""
        around = self.surroundings
        return evaluate(self.document, around.options, around.images, around.ignored)

    @property
    def program(self) -> Program | None:
        """Every instruction checked, nothing evaluated."""
        return self.evaluation.program

    def notices(self, rule: str) -> tuple[Notice, ...]:
        """What Docker's build check ``rule`` says, whatever the file skips."""
        return tuple(notice for notice in self.evaluation.notices if notice.rule == rule)

    def noticed(self, rule: str) -> Iterator[tuple[Notice, Instruction]]:
        """The same, each with the instruction that it is about."""
        for notice in self.notices(rule):
            for instruction in self.instructions:
                if instruction.start_line <= notice.line <= instruction.end_line:
                    yield notice, instruction
                    break

    def layers_of(self, instruction: Instruction) -> tuple[ImageLayer, ...]:
        """The layers that ``instruction`` makes; none where the file does not compile."""
        return self.evaluation.layers_at.get(instruction.start_line, ())

    def run_of(self, instruction: Instruction) -> Run | None:
        """The evaluated step of a RUN: argument vector, environment, user, directory, mounts."""
        operations = (layer.operation for layer in self.layers_of(instruction))
        return next((operation for operation in operations if isinstance(operation, Run)), None)

    def knows_base(self, instruction: Instruction) -> bool:
        """Whether the config of the image on which the stage of ``instruction`` is based is known."""
        return self.evaluation.knows_base(self.stage_of(instruction).number)

    # --- what surrounds it ---------------------------------------------------------------------------

    @property
    def settings(self) -> Settings:
        """Values of the config."""
        return self.surroundings.settings

    @cached_property
    def facts(self) -> Facts:
        """Files of the context, commits, earlier builds: each may be empty."""
        around = self.surroundings
        facts = around.facts if around.gather is None else around.gather()
        if around.guessed and not self._has_what_is_copied(facts):
            return facts._replace(contexts={}, manifests={}, commits=())
        return facts

    def _has_what_is_copied(self, facts: Facts) -> bool:
        """Whether each path that COPY and ADD name is in the main context."""
        names = {file.path for file in facts.contexts.get("", ())}
        layers = (layer for layers in self.evaluation.layers_at.values() for layer in layers)
        return all(
            path in names or _GLOB.intersection(path)
            for layer in layers
            if isinstance(layer.operation, Copy | Add) and layer.operation.origin == FromContext()
            for source in layer.operation.sources
            if isinstance(source, ContextPath)
            and (path := clean_path(source.path).strip("/")) not in ("", ".")
        )
