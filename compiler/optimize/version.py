"""A draft with its meaning: what the invariants compare."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

from ...grammar.errors import LayercError
from ...grammar.parse import parse
from ...grammar.syntax import Document
from .. import compile_dockerfile
from ..graph.plan import ImagePlan, LayerPlan
from ..options import BaseImage, CompileOptions, ImageRequest, UnresolvedImagesError
from .compiled import Compiled, compile_watched
from .draft import Draft

__all__ = ["Setting", "Version", "first_version", "version_of"]


class Setting(NamedTuple):
    """All that the meaning of a text depends on. ``varied`` are other build arguments for the same text: each ARG
    of a stage has another value.
    """

    options: CompileOptions
    images: Mapping[ImageRequest, BaseImage]
    ignored: Callable[[str], bool] | None
    varied: Mapping[str, str]

    @classmethod
    def of(
        cls,
        document: Document,
        options: CompileOptions,
        images: Mapping[ImageRequest, BaseImage],
        ignored: Callable[[str], bool] | None,
    ) -> Setting:
        """The setting of ``document``, the file as given."""
        draft = Draft.of(document)
        of_file = {_name(word) for step in draft.arguments for word in step.instruction.args}
        args = (step for step in draft.every if step.keyword == "ARG")
        names = {_name(word) for step in args for word in step.instruction.args} - of_file
        given = dict(options.build_args)
        varied = {name: f"{given.get(name, name)}-varied" for name in names}
        return cls(options, images, ignored, given | varied if varied else {})

    def compiled(self, document: Document) -> Compiled:
        """The meaning of a text. Raises ``CompileError`` and ``UnresolvedImagesError``."""
        return compile_watched(document, self.options, self.images, self.ignored)


class Version(NamedTuple):
    """A draft with its meaning and its plan. ``varied`` are the images for other values of all build arguments;
    none where the text can not be compiled with those.
    """

    draft: Draft
    document: Document
    plan: LayerPlan
    varied: tuple[ImagePlan, ...] | None


def first_version(document: Document, setting: Setting) -> Version:
    """The file as given. Raises ``CompileError`` and ``UnresolvedImagesError``."""
    compiled = setting.compiled(document)
    draft = _aimed(Draft.of(document), document, compiled, setting.options)
    return Version(draft.with_origins(), document, compiled.plan, _varied(document, setting))


def version_of(draft: Draft, setting: Setting) -> Version:
    """What a pass gave. Raises ``LayercError``, ``UnresolvedImagesError`` and ``ValueError``."""
    document = parse(draft.source)
    setting = setting._replace(options=_retargeted(setting.options, draft))
    compiled = setting.compiled(document)
    draft = draft.compiled(document, compiled)
    return Version(draft, document, compiled.plan, _varied(document, setting))


def _varied(document: Document, setting: Setting) -> tuple[ImagePlan, ...] | None:
    if not setting.varied:
        return ()
    options = setting.options._replace(build_args=setting.varied)
    try:
        return compile_dockerfile(document, options, setting.images, setting.ignored).images
    except (LayercError, UnresolvedImagesError):
        return None


def _name(word: str) -> str:
    return word.partition("=")[0]


def _aimed(draft: Draft, document: Document, compiled: Compiled, options: CompileOptions) -> Draft:
    """The draft with its meaning, and with the stage that ``options`` ask for as its target."""
    draft = draft.compiled(document, compiled)
    wanted = (options.target or "").lower()
    named = [stage for stage in draft.stages if wanted and stage.name == wanted]
    if named:
        return draft._replace(target=named[-1].key)
    return draft._replace(target=draft.stages[int(wanted)].key) if wanted else draft


def _retargeted(options: CompileOptions, draft: Draft) -> CompileOptions:
    """``options`` for the same stage, whose number may be another one."""
    if not options.target or not options.target.isdigit():
        return options
    return options._replace(target=draft.stages[draft.target_index].name or str(draft.target_index))
