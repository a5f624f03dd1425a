"""``Collector``: gathers what a script reads and writes, with all paths made real."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ..optimize.facts import Facts
from .links import Links, normal
from .model import Claim, Effects, Evidence
from .paths import EVERYTHING, WRITES_EVERYTHING, Reads, Writes, ancestors
from .values import Arg

__all__ = ["Collector"]

_NOT_IN_THE_IMAGE = ("/dev", "/proc", "/sys")


class Collector:
    """``ignored`` are trees that are no part of the image while the step runs: mounts. ``placed``: image path →
    path in the main context of the file that is there, none where that is not known.
    """

    def __init__(
        self,
        facts: Facts,
        links: Links,
        ignored: Iterable[str] = (),
        placed: Mapping[str, str] | None = None,
    ) -> None:
        self.placed = placed
        self.facts = facts
        self.links = self._below = links
        self._ignored = (*_NOT_IN_THE_IMAGE, *ignored)
        self._names: set[str] = set()
        self._lists: set[str] = set()
        self._trees: set[str] = set()
        self._written: set[str] = set()
        self._made: set[str] = set()
        self._written_trees: set[str] = set()
        self.manifests: list[str] = []
        self.caches: list[str] = []
        self.removes: list[str] = []
        self.tools: list[str] = []
        self.claims: list[Claim] = []
        self.made_links: list[tuple[str, str]] = []
        self.volatile = ""
        self.network = False
        self.seconds = 0.0
        self.unknown = ""
        self.evidence = Evidence.TEXT

    # --- what is found -------------------------------------------------------------------------------------

    def fail(self, why: str) -> None:
        """Nothing is known of the step. The first reason is kept."""
        self.unknown = self.unknown or why

    def claim(self, text: str, evidence: Evidence = Evidence.PROFILE) -> None:
        """What the sets rest on."""
        self.evidence = min(self.evidence, evidence)
        claim = Claim(text, evidence)
        if claim not in self.claims:
            self.claims.append(claim)

    def vary(self, why: str) -> None:
        """Another run may give another result."""
        self.volatile = self.volatile or why

    # --- paths ---------------------------------------------------------------------------------------------

    def real(self, path: str) -> list[str]:
        """What an absolute path may really be, but for what is no part of the image. Links on the way are read."""
        resolved = self.links.resolve(path)
        if resolved.circular:
            self.fail(f"the links of {path} lead in a circle")
        self._names |= resolved.passed
        return sorted(item for item in resolved.paths if not self.is_ignored(item))

    def itself(self, path: str) -> list[str]:
        """As :meth:`real`, but a link at its end is not followed."""
        resolved = self.links.resolve(path, follow_last=False)
        self._names |= resolved.passed
        return sorted(item for item in resolved.paths if not self.is_ignored(item))

    def is_ignored(self, path: str) -> bool:
        """Whether it is no part of the image while the step runs."""
        return any(path == tree or path.startswith(tree + "/") for tree in self._ignored)

    def paths(self, arg: Arg, cwds: Iterable[str], *, follow: bool = True) -> tuple[list[str], bool]:
        """The absolute paths of an argument, and whether they are trees of which it may be anything in."""
        text = arg.text
        whole = arg.known is None
        if whole:
            text = arg.fixed
            if not text and not arg.exact:
                self.fail("a path is made of a variable or a command whose value is not known")
                return [], True
            text = text[: text.rfind("/") + 1] or "."
        look = self.real if follow or whole else self.itself
        found: list[str] = []
        for cwd in ["/"] if text.startswith("/") else cwds:
            found += look(normal(text if text.startswith("/") else f"{cwd}/{text}"))
        return found, whole

    def link(self, made: Iterable[tuple[str, str]]) -> None:
        """Symbolic links that are made: what comes later may go through them."""
        self.made_links += made
        self.links = self._below.plus(self.made_links)

    # --- reads ---------------------------------------------------------------------------------------------

    def read(self, arg: Arg, cwds: Iterable[str], *, tree: bool = False) -> None:
        """A file that is looked at or read, or a tree."""
        found, whole = self.paths(arg, cwds)
        (self._trees if tree or whole else self._names).update(found)

    def read_paths(self, paths: Iterable[str], *, tree: bool = False) -> None:
        """The same with absolute paths."""
        for path in paths:
            (self._trees if tree else self._names).update(self.real(path))

    def mount(self, paths: Iterable[str]) -> None:
        """Paths over which something is mounted: that they are there is looked at."""
        self._names.update(paths)

    def mount_over(self, paths: Iterable[str]) -> None:
        """Mount points of the step's own, which are made where they are missing and stay."""
        for path in paths:
            for found in self.links.resolve(path).paths:
                self._made.update({found, *ancestors(found)} - {"/"})

    def list_paths(self, paths: Iterable[str]) -> None:
        """Directories whose names are read."""
        for path in paths:
            found = self.real(path)
            self._lists.update(found)
            self._names.update(found)

    # --- writes --------------------------------------------------------------------------------------------

    def write(self, arg: Arg, cwds: Iterable[str], *, tree: bool = False, follow: bool = True) -> list[str]:
        """A file that is made, changed or removed, or a tree; the real paths."""
        found, whole = self.paths(arg, cwds, follow=follow)
        (self._written_trees if tree or whole else self._written).update(found)
        (self._trees if whole else self._names).update(found)
        self._names.update(parent for path in found for parent in ancestors(path))
        return found

    def write_paths(self, paths: Iterable[str], *, tree: bool = False, follow: bool = True) -> None:
        """The same with absolute paths."""
        for path in paths:
            found = self.real(path) if follow else self.itself(path)
            (self._written_trees if tree else self._written).update(found)
            self._names.update(found)

    def make_directories(self, paths: Iterable[str]) -> None:
        """Directories that are made where they are missing, with those above them."""
        for path in paths:
            for found in self.real(path):
                self._made.update({found, *ancestors(found)} - {"/"})

    # --- the result ----------------------------------------------------------------------------------------

    def effects(self) -> Effects:
        """All that was gathered."""
        reads = Reads(frozenset(self._names), frozenset(self._lists), frozenset(self._trees))
        writes = Writes(frozenset(self._written), frozenset(self._made), frozenset(self._written_trees))
        return Effects(
            reads=EVERYTHING if self.unknown else reads,
            writes=WRITES_EVERYTHING if self.unknown else writes,
            evidence=Evidence.NONE if self.unknown else self.evidence,
            volatile=self.volatile,
            network=self.network,
            unknown=self.unknown,
            manifests=tuple(dict.fromkeys(self.manifests)),
            caches=tuple(dict.fromkeys(self.caches)),
            removes=tuple(dict.fromkeys(self.removes)),
            tools=tuple(dict.fromkeys(self.tools)),
            claims=tuple(self.claims),
            seconds=self.seconds,
            links=tuple(dict.fromkeys(self.made_links)),
        )
