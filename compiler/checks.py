"""Docker's build checks that fall out of compiling: warnings by the names that Docker gives them.

``# check=skip=…;error=true`` at the top, and ``# check=skip=…`` above an instruction, are obeyed.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from ..grammar.errors import CompileError
from ..grammar.source import Location
from ..grammar.syntax import Comment, Directive, Document, Instruction
from .gotext import parse_bool, quote
from .graph.plan import Notice
from .site import Site
from .suggest import nearest

__all__ = ["Checks"]

_SECRET = re.compile(
    r"(?:_|^)(?:apikey|auth|credential|credentials|key|password|pword|passwd|secret|token)(?:_|$)",
    re.IGNORECASE,
)
_NO_SECRET = re.compile(r"(?:_|^)(?:public|file|version)(?:_|$)", re.IGNORECASE)
_COMMENT = re.compile(r"#\s*check\s*=\s*([^\s]+)(?:\s.*)?", re.IGNORECASE)
_NOT_VARIABLES = frozenset(("BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE"))


@dataclass(frozen=True, slots=True)
class _Rules:
    """What a ``check`` directive says."""

    skip: frozenset[str] = frozenset()
    error: bool = False

    @classmethod
    def parse(cls, text: str) -> _Rules:
        """Raises ``ValueError``."""
        skip: frozenset[str] = frozenset()
        error = False
        for part in text.split(";", 2) if text.strip() else ():
            name, equals, value = part.partition("=")
            name = name.strip()
            if not equals or name not in ("skip", "error", "experimental"):
                raise ValueError(f"invalid check option {quote(name if equals else part)}")
            if name == "error":
                error = parse_bool(value.strip())
            elif name == "skip":
                skip = frozenset(rule.strip() for rule in value.split(","))
        return cls(skip, error)

    def skips(self, rule: str) -> bool:
        return bool(self.skip & {"all", rule})


@dataclass(slots=True)
class Checks:
    """Collects warnings, each once."""

    document: Document
    _rules: _Rules = field(init=False)
    _comments: dict[int, str] = field(init=False)
    _found: dict[Notice, None] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        try:
            self._rules = _Rules.parse(self.document.directives.get("check", ""))
        except ValueError as error:
            raise CompileError(
                f"failed to parse check options: {error}",
                where=_directive(self.document),
                help="write skip=Rule,Rule;error=true",
            ) from error
        self._comments = dict(_comments(self.document))

    @property
    def notices(self) -> tuple[Notice, ...]:
        """The warnings so far, in order."""
        return tuple(self._found)

    def raise_if_errors(self) -> None:
        """``check=error=true`` makes warnings errors. Raises ``CompileError``."""
        rules = sorted({notice.rule for notice in self._found if notice.rule})
        if self._rules.error and rules:
            raise CompileError(
                f"lint violation found for rules: {', '.join(rules)}",
                where=_directive(self.document),
                help="the directive check=error=true makes these warnings errors",
            )

    def note(self, site: Site | None, rule: str, message: str) -> None:
        """Add a warning at ``site``, unless it is switched off there."""
        if rule and (self._rules.skips(rule) or (site is not None and self._own_rules(site).skips(rule))):
            return
        line = 0 if site is None else site.shown.instruction.start_line
        self._found.setdefault(Notice(message, rule, self.document.source.name, line))

    def _own_rules(self, site: Site) -> _Rules:
        try:
            return _Rules.parse(self._comments.get(site.shown.instruction.span.start, ""))
        except ValueError:
            return _Rules()

    # --- one method a rule ---------------------------------------------------------------------------

    def legacy_key_value(self, site: Site) -> None:
        """``ENV name value``."""
        keyword = site.instruction.keyword
        self.note(
            site,
            "LegacyKeyValueFormat",
            f'"{keyword} key=value" should be used instead of legacy "{keyword} key value" format',
        )

    def secret_name(self, site: Site, name: str) -> None:
        """A variable whose name says that it is a secret."""
        if _SECRET.search(name) and not _NO_SECRET.search(name):
            self.note(
                site,
                "SecretsUsedInArgOrEnv",
                "Do not use ARG or ENV instructions for sensitive data "
                f'({site.instruction.keyword} "{name}")',
            )

    def relative_workdir(self, site: Site, path: str) -> None:
        """A relative WORKDIR before any absolute one."""
        self.note(
            site,
            "WorkdirRelativePath",
            f"Relative workdir {quote(path)} can have unexpected results if the base image changes",
        )

    def used_once(self, site: Site, used: dict[str, Site]) -> None:
        """An instruction of which only the last counts; told where the one stands that is lost. ``used``
        holds the stage's last ones by keyword, and gets this.
        """
        keyword = site.instruction.keyword
        if keyword in used:
            self.note(
                used[keyword],
                "MultipleInstructionsDisallowed",
                f"Multiple {keyword} instructions should not be used in the same stage because only the last "
                "one will be used",
            )
        used[keyword] = site

    def json_recommended(self, site: Site, *, has_shell: bool) -> None:
        """Shell form without a SHELL of the user's own."""
        if not site.instruction.exec_form and not has_shell:
            self.note(
                site,
                "JSONArgsRecommended",
                f"JSON arguments recommended for {site.instruction.keyword} to prevent unintended behavior "
                "related to OS signals",
            )

    def undefined(self, site: Site, names: Iterable[str], known: Collection[str]) -> None:
        """Variables that nothing sets."""
        for name in sorted(set(names) - _NOT_VARIABLES):
            meant = nearest(name, known)
            hint = f" (did you mean ${meant}?)" if meant else ""
            self.note(site, "UndefinedVar", f"Usage of undefined variable '${name}'{hint}")

    def undeclared(self, site: Site, names: Iterable[str], known: Collection[str]) -> None:
        """Arguments that FROM uses and nothing declares."""
        for name in sorted(set(names) - set(known)):
            meant = nearest(name, known)
            hint = f" (did you mean {meant}?)" if meant else ""
            self.note(site, "UndefinedArgInFrom", f"FROM argument '{name}' is not declared{hint}")

    def port_format(self, site: Site, spec: str, protocol: str, *, plain: bool) -> None:
        """EXPOSE with an address or a host port, or a protocol in capitals."""
        if protocol != protocol.lower():
            self.note(
                site,
                "ExposeProtoCasing",
                f"Defined protocol '{spec}' in EXPOSE instruction should be lowercase",
            )
        if not plain:
            self.note(
                site,
                "ExposeInvalidFormat",
                f"EXPOSE instruction should not define an IP address or host-port mapping, found '{spec}'",
            )

    def unused_arguments(self, given: Mapping[str, str], consumed: Collection[str]) -> None:
        """``--build-arg`` that no ARG takes."""
        unused = sorted(name for name in given if name not in consumed and not _predefined(name))
        if unused:
            names = " ".join(unused)
            self.note(None, "", f"[Warning] One or more build-args [{names}] were not consumed")


def _directive(document: Document) -> Location | None:
    for item in document.items:
        if isinstance(item, Directive) and item.name == "check":
            return document.source.location(item.span)
    return None


def _predefined(name: str) -> bool:
    proxies = ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy", "all_proxy")
    return name.lower() in proxies or name == "SOURCE_DATE_EPOCH" or name.startswith(("BUILDKIT_", "BUILDX_"))


def _comments(document: Document) -> Iterable[tuple[int, str]]:
    """For each instruction with a ``check`` comment above it: its offset and what the comment says."""
    told = ""
    for item in document.items:
        if isinstance(item, Comment):
            text = item.text.strip()
            match = _COMMENT.fullmatch(text)
            told = "" if text == "#" else told or (match[1] if match else "")
        elif isinstance(item, Instruction):
            if told:
                yield item.span.start, told
            told = ""
