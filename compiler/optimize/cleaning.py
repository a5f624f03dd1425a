"""Commands that clean up, and commands that fetch or use package lists: read off their words."""

from __future__ import annotations

import re

from .chains import Link, chain_of
from .draft import Draft, Stage, Step

__all__ = ["cleans", "is_update", "needs_lists_later", "tool_of", "uses_lists"]

_APT = re.compile(r"(?:^|[\s;&|(`]|/bin/)(?:apt|apt-get|aptitude|apt-cache)(?=\s|$)")

_CLEANING = frozenset(
    (
        *(
            "clean",
            "autoclean",
            "distclean",
            "dist-clean",
            "purge",
            "remove",
            "autoremove",
            "autopurge",
            "erase",
        ),
        *("del", "uninstall", "prune", "--purge"),
    )
)
_REMOVERS = frozenset(("rm", "rmdir", "unlink", "shred", "strip", "truncate", "apk-del", "rmmod"))
_PACKAGERS = {"apt-get": "apt", "apt": "apt", "aptitude": "apt", "apk": "apk"}
_PACKAGERS |= dict.fromkeys(("dnf", "yum", "microdnf", "tdnf"), "dnf")
_USES_LISTS = frozenset(
    (
        "install",
        "upgrade",
        "dist-upgrade",
        "full-upgrade",
        "build-dep",
        "reinstall",
        "download",
        "source",
        "add",
    )
)


def tool_of(link: Link) -> str:
    """The package manager that it calls: ``apt``, ``apk`` or ``dnf``; empty for others."""
    words = link.words
    return _PACKAGERS.get(words[0].rpartition("/")[2], "") if words else ""


def cleans(link: Link) -> bool:
    """Whether it may be there to remove what commands before it left: ``rm``, ``apt-get clean``, ``npm prune`` …"""
    words = link.words
    if not words:
        return " rm " in f" {link.script} " or "-delete" in link.script
    name = words[0].rpartition("/")[2]
    return name in _REMOVERS or not _CLEANING.isdisjoint(words[1:]) or "-delete" in words


def is_update(link: Link) -> bool:
    """Whether it fetches package lists: ``apt-get update``."""
    return tool_of(link) != "" and any(word in {"update", "makecache"} for word in link.words[1:])


def uses_lists(link: Link) -> bool:
    """Whether it installs by package lists."""
    words = set(link.words) or set(link.script.split())
    is_packager = tool_of(link) != "" if link.words else not words.isdisjoint(_PACKAGERS)
    return is_packager and not words.isdisjoint(_USES_LISTS)


def needs_lists_later(draft: Draft, stage: Stage, step: Step) -> str:
    """Which step may use apt's lists that ``step`` has fetched, in words; empty if all fetch them anew. Asked are
    the steps below it, and all later stages.
    """
    steps = [each.key for each in stage.steps]
    below = list(stage.steps[steps.index(step.key) + 1 :])
    later = False
    for other in draft.stages:
        if other.key == stage.key:
            later = True
        elif later:
            below += other.steps
    for each in below:
        if each.keyword == "COPY" and "/var/lib/apt" in each.text:
            return f"line {each.lines[0]} may copy them"
        if each.keyword != "RUN" or not _APT.search(each.text):
            continue
        chain = chain_of(each, draft)
        first = (
            None if chain is None else next((link for link in chain.links if _APT.search(link.script)), None)
        )
        if first is None or not is_update(first):
            return f"line {each.lines[0]} may use them"
    return ""
