"""Scripts in which ShellCheck can find nothing: chains of well-known tools with plain words. It need not be asked.

tests/lint/test_shellcheck.py asks it all the same, for the scripts of the corpus.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

__all__ = ["is_plain"]

#: Tools that no check of ShellCheck looks at, whatever their words.
_TOOLS = frozenset(
    (
        *(
            "apt-get",
            "apt-key",
            "apk",
            "yum",
            "dnf",
            "microdnf",
            "zypper",
            "dpkg",
            "rpm",
            "add-apt-repository",
        ),
        *(
            "pip",
            "pip3",
            "pip2",
            "pipenv",
            "poetry",
            "python",
            "python3",
            "npm",
            "npx",
            "yarn",
            "pnpm",
            "node",
        ),
        *(
            "bower",
            "gulp",
            "grunt",
            "gem",
            "bundle",
            "rake",
            "go",
            "cargo",
            "mvn",
            "gradle",
            "composer",
            "php",
        ),
        *(
            "make",
            "cmake",
            "ninja",
            "git",
            "curl",
            "wget",
            "tar",
            "unzip",
            "touch",
            "chmod",
            "chown",
            "chgrp",
        ),
        *(
            "useradd",
            "groupadd",
            "adduser",
            "addgroup",
            "usermod",
            "ldconfig",
            "update-ca-certificates",
            "true",
        ),
        *("locale-gen", "a2enmod", "a2dismod", "a2ensite", "docker-php-ext-install", "docker-php-ext-enable"),
        *("conda", "dotnet", "R", "Rscript", "java", "javac", "openssl", "service", "npm-cli-login"),
    )
)
_MOVERS = frozenset(("cp", "mv", "ln", "install"))
_WORD = re.compile(r"[A-Za-z0-9_./:@%+,-][A-Za-z0-9_./:@%+,=-]*", re.ASCII)
_REMOVED = re.compile(r"-[rf]+|/(?:tmp|root|opt|var/(?:cache|lib|tmp|log))/[\w./*-]+|[\w-][\w./-]*", re.ASCII)
_FOLDER = re.compile(r"[/A-Za-z0-9][\w./-]*", re.ASCII)
_SET = re.compile(r"-[eux]+")
_MADE = re.compile(r"-p|[\w./]+[\w./-]*", re.ASCII)
_RESERVED = frozenset(
    (
        "if",
        "then",
        "elif",
        "else",
        "fi",
        "for",
        "in",
        "while",
        "until",
        "do",
        "done",
        "case",
        "esac",
        "function",
    )
)


def is_plain(text: str) -> bool:
    """Whether ShellCheck has nothing to say of the script ``text`` in any dialect.

    >>> is_plain("apt-get update && apt-get install -y curl && rm -rf /var/lib/apt/lists/*")
    True
    >>> is_plain("make && cd /srv") or is_plain("rm -rf $DIR/")
    False
    """
    if "\n" in text.strip():
        return False
    *first, last = (part.split() for part in text.split("&&"))
    return all(_is_plain_command(words) or _enters(words) for words in first) and _is_plain_command(last)


def _enters(words: Sequence[str]) -> bool:
    """``cd`` into a directory, whose failure ends the chain."""
    return len(words) == 2 and words[0] == "cd" and _FOLDER.fullmatch(words[1]) is not None


def _is_plain_command(words: Sequence[str]) -> bool:
    if not words:
        return False
    name, *rest = words
    if name == "rm":
        return all(_REMOVED.fullmatch(word) for word in rest) and not _RESERVED.intersection(rest)
    if name == "set":
        return bool(rest) and all(_SET.fullmatch(word) for word in rest)
    if name == "mkdir":
        return all(_MADE.fullmatch(word) for word in rest) and not _RESERVED.intersection(rest)
    if name in _MOVERS:
        if sum(not word.startswith("-") for word in rest) < 2:
            return False
    elif name not in _TOOLS:
        return False
    return all(_WORD.fullmatch(word) for word in rest) and not _RESERVED.intersection(rest)
