"""``Fleet``: many Dockerfiles as one graph. Images that one of them builds link to those that use them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from ...grammar.errors import CompileError, LayercError
from .. import compile_dockerfile
from ..config import ImageConfig
from ..graph.graph import LayerGraph
from ..graph.layer import ImageLayer
from ..graph.operations import Base
from ..graph.plan import ImagePlan, LayerPlan
from ..options import BaseImage, CompileOptions, ImageRequest, UnresolvedImagesError
from ..references import ImageReference, parse_reference
from .builds import Build

__all__ = ["Fleet", "Member", "Problem", "load_fleet"]


class Member(NamedTuple):
    """An image of the fleet. ``layers`` are ids of its own layers (those of images of the fleet that it is made
    of are theirs), ``top`` is the uppermost. ``needs`` are the members that it is made of or copies from, and the
    layers of this one that lie on or read them. ``bases`` are layers of images from elsewhere.
    """

    build: Build
    image: ImagePlan
    layers: tuple[str, ...]
    top: str | None
    needs: Mapping[int, tuple[str, ...]]
    bases: tuple[str, ...]


class Problem(NamedTuple):
    """A file that is left out, or a link that can not be followed, and why."""

    file: str
    error: LayercError


class Fleet(NamedTuple):
    """``members`` stand behind those that they need; ``graph`` holds the layers of all of them, once each."""

    members: tuple[Member, ...]
    graph: LayerGraph
    problems: tuple[Problem, ...] = ()

    def named(self, reference: ImageReference) -> tuple[int, ...]:
        """The members that are built as ``reference``."""
        return tuple(
            number
            for number, member in enumerate(self.members)
            if any(_is_meant(name, reference) for name in member.build.names)
        )


def _is_meant(name: ImageReference, reference: ImageReference) -> bool:
    """Whether who says ``reference`` means the image that is built as ``name``; without a tag it has every one."""
    if name.name != reference.name:
        return False
    return not name.tag or (not reference.digest and name.tagged() == reference.tagged())


def load_fleet(builds: Sequence[Build], options: CompileOptions, problems: Iterable[Problem] = ()) -> Fleet:
    """Compile ``builds`` over each other; of images from elsewhere nothing is known but their names.

    ``options`` holds for all (``target`` is each build's own). What has no meaning is left out and told in
    ``problems``, behind those given.
    """
    loader = _Loader(builds, options)
    for number in range(len(builds)):
        loader.load(number)
    return Fleet(tuple(loader.members), LayerGraph(loader.layers.values()), (*problems, *loader.problems))


class _Loader:
    """``done`` tells the member that a build has become, none where it could not."""

    def __init__(self, builds: Sequence[Build], options: CompileOptions) -> None:
        self.builds = builds
        self.options = options
        self.members: list[Member] = []
        self.layers: dict[str, ImageLayer] = {}
        self.problems: list[Problem] = []
        self.done: dict[int, int | None] = {}
        self.by_name: dict[str, list[int]] = {}
        for number, build in enumerate(builds):
            for name in build.names:
                others = self.by_name.setdefault(name.name, [])
                self._tell_twice(number, [other for other in others if name in builds[other].names])
                others.append(number)

    def load(self, start: int) -> None:
        """Compile a build after those that it needs."""
        path: dict[int, set[int]] = {} if start in self.done else {start: set()}
        while path:
            number = next(reversed(path))
            waiting = self._compile(number, path)
            if waiting is None:
                del path[number]
            else:
                path[waiting] = set()

    def _tell_twice(self, number: int, others: Sequence[int]) -> None:
        if others:
            build, first = self.builds[number], self.builds[others[0]].source.name
            error = CompileError(
                f"{build.title} is built by {first} as well",
                help="give them different names; the first one counts",
            )
            self.problems.append(Problem(build.source.name, error))

    def _find(self, number: int, reference: str) -> int | None:
        """The other build that makes ``reference``."""
        wanted = parse_reference(reference)
        for other in self.by_name.get(wanted.name, ()):
            if other != number and any(_is_meant(name, wanted) for name in self.builds[other].names):
                return other
        return None

    def _compile(self, number: int, path: Mapping[int, set[int]]) -> int | None:
        """Compile a build, or tell which one has to be compiled before."""
        build = self.builds[number]
        options = self.options._replace(target=build.target or None)
        images: dict[ImageRequest, BaseImage] = {}
        linked: dict[str, int] = {}
        while True:
            try:
                plan = compile_dockerfile(build.document, options, images)
            except UnresolvedImagesError as need:
                for request in sorted(need.requests, key=lambda found: found.reference):
                    other = None if request.context else self._find(number, request.reference)
                    if other is not None and other in path:
                        self._tell_circle(number, other, path)
                        other = None
                    if other is not None and other not in self.done:
                        return other
                    member = None if other is None else self.done[other]
                    images[request] = _unknown(request) if member is None else self._known(member)
                    if member is not None:
                        linked[request.reference] = member
            except LayercError as error:
                self.problems.append(Problem(build.source.name, error))
                self.done[number] = None
                return None
            else:
                self.done[number] = len(self.members)
                self.members.append(self._member(build, plan, linked))
                return None

    def _known(self, member: int) -> BaseImage:
        image = self.members[member].image
        return BaseImage("", image.config, image.history)

    def _tell_circle(self, number: int, other: int, path: Mapping[int, set[int]]) -> None:
        if other in path[number]:
            return
        path[number].add(other)
        names = [self.builds[step].title for step in path]
        circle = [*names[list(path).index(other) :], self.builds[other].title]
        error = CompileError(
            f"images need each other in a circle: {' → '.join(circle)}",
            help="the last link is taken for an image from elsewhere",
        )
        self.problems.append(Problem(self.builds[number].source.name, error))

    def _member(self, build: Build, plan: LayerPlan, linked: Mapping[str, int]) -> Member:
        """Put the layers of ``plan`` where the images that it is made of end."""
        places: dict[str, str | None] = {}
        own: dict[str, None] = {}
        bases: list[str] = []
        needs: dict[int, dict[str, None]] = {member: {} for member in linked.values()}
        replaced: dict[str, int] = {}
        for layer in plan.layers:
            operation = layer.operation
            if isinstance(operation, Base) and operation.reference in linked:
                replaced[layer.id] = linked[operation.reference]
                top = self.members[linked[operation.reference]].top
                places[layer.id] = top if top is not None else self._add(layer, own)
                continue
            placed = _moved(layer, places)
            places[layer.id] = self._add(placed, own)
            if isinstance(operation, Base):
                bases.append(placed.id)
            for needed in layer.references:
                if needed in replaced:
                    needs[replaced[needed]][placed.id] = None
        image = plan.images[0]
        top = None if image.layer is None else places[image.layer]
        return Member(
            build, image, tuple(own), top, {key: tuple(found) for key, found in needs.items()}, tuple(bases)
        )

    def _add(self, layer: ImageLayer, own: dict[str, None]) -> str:
        self.layers.setdefault(layer.id, layer)
        own[layer.id] = None
        return layer.id


def _moved(layer: ImageLayer, places: Mapping[str, str | None]) -> ImageLayer:
    """``layer`` over the layers that stand in for those of its plan."""
    parent = None if layer.parent is None else places[layer.parent]
    inputs = tuple(places[found] or found for found in layer.inputs)
    if (parent, inputs) == (layer.parent, layer.inputs):
        return layer
    moved = layer._replace(parent=parent, inputs=inputs)
    moved.remember_meaning(layer.meaning)
    return moved


def _unknown(request: ImageRequest) -> BaseImage:
    system, architecture, *variant = request.platform.split("/")
    return BaseImage("", ImageConfig(architecture=architecture, os=system, variant="".join(variant)))
