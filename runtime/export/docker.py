"""``type=docker``: an archive as ``docker save`` writes it, or straight into the Docker engine."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import closing
from typing import Any

from ..errors import EnvironmentLackError, InputError, UsageError
from ..events import Reporter
from ..oci.image import ImageManifest
from ..registry.references import parse_reference
from ..store import Store
from .files import docker_manifest, opened, write_archive
from .output import Exported, Output
from .packing import OPTIONS, PREFIXES, Packed, Packing

__all__ = ["DockerExporter", "connect"]


class DockerExporter:
    """Options: those of packing, and ``context``, the Docker context whose engine gets the image. Without
    ``dest`` the image is loaded into the engine.
    """

    def __init__(self, output: Output) -> None:
        output.check((*OPTIONS, "context"), PREFIXES)
        if output.index:
            raise _too_many()
        self._dest = output.dest
        self._context = output.options.get("context", "")
        self._packing = Packing.read(output, oci=False)

    def export(
        self, images: Sequence[ImageManifest], names: Sequence[str], store: Store, report: Reporter
    ) -> Exported:
        """Write or load the archive."""
        if len(images) != 1:
            raise _too_many()
        packed = self._packing.pack(images, store, report)
        summary = self._load(packed, names, store) if not self._dest else self._write(packed, names, store)
        return Exported(summary, packed.described, packed.manifests, packed.configs, packed.size)

    def _write(self, packed: Packed, names: Sequence[str], store: Store) -> str:
        with opened(self._dest, "a Docker archive") as target:
            _archive(packed, names, store, target)
        return f"Docker archive {'standard output' if self._dest == '-' else self._dest}"

    def _load(self, packed: Packed, names: Sequence[str], store: Store) -> str:
        """Hand the archive to the engine's API."""
        path = store.temporary("image")
        with open(path, "w+b") as file:
            _archive(packed, names, store, file)
            file.seek(0)
            try:
                _load(connect(self._context), file)
            finally:
                os.unlink(path)
        shown = ", ".join(parse_reference(name).familiar for name in names)
        return f"Docker image {shown or packed.images[0].config_descriptor.digest}"


def _too_many() -> UsageError:
    return UsageError(
        "output type=docker holds one platform only", help="build for one --platform, or use type=oci"
    )


def _archive(packed: Packed, names: Sequence[str], store: Store, target: Any) -> None:
    familiar = [parse_reference(name).familiar for name in names]
    write_archive(packed, names, store, target, {"manifest.json": docker_manifest(packed, familiar)})


def connect(context: str = "") -> Any:
    """A client of the engine that the docker command would use. Raises :class:`EnvironmentLackError`."""
    import docker

    try:
        if os.environ.get("DOCKER_HOST") and not context:
            return docker.from_env(timeout=600)
        found: Any = docker.ContextAPI.get_context(context or None)
        if found is None:
            raise UsageError(f"there is no Docker context {context!r}", help="see 'docker context ls'")
        return docker.DockerClient(base_url=found.Host, tls=found.TLSConfig or False, timeout=600)
    except docker.errors.DockerException as error:
        raise _unreachable(error) from error


def _load(engine: Any, archive: Any) -> None:
    import docker

    with closing(engine):
        try:
            engine.images.load(archive)
        except docker.errors.APIError as error:
            raise InputError(f"the Docker engine does not take the image: {error.explanation}") from error
        except (docker.errors.DockerException, OSError) as error:
            raise _unreachable(error) from error


def _unreachable(error: Exception) -> EnvironmentLackError:
    return EnvironmentLackError(
        f"can not reach the Docker engine: {error}",
        help="start it, set DOCKER_HOST, or write a file: -o type=docker,dest=image.tar",
    )
