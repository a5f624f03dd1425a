"""Answers as JSON, in the form of BuildKit's subrequests ``frontend.targets``, ``.outline`` and ``.lint``.

What is empty is left out there, too; lines count from 1 and each line of an instruction is a range.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable
from typing import Any

from ....compiler.call import Outline, OutlineItem, Target
from ....compiler.checks import find_rule
from ....compiler.graph.plan import Notice
from ....grammar.source import SourceFile
from ...engine.call import Checked

__all__ = ["check_document", "outline_document", "targets_document"]


def targets_document(source: SourceFile, targets: Iterable[Target]) -> dict[str, Any]:
    """``{"targets": [{name, default, description, base, platform, location}], "sources": [base64]}``."""
    return {
        "targets": [
            _filled(
                name=target.name,
                default=target.default,
                description=target.description,
                base=target.base,
                platform=target.platform,
                location=_location(target.line, target.end_line),
            )
            for target in targets
        ],
        "sources": [_data(source)],
    }


def outline_document(source: SourceFile, outline: Outline) -> dict[str, Any]:
    """``{name, description, args, secrets, ssh, cache, sources}``."""
    return _filled(
        name=outline.name,
        description=outline.description,
        args=[
            {"name": item.name}
            | _filled(description=item.description, value=item.value, location=_place(item))
            for item in outline.arguments
        ],
        secrets=[_mount(item) for item in outline.secrets],
        ssh=[_mount(item) for item in outline.ssh],
        cache=[{"ID": item.name, "location": _place(item)} for item in outline.caches],
        sources=[_data(source)],
    )


def _mount(item: OutlineItem) -> dict[str, Any]:
    return {"name": item.name} | _filled(required=item.required, location=_place(item))


def check_document(checked: Checked) -> dict[str, Any]:
    """``{"warnings": [{ruleName, description, url, detail, location}], "sources": […], "buildError": …}``.

    ``warnings`` is null where there are none, as BuildKit writes it.
    """
    document: dict[str, Any] = {
        "warnings": [_warning(notice) for notice in checked.notices if notice.rule] or None,
        "sources": [
            {"filename": checked.source.name, "data": _data(checked.source), "language": "Dockerfile"}
        ],
    }
    if checked.error is not None:
        where = checked.error.where
        location = {} if where is None else _location(where.line, where.line)
        document["buildError"] = {"message": checked.error.message, "location": location}
    return document


def _warning(notice: Notice) -> dict[str, Any]:
    rule = find_rule(notice.rule)
    return {"ruleName": notice.rule} | _filled(
        description=rule.description if rule else "",
        url=rule.url if rule else "",
        detail=notice.message,
        location=_location(notice.line, notice.end_line),
    )


# --- parts -------------------------------------------------------------------------------------------


def _filled(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value}


def _place(item: OutlineItem) -> dict[str, Any]:
    return _location(item.line, item.end_line)


def _location(first: int, last: int) -> dict[str, Any]:
    return {"ranges": [{"start": {"line": line}, "end": {"line": line}} for line in range(first, last + 1)]}


def _data(source: SourceFile) -> str:
    return b64encode(source.to_bytes()).decode()
