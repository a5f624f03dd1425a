"""The runtime's branches of the error tree (drawn in ``grammar/errors.py``)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..grammar.errors import LayercError

if TYPE_CHECKING:
    from ..compiler.graph.layer import Provenance

__all__ = [
    "EnvironmentLackError",
    "InputError",
    "IntegrityError",
    "SourceError",
    "StepError",
    "StoreError",
    "UsageError",
]


class UsageError(LayercError):
    """The command's words do not fit together."""

    exit_code = 2


class InputError(LayercError):
    """Something that the user named is missing or can not be used."""

    exit_code = 4


class SourceError(InputError):
    """A base image, archive, URL or path of a context is missing or unusable."""


class IntegrityError(InputError):
    """Bytes are not what their digest or size says."""


class EnvironmentLackError(LayercError):
    """The machine lacks something that the build needs (``layerc doctor`` tells what)."""

    exit_code = 5


class StoreError(LayercError):
    """The store can not be read or written."""

    exit_code = 6


class StepError(LayercError):
    """A step ran and failed.

    ``status`` is the program's exit status (128 + signal number when it was killed); ``tail`` the last lines
    that it printed. ``provenance`` tells the instruction, all its lines.
    """

    exit_code = 1

    def __init__(
        self,
        message: str,
        *,
        status: int,
        tail: tuple[str, ...] = (),
        provenance: Provenance | None = None,
        **details: object,
    ) -> None:
        super().__init__(message, **details)  # type: ignore[arg-type]  # where and help, checked by the base
        self.status = status
        self.tail = tail
        self.provenance = provenance
