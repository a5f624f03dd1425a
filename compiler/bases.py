"""Where stages begin: images, scratch, named contexts. What is not known yet is asked for, all at once."""

from __future__ import annotations

from collections.abc import Mapping

from .binding import SCRATCH, Node, find_context
from .config import Collections, ImageConfig
from .gotext import quote
from .graph.layer import ImageLayer
from .graph.operations import Base
from .options import BaseImage, ImageRequest, NamedContext
from .platforms import Platform
from .references import ImageReference, parse_reference
from .site import Site
from .stage import Shared, Source, Stage
from .suggest import nearest

__all__ = ["DEFAULT_PATH", "Bases", "source_of"]

DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Bases:
    """Begins stages, whose names are ``stages``.

    ``missing`` collects the images that were not handed in: an empty one stands in.
    """

    def __init__(
        self,
        shared: Shared,
        images: Mapping[ImageRequest, BaseImage],
        target: Platform,
        many_platforms: bool,
        stages: tuple[str, ...],
    ) -> None:
        self.shared = shared
        self.images = images
        self.target = target
        self.many_platforms = many_platforms
        self.stages = stages
        self.missing: dict[ImageRequest, None] = {}

    def check(self, node: Node) -> None:
        """Refuse a base that is no image reference, in stages that are not built as well."""
        if node.base is None and node.base_name != SCRATCH:
            _reference(node)

    def begin(self, node: Node, *, as_base: bool) -> Stage:
        """The stage of a node that is not based on another, before its first command.

        ``as_base`` says that a stage's root file system begins here (and not only copies are made of it).
        """
        platform = node.platform or self.target
        if node.base_name == SCRATCH and node.context is None:
            return self.stage(node, empty_config(self.target))
        reference = _reference(node)
        node.image_context = None if node.context else self._context(node, reference, platform)
        context = node.context or node.image_context
        if context is not None and context.kind == "image" and _is_scratch(context.value):
            return self.stage(node, empty_config(platform))
        if context is not None and context.kind != "image" and not as_base:
            return self.stage(node, empty_config(platform))
        name = node.name if node.context else str(reference)
        like = nearest(node.base_name, self.stages)
        help = f"did you mean the stage {like}?" if like else ""  # noqa: A001
        where = node.site.location(node.base_name)
        return self._image(node, ImageRequest(name, str(platform), context, where, help), platform)

    def stage(self, node: Node, config: ImageConfig, collected: Collections | None = None) -> Stage:
        """A stage with nothing in it but ``config`` (and what is ``collected``, if it grew since)."""
        platform = (node.platform or self.target) if self.many_platforms else None
        return Stage(
            self.shared,
            node.title,
            config,
            Collections.of(config) if collected is None else collected,
            lambda site, name: source_of(node, site, name),
            platform,
            node.steps,
        )

    def _context(self, node: Node, reference: ImageReference, platform: Platform) -> NamedContext | None:
        try:
            return find_context(self.shared.options.contexts, str(reference), platform)
        except ValueError as error:
            raise node.site.error(
                f"{reference} can not be looked up among the named contexts: {error}",
                help="use its full name",
            ) from error

    def _image(self, node: Node, request: ImageRequest, platform: Platform) -> Stage:
        image = self.images.get(request)
        if image is None:
            self.missing[request] = None
            image = BaseImage("", ImageConfig(architecture=platform.architecture, os=platform.os))
        config = image.config
        # A named context is taken for what the user says that it is.
        foreign = request.context is None and config.architecture
        if foreign and (config.os, config.architecture) != (platform.os, platform.architecture):
            actual = Platform(config.os, config.architecture, config.variant).normalized()
            self.shared.checks.warn(
                node.site,
                "InvalidBaseImagePlatform",
                image=node.base_name,
                actual=quote(str(actual)),
                expected=quote(str(platform.normalized())),
            )
        stage = self.stage(node, config)
        stage.history = list(image.history)
        stage.step = 1
        digest = f"@{image.digest}" if image.digest and "@" not in request.reference else ""
        layer = ImageLayer(
            Base(request.reference, request.platform, image.digest),
            provenance=stage.provenance(node.site.shown, f"FROM {request.reference}{digest}"),
        )
        stage.layer = layer.id
        self.shared.layers.setdefault(layer.id, layer)
        return stage


def empty_config(platform: Platform) -> ImageConfig:
    """The config of scratch."""
    return ImageConfig(
        architecture=platform.architecture,
        os=platform.os,
        variant=platform.variant,
        os_version=platform.os_version,
        env=() if platform.os == "windows" else (("PATH", DEFAULT_PATH),),
        workdir="/",
    )


def source_of(node: Node, site: Site, name: str) -> Source:
    """The files that the command at ``site`` of ``node`` means by ``name``."""
    source = node.sources[site, name]
    # A context that stands in for a stage's base image is where the stage begins, not what it comes to.
    context = source.context or (source.image_context if source.mentioned else None)
    if context is not None and context.kind != "image":
        return Source(context=context.name)
    return Source(ready=False) if source.result is None else Source(layer=source.result.layer)


def _is_scratch(value: str) -> bool:
    return value.removeprefix("docker-image:").removeprefix("//") == SCRATCH


def _reference(node: Node) -> ImageReference:
    try:
        return parse_reference(node.base_name).tagged()
    except ValueError as error:
        lower = node.base_name.lower()
        raise node.site.error(
            f'failed to parse stage name "{node.base_name}": {error}',
            help=f"did you mean {lower}?"
            if lower != node.base_name
            else "write it as name:tag or name@digest",
            at=node.base_name,
        ) from error
