"""What compose files say of images: ``services`` with ``image`` and ``build``.

Of YAML only what such files are written in is read: nested keys with plain or quoted values, by indentation. What
is written in another way (flow style, anchors, merged keys) is passed over: the image then has the name that its
Dockerfile gives it.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from ..words import WordError, Words

__all__ = ["Service", "read_compose"]

_LINE = re.compile(r"""(?P<indent> *)(?P<quote>["']?)(?P<key>[\w.-]+)(?P=quote):(?:[ \t]+(?P<value>.*))?""")
_COMMENT = re.compile(r"(?:^|[ \t]+)#.*$")
_Tree = dict[str, "str | _Tree"]


class Service(NamedTuple):
    """A service that is built. ``context`` and ``dockerfile`` are paths, the first relative to the compose file,
    the second to the context.
    """

    image: str
    context: str
    dockerfile: str = "Dockerfile"
    target: str = ""


def read_compose(text: str) -> tuple[Service, ...]:
    """The services that have both an image's name and something to build.

    >>> read_compose("services:\\n  web:\\n    image: acme/web:${TAG:-1}\\n    build: ./web\\n")
    (Service(image='acme/web:1', context='./web', dockerfile='Dockerfile', target=''),)
    """
    services = _tree(text).get("services")
    found = (_service(entry) for entry in services.values()) if isinstance(services, dict) else ()
    return tuple(service for service in found if service is not None)


def _service(entry: str | _Tree) -> Service | None:
    if isinstance(entry, str):
        return None
    image, build = entry.get("image"), entry.get("build")
    if not isinstance(image, str) or not image or not build:
        return None
    if isinstance(build, str):
        return Service(image, build)
    words = {key: value for key, value in build.items() if isinstance(value, str)}
    if "dockerfile_inline" in build:
        return None
    context = words.get("context", ".")
    return Service(image, context, words.get("dockerfile", "Dockerfile"), words.get("target", ""))


class _Frame(NamedTuple):
    indent: int
    values: _Tree
    last: list[str]


def _tree(text: str) -> _Tree:
    root: _Tree = {}
    frames = [_Frame(0, root, [])]
    for line in text.splitlines():
        found = _LINE.fullmatch(_COMMENT.sub("", line).rstrip())
        if found is None:
            continue
        indent = len(found["indent"])
        while frames[-1].indent > indent:
            frames.pop()
        top = frames[-1]
        if top.indent < indent:
            above = top.values.get(top.last[-1]) if top.last else None
            if not isinstance(above, dict) or above:
                continue  # lines of a longer value, or of a list
            top = _Frame(indent, above, [])
            frames.append(top)
        value = (found["value"] or "").strip()
        top.last.append(found["key"])
        top.values[found["key"]] = _scalar(value) if value else {}
    return root


def _scalar(value: str) -> str:
    if value[0] in "\"'" and value[-1] == value[0] and len(value) > 1:
        value = value[1:-1]
    try:
        return Words().expand(value, {}).text
    except WordError:
        return value
