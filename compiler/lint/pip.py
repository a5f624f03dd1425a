"""Calls of pip, whatever it is called: what the rules about it share."""

from __future__ import annotations

from .calls import Call, CallWord
from .tools import operands

__all__ = ["is_local", "is_pip_install", "pip_packages"]

_VALUED = frozenset(
    (
        *("abi", "b", "build", "e", "editable", "extra-index-url", "f", "find-links", "i", "index-url"),
        *(
            "implementation",
            "no-binary",
            "only-binary",
            "platform",
            "prefix",
            "progress-bar",
            "proxy",
            "python",
        ),
        *(
            "python-version",
            "root",
            "root-user-action",
            "src",
            "t",
            "target",
            "trusted-host",
            "upgrade-strategy",
        ),
        *(
            "cache-dir",
            "log",
            "timeout",
            "retries",
            "config-settings",
            "global-option",
            "install-option",
            "index",
        ),
    )
)
_VCS = ("git", "git+", "hg+", "svn", "svn+", "bzr+")


def is_pip_install(call: Call) -> bool:
    """``pip install``, ``pip3.12 install`` and ``python -m pip install``, but no pipenv."""
    words = [word.shown for word in call.words]
    if call.name.startswith("python"):
        return any(words[at : at + 3] == ["-m", "pip", "install"] for at in range(1, len(words)))
    return call.name.startswith("pip") and not call.name.startswith("pipenv") and "install" in words


def pip_packages(call: Call) -> list[CallWord]:
    """What ``call`` installs: its operands behind the word ``install``."""
    words = operands(call, _VALUED)
    names = [word.shown for word in words]
    return words[names.index("install") + 1 :] if "install" in names else []


def is_local(package: str) -> bool:
    """Whether it is a file or a directory, or a commit of a repository."""
    if package.startswith(_VCS) and ("://" in package or "+" in package):
        return "@" in package
    return package.endswith((".whl", ".tar.gz")) or "/" in package
