"""``layerc build --call=…`` and ``--check``: questions to a Dockerfile, answered without building it."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any, NamedTuple

from ..errors import UsageError
from .progress import open_progress
from .terminal import Style, columns, visible, wants_colour

if TYPE_CHECKING:
    from ...grammar.source import SourceFile
    from ..engine.request import BuildRequest
    from ..events import Reporter
    from ..store.store import Store

__all__ = ["Call", "add_call_options", "parse_call", "run_call"]

_METHODS = ("build", "check", "outline", "targets")
_ALIASES = {"lint": "check"}
_FORMATS = ("text", "json")
_WARNED = 1  # what docker exits with, too


class Call(NamedTuple):
    """``check``, ``outline`` or ``targets``. ``format`` is ``text`` or ``json``; with ``ignore_status``,
    warnings are no failure.
    """

    method: str
    format: str = "text"
    ignore_status: bool = False


def add_call_options(group: Any) -> None:
    """Add ``--call`` and ``--check``; :func:`parse_call` reads them."""
    group.add_argument(
        "--call",
        metavar="METHOD",
        default="build",
        help="build (default), or build nothing and tell: check (what is unwise in the Dockerfile), outline "
        "(arguments, secrets, … of the target), targets (its stages); METHOD,format=json for programs",
    )
    group.add_argument("--check", action="store_const", const="check", dest="call", help="as --call=check")


def parse_call(text: str) -> Call | None:
    """The value of ``--call``; none for ``build``. Raises :class:`UsageError`.

    >>> parse_call("check,format=json")
    Call(method='check', format='json', ignore_status=False)
    """
    method, form, ignore = "", "text", False
    for field in text.split(","):
        name, equals, value = field.partition("=")
        if not equals and not method:
            method = _ALIASES.get(field, field)
        elif name == "format" and value in _FORMATS:
            form = value
        elif name == "ignorestatus":
            ignore = _boolean(text, value)
        else:
            raise _unusable(text)
    if method not in _METHODS:
        from .parser import closest

        meant = closest(method, _METHODS)
        raise _unusable(text) if meant is None else _unusable(text, f"did you mean --call={meant}?")
    return None if method == "build" else Call(method, form, ignore)


def _boolean(text: str, value: str) -> bool:
    from ...compiler.gotext import parse_bool

    try:
        return parse_bool(value)
    except ValueError as error:
        raise _unusable(text, "ignorestatus is true or false") from error


def _unusable(text: str, help: str = "") -> UsageError:  # noqa: A002
    usual = "write --call=check, outline or targets, and ,format=json for programs"
    return UsageError(f"--call {text!r} is not known", help=help or usual)


def run_call(call: Call, request: BuildRequest, store_root: str | None, progress: str) -> int:
    """Answer on standard output. Gives the exit code, or raises the error that ended a check after what was
    found before it is told.
    """
    if request.plan is not None:
        raise UsageError(
            f"--call={call.method} asks a Dockerfile, and this is a compiled plan",
            help="name the Dockerfile with -f",
        )
    if call.method == "targets" and request.dockerfile is not None:
        text, code, error = _targets(call, request.dockerfile)
    else:
        from ..store.store import Store

        answer = {"targets": _fetched_targets, "outline": _outline, "check": _check}[call.method]
        with Store.open(store_root) as store, open_progress(progress, sys.stderr) as reporter:
            text, code, error = answer(call, request, store, reporter)
    if text:
        print(text, flush=True)
    if error is not None:
        raise error
    return 0 if call.ignore_status else code


_Answer = tuple[str, int, Exception | None]


def _targets(call: Call, source: SourceFile) -> _Answer:
    """The text is enough: no store, no image."""
    from ...compiler.call import list_targets
    from ...compiler.definitions import read_document
    from .answers.documents import targets_document
    from .answers.text import targets_text

    targets = list_targets(read_document(source, every=True))
    as_json = call.format == "json"
    return _json(targets_document(source, targets)) if as_json else targets_text(targets), 0, None


def _fetched_targets(call: Call, request: BuildRequest, store: Store, reporter: Reporter) -> _Answer:
    from ..engine.build import read_dockerfile

    source = read_dockerfile(request, store, reporter).dockerfile
    assert source is not None
    return _targets(call, source)


def _outline(call: Call, request: BuildRequest, store: Store, reporter: Reporter) -> _Answer:
    from ..engine.call import ask_outline
    from .answers.documents import outline_document
    from .answers.text import outline_text

    source, outline = ask_outline(request, store, reporter)
    as_json = call.format == "json"
    return _json(outline_document(source, outline)) if as_json else outline_text(outline), 0, None


def _check(call: Call, request: BuildRequest, store: Store, reporter: Reporter) -> _Answer:
    from ..engine.call import ask_check
    from .answers.documents import check_document
    from .answers.text import check_text

    checked = ask_check(request, store, reporter)
    code = _WARNED if any(notice.rule for notice in checked.notices) else 0
    if call.format == "json":
        _tell(notice.message for notice in checked.notices if not notice.rule)
        return _json(check_document(checked)), code, checked.error
    out = sys.stdout
    return check_text(checked, Style(wants_colour(out)), columns(out)), code, checked.error


def _tell(messages: Iterable[str]) -> None:
    """What has no place in the document."""
    for message in messages:
        print(f"{Style(wants_colour(sys.stderr))('yellow', 'warning:')} {visible(message)}", file=sys.stderr)


def _json(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=2)
