"""Git sources in ADD and named contexts: which texts are one, and their parts."""

from __future__ import annotations

import re
from typing import NamedTuple

from .gotext import join_path, parse_bool

__all__ = ["QUERY_HELP", "GitRef", "is_http", "parse_git_ref"]

_URL = re.compile(
    r"(?P<scheme>[a-zA-Z0-9]+)://(?P<rest>[^?#]*)(?:\?(?P<query>[^#]*))?(?:#(?P<fragment>.*))?", re.DOTALL
)
_SCP = re.compile(
    r"(?P<rest>[a-zA-Z0-9_-]+@[a-zA-Z0-9.-]+:[^?#]*)(?:\?(?P<query>[^#]*))?(?:#(?P<fragment>.*))?", re.DOTALL
)
_COMMIT = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}", re.ASCII)
_SHORT = "github.com/"
_PERCENT = re.compile(r"((?:%[0-9A-Fa-f]{2})+)")


class GitRef(NamedTuple):
    """A remote and what to take of it. ``keep_git_dir`` and ``submodules`` are none where the URL is silent.
    ``fetch_by_commit`` says that the checksum is the commit to take, whatever the ref names now.
    """

    remote: str
    ref: str = ""
    subdir: str = ""
    checksum: str = ""
    keep_git_dir: bool | None = None
    submodules: bool | None = None
    fetch_by_commit: bool = False


def parse_git_ref(text: str, *, context: bool = False) -> GitRef | None:
    """``text`` as a git source, or none if it is not one. Raises ``ValueError`` for one that is malformed.

    HTTP(S) URLs are git sources only when their path ends in ``.git``. A build context (and nothing else) may
    also be written ``github.com/…``.

    >>> found = parse_git_ref("https://example.org/app.git#v1:docs")
    >>> found.remote, found.ref, found.subdir
    ('https://example.org/app.git', 'v1', 'docs')
    """
    short = context and text.startswith(_SHORT)
    match = _URL.fullmatch(f"https://{text}" if short else text) or _SCP.fullmatch(text)
    if match is None or text.startswith(("./", "../")):
        return None
    scheme = match.groupdict().get("scheme", "ssh").lower()
    if scheme not in ("http", "https", "ssh", "git"):
        return None
    path = match["rest"].partition("/")[2]
    if scheme in ("http", "https") and not path.endswith(".git") and not short:
        return None
    remote = match["rest"] if match.re is _SCP else f"{scheme}://{match['rest']}"
    fragment = match["fragment"] if match.re is _SCP else _unquote(match["fragment"] or "")
    ref, _, subdir = (fragment or "").partition(":")
    found = GitRef(remote, ref, join_path("/", subdir).removeprefix("/"))
    return _with_query(found, match["query"] or "")


def is_http(text: str) -> bool:
    """Whether ``text`` is a URL of a file to download (and not of a git repository)."""
    return text.startswith(("http://", "https://")) and parse_git_ref(text) is None


def _unquote(text: str) -> str:
    return _PERCENT.sub(
        lambda match: bytes.fromhex(match[1].replace("%", "")).decode("utf-8", "surrogateescape"), text
    )


def _with_query(found: GitRef, query: str) -> GitRef:
    values: dict[str, str] = {}
    for pair in query.split("&") if query else ():
        name, _, value = (_unquote(part.replace("+", " ")) for part in pair.partition("="))
        if name in values:
            raise ValueError(f'query "{name}" has multiple values')
        if not value and name not in ("submodules", "keep-git-dir", "fetch-by-commit"):
            raise ValueError(f'query "{name}" has no value')
        values[name] = value
    if unknown := values.keys() - _QUERY_NAMES:
        raise ValueError(f'unexpected query "{min(unknown)}"')
    if "tag" in values and "branch" in values:
        raise ValueError("branch conflicts with tag")
    if values.get("mtime", "checkout") not in ("checkout", "commit"):
        raise ValueError(f'invalid mtime value: "{values["mtime"]}" (must be "checkout" or "commit")')
    ref = _agreed("ref", found.ref, values.get("ref", ""))
    for name, prefix in (("tag", "refs/tags/"), ("branch", "refs/heads/")):
        if name in values:
            ref = _agreed("ref", ref, prefix + values[name].removeprefix(prefix))
    checksum = values.get("checksum", "") or values.get("commit", "")
    fetch_by_commit = bool(_flag("fetch-by-commit", values))
    if fetch_by_commit and not _COMMIT.fullmatch(checksum):
        raise ValueError("fetch-by-commit requires a full commit SHA checksum")
    return GitRef(
        found.remote,
        ref,
        _agreed("subdir", found.subdir, values.get("subdir", "")),
        checksum,
        _flag("keep-git-dir", values),
        _flag("submodules", values),
        fetch_by_commit,
    )


_QUERY_NAMES = frozenset(
    (
        *("ref", "tag", "branch", "subdir", "checksum", "commit", "keep-git-dir", "submodules", "mtime"),
        "fetch-by-commit",
    )
)


QUERY_HELP = "a git URL takes ref, tag, branch, subdir, checksum, keep-git-dir and submodules, each once"


def _agreed(name: str, left: str, right: str) -> str:
    if left and right and left != right:
        raise ValueError(f'{name} conflicts: "{left}" vs "{right}"')
    return right or left


def _flag(name: str, values: dict[str, str]) -> bool | None:
    if name not in values:
        return None
    try:
        return parse_bool(values[name] or "true")
    except ValueError:
        raise ValueError(f'invalid {name} value: "{values[name]}"') from None
