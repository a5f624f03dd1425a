"""The form of a shared cache: an OCI artifact, so that every layout and every registry can hold it.

A manifest of the type :data:`ARTIFACT` refers to all blobs: first one archive for each layer, in the order of the
config's ``layers``, then traces and cache mounts. Its config, a JSON document, says which step gave which layer::

    {"version": 1,
     "layers": [{"diffID": "sha256:…", "size": 10240, "created": 1700000000.0}],
     "steps": [{"definition": "…", "content": "…", "trace": "…", "traces": ["sha256:…"],
                "basis": "…", "layer": 0, "seconds": 1.5, "created": 1700000000.0}],
     "mounts": [{"name": "…", "size": 10240, "blob": "sha256:…"}]}

``definition``, ``content`` and ``trace`` are keys (``keys.py``, ``traces.py``), the last two empty where they are
not known; ``size`` is that of an uncompressed archive; ``name`` is that of a cache mount's directory. Everything is
sorted, so equal content has equal bytes. What is read here is a stranger's: it is bounded and checked before
anything in it is used.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ...errors import SourceError
from ...oci import media_types
from ...oci.descriptor import Descriptor
from ...oci.digests import of_bytes
from ...oci.documents import MAX_ENTRIES, Manifest, dump_json, load_json

__all__ = [
    "ARTIFACT",
    "CONFIG",
    "MOST_CONFIG",
    "MOST_TRACES",
    "MOUNT",
    "TRACE",
    "CacheDocument",
    "SharedLayer",
    "SharedMount",
    "SharedStep",
]

ARTIFACT = "application/vnd.layerc.cache.v1"
CONFIG = "application/vnd.layerc.cache.config.v1+json"
TRACE = "application/vnd.layerc.cache.trace.v1"
MOUNT = "application/vnd.layerc.cache.mount.v1.tar+gzip"

MOST_CONFIG = 16 << 20
_MOST_TRACE = 32 << 20
MOST_TRACES = 64  # of one step
_LAST_TIME = 253402300799.0  # the end of the year 9999, which is as far as times in images go
_LONGEST = 1e9
_KEY = re.compile(r"[0-9a-f]{64}", re.ASCII)
_BASIS = re.compile(r"[0-9a-f ]{0,65536}", re.ASCII)


@dataclass(frozen=True, slots=True)
class SharedLayer:
    """A layer: its diff ID, the bytes of its uncompressed archive, when it was made (Unix time), and a blob."""

    diff_id: str
    size: int
    created: float
    blob: Descriptor


@dataclass(frozen=True, slots=True)
class SharedStep:
    """What one step gave. Keys are empty where they are not known; ``traces`` are blobs of observations that
    go with the result.
    """

    definition: str
    content: str
    trace: str
    basis: str
    layer: SharedLayer
    seconds: float
    created: float
    traces: tuple[Descriptor, ...] = ()


@dataclass(frozen=True, slots=True)
class SharedMount:
    """A cache mount: the name of its directory, the bytes of its archive (``cache_archive.py``), and a blob."""

    name: str
    size: int
    blob: Descriptor


@dataclass(frozen=True, slots=True)
class CacheDocument:
    """Steps, each definition once, and cache mounts, each name once."""

    steps: tuple[SharedStep, ...]
    mounts: tuple[SharedMount, ...] = ()

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """All that the manifest lists: the layers' archives by diff ID, then the others by digest."""
        layers = {step.layer.diff_id: step.layer.blob for step in self.steps}
        others = {trace.digest: trace for step in self.steps for trace in step.traces}
        others |= {mount.blob.digest: mount.blob for mount in self.mounts}
        return (*(layers[key] for key in sorted(layers)), *(others[key] for key in sorted(others)))

    def to_bytes(self) -> tuple[bytes, bytes]:
        """The manifest and its config. Raises ``ValueError`` where they would be larger than what is read."""
        layers = {step.layer.diff_id: step.layer for step in self.steps}
        numbers = {diff_id: number for number, diff_id in enumerate(sorted(layers))}
        steps = sorted(self.steps, key=lambda step: step.definition)
        document = {
            "version": 1,
            "layers": [
                {"diffID": diff_id, "size": layers[diff_id].size, "created": layers[diff_id].created}
                for diff_id in numbers
            ],
            "steps": [_step_document(step, numbers[step.layer.diff_id]) for step in steps],
            "mounts": [
                {"name": mount.name, "size": mount.size, "blob": mount.blob.digest}
                for mount in sorted(self.mounts, key=lambda mount: mount.name)
            ],
        }
        config = dump_json(document)
        blobs = self.blobs
        if len(blobs) > MAX_ENTRIES or len(config) > MOST_CONFIG:
            raise ValueError(f"{len(steps)} steps with {len(blobs)} blobs are too many for one cache")
        descriptor = Descriptor(CONFIG, of_bytes(config), len(config))
        manifest = Manifest(descriptor, blobs, media_types.OCI_MANIFEST, artifact_type=ARTIFACT)
        return manifest.to_bytes(), config

    @classmethod
    def read(cls, manifest: Manifest, config: bytes, what: str) -> CacheDocument:
        """Read what :meth:`to_bytes` wrote. Raises :class:`SourceError` (``what`` names it there)."""
        document = load_json(config, what, MOST_CONFIG)
        if document.get("version") != 1:
            raise SourceError(f"{what} has version {str(document.get('version'))[:20]!r}; only 1 is known")
        try:
            return cls(tuple(_read_steps(document, manifest)), tuple(_read_mounts(document, manifest)))
        except ValueError as error:
            raise SourceError(f"{what} is malformed: {error}") from None


