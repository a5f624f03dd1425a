"""The words A and B of ``layerc verify``: what they name on this machine and elsewhere."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack, closing
from typing import TYPE_CHECKING, Literal, NamedTuple

from ...grammar.source import SourceFile
from ..errors import InputError

if TYPE_CHECKING:
    from ...compiler.options import ImageRequest
    from ..store import Store

__all__ = ["Word", "image_request", "read_word"]

_SCHEMES = ("oci-layout", "oci-archive", "docker-archive", "docker-image")
_ENGINE, _TREE = "docker", "rootfs"
_NAMES = ("Dockerfile", "dockerfile")


class Word(NamedTuple):
    """``text`` as the user wrote it for ``side``, which is A or B. A definition is a Dockerfile or a plan whose
    text is ``source``; a context has its Dockerfile in it; an image is there already.
    """

    side: str
    text: str
    kind: Literal["definition", "context", "image"]
    source: SourceFile | None = None

    @property
    def is_definition(self) -> bool:
        """Whether it is a Dockerfile or a plan, without the files that belong to it."""
        return self.kind == "definition"

    @property
    def is_context(self) -> bool:
        """Whether it is a build context with a Dockerfile in it."""
        return self.kind == "context"

    @property
    def shown(self) -> str:
        """How it is called in messages."""
        return f"{self.side} ({'standard input' if self.text == '-' else self.text})"

    @property
    def directory(self) -> str | None:
        """The build context that it suggests, none if it has none on this machine."""
        if self.is_context:
            return self.text if os.path.isdir(self.text) else None
        if self.is_definition and self.text != "-":
            return os.path.dirname(self.text) or "."
        return None


def read_word(side: str, text: str) -> Word:
    """Find out what a word means. Raises :class:`InputError` where it is a file or directory that is neither."""
    scheme = text.partition("://")[0]
    if text == "-":
        return Word(side, text, "definition", _standard_input())
    if scheme in (*_SCHEMES, _ENGINE, _TREE):
        return Word(side, text, "image")
    if os.path.isdir(text):
        return _directory(side, text)
    if os.path.isfile(text):
        return _file(side, text)
    if "://" in text or text.startswith("git@"):
        return Word(side, text, "context")
    return Word(side, text, "image")


def _directory(side: str, text: str) -> Word:
    if os.path.isfile(os.path.join(text, "oci-layout")):
        return Word(side, text, "image")
    if any(os.path.lexists(os.path.join(text, name)) for name in _NAMES):
        return Word(side, text, "context")
    raise InputError(
        f"{side} ({text}): this directory has no Dockerfile and is no OCI layout",
        help=f"name the Dockerfile itself, with --context {text}; or {_TREE}://{text} if its files are the image",
    )


def _file(side: str, text: str) -> Word:
    """An archive is known by its first bytes, and all else is a text."""
    from ..engine.contexts import HEAD, is_archive

    try:
        with open(text, "rb") as file:
            data = file.read(HEAD)
            if is_archive(data):
                return Word(side, text, "image")
            return Word(side, text, "definition", SourceFile.from_bytes(text, data + file.read()))
    except OSError as error:
        raise InputError(f"{side}: can not read {text}: {error.strerror}") from error


def _standard_input() -> SourceFile:
    data = b"" if sys.stdin is None or sys.stdin.isatty() else sys.stdin.buffer.read()
    if not data.strip():
        raise InputError("standard input is empty", help="pipe a Dockerfile or a plan into it")
    return SourceFile.from_bytes("<stdin>", data)


# --- images ------------------------------------------------------------------------------------------


def image_request(word: Word, platform: str, store: Store, held: ExitStack) -> ImageRequest:
    """What brings the image in. One of a Docker engine is written to a file, which ``held`` removes.

    Raises :class:`InputError`, and :class:`EnvironmentLackError` where there is no engine.
    """
    from ...compiler.options import ImageRequest, NamedContext

    scheme, separator, rest = word.text.partition("://")
    if separator and scheme == _ENGINE:
        value = f"docker-archive://{_saved(rest, store, held)}"
    elif separator and scheme == _TREE:
        if not os.path.isdir(rest):
            raise InputError(f"{word.shown}: there is no directory {rest!r}")
        return ImageRequest(word.text, platform, NamedContext(word.side, "local", rest))
    elif separator or os.path.isfile(word.text):
        value = word.text
    elif os.path.isdir(word.text):
        value = f"oci-layout://{word.text}"
    else:
        from ..registry.references import parse_reference

        return ImageRequest(str(parse_reference(word.text).tagged()), platform)
    return ImageRequest(word.text, platform, NamedContext(word.side, "image", value))


def _saved(name: str, store: Store, held: ExitStack) -> str:
    """An image of the Docker engine as an archive."""
    import docker

    from ..export.docker import connect

    path = store.temporary("engine-image")
    try:
        with closing(connect()) as engine, open(path, "xb") as file:
            held.callback(os.unlink, path)
            file.writelines(engine.images.get(name).save())
    except docker.errors.ImageNotFound as error:
        raise InputError(f"the Docker engine has no image {name!r}") from error
    except docker.errors.DockerException as error:
        raise InputError(f"the Docker engine does not hand out {name!r}: {error}") from error
    return path
