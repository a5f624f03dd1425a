"""The argument parser: argparse with our errors, help layout and suggestions."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

__all__ = ["ArgumentParser", "HelpFormatter", "closest"]

_COLUMN = 28


class HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """Texts as written; a metavar once for all spellings of an option (``-f, --file FILE``)."""

    def __init__(self, prog: str, **settings: Any) -> None:
        # argparse makes a formatter for each argument that is added; without a width, it imports shutil to ask.
        super().__init__(prog, **(settings | {"max_help_position": _COLUMN, "width": _width()}))

    def _format_action_invocation(self, action: argparse.Action) -> str:
        if not action.option_strings or action.nargs == 0:
            return super()._format_action_invocation(action)
        value = self._format_args(action, self._get_default_metavar_for_optional(action))
        return f"{', '.join(action.option_strings)} {value}"

    def _format_action(self, action: argparse.Action) -> str:
        if not isinstance(action, argparse._SubParsersAction):  # noqa: SLF001  # its type has no public name
            return super()._format_action(action)
        return "".join(
            f"  {choice.dest:<{_COLUMN - 4}}  {choice.help}\n"
            for choice in action._get_subactions()  # noqa: SLF001
        )


def _width() -> int:
    """Where help is wrapped, as argparse has it: COLUMNS or what the terminal has, less a margin."""
    given = os.environ.get("COLUMNS", "")
    if given.isdecimal() and int(given):
        return int(given) - 2
    try:
        return (os.get_terminal_size(sys.stdout.fileno()).columns or 80) - 2
    except (OSError, ValueError):  # it is no terminal, or closed
        return 78


class ArgumentParser(argparse.ArgumentParser):
    """Raises :class:`UsageError` instead of exiting; takes no abbreviated options, as docker does not.

    ``advice`` says what to do instead for options of docker that layerc has not. ``commands`` are the parsers
    of subcommands by name.
    """

    def __init__(self, **settings: Any) -> None:
        settings.setdefault("formatter_class", HelpFormatter)
        super().__init__(allow_abbrev=False, **settings)
        self.advice: dict[str, str] = {}
        self.commands: dict[str, ArgumentParser] = {}

    @property
    def _general_help(self) -> str:
        return f"{self.prog} --help shows what there is"

    def error(self, message: str) -> NoReturn:
        """Raise the error of a wrong word."""
        from ..errors import UsageError

        raise UsageError(message.removeprefix("argument "), help=self._general_help)

    def parse_strictly(self, words: Sequence[str]) -> argparse.Namespace:
        """Parse ``words``; options and arguments may come in any order.

        Raises :class:`UsageError`, with a suggestion for a mistyped option.
        """
        # argparse can not parse subcommands in any order; only the root has them, and no words of its own.
        parse = self.parse_known_args if self.commands else self.parse_known_intermixed_args
        arguments, unknown = parse(words if self.commands else self._without_booleans(words))
        if unknown:
            self._refuse(unknown)
        return arguments

    def _without_booleans(self, words: Sequence[str]) -> list[str]:
        """``--pull=true`` and ``--pull=false``, as docker takes them, in the words that argparse knows."""
        from ...compiler.gotext import parse_bool

        kept: list[str] = []
        for word in words:
            name, equals, value = word.partition("=")
            action = self._option_string_actions.get(name) if equals else None
            if not isinstance(action, argparse._StoreTrueAction):  # noqa: SLF001  # its type has no public name
                kept.append(word)
                continue
            try:
                kept += [name] if parse_bool(value) else []
            except ValueError:
                self.error(f"{name}: {value!r} is neither true nor false")
        return kept

    def _refuse(self, unknown: list[str]) -> NoReturn:
        from ..errors import UsageError

        options = [word for word in unknown if word.startswith("-") and word != "-"]
        if not options:
            raise UsageError(f"unexpected argument {unknown[0]!r}", help=self._general_help)
        option = options[0].partition("=")[0]
        suggestion = closest(option, self._option_string_actions)
        advice = self.advice.get(option) or (
            f"did you mean {suggestion}?" if suggestion else self._general_help
        )
        raise UsageError(f"unknown option {option!r}", help=advice)


def closest(word: str, known: Iterable[str]) -> str | None:
    """The one of ``known`` that ``word`` was probably meant to be."""
    from difflib import get_close_matches

    return next(iter(get_close_matches(word, list(known), n=1, cutoff=0.6)), None)
