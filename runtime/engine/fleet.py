"""Fleets of Dockerfiles: read from directories, with what earlier builds and images tell of them."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import NamedTuple

from ...compiler.fleet.affected import Change, base_change, file_change, image_change
from ...compiler.fleet.builds import Build, Named, builds_of
from ...compiler.fleet.compose import read_compose
from ...compiler.fleet.fleet import Fleet, Problem, load_fleet
from ...compiler.graph.operations import Base
from ...compiler.options import CompileOptions
from ...compiler.references import parse_reference
from ...grammar.errors import LayercError
from ...grammar.source import SourceFile
from ..errors import InputError, SourceError
from ..oci.descriptor import Descriptor
from ..oci.documents import Index
from ..oci.image import ImageManifest
from ..oci.layout import CONTAINERD_NAME, REF_NAME, Layout
from ..oci.media_types import CONFIGS
from ..sources.dockerfiles import find_files, is_compose_name, is_dockerfile_name
from ..sources.ignore import NAME as IGNORE_FILE
from ..sources.ignore import load_ignore_file
from ..store.store import Store
from .history import project_id, read_builds
from .request import BuildRequest

__all__ = [
    "FleetOnDisk",
    "changed_file",
    "changed_layer",
    "images_of_layouts",
    "images_of_store",
    "read_fleet",
    "step_seconds",
]

_MOST = 16 << 20


class FleetOnDisk(NamedTuple):
    """A fleet and, by member, the Dockerfile and the build context (absolute, links resolved)."""

    fleet: Fleet
    paths: tuple[str, ...]
    contexts: tuple[str, ...]


def read_fleet(directories: Sequence[str], options: CompileOptions, name_pattern: str = "") -> FleetOnDisk:
    """Read and compile all Dockerfiles below ``directories``. Files that can not be read or compiled are told in
    the fleet's ``problems``.

    ``name_pattern`` names images that do not say what they are called: ``{dir}`` is the path of the file's folder
    in its directory, ``{name}`` that folder's name, ``{file}`` the file's name without the word Dockerfile,
    ``{root}`` the name of the directory. Raises :class:`InputError`.
    """
    builds: dict[int, tuple[str, Build]] = {}
    problems: list[Problem] = []
    seen: set[str] = set()
    found = [(root, path) for root in directories for path in find_files(root)]
    named = _composed((path for _, path in found if is_compose_name(os.path.basename(path))), problems)
    dockerfiles = [(root, path) for root, path in found if is_dockerfile_name(os.path.basename(path))]
    for root, path in (*dockerfiles, *(("", path) for path in named)):
        real = os.path.realpath(path)
        if real in seen:
            continue
        seen.add(real)
        name = _default_name(name_pattern, root, path)
        try:
            for build in builds_of(_read(path), name, named.get(real, ())):
                builds[id(build.document)] = (real, build)
        except LayercError as error:
            problems.append(Problem(os.path.relpath(path), error))
    fleet = load_fleet([build for _, build in builds.values()], options, problems)
    paths = tuple(builds[id(member.build.document)][0] for member in fleet.members)
    contexts = tuple(
        os.path.realpath(os.path.join(os.path.dirname(path), member.build.context))
        for path, member in zip(paths, fleet.members, strict=True)
    )
    return FleetOnDisk(fleet, paths, contexts)


def _composed(paths: Iterable[str], problems: list[Problem]) -> dict[str, list[Named]]:
    """What compose files say of Dockerfiles that are there, by their paths."""
    found: dict[str, list[Named]] = {}
    for path in paths:
        try:
            services = read_compose(_read(path).text)
        except LayercError as error:
            problems.append(Problem(os.path.relpath(path), error))
            continue
        for service in services:
            context = os.path.realpath(os.path.join(os.path.dirname(path), service.context))
            dockerfile = os.path.realpath(os.path.join(context, service.dockerfile))
            if os.path.isfile(dockerfile):
                relative = os.path.relpath(context, os.path.dirname(dockerfile))
                named = Named(service.image, service.target, relative)
                if named not in found.setdefault(dockerfile, []):
                    found[dockerfile].append(named)
    return found


def _read(path: str) -> SourceFile:
    shown = os.path.relpath(path)
    try:
        with open(path, "rb") as file:
            data = file.read(_MOST + 1)
    except OSError as error:
        raise InputError(f"can not read {shown}: {error.strerror}", help="it is left out") from error
    if len(data) > _MOST:
        raise InputError(f"{shown} is too large for a Dockerfile", help="it is left out")
    return SourceFile.from_bytes(shown, data)


def _default_name(pattern: str, root: str, path: str) -> str:
    if not pattern or not root:
        return ""
    directory = os.path.relpath(os.path.dirname(path), root).lower()
    top = os.path.basename(os.path.realpath(root)).lower()
    directory = top if directory == "." else directory
    words = os.path.basename(path).lower().split(".")
    kept = [word for word in words if word not in ("dockerfile", "containerfile", "layers", "toml", "json")]
    name = directory.rpartition("/")[2]
    try:
        return pattern.format(dir=directory, name=name, root=top, file=".".join(kept) or name)
    except (KeyError, IndexError, ValueError) as error:
        raise InputError(
            f"--name-pattern {pattern!r} can not be used: {error}",
            help="it may have {dir}, {name}, {file} and {root}: registry.example.com/{dir}",
        ) from error


# --- changes -----------------------------------------------------------------------------------------


def changed_file(disk: FleetOnDisk, path: str) -> Change:
    """The file or directory entry at ``path`` was edited, came or went. It need not be there any more.

    Raises :class:`SourceError` for a ``.dockerignore`` that can not be read.
    """
    real = os.path.join(os.path.realpath(os.path.dirname(path) or "."), os.path.basename(path))
    change = Change()
    for number, (dockerfile, context) in enumerate(zip(disk.paths, disk.contexts, strict=True)):
        if real == dockerfile:
            change |= image_change(disk.fleet, [number], f"{os.path.relpath(real)} itself")
        elif real in (f"{dockerfile}{IGNORE_FILE}", os.path.join(context, IGNORE_FILE)):
            change |= image_change(disk.fleet, [number], f"{os.path.relpath(real)} decides what it copies")
        elif context == os.path.dirname(real) or real.startswith(context.rstrip("/") + "/"):
            inside = os.path.relpath(real, context)
            if not load_ignore_file(context, dockerfile).matches(inside):
                change |= file_change(disk.fleet, number, inside)
    return change


def changed_layer(fleet: Fleet, digest: str, holders: Iterable[str]) -> Change:
    """The layer ``digest`` is to be replaced: ``holders`` are names of images that have it. Where the base of an
    image has it, too, the base's rebuild is enough. A layer's id in a plan is taken as well.
    """
    change = Change(frozenset({digest.removeprefix("sha256:")}))
    known = {parse_reference(name).tagged() for name in holders}
    for reference in sorted(known):
        change |= base_change(fleet, str(reference))
    held = {number for reference in known for number in fleet.named(reference)}
    own = [number for number in sorted(held) if not _is_below(fleet, number, held, set(map(str, known)))]
    return change | image_change(fleet, own, f"holds {digest}")


def _is_below(fleet: Fleet, number: int, held: AbstractSet[int], known: AbstractSet[str]) -> bool:
    """Whether an image that this one is made of is among those."""
    member = fleet.members[number]
    bases = (fleet.graph[layer].operation for layer in member.bases)
    from_elsewhere = any(isinstance(base, Base) and base.reference in known for base in bases)
    return from_elsewhere or not held.isdisjoint(member.needs)


def images_of_store(store: Store, digest: str) -> Iterator[str]:
    """Names of images of the store that hold a layer, by diff ID, or are ``digest``."""
    for key, data in store.records("image").items():
        image = ImageManifest(data)
        if digest in image.diff_ids or digest == image.config_descriptor.digest:
            yield key.rpartition(" ")[0]


def images_of_layouts(layouts: Sequence[str], digest: str) -> Iterator[str]:
    """Names of images in OCI layouts that hold ``digest``: a layer's blob or diff ID, a config, or a manifest.

    A layout is ``DIR``, whose images have the names that it gives them, or ``NAME=DIR``. Raises
    :class:`SourceError`.
    """
    for text in layouts:
        name, equals, place = text.partition("=")
        layout = Layout.open(place if equals else text)
        for entry in layout.index().manifests:
            if _holds(layout, entry, digest):
                yield name if equals else _called(dict(entry.annotations), text)


def _called(annotations: Mapping[str, str], place: str) -> str:
    """The full name in a layout's index; where it has a tag alone, the directory's."""
    name = annotations.get(CONTAINERD_NAME) or annotations.get(REF_NAME, "")
    try:
        if name and (":" in name or "/" in name):
            parse_reference(name)
            return name
    except ValueError:
        pass
    raise SourceError(
        f"an image in the OCI layout {place} has no full name", help=f"say what it is called: NAME={place}"
    )


def _holds(layout: Layout, entry: Descriptor, digest: str) -> bool:
    if entry.digest == digest:
        return True
    document = layout.document(entry)
    if isinstance(document, Index):
        return any(_holds(layout, inner, digest) for inner in document.manifests)
    if digest == document.config.digest or any(layer.digest == digest for layer in document.layers):
        return True
    if document.config.media_type not in CONFIGS:
        return False  # an attestation, not an image
    return digest in ImageManifest.read(document, layout.read(document.config), entry.digest).diff_ids


# --- times -------------------------------------------------------------------------------------------


def step_seconds(disk: FleetOnDisk, store_root: str) -> dict[str, float]:
    """What steps took when they were last built, by id of their layers: those of the same Dockerfile, stage and
    text.
    """
    wanted: dict[tuple[str, str, str], str] = {}
    for path, context, member in zip(disk.paths, disk.contexts, disk.fleet.members, strict=True):
        project = project_id(BuildRequest(None, CompileOptions(), dockerfile_path=path, context=context))
        for layer in member.layers:
            place = disk.fleet.graph[layer].provenance
            for stage in place.stages:
                wanted[project, stage, place.title] = layer
    found: dict[str, float] = {}
    for build in read_builds(os.path.join(store_root, "builds")):
        for step in build.steps:
            built = wanted.get((build.project, step.stage.rpartition(" ")[2], step.title))
            if built is not None and step.state in ("cached", "done"):
                found.setdefault(built, step.seconds)
    return found
