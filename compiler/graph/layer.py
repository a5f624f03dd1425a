"""``ImageLayer``: the immutable definition of one unit of an image."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

from .canonical import canonical_json, encode, sha256_hex
from .operations import Operation

__all__ = ["ImageLayer", "Provenance"]


class Provenance(NamedTuple):
    """Where in the user's text a layer comes from. ``line`` and ``end_line`` count from 1; 0 = nowhere.

    ``text`` is the instruction as written; ``title`` is how it is shown while it runs (variables expanded);
    ``step`` and ``steps`` are its number within the stage (``[build 2/5]``). ``shared_with`` are further stages
    that have the same step: it is made once for all of them, and shown as the first one's.
    """

    file: str = ""
    line: int = 0
    end_line: int = 0
    stage: str = ""
    text: str = ""
    title: str = ""
    step: int = 0
    steps: int = 0
    shared_with: tuple[str, ...] = ()

    @property
    def stages(self) -> tuple[str, ...]:
        """All stages that have the step, by name alone (``stage`` may have a platform before it)."""
        return tuple(stage.rpartition(" ")[2] for stage in (self.stage, *self.shared_with))

    def and_also(self, other: Provenance) -> Provenance:
        """This place, with the stage of ``other`` where it is a further one."""
        if other.stage == self.stage or other.stage in self.shared_with:
            return self
        return self._replace(shared_with=(*self.shared_with, other.stage))


class _Layer(NamedTuple):
    operation: Operation
    parent: str | None = None
    inputs: tuple[str, ...] = ()
    provenance: Provenance = Provenance()


class ImageLayer(_Layer):
    """An operation, the layer it is laid over, and the other layers that it reads.

    ``parent`` and ``inputs`` are ids; a parent of none is the empty file system (scratch). The ``id`` is the
    SHA-256 (hexadecimal) of meaning, parent and inputs: equal work has an equal id, whatever it is called and
    however it is spelled. Contents of build contexts are not part of it: they are not known to the compiler. The
    place takes no part in equality.
    """

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ImageLayer) and self[:-1] == other[:-1]

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hash(self[:-1])

    @cached_property
    def meaning(self) -> str:
        """Identity of the operation alone, however it is spelled: SHA-256 of its canonical form."""
        return sha256_hex(canonical_json(encode(self.operation, identity=True)))

    @cached_property
    def id(self) -> str:
        """Identity of the definition."""
        form = {"inputs": list(self.inputs), "operation": self.meaning, "parent": self.parent}
        return sha256_hex(canonical_json(form))

    def remember_meaning(self, meaning: str) -> None:
        """Take :attr:`meaning` from one who has computed it before: it takes longer than all else of a layer."""
        vars(self)["meaning"] = meaning

    @property
    def references(self) -> tuple[str, ...]:
        """Ids of all layers that this one needs: the parent first."""
        return (*(() if self.parent is None else (self.parent,)), *self.inputs)
