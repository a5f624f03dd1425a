"""What was selected of a directory that stands as it was: answers that need one ``stat`` of each file, and no more.

A build that finds everything asks the same questions of the same context as the one before. If no entry that
the answers rest on has another signature, and no directory that was listed, they are the same.
"""

from __future__ import annotations

import json
import os
import zlib
from array import array
from collections.abc import Mapping, Sequence

from .stat_cache import Signature

__all__ = ["Standing"]

_MAGIC = b"layerc standing 1\n"
_NUMBERS = 5  # of a signature
_BATCH = 1000
_MASK = 0xFFFFFFFFFFFFFFFF


class Standing:
    """The answers in file ``path`` about directory ``root``. ``rules`` are what else they depend on.

    A file that is damaged, missing, or about other rules holds no answers.
    """

    def __init__(self, path: str, root: str, rules: str) -> None:
        self._path = path
        self._root = root
        self._rules = rules
        self._answers: Mapping[str, str] | None = None

    def answer(self, question: str) -> str | None:
        """What was noted for ``question``, if all is as it was."""
        if self._answers is None:
            self._answers = self._load()
        return self._answers.get(question)

    def note(self, answers: Mapping[str, str], signatures: Mapping[str, Signature]) -> None:
        """Keep ``answers``, which rest on ``signatures`` of entries, by path below the root, which is ``""``."""
        columns = array("Q", (number & _MASK for mark in signatures.values() for number in mark))
        head = json.dumps([self._rules, len(signatures), dict(answers)]).encode()
        names = "\0".join(signatures).encode("utf-8", "surrogateescape")
        body = b"\0".join((head, columns.tobytes() + names))
        temporary = f"{self._path}.{os.getpid()}.{id(self):x}.tmp"
        try:
            os.makedirs(os.path.dirname(self._path), exist_ok=True)
            with open(temporary, "wb") as file:
                file.write(_MAGIC + zlib.crc32(body).to_bytes(4, "little") + body)
            os.replace(temporary, self._path)
        except OSError:
            # Only speed is lost; the build does not depend on it.
            if os.path.exists(temporary):
                os.unlink(temporary)

    def _load(self) -> Mapping[str, str]:
        try:
            with open(self._path, "rb") as file:
                data = file.read()
        except OSError:
            return {}
        start = len(_MAGIC) + 4
        body = memoryview(data)[start:]
        if not data.startswith(_MAGIC) or zlib.crc32(body) != int.from_bytes(
            data[start - 4 : start], "little"
        ):
            return {}
        end = data.index(b"\0", start)
        rules, count, answers = json.loads(data[start:end])
        if rules != self._rules:
            return {}
        columns = array("Q")
        size = count * _NUMBERS * columns.itemsize
        columns.frombytes(data[end + 1 : end + 1 + size])
        names = data[end + 1 + size :].decode("utf-8", "surrogateescape").split("\0")
        return answers if self._stands(names, columns) else {}

    def _stands(self, names: Sequence[str], columns: array[int]) -> bool:
        lstat = os.lstat
        prefix = self._root + "/"
        for start in range(0, len(names), _BATCH):
            found = array("Q")
            extend = found.extend
            try:
                for name in names[start : start + _BATCH]:
                    # As stat_cache.signature has it; a call for each of 20,000 files would double the time.
                    status = lstat(prefix + name) if name else os.stat(self._root)
                    extend(
                        (
                            status.st_size,
                            status.st_mtime_ns,
                            status.st_ctime_ns,
                            status.st_ino,
                            status.st_dev,
                        )
                    )
            except (OSError, OverflowError):
                return False
            if found != columns[start * _NUMBERS : (start + _BATCH) * _NUMBERS]:
                return False
        return True
