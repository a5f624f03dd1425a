"""``Draft``: a Dockerfile as passes rewrite it. Text and meaning side by side, immutable.

A draft is its ``top`` (directives, the file's own comments), the ARGs before the first FROM, stages of steps, and
a ``tail``. Each :class:`Step` holds its exact text and, as ``lead``, the comments and blank lines before it; all of
them joined are the file, so what a pass does not touch stays as it was, byte for byte.

What a step *means* stands in ``step.built`` (one :class:`Built` for each platform: its ``ImageLayer``, the stage's
:class:`State` before and after). It is filled in when a draft is compiled, which happens before each pass: steps
that a pass has just made have no meaning yet, and so have stages that could not be evaluated. Passes leave steps
without a meaning alone.

Steps are found by their ``key``, which they keep through every edit and compilation. A pass edits with::

    new = draft.step("COPY package.json ./", like=step)   # a step of the file's style, placed nowhere yet
    draft = draft.replace(step, new, other)               # in its place; the first gets its comments
    draft = draft.insert(new, before=step)
    draft = draft.append(stage, new)                      # behind the stage's last step
    draft = draft.delete(step)                            # with the comments right above it
    draft = draft.move(step, before=other)                # likewise; also within the stage only
    draft = draft.insert_stage(stage, before=other)       # COPY --from=NUMBER is renumbered
    draft = draft.delete_stage(stage)

and ``step.spliced([(span, text), …])`` gives the text of a step with some spans of its instruction replaced.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from itertools import count
from typing import NamedTuple

from ...grammar.parse import parse
from ...grammar.source import SourceFile, Span
from ...grammar.syntax import Comment, Document, Instruction
from ..graph.layer import ImageLayer
from .compiled import Built, Compiled
from .leads import closed, cut_lead, joined_leads

__all__ = ["Draft", "Stage", "Step"]

_KEYS = count(1)
_NUMBER = re.compile("[0-9]+", re.ASCII)
_DIRECTIVE = re.compile(r"\s*#\s*[a-z]+\s*=", re.ASCII | re.IGNORECASE)


class Step(NamedTuple):
    """One instruction. ``lines`` are the first and last line that it comes from in the file as given (0: none).

    ``origin`` are the ids of the layers, in the plan of the file as given, whose work it still does: what was
    observed of those holds for it. Empty where it is new or changed.
    """

    key: int
    lead: str
    text: str
    instruction: Instruction
    lines: tuple[int, int] = (0, 0)
    origin: tuple[str, ...] = ()
    built: tuple[Built, ...] = ()

    @property
    def keyword(self) -> str:
        """``RUN``, in upper case."""
        return self.instruction.keyword

    @property
    def layers(self) -> tuple[ImageLayer, ...]:
        """Its layers, one for each platform; none if it makes none, or is not understood."""
        return tuple(built.layer for built in self.built if built.layer is not None)

    @property
    def comments(self) -> str:
        """The comment lines right above it, without a blank line between: they go where it goes."""
        return cut_lead(self.lead)[1]

    def spliced(self, edits: Sequence[tuple[Span, str]]) -> str:
        """The text with ``edits``: spans of :attr:`instruction`, each with what comes in its place."""
        text, start = self.text, self.instruction.span.start
        for span, new in sorted(edits, reverse=True):
            text = text[: span.start - start] + new + text[span.end - start :]
        return text

    def with_flag(self, flag: str) -> str:
        """The text with ``flag`` (``--link``) behind the keyword."""
        end = self.instruction.keyword_span.end
        return self.spliced([(Span(end, end), f" {flag}")])


class Stage(NamedTuple):
    """FROM and the steps below it. ``name`` is in lower case and empty where there is none; ``key`` is that of
    FROM. ``needed`` says that the image is made of it, ``used`` that it, the last stage or a named one is.
    """

    from_: Step
    steps: tuple[Step, ...] = ()
    needed: bool = False
    used: bool = False

    @property
    def key(self) -> int:
        """That of FROM."""
        return self.from_.key

    @property
    def name(self) -> str:
        """In lower case; empty where it has none."""
        args = self.from_.instruction.args
        return args[2].lower() if len(args) == 3 else ""

    @property
    def every(self) -> tuple[Step, ...]:
        """FROM and the steps."""
        return (self.from_, *self.steps)

    @property
    def ends(self) -> tuple[Built, ...]:
        """What its last step left, one for each platform; empty where it is not known."""
        return self.every[-1].built


class Draft(NamedTuple):
    """See above. ``file`` is the file's name, ``newline`` its line end; ``open_end`` says that its last line has
    none. ``target`` is the key of the stage to build.
    """

    file: str
    top: str
    arguments: tuple[Step, ...]
    stages: tuple[Stage, ...]
    tail: str
    escape: str
    newline: str
    open_end: bool
    target: int

    @classmethod
    def of(cls, document: Document) -> Draft:
        """A draft of ``document`` whose steps have no meaning yet."""
        top, steps, tail = _steps_of(document)
        newline = "\r\n" if "\r\n" in document.source.text.partition("\n")[0] + "\n" else "\n"
        text = document.source.text
        is_open = bool(text) and not text.endswith("\n")
        if is_open and tail:
            tail += newline
        elif is_open:
            steps[-1] = steps[-1]._replace(text=steps[-1].text + newline)
        firsts = [index for index, step in enumerate(steps) if step.keyword == "FROM"]
        ends = [*firsts[1:], len(steps)]
        stages = tuple(Stage(steps[a], tuple(steps[a + 1 : b])) for a, b in zip(firsts, ends, strict=True))
        arguments = tuple(steps[: firsts[0]])
        return cls(
            document.source.name,
            top,
            arguments,
            stages,
            tail,
            document.escape,
            newline,
            is_open,
            stages[-1].key,
        )

    # --- reading -------------------------------------------------------------------------------------

    @property
    def every(self) -> tuple[Step, ...]:
        """All steps in order: global ARGs, FROMs, the others."""
        return (*self.arguments, *(step for stage in self.stages for step in stage.every))

    @property
    def text(self) -> str:
        """The file."""
        steps = list(self.every)
        parts = [self.top]
        for step in steps[:-1]:
            parts += (step.lead, closed(step.text, self.escape, self.newline))
        last = steps[-1]
        parts += (last.lead, last.text, self.tail)
        text = "".join(parts)
        return text.removesuffix("\n").removesuffix("\r") if self.open_end else text

    @property
    def source(self) -> SourceFile:
        """The file with its name."""
        return SourceFile(self.file, self.text)

    def find(self, key: int) -> Step:
        """The step of that key, as it is now. Raises ``KeyError``."""
        for step in self.every:
            if step.key == key:
                return step
        raise KeyError(key)

    def stage_of(self, step: Step) -> Stage:
        """The stage that holds ``step``. Raises ``KeyError``."""
        for stage in self.stages:
            if any(each.key == step.key for each in stage.every):
                return stage
        raise KeyError(step.key)

    @property
    def target_index(self) -> int:
        """The number of the stage to build."""
        return next(index for index, stage in enumerate(self.stages) if stage.key == self.target)

    def keyword(self, word: str) -> str:
        """``word`` in the letter case of the file's keywords."""
        spelt = [step.text.lstrip()[: len(step.keyword)] for step in self.every]
        lower = sum(each.islower() for each in spelt)
        return word.lower() if lower > len(spelt) - lower else word.upper()

    # --- editing -------------------------------------------------------------------------------------

    def step(self, text: str, *, like: Step | None = None, same_work: bool = False, lead: str = "") -> Step:
        """A new step, parsed. ``like`` is the one that it comes from: messages about it point there. With
        ``same_work`` it does what that one did, and what was observed of that holds for it.

        Raises ``DockerfileError`` where ``text`` is no instruction, ``ValueError`` where it is more than one.
        """
        if "\r" not in text:
            text = text.replace("\n", self.newline)
        text = text if text.endswith("\n") else text + self.newline
        escape = f"# escape={self.escape}\n"
        is_from = text.split(None, 1)[0].upper() == "FROM"
        items = parse(SourceFile(self.file, escape + ("" if is_from else "FROM scratch\n") + text)).items
        instruction = items[-1]
        if len(items) != (2 if is_from else 3) or not isinstance(instruction, Instruction):
            raise ValueError(f"not one instruction: {text!r}")
        lines = (0, 0) if like is None else like.lines
        origin = like.origin if like is not None and same_work else ()
        return Step(next(_KEYS), lead, text, instruction, lines, origin)

    def replace(self, step: Step, *new: Step) -> Draft:
        """``new`` in the place of ``step``; the first gets what stands above it."""
        first, *rest = new
        return _edited(self, step, (first._replace(lead=step.lead + first.lead), *rest))

    def insert(self, new: Step, *, before: Step) -> Draft:
        """``new`` before a step; the comments right above that stay with it."""
        detached, attached = cut_lead(before.lead)
        return _edited(self, before, (new._replace(lead=detached + new.lead), before._replace(lead=attached)))

    def append(self, stage: Stage, new: Step) -> Draft:
        """``new`` behind the last step of ``stage``."""
        now = self.stage_of(stage.from_)
        return _with_stage(self, now._replace(steps=(*now.steps, new)))

    def insert_behind(self, new: Step, step: Step) -> Draft:
        """``new`` right behind a step of the same stage."""
        return _edited(self, step, (step, new))

    def delete(self, step: Step) -> Draft:
        """The draft without ``step`` and the comments right above it. FROM can not be deleted alone."""
        steps = list(self.every)
        index = next(index for index, each in enumerate(steps) if each.key == step.key)
        detached = cut_lead(step.lead)[0]
        rest = _edited(self, step, ())
        if index + 1 == len(steps):
            return rest._replace(tail=joined_leads(detached, self.tail) if detached.strip() else self.tail)
        below = steps[index + 1]
        return _edited(rest, below, (below._replace(lead=joined_leads(detached, below.lead)),))

    def move(self, step: Step, *, before: Step) -> Draft:
        """``step``, with the comments right above it, before another step of its stage (not FROM)."""
        rest = self.delete(step)
        return rest.insert(step._replace(lead=step.comments), before=rest.find(before.key))

    def move_to_end(self, step: Step) -> Draft:
        """``step``, with the comments right above it, behind the last step of its stage."""
        stage = self.stage_of(step)
        return self.delete(step).append(stage, step._replace(lead=step.comments))

    def insert_stage(self, stage: Stage, *, before: Stage) -> Draft:
        """A stage of new steps before another one."""
        index = _index(self, before)
        stages = (*self.stages[:index], stage, *self.stages[index:])
        return _renumbered(self._replace(stages=stages), lambda number: number + (number >= index))

    def delete_stage(self, stage: Stage) -> Draft:
        """The draft without a stage that no other one names; comments above it go with it."""
        index = _index(self, stage)
        stages = (*self.stages[:index], *self.stages[index + 1 :])
        if index == 0 and not self.arguments:  # where a file begins, or behind its top, is no empty line
            first = stages[0].from_
            lead = first.lead.lstrip("\r\n")
            if _DIRECTIVE.match(lead):  # at the top it would be one; behind an empty line it stays a comment
                lead = self.newline + lead
            stages = (stages[0]._replace(from_=first._replace(lead=lead)), *stages[1:])
        return _renumbered(self._replace(stages=stages), lambda number: number - (number > index))

    def commented(self, step: Step, comment: str) -> Draft:
        """The draft with a comment line (``# …`` with its line end) right above ``step``."""
        return _edited(self, step, (step._replace(lead=step.lead + comment),))

    # --- meaning -------------------------------------------------------------------------------------

    def compiled(self, document: Document, compiled: Compiled) -> Draft:
        """The draft with the meaning of its text; ``document`` is that text, parsed.

        Raises ``ValueError`` where the text does not have the draft's steps.
        """
        steps, found = list(self.every), document.instructions
        for step, instruction in zip(steps, found, strict=False):
            ends = {_bare(step.text), _bare(closed(step.text, self.escape, self.newline))}
            if _bare(instruction.text) not in ends:
                raise ValueError(f"{step.text!r} is read as {instruction.text!r}")
        if len(steps) != len(found):
            raise ValueError(f"{len(steps)} steps are read as {len(found)}")
        now = {
            step.key: step._replace(
                instruction=instruction, built=compiled.built.get(instruction.start_line, ())
            )
            for step, instruction in zip(steps, found, strict=True)
        }
        stages = (
            Stage(
                now[stage.key],
                tuple(now[step.key] for step in stage.steps),
                now[stage.key].instruction.start_line in compiled.needed,
                now[stage.key].instruction.start_line in compiled.used,
            )
            for stage in self.stages
        )
        return self._replace(arguments=tuple(now[step.key] for step in self.arguments), stages=tuple(stages))

    def with_origins(self) -> Draft:
        """The draft, compiled from the file as given, with each step's layers as its ``origin``."""
        stages = (
            stage._replace(from_=_original(stage.from_), steps=tuple(map(_original, stage.steps)))
            for stage in self.stages
        )
        return self._replace(stages=tuple(stages))


