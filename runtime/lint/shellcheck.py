"""Asks ShellCheck: many scripts in one process, equal ones once, and those of earlier runs not at all."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from hashlib import blake2b
from typing import Any

from ...compiler.lint.shellcheck import Answer, Replacement
from ..errors import EnvironmentLackError

__all__ = ["ShellCheck", "find_shellcheck", "stamp_of"]

# hadolint's: the shell of Alpine is none that it names; files that are sourced are not here.
_EXCLUDED = "SC2187,SC1090,SC1091"
_TIMEOUT = 120.0  # seconds


@lru_cache(maxsize=1)
def find_shellcheck() -> str | None:
    """The program: beside the interpreter, where packages put theirs, or else on the path."""
    own = os.path.join(os.path.dirname(sys.executable), "shellcheck")
    if os.access(own, os.X_OK):
        return own
    import shutil

    return shutil.which("shellcheck")


@lru_cache(maxsize=4)
def stamp_of(program: str | None) -> str:
    """What tells one version of the program from another; empty where there is none."""
    if program is None:
        return ""
    status = os.stat(program)
    return f"{os.path.realpath(program)}:{status.st_size}:{status.st_mtime_ns}"


class ShellCheck:
    """``directory`` is where answers are remembered; none: they are not."""

    def __init__(self, program: str, directory: str | None = None) -> None:
        self._program = program
        self._directory = directory
        self._known: dict[str, tuple[Answer, ...]] = {}
        self._running: _Running | None = None

    def prepare(self, questions: Iterable[str]) -> None:
        """Begin to ask ``questions``; other things may be done until they are answered."""
        self._finish()
        new = [
            each
            for each in dict.fromkeys(questions)
            if each not in self._known and not self._remembered(each)
        ]
        if new:
            self._running = _Running(self._program, new)

    def ask(self, question: str) -> tuple[Answer, ...]:
        """What ShellCheck says of a script. Raises :class:`EnvironmentLackError` if it does not work."""
        if question not in self._known:
            self._finish()
        if question not in self._known:
            self.prepare([question])
            self._finish()
        return self._known[question]

    def _finish(self) -> None:
        if self._running is not None:
            running, self._running = self._running, None
            answers = running.answers()
            self._known.update(answers)
            for question, found in answers.items():
                self._remember(question, found)

    def _path(self, question: str) -> str:
        data = f"{stamp_of(self._program)}\0{question}".encode("utf-8", "surrogateescape")
        name = blake2b(data, digest_size=24).hexdigest()
        return os.path.join(self._directory or "", name[:2], name[2:])

    def _remembered(self, question: str) -> bool:
        if self._directory is None:
            return False
        try:
            with open(self._path(question), "rb") as file:
                self._known[question] = tuple(_answer(entry) for entry in json.load(file))
        except (OSError, ValueError, TypeError):
            return False
        return True

    def _remember(self, question: str, answers: Sequence[Answer]) -> None:
        if self._directory is None:
            return
        path = self._path(question)
        with suppress(OSError):
            os.makedirs(os.path.dirname(path), exist_ok=True)
            with open(f"{path}.{os.getpid()}", "w", encoding="utf-8", errors="surrogateescape") as file:
                json.dump(answers, file)
            os.replace(f"{path}.{os.getpid()}", path)


def _answer(entry: Sequence[Any]) -> Answer:
    return Answer._make([*entry[:-1], tuple(Replacement._make(each) for each in entry[-1])])


class _Running:
    """One process of ShellCheck over ``questions``."""

    def __init__(self, program: str, questions: Sequence[str]) -> None:
        import subprocess  # these three are not needed where all is remembered
        import tempfile

        self._questions = questions
        self._folder = tempfile.mkdtemp(prefix="layerc-lint-")
        names = [str(number) for number in range(len(questions))]
        try:
            for name, question in zip(names, questions, strict=True):
                path = os.path.join(self._folder, name)
                with open(path, "w", encoding="utf-8", errors="surrogateescape", newline="") as file:
                    file.write(question)
            self._process = subprocess.Popen(
                [program, "--norc", "--format=json1", f"--exclude={_EXCLUDED}", *names],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env={"LC_ALL": "C.UTF-8", "PATH": os.environ.get("PATH", os.defpath)},
            )
        except OSError as error:
            self._clean()
            raise EnvironmentLackError(f"can not run {program}: {error.strerror}") from error

    def _clean(self) -> None:
        import shutil

        shutil.rmtree(self._folder, ignore_errors=True)

    def answers(self) -> Mapping[str, tuple[Answer, ...]]:
        """What it says of each question. Raises :class:`EnvironmentLackError`."""
        import subprocess

        try:
            output, errors = self._process.communicate(timeout=_TIMEOUT)
            comments = json.loads(output)["comments"]
        except subprocess.TimeoutExpired as error:
            self._process.kill()
            self._process.communicate()
            raise EnvironmentLackError(
                f"ShellCheck does not end within {_TIMEOUT:.0f} s", help="--ignore SC leaves it out"
            ) from error
        except (ValueError, KeyError) as error:
            told = errors.decode("utf-8", "replace").strip().splitlines()
            raise EnvironmentLackError(
                f"ShellCheck does not work: {told[-1] if told else 'it prints nothing'}",
                help="--ignore SC leaves it out",
            ) from error
        finally:
            self._clean()
        found: dict[str, list[Answer]] = {question: [] for question in self._questions}
        for comment in comments:
            found[self._questions[int(comment["file"])]].append(_told(comment))
        return {question: tuple(answers) for question, answers in found.items()}


def _told(comment: Mapping[str, Any]) -> Answer:
    edits = (comment.get("fix") or {}).get("replacements", ())
    values = [comment[key] for key in ("line", "column", "endLine", "endColumn", "level", "code", "message")]
    return Answer._make([*values, tuple(_replacement(each) for each in edits)])


def _replacement(edit: Mapping[str, Any]) -> Replacement:
    values = [edit[key] for key in ("line", "column", "endLine", "endColumn", "replacement")]
    return Replacement._make([*values, edit["insertionPoint"] == "afterEnd"])