def _step_document(step: SharedStep, layer: int) -> dict[str, Any]:
    return {
        "definition": step.definition,
        "content": step.content,
        "trace": step.trace,
        "traces": [trace.digest for trace in step.traces],
        "basis": step.basis,
        "layer": layer,
        "seconds": step.seconds,
        "created": step.created,
    }


def _read_steps(document: Mapping[str, Any], manifest: Manifest) -> list[SharedStep]:
    listed = _list(document, "layers", MAX_ENTRIES)
    if len(listed) > len(manifest.layers):
        raise ValueError("it names more layers than there are blobs")
    layers = [_read_layer(item, blob) for item, blob in zip(listed, manifest.layers, strict=False)]
    traces = {blob.digest: blob for blob in manifest.layers[len(layers) :] if _is_trace(blob)}
    steps = [_read_step(item, layers, traces) for item in _list(document, "steps", MOST_CONFIG)]
    if len({step.definition for step in steps}) < len(steps):
        raise ValueError("a step comes twice")
    return steps


def _read_mounts(document: Mapping[str, Any], manifest: Manifest) -> list[SharedMount]:
    blobs = {blob.digest: blob for blob in manifest.layers if blob.media_type == MOUNT}
    mounts: dict[str, SharedMount] = {}
    for item in _list(document, "mounts", MAX_ENTRIES):
        name, size, digest = _key(item, "name", needed=True), _whole(item, "size"), _text(item, "blob")
        if digest not in blobs or name in mounts:
            raise ValueError("a cache mount is not there, or comes twice")
        mounts[name] = SharedMount(name, size, blobs[digest])
    return list(mounts.values())


def _is_trace(blob: Descriptor) -> bool:
    if blob.media_type != TRACE:
        return False  # a later version may have blobs of other kinds
    if blob.size > _MOST_TRACE:
        raise ValueError(f"a trace of {blob.size} bytes; at most {_MOST_TRACE} are accepted")
    return True


def _read_layer(item: Any, blob: Descriptor) -> SharedLayer:
    diff_id, size = _text(item, "diffID"), _whole(item, "size")
    Descriptor("", diff_id, size)  # raises for what is no digest, or no size
    if not diff_id.startswith("sha256:") or not media_types.is_layer(blob.media_type):
        raise ValueError("a blob is no layer")
    return SharedLayer(diff_id, size, _number(item, "created", _LAST_TIME), media_types.as_oci(blob))


def _read_step(item: Any, layers: Sequence[SharedLayer], traces: Mapping[str, Descriptor]) -> SharedStep:
    number, basis = _whole(item, "layer"), _text(item, "basis")
    if number >= len(layers):
        raise ValueError("a step names a layer that is not there")
    if _BASIS.fullmatch(basis) is None:
        raise ValueError("a step says in no proper form what it was made on")
    named = _list(item, "traces", MOST_TRACES)
    if not all(isinstance(digest, str) and digest in traces for digest in named):
        raise ValueError("a step names a trace that is not there")
    return SharedStep(
        _key(item, "definition", needed=True),
        _key(item, "content"),
        _key(item, "trace"),
        basis,
        layers[number],
        _number(item, "seconds", _LONGEST),
        _number(item, "created", _LAST_TIME),
        tuple(traces[digest] for digest in named),
    )


def _member(item: Any, name: str) -> Any:
    if not isinstance(item, Mapping):
        raise ValueError("a list holds something that is no object")
    return item.get(name)


def _list(item: Any, name: str, most: int) -> list[Any]:
    value = _member(item, name)
    if not isinstance(value, list) or len(value) > most:
        raise ValueError(f"{name} is no list, or has more than {most} members")
    return value


def _text(item: Any, name: str) -> str:
    value = _member(item, name)
    if not isinstance(value, str):
        raise ValueError(f"{name} is no text")
    return value


def _key(item: Any, name: str, *, needed: bool = False) -> str:
    value = _text(item, name)
    if (needed or value) and _KEY.fullmatch(value) is None:
        raise ValueError(f"{name} is no key")
    return value


def _whole(item: Any, name: str) -> int:
    value = _member(item, name)
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{name} is no number from 0 up")
    return value


def _number(item: Any, name: str, most: float) -> float:
    value = _member(item, name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise ValueError(f"{name} is no number from 0 to {most:.0f}")
    return float(value)
