"""A stage while it is evaluated: what instructions read and change."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, NamedTuple

from .checks import Checks
from .config import Collections, HistoryItem, ImageConfig, rfc3339
from .gotext import join_path
from .graph.layer import ImageLayer, Provenance
from .graph.operations import FromContext, FromLayer, Mount, Operation, Origin
from .options import CompileOptions
from .platforms import Platform
from .site import Site
from .words import WordError, Words

__all__ = ["Declared", "Shared", "Source", "Stage"]

_COMMENT = "buildkit.dockerfile.v0"
_HEREDOC = Words(skip_quotes=True)


class Source(NamedTuple):
    """The files that ``--from`` or ``from=`` names: a layer (none: no files), or a named context's.

    ``ready`` is false for a stage that comes later in the file.
    """

    layer: str | None = None
    context: str | None = None
    ready: bool = True


class Declared(NamedTuple):
    """An argument with its value (none: it has none), and the ARG that says so."""

    site: Site
    name: str
    value: str | None


class Shared(NamedTuple):
    """What all stages of one compilation for one platform share. ``epoch`` is the time that the image tells of
    itself, none for that of the build. ``layers`` grows in build order. ``named_only`` are build arguments that
    only commands that name them read. ``watch`` is called when a stage has begun (with the place of FROM) and
    behind each command.
    """

    options: CompileOptions
    global_args: Mapping[str, str]
    proxy: tuple[tuple[str, str], ...]
    checks: Checks
    words: Words
    epoch: int | None
    layers: dict[str, ImageLayer]
    named_only: frozenset[str] = frozenset()
    watch: Callable[[Site, Stage], None] | None = None


class Stage:
    """``config`` and ``collected`` are the image's: what the latter holds is stale in the former, and
    :attr:`image` joins them. ``env`` is what steps see: variables and arguments, the last set at the end.
    ``layer`` is the top one.
    ``platform`` is shown before the name, where the build is for several.

    ``build_args`` are the ARGs so far, with those of the stages below. ``used`` remembers instructions of
    which only the last counts. ``find`` gives the files that a command of this stage names. ``declared`` are the
    stage's own ARGs (none where the global one counts), ``mounted`` what its RUNs mount.
    """

    def __init__(
        self,
        shared: Shared,
        name: str,
        config: ImageConfig,
        collected: Collections,
        find: Callable[[Site, str], Source],
        platform: Platform | None = None,
        steps: int = 0,
    ) -> None:
        self.shared = shared
        self.name = name
        self.config = config
        self.collected = collected
        self.find = find
        self.platform = platform
        self.steps = steps
        self.step = 0
        self.layer: str | None = None
        self.env: dict[str, str] = {}
        self.build_args: list[tuple[str, str | None]] = []
        self.history: list[HistoryItem] = []
        self.used: dict[str, Site] = {}
        self.workdir_set = False
        self.declared: dict[str, Declared | None] = {}
        self.mounted: list[tuple[Site, Mount]] = []

    @property
    def options(self) -> CompileOptions:
        """What the compilation was handed."""
        return self.shared.options

    @property
    def checks(self) -> Checks:
        """Where warnings go."""
        return self.shared.checks

    @property
    def global_args(self) -> Mapping[str, str]:
        """Arguments from before the first FROM, and those of the platform."""
        return self.shared.global_args

    @property
    def proxy(self) -> tuple[tuple[str, str], ...]:
        """Proxy variables of every step."""
        return self.shared.proxy

    # --- words ---------------------------------------------------------------------------------------

    def _expand(self, site: Site, words: Words, text: str) -> str:
        if "$" not in text and words is _HEREDOC and "\\" not in text:
            return text
        try:
            found = words.expand(text, self.env)
        except WordError as error:
            raise site.word_error(error) from error
        if found.unmatched:
            declared = {name for name, _ in self.build_args}
            self.checks.undefined(site, found.unmatched - declared, self.env)
        return found.text

    def expand(self, site: Site, text: str) -> str:
        """``text`` with variables, quotes and escapes resolved."""
        return self._expand(site, self.shared.words, text) if text else text

    def expand_words(self, site: Site, text: str) -> tuple[str, ...]:
        """The same, split at white space that is not quoted. Variables that nothing sets are no warning here
        (the words of EXPOSE), as in BuildKit.
        """
        try:
            return self.shared.words.expand(text, self.env).words
        except WordError as error:
            raise site.word_error(error) from error

    def expand_heredoc(self, site: Site, text: str) -> str:
        """``text`` with variables and backslashes resolved, quotes kept."""
        return self._expand(site, _HEREDOC, text)

    def title(
        self,
        site: Site,
        *,
        note: str = "",
        raw_quotes: bool = False,
        skip_unset: bool = False,
        masks: Mapping[str, str] | None = None,
    ) -> str:
        """The instruction as it is shown while it runs; as written where it can not be expanded."""
        text = site.logical_line().text + note
        words = self.shared.words._replace(raw_quotes=raw_quotes, skip_unset=skip_unset)
        # A title is only shown; what is wrong is told where the value is used.
        with suppress(WordError):
            text = words.expand(text, {**self.env, **masks} if masks else self.env).text
        keyword, space, rest = text.partition(" ")
        return keyword.upper() + space + rest

    def go_on_from(self, below: Stage, *, takes_over: bool) -> None:
        """Begin where ``below`` ends. Who takes over leaves nothing there: nobody else reads it, and a long
        chain of stages holds its values once.
        """
        self.layer = below.layer
        self.platform = below.platform
        self.workdir_set = below.workdir_set
        if takes_over:
            self.env, self.build_args, self.history = below.env, below.build_args, below.history
            below.env, below.build_args, below.history = {}, [], []
        else:
            self.env = below.env.copy()
            self.build_args = below.build_args.copy()
            self.history = below.history.copy()

    # --- the image -----------------------------------------------------------------------------------

    @property
    def image(self) -> ImageConfig:
        """The config as it is now."""
        return self.collected.into(self.config)

    def change(self, **changes: Any) -> None:
        """Change fields of the image config that hold one value."""
        self.config = self.config.with_(**changes)

    def set_variable(self, name: str, value: str) -> None:
        """Set what steps and later words see as ``name``."""
        self.env.pop(name, None)
        self.env[name] = value

    def enter(self, path: str) -> None:
        """Change the working directory."""
        current = self.config.workdir or "/"
        if not current.startswith("/"):
            current = join_path("/", current)
        self.change(workdir=path if path.startswith("/") else join_path(current, path) if path else current)

    def record(self, text: str, *, layer: bool = False) -> None:
        """Add a line of history."""
        created = None if self.shared.epoch is None else rfc3339(self.shared.epoch)
        self.history.append(HistoryItem(text, empty_layer=not layer, comment=_COMMENT, created=created))

    # --- layers --------------------------------------------------------------------------------------

    def origin(
        self, site: Site, name: str, verb: str, *, target: str = "", first: int = 0
    ) -> tuple[Origin, tuple[str, ...]]:
        """Where files come from, and the layers to add to a layer's inputs (the next has index ``first``)."""
        if not name:
            return FromContext(), ()
        source = self.find(site, name)
        if not source.ready:
            raise site.error(
                f'cannot copy from stage "{name}", it needs to be defined before current stage "{self.name}"'
                if verb == "copy"
                else f'cannot mount from stage "{name}" to "{target}", '
                "stage needs to be defined before current command",
                help="move the stage up in the file",
                at=name,
            )
        if source.context is not None:
            return FromContext(source.context), ()
        return (FromLayer(None), ()) if source.layer is None else (FromLayer(first), (source.layer,))

    def add_layer(
        self, site: Site, operation: Operation, inputs: tuple[str, ...] = (), title: str | None = None
    ) -> None:
        """Lay ``operation`` over what the stage has so far."""
        self.step += 1
        layer = ImageLayer(operation, self.layer, inputs, self.provenance(site, title or self.title(site)))
        self.layer = layer.id
        known = self.shared.layers.get(layer.id)
        if known is not None:
            layer = known._replace(provenance=known.provenance.and_also(layer.provenance))
        self.shared.layers[layer.id] = layer

    def _told_platform(self) -> str:
        """``linux/amd64``, or ``linux/amd64->arm64`` for a step that makes something for another platform."""
        if self.platform is None:
            return ""
        told = str(self.platform)
        if "TARGETPLATFORM" in self.env:
            parts = [*self.env["TARGETPLATFORM"].split("/"), "", ""][:3]
        else:
            parts = [self.env.get(name, "") for name in ("TARGETOS", "TARGETARCH", "TARGETVARIANT")]
        system, architecture, variant = parts
        if not (system or architecture):
            return told
        made = Platform(
            system or self.platform.os, architecture or self.platform.architecture, variant
        ).normalized()
        if made.os != self.platform.os:
            return f"{told}->{made}"
        if made.architecture != self.platform.architecture:
            return f"{told}->{'/'.join(part for part in (made.architecture, made.variant) if part)}"
        return told

    def provenance(self, site: Site, title: str) -> Provenance:
        """Where the layer that is just added comes from."""
        shown = site.shown
        return Provenance(
            file=shown.file,
            line=shown.instruction.start_line,
            end_line=shown.instruction.end_line,
            stage=" ".join(part for part in (self._told_platform(), self.name) if part),
            text=site.instruction.text,
            title=title if site.trigger_of is None else "ONBUILD " + title,
            step=self.step if self.steps else 0,
            steps=self.steps,
        )