def _edited(draft: Draft, step: Step, new: tuple[Step, ...]) -> Draft:
    """``new`` in the place of ``step``."""
    if any(each.key == step.key for each in draft.arguments):
        return draft._replace(arguments=_exchanged(draft.arguments, step, new))
    stage = draft.stage_of(step)
    if stage.key != step.key:
        return _with_stage(draft, stage._replace(steps=_exchanged(stage.steps, step, new)))
    from_, *steps = new
    changed = stage._replace(from_=from_, steps=(*steps, *stage.steps))
    target = from_.key if draft.target == step.key else draft.target
    return _with_stage(draft, changed, stage.key)._replace(target=target)


def _with_stage(draft: Draft, stage: Stage, key: int = 0) -> Draft:
    key = key or stage.key
    return draft._replace(stages=tuple(stage if each.key == key else each for each in draft.stages))


def _index(draft: Draft, stage: Stage) -> int:
    return next(index for index, each in enumerate(draft.stages) if each.key == stage.key)


def _renumbered(draft: Draft, renumber: Callable[[int], int]) -> Draft:
    """The draft with the numbers of ``COPY --from=NUMBER`` put right."""
    for step in draft.every:
        for flag in step.instruction.flags:
            digits = (flag.value or "").removeprefix("+")
            if step.keyword != "COPY" or flag.name != "from" or not _NUMBER.fullmatch(digits):
                continue
            if (number := renumber(int(digits))) != int(digits):
                text = step.spliced([(flag.span, f"--from={number}")])
                changed = draft.step(text, like=step, same_work=True)
                draft = _edited(draft, step, (changed._replace(key=step.key, lead=step.lead),))
    return draft


def _original(step: Step) -> Step:
    return step._replace(origin=tuple(layer.id for layer in step.layers))


def _exchanged(steps: tuple[Step, ...], step: Step, new: tuple[Step, ...]) -> tuple[Step, ...]:
    index = next(index for index, each in enumerate(steps) if each.key == step.key)
    return (*steps[:index], *new, *steps[index + 1 :])


def _steps_of(document: Document) -> tuple[str, list[Step], str]:
    """What stands above the first instruction and is the file's own; the steps; what stands behind the last."""
    top, lead = "", ""
    steps: list[Step] = []
    for item in document.items:
        if isinstance(item, Instruction):
            lines = (item.start_line, item.end_line)
            steps.append(Step(next(_KEYS), lead, item.text, item, lines))
            lead = ""
        elif steps or isinstance(item, Comment):
            lead += item.text
        else:
            top, lead = top + lead + item.text, ""
    return top, steps, lead


def _bare(text: str) -> str:
    return text.rstrip("\r\n")
