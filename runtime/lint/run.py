"""Lints many files: what is known is taken from the cache, the rest is shared out to processes."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import NamedTuple

from ...compiler.lint.choosing import UnknownRuleError, choose
from ...compiler.lint.fixes import Refused, fix
from ...compiler.lint.rule import Severity
from ...compiler.lint.runner import Found, lint
from ...compiler.lint.settings import Choice
from ...compiler.lint.shellcheck import questions_of
from ...compiler.lint.subject import Subject, Surroundings
from ...grammar.errors import DockerfileError
from ...grammar.parse import parse
from ...grammar.source import SourceFile
from ..errors import EnvironmentLackError, InputError
from .around import Around, around
from .cache import ResultCache
from .config import Configs, LintConfig
from .files import STANDARD_INPUT, read_file
from .shellcheck import ShellCheck, find_shellcheck, stamp_of

__all__ = ["FileResult", "Request", "default_jobs", "lint_files", "unknown_rule", "wants_shellcheck"]

# Files that a worker process gets at a time; fewer than two batches are not worth the processes.
_BATCH = 16


class Request(NamedTuple):
    """How files are linted. ``context`` is their build context (none: each one's directory), ``stdin_name`` what
    standard input is called. ``fix`` also mends them, with ``unsafe`` by more than safe fixes; nothing is written.
    """

    configs: Configs
    context: str | None = None
    stdin_name: str = "<stdin>"
    fix: bool = False
    unsafe: bool = False


class FileResult(NamedTuple):
    """What is found in one file; with fixes, in the text that they leave. ``before`` is the text as it was read.

    ``fixed`` counts the fixes that were made, ``ignored`` the findings that comments in the file ignore.
    ``fail_level`` and ``baseline`` are those of its config. ``problem`` says why there is no result.
    """

    name: str
    before: SourceFile
    source: SourceFile
    found: tuple[Found, ...]
    ignored: int
    fail_level: Severity | None
    baseline: str = ""
    fixed: int = 0
    refused: tuple[Refused, ...] = ()
    problem: InputError | None = None


def lint_files(
    names: Sequence[str], request: Request, cache: ResultCache | None = None, jobs: int = 1
) -> Iterator[FileResult]:
    """The result of each file, in order. Raises :class:`InputError` for configs that can not be used."""
    known: dict[int, FileResult] = {}
    todo: list[tuple[int, str]] = []
    for number, name in enumerate(names):
        result = None if cache is None or name == STANDARD_INPUT else _remembered(name, request, cache)
        if result is None:
            todo.append((number, name))
        else:
            known[number] = result
    shared = jobs > 1 and len(todo) > _BATCH
    made = _shared_out(todo, request, cache, jobs) if shared else _in_turn(todo, request, cache)
    for number in range(len(names)):
        if number in known:
            yield known[number]
        else:
            yield next(made)


def _in_turn(
    todo: Sequence[tuple[int, str]], request: Request, cache: ResultCache | None
) -> Iterator[FileResult]:
    names = [name for _, name in todo]
    shell = _shellcheck(cache) if names else None
    for start in range(0, len(names), _BATCH):
        yield from _lint_batch(names[start : start + _BATCH], request, cache, shell)


def _key(source: SourceFile, config: LintConfig, surroundings: str) -> tuple[str, ...]:
    return (
        source.text,
        repr(config.choice),
        repr(config.settings),
        surroundings,
        stamp_of(find_shellcheck()),
    )


def _remembered(name: str, request: Request, cache: ResultCache) -> FileResult | None:
    config = request.configs.of(name)
    try:
        source = read_file(name)
        surroundings = around(name, request.context)
        key = _key(source, config, surroundings.key)
    except InputError:
        return None
    found = cache.find(key, source, lambda: surroundings.stamp)
    return (
        None
        if found is None
        else FileResult(name, source, source, *found, config.fail_level, config.baseline)
    )


class _Job(NamedTuple):
    """A file that was read. ``subject`` is none where it can not be parsed, or is to be mended."""

    name: str
    source: SourceFile
    config: LintConfig
    around: Around
    given: Surroundings
    subject: Subject | None


def _lint_batch(
    names: Sequence[str], request: Request, cache: ResultCache | None, shell: ShellCheck | None
) -> Iterator[FileResult]:
    """The results of ``names``. ShellCheck works on all their scripts while the other rules run."""
    jobs = [_read(name, request, shell) for name in names]
    if shell is not None:
        subjects = (
            job.subject for job in jobs if isinstance(job, _Job) and wants_shellcheck(job.config.choice)
        )
        shell.prepare(question for subject in subjects if subject for _, question in questions_of(subject))
    for job in jobs:
        yield _lint(job, request, cache) if isinstance(job, _Job) else job


def _read(name: str, request: Request, shell: ShellCheck | None) -> _Job | FileResult:
    is_text = name == STANDARD_INPUT
    shown = request.stdin_name if is_text else name
    config = request.configs.of(shown)
    source = SourceFile(shown, "")
    try:
        source = read_file(name, shown)
        surroundings = around(None if is_text else name, request.context)
        given = surroundings.surroundings(config.settings)
    except InputError as error:
        return FileResult(name, source, source, (), 0, config.fail_level, problem=error)
    if shell is not None:
        given = given._replace(shellcheck=shell.ask)
    subject = None
    if not request.fix:
        with suppress(DockerfileError):  # linting tells
            subject = Subject(parse(source), given)
    return _Job(name, source, config, surroundings, given, subject)


def wants_shellcheck(choice: Choice) -> bool:
    """Whether any of ShellCheck's findings may be wanted."""
    from ...compiler.lint.rules import RULES, sc

    try:
        return sc.RULE in choose(RULES, choice).rules
    except UnknownRuleError:  # linting tells
        return False


def _lint(job: _Job, request: Request, cache: ResultCache | None) -> FileResult:
    name, source, config, surroundings, given, subject = job
    try:
        if request.fix:
            fixed = fix(source, given, config.choice, unsafe=request.unsafe)
            report = fixed.report
            counts = (len(fixed.applied), fixed.refused)
        else:
            report, counts = lint(source, given, config.choice, subject=subject), (0, ())
    except UnknownRuleError as error:
        raise unknown_rule(error, config) from error
    if cache is not None and name != STANDARD_INPUT and not request.fix:
        stamp = surroundings.stamp if surroundings.asked else None
        cache.add(_key(source, config, surroundings.key), report.found, len(report.ignored), stamp)
    verdict = (config.fail_level, config.baseline)
    return FileResult(name, source, report.source, report.found, len(report.ignored), *verdict, *counts)


def _shellcheck(cache: ResultCache | None) -> ShellCheck | None:
    program = find_shellcheck()
    return None if program is None else ShellCheck(program, None if cache is None else cache.directory)


def unknown_rule(error: UnknownRuleError, config: LintConfig) -> InputError:
    """The error for people; a config file is named where the word may come from it."""
    where = f"{config.path}: " if config.path else ""
    meant = f"did you mean {error.meant}?" if error.meant else "layerc rules lists all rules"
    return InputError(f"{where}{error}", help=meant)


def _shared_out(
    todo: Sequence[tuple[int, str]], request: Request, cache: ResultCache | None, jobs: int
) -> Iterator[FileResult]:
    from concurrent.futures import ProcessPoolExecutor
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import get_context

    from ...compiler.lint import rules  # noqa: F401  # once, before processes fork

    names = [name for _, name in todo]
    batches = [names[start : start + _BATCH] for start in range(0, len(names), _BATCH)]
    workers = min(jobs, len(batches))
    # What forked processes start with is not pickled.
    pool = ProcessPoolExecutor(
        workers, mp_context=get_context("fork"), initializer=_start_worker, initargs=(request, cache)
    )
    try:
        pending = [pool.submit(_lint_all, batch) for batch in batches]
        for future in pending:
            yield from future.result()
    except BrokenProcessPool as error:
        raise EnvironmentLackError(
            "a worker process was killed", help="memory may be short: use fewer --jobs"
        ) from error
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


_worker: list[tuple[Request, ResultCache | None, ShellCheck | None]] = []


def _start_worker(request: Request, cache: ResultCache | None) -> None:
    """In a worker: the parent alone answers control-C, and ends the workers."""
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_DFL)
    _worker.append((request, cache, _shellcheck(cache)))


def _lint_all(names: Sequence[str]) -> list[FileResult]:
    return list(_lint_batch(names, *_worker[-1]))


def default_jobs() -> int:
    """Processes by default: one for each processor that we may use."""
    return len(os.sched_getaffinity(0))
