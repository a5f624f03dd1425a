"""Collects what the build checks find while a Dockerfile is compiled."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping

from ...grammar.directives import find_directive
from ...grammar.errors import CompileError
from ...grammar.lines import Reader
from ...grammar.source import Location, SourceFile
from ...grammar.syntax import Directive, Document, Instruction
from ..comments import comments_above
from ..gotext import clean_path, quote
from ..graph.plan import Notice
from ..site import Site
from ..suggest import nearest
from .rules import RULES, find_rule
from .wanted import Wanted

__all__ = ["ARGUMENT", "Checks"]

#: The build argument that says which checks are wanted, instead of the directive.
ARGUMENT = "BUILDKIT_DOCKERFILE_CHECK"

_SECRET = re.compile(
    r"(?:_|^)(?:apikey|auth|credential|credentials|key|password|pword|passwd|secret|token)(?:_|$)",
    re.IGNORECASE,
)
_NO_SECRET = re.compile(r"(?:_|^)(?:public|file|version)(?:_|$)", re.IGNORECASE)
_COMMENT = re.compile(r"check\s*=\s*(\S+)(?:\s.*)?", re.IGNORECASE)
_NOT_VARIABLES = frozenset(("BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE"))
_RULE_NAMES = frozenset(rule.name for rule in RULES)


class Checks:
    """Collects warnings, each once. ``chosen`` is the value of :data:`ARGUMENT`, if it is given.

    ``ignored`` says of a path of the build context whether ``.dockerignore`` excludes it; without one, no
    path is looked at. ``comments`` says whether comments above instructions count. Raises ``CompileError`` where
    the choice of rules is malformed.
    """

    def __init__(
        self,
        document: Document,
        chosen: str | None = None,
        ignored: Callable[[str], bool] | None = None,
        *,
        comments: bool = True,
    ) -> None:
        self.document = document
        self.chosen = chosen
        self.ignored = ignored
        self._found: dict[Notice, None] = {}
        directive = find_directive(self.document.source, "check")
        text = self.chosen if self.chosen is not None else directive.value if directive else ""
        try:
            self._wanted = Wanted.parse(text)
        except ValueError as error:
            raise CompileError(
                f"failed to parse check options: {error}",
                where=self._directive(),
                help="write skip=Rule,Rule;error=true",
            ) from error
        self._comments = comments_above(self.document)
        self._comments_count = comments
        for name in self._wanted.unknown(_RULE_NAMES):
            meant = nearest(name, _RULE_NAMES)
            hint = f"; did you mean {meant}?" if meant else ""
            self._add(Notice(f"there is no check {name}{hint}", "", self.document.source.name))

    @property
    def notices(self) -> tuple[Notice, ...]:
        """The warnings so far, in order."""
        return tuple(self._found)

    def raise_if_errors(self) -> None:
        """``check=error=true`` makes warnings errors. Raises ``CompileError``."""
        rules = sorted({notice.rule for notice in self._found if notice.rule})
        if self._wanted.error and rules:
            raise CompileError(
                f"lint violation found for rules: {', '.join(rules)}",
                where=self._directive(),
                help="check=error=true makes these warnings errors",
            )

    def warn(self, site: Site, name: str, /, **fields: str) -> None:
        """Rule ``name`` is broken at ``site``; ``fields`` are those of its detail."""
        instruction = site.shown.instruction
        self._warn(instruction, name, instruction.start_line, instruction.end_line, fields)

    def _warn(
        self, instruction: Instruction, name: str, first: int, last: int, fields: Mapping[str, str]
    ) -> None:
        rule = find_rule(name)
        assert rule is not None, name
        if self._wanted.merged(self._own(instruction)).includes(rule):
            message = rule.detail.format(**fields)
            self._add(Notice(message, rule.name, self.document.source.name, first, last))

    def _add(self, notice: Notice) -> None:
        self._found.setdefault(notice)

    def _own(self, instruction: Instruction) -> Wanted:
        """What comments above ``instruction`` say; the first one counts."""
        for text in self._comments.get(instruction.span.start, ()) if self._comments_count else ():
            if match := _COMMENT.fullmatch(text):
                try:
                    return Wanted.parse(match[1])
                except ValueError:
                    break
        return Wanted()

    def comments(self, site: Site) -> tuple[str, ...]:
        """The comments above an instruction of the document, without their marks."""
        return self._comments.get(site.instruction.span.start, ())

    def remark(self, site: Site, message: str) -> None:
        """A warning of our own, which no rule of Docker's has."""
        instruction = site.instruction
        name = self.document.source.name
        self._add(Notice(message, "", name, instruction.start_line, instruction.end_line))

    def _directive(self) -> Location | None:
        if self.chosen is not None:
            return None
        for item in self.document.items:
            if isinstance(item, Directive) and item.name == "check":
                return self.document.source.location(item.span)
        return None

    # --- rules that look at more than one place gives them --------------------------------------------

    def empty_continuations(self) -> None:
        """Empty lines between an instruction's lines; told at its last line."""
        for instruction in self.document.instructions:
            count = 1 if instruction.start_line == instruction.end_line else self._lines(instruction)
            if any(not line.strip() for line in instruction.text.split("\n", count)[1:count]):
                last = instruction.start_line + count - 1
                self._warn(instruction, "NoEmptyContinuation", last, last, {})

    def _lines(self, instruction: Instruction) -> int:
        """How many lines ``instruction`` has, without those of heredocs."""
        reader = Reader(SourceFile("", instruction.text))
        reader.escape = self.document.escape
        return reader.logical_line(0, reader.next_line()).last_line

    def description(self, site: Site, names: tuple[str, ...]) -> None:
        """The comment above ARG or FROM, if it begins with none of ``names``."""
        above = self._comments.get(site.instruction.span.start)
        if above and names and above[-1].split(" ")[0] not in names:
            shown = names[0] if len(names) == 1 else "<arg_key>"
            keyword = site.instruction.keyword
            self.warn(site, "InvalidDefinitionDescription", keyword=keyword, name=shown)

    def legacy_key_value(self, site: Site) -> None:
        """``ENV name value``."""
        self.warn(site, "LegacyKeyValueFormat", keyword=site.written_keyword)

    def relative_workdir(self, site: Site, path: str) -> None:
        """A relative WORKDIR before any absolute one."""
        self.warn(site, "WorkdirRelativePath", path=quote(path))

    def secret_name(self, site: Site, name: str) -> None:
        """A variable whose name says that it is a secret."""
        if _SECRET.search(name) and not _NO_SECRET.search(name):
            self.warn(site, "SecretsUsedInArgOrEnv", keyword=site.instruction.keyword, name=quote(name))

    def used_once(self, site: Site, used: dict[str, Site]) -> None:
        """An instruction of which only the last counts; told where the one stands that is lost. ``used``
        holds the stage's last ones by keyword, and gets this.
        """
        keyword = site.instruction.keyword
        if keyword in used:
            self.warn(used[keyword], "MultipleInstructionsDisallowed", keyword=site.written_keyword)
        used[keyword] = site

    def json_recommended(self, site: Site, *, has_shell: bool) -> None:
        """Shell form without a SHELL of the user's own."""
        if not site.instruction.exec_form and not has_shell:
            self.warn(site, "JSONArgsRecommended", keyword=site.written_keyword)

    def undefined(self, site: Site, names: Iterable[str], known: Collection[str]) -> None:
        """Variables that nothing sets."""
        for name in sorted(set(names) - _NOT_VARIABLES):
            meant = nearest(name, known, exact_case=True)
            self.warn(site, "UndefinedVar", name=name, hint=f" (did you mean ${meant}?)" if meant else "")

    def undeclared(self, site: Site, names: Iterable[str], known: Collection[str]) -> None:
        """Arguments that FROM uses and nothing declares."""
        for name in sorted(set(names) - set(known)):
            meant = nearest(name, known, exact_case=True)
            hint = f" (did you mean {meant}?)" if meant else ""
            self.warn(site, "UndefinedArgInFrom", name=name, hint=hint)

    def port_format(self, site: Site, spec: str, protocol: str, *, plain: bool) -> None:
        """EXPOSE with an address or a host port, or a protocol in capitals."""
        if protocol != protocol.lower():
            self.warn(site, "ExposeProtoCasing", port=spec)
        if not plain:
            self.warn(site, "ExposeInvalidFormat", port=spec)

    def copied(self, site: Site, path: str) -> None:
        """A path of the context that COPY or ADD names."""
        path = clean_path(path)
        if self.ignored is not None and self.ignored(path):
            verb = site.instruction.keyword.capitalize()
            self.warn(site, "CopyIgnoredFile", verb=verb, path=quote(path))

    def unused_arguments(self, given: Mapping[str, str], consumed: Collection[str]) -> None:
        """``--build-arg`` that no ARG takes."""
        unused = sorted(name for name in given if name not in consumed and not _predefined(name))
        if unused:
            message = f"[Warning] One or more build-args [{' '.join(unused)}] were not consumed"
            self._add(Notice(message, "", self.document.source.name))


def _predefined(name: str) -> bool:
    proxies = ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy")
    return name.lower() in proxies or name == "SOURCE_DATE_EPOCH" or name.startswith(("BUILDKIT_", "BUILDX_"))
