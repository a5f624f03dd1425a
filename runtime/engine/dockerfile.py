"""The Dockerfile of a request that only says where it is: in the build context, or behind a URL."""

from __future__ import annotations

from ...compiler.gitref import is_http
from ...compiler.graph.operations import HttpFile
from ...grammar.source import SourceFile
from ..errors import SourceError, UsageError
from ..sources.tree import SourceTree
from .contexts import FILE, Contexts
from .fetch import Fetcher
from .request import BuildRequest, UrlContext

__all__ = ["with_dockerfile"]

_DEFAULT = "Dockerfile"
_EPOCH = "SOURCE_DATE_EPOCH"
_MOST = 16 << 20
_SHOWN_NAMES = 8


def with_dockerfile(request: BuildRequest, contexts: Contexts, fetcher: Fetcher) -> BuildRequest:
    """``request``, which has no plan, with the text of its Dockerfile, and the time of its context where that
    may be asked for. Raises :class:`SourceError`, :class:`UsageError`.
    """
    is_text = isinstance(request.context, UrlContext) and contexts.is_text()
    if is_text and (request.dockerfile is not None or is_http(request.dockerfile_name)):
        raise UsageError(
            "the URL gives a Dockerfile and no context, so there can not be another Dockerfile",
            help="leave -f out, or name an archive or a git repository",
        )
    source = request.dockerfile or _find(request, contexts, fetcher)
    options = request.options
    if _EPOCH in options.build_args or _EPOCH in source.text:
        options = options._replace(context_time=contexts.time())
    return request._replace(dockerfile=source, options=options)


def _find(request: BuildRequest, contexts: Contexts, fetcher: Fetcher) -> SourceFile:
    if isinstance(request.context, UrlContext) and contexts.is_text():
        return _read(contexts.tree(""), FILE, _last(request.context.url))
    if is_http(request.dockerfile_name):
        tree = fetcher.download(HttpFile(request.dockerfile_name), FILE)
        return _read(tree, FILE, _last(request.dockerfile_name))
    return _inside(contexts.tree(""), request.dockerfile_name)


def _inside(tree: SourceTree, name: str) -> SourceFile:
    """The file ``name`` of a context; docker, too, takes ``dockerfile`` where there is no ``Dockerfile``."""
    name = name or _DEFAULT
    directory, slash, last = name.rpartition("/")
    for candidate in (name, f"{directory}{slash}{last.lower()}") if last == _DEFAULT else (name,):
        path = tree.resolve(candidate)
        entry = None if path is None else tree.lstat(path)
        if path is not None and entry is not None:
            if entry.kind != "file":
                raise SourceError(f"{candidate} in the build context is not a file", help=_advice(tree, name))
            return _read(tree, path, candidate)
    raise SourceError(f"there is no {name} in the build context", help=_advice(tree, name))


def _read(tree: SourceTree, path: str, shown: str) -> SourceFile:
    with tree.open(path) as file:
        data = file.read(_MOST + 1)
    if len(data) > _MOST:
        raise SourceError(f"{shown} is too large for a Dockerfile: more than {_MOST >> 20} MiB")
    return SourceFile.from_bytes(shown, data)


def _advice(tree: SourceTree, name: str) -> str:
    """What may have been meant, or what there is."""
    last = name.rpartition("/")[2]
    near: list[str] = []
    for entry in tree.walk():
        path = entry.path
        if entry.kind == "file" and (entry.name == last or "ockerfile" in path or "ontainerfile" in path):
            near.append(path)
            if len(near) == _SHOWN_NAMES:
                break
    if near:
        return f"did you mean -f {' or '.join(sorted(near))}?" if len(near) < 3 else _listed("it has", near)
    names = tree.listdir("")
    return _listed("it holds", names) if names else "it is empty"


def _listed(words: str, names: list[str]) -> str:
    more = ", …" if len(names) > _SHOWN_NAMES else ""
    return f"{words} {', '.join(sorted(names)[:_SHOWN_NAMES])}{more}; name the Dockerfile with -f"


def _last(url: str) -> str:
    """A URL's file name, for messages: the rest may hold credentials."""
    from ..sources.http import file_name

    return file_name(url)
