"""Comma-separated options in one flag, as ``--mount`` and ``--device`` take them."""

from __future__ import annotations

import re

from ..site import Site

__all__ = ["csv_fields"]

_HELP = 'quote a whole field, with \\" around it'
_QUOTED = re.compile(r'"((?:[^"]|"")*)"(?=,|$)')


def csv_fields(site: Site, text: str, flag: str) -> list[str]:
    """The fields; one in double quotes may hold commas, and ``""`` for a quote. Raises ``CompileError``."""
    fields: list[str] = []
    position = 0
    while position <= len(text):
        if text[position : position + 1] == '"':
            match = _QUOTED.match(text, position)
            if match is None:
                raise site.error(
                    f"failed to parse {text!r}: a quoted field does not end", help=_HELP, flag=flag
                )
            fields.append(match[1].replace('""', '"'))
            position = match.end() + 1
            continue
        end = text.find(",", position)
        end = len(text) if end < 0 else end
        field = text[position:end]
        if '"' in field:
            raise site.error(f"failed to parse {text!r}: a quote inside a field", help=_HELP, flag=flag)
        fields.append(field)
        position = end + 1
    if not text:
        raise site.error("failed to parse an empty value", help="write key=value,…", flag=flag)
    return fields
