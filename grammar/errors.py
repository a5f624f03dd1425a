"""The error tree.

::

    LayercError
    ├── DockerfileError          the text is not a Dockerfile (grammar)
    │   └── CompileError         it is, but it has no meaning: unknown stage, bad flag value (compiler)
    ├── InputError               something named by the user is missing or unusable (runtime)
    │   ├── SourceError          a base image, archive, URL or context path
    │   └── IntegrityError       bytes that are not what their digest says
    ├── StepError                a step ran and failed (runtime)
    ├── EnvironmentLackError     the machine lacks what the build needs (runtime)
    └── StoreError               the store can not be read or written (runtime)

Each carries *where* (a :class:`Location`), the cause (``__cause__``) and *help*: what to do about it.
The runtime's branches are in ``runtime/errors.py``.
"""

from __future__ import annotations

from .source import Location

__all__ = ["CompileError", "DockerfileError", "LayercError"]


class LayercError(Exception):
    """Base of all errors that are meant for the user; the command line shows them without a traceback.

    ``exit_code`` is what the process exits with (docs/cli.md has the table).
    """

    exit_code = 1

    def __init__(self, message: str, *, where: Location | None = None, help: str | None = None) -> None:  # noqa: A002
        super().__init__(message)
        self.message = message
        self.where = where
        self.help = help


class DockerfileError(LayercError):
    """The text can not be parsed."""

    exit_code = 3


class CompileError(DockerfileError):
    """The text parses, but what it asks for has no meaning."""
