"""Keep the caches of package managers in cache mounts: out of the image, and there for the next build.

**What differs**: what a manager keeps of its downloads is not in the image (``~/.cache/pip``, ``~/.npm``, apt's
archives and lists, Go's modules and build cache, Cargo's registry). What it installs is the same. For that to be so

* the step runs as root, to whom a cache mount belongs, and does not clean that cache itself;
* of apt's lists: no step below uses the lists that this one fetched (each that calls apt begins with an
  ``update``);
* of what later steps need and would not fetch again without the network (Go, Cargo): every later RUN is
  understood and either gets the same mount or reads nothing of it, and no COPY takes anything from there;
* two builds may use the cache at once: apt's mounts are ``sharing=locked``, the other managers can do that.

``--no-cache-dir`` of pip goes, for with it the mount is of no use. Debian's images remove apt's archives after each
install (``/etc/apt/apt.conf.d/docker-clean``): that file is removed first.

Before::

    RUN pip install --no-cache-dir -r requirements.txt

After::

    RUN --mount=type=cache,target=/root/.cache/pip pip install -r requirements.txt

Reference: "optimize cache usage in builds", Docker's documentation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from ....grammar.source import Span
from ...effects.model import Evidence
from ...effects.paths import Writes, is_below
from ...graph.operations import ContextPath, Copy, FromLayer, Run
from ..chains import Link, chain_of, run_of
from ..cleaning import is_update, needs_lists_later
from ..draft import Draft, Stage, Step
from ..facts import Facts
from ..knowledge import Knowledge, Known
from ..rewrite import Change, Refusal, Rewrite

__all__ = ["run"]

_ROOT = frozenset(("", "root", "0"))
_LISTS = "/var/lib/apt/lists"
_ARCHIVES = "/var/cache/apt"
_DOCKER_CLEAN = "rm -f /etc/apt/apt.conf.d/docker-clean"
_NO_CACHE = "--no-cache-dir"
_PIPS = re.compile(r"(?:pip|pip3(?:\.\d+)?)")
_CLEANS = re.compile(r"\bcache (?:clean|purge|rm|remove|clear)\b|\b(?:auto)?clean\b|\bclean -")
_OLD_SYNTAX = re.compile(r"syntax\s*=\s*\S*dockerfile:1\.[01](?:\D|$)", re.IGNORECASE)


class _Mount(NamedTuple):
    """``needed`` says that later steps may need what is in it."""

    target: str
    locked: bool = False
    needed: bool = False

    @property
    def flag(self) -> str:
        return f"--mount=type=cache,target={self.target}" + (",sharing=locked" if self.locked else "")


def run(draft: Draft, facts: Facts) -> Rewrite:
    """Mount caches in all steps that fill them."""
    if _OLD_SYNTAX.search(draft.top):
        return Rewrite(draft)
    knowledge = Knowledge.of_draft(draft, facts)
    after = draft
    changes: list[Change] = []
    refusals: list[Refusal] = []
    for stage in draft.stages:
        steps = knowledge.of(stage)
        for index, known in enumerate(steps):
            mounts = _mounts(known, draft)
            if not mounts:
                continue
            kept = []
            for mount in mounts:
                if why := _why_not(mount, draft, stage, steps, index, knowledge):
                    what = f"keep {mount.target} of line {known.step.lines[0]} in a cache mount"
                    refusals.append(Refusal(what, why, known.step.lines))
                else:
                    kept.append(mount)
            if kept:
                new = draft.step(_text(draft, known.step, kept), like=known.step)
                after = after.replace(after.find(known.step.key), new)
                changes.append(_change(known.step, new, kept))
    return Rewrite(after, tuple(changes), tuple(refusals))


# --- which --------------------------------------------------------------------------------------------


def _mounts(known: Known, draft: Draft) -> tuple[_Mount, ...]:
    """The caches that a step fills, those left out over which something is mounted already."""
    operation = run_of(known.step)
    chain = chain_of(known.step, draft)
    if operation is None or chain is None or known.effects is None:
        return ()
    found: dict[str, _Mount] = {}
    for link in chain.links:
        for mount in _of_link(link, operation):
            found.setdefault(mount.target, mount)
    there = [mount.target.rstrip("/") for mount in operation.mounts if mount.target]
    return tuple(
        mount
        for mount in found.values()
        if not any(is_below(mount.target, each) or is_below(each, mount.target) for each in there)
    )


def _of_link(link: Link, operation: Run) -> Iterable[_Mount]:
    words = link.words
    if len(words) < 2:
        return
    env = dict(operation.env)
    name, command = words[0].rpartition("/")[2], words[1:]
    if name in {"python", "python3"} and command[:2] == ("-m", "pip"):
        name, command = "pip", command[2:]
    if _PIPS.fullmatch(name) and "install" in command and "--cache-dir" not in " ".join(command):
        if not env.get("PIP_NO_CACHE_DIR"):
            yield _Mount(env.get("PIP_CACHE_DIR") or _home(env) + "/.cache/pip")
    elif name == "npm" and command[0] in {"ci", "clean-install", "install", "i"} and "--cache" not in command:
        yield _Mount(env.get("npm_config_cache") or _home(env) + "/.npm")
    elif name == "uv" and command[0] in {"sync", "pip"} and not {"--no-cache", "--cache-dir"} & set(command):
        yield _Mount(env.get("UV_CACHE_DIR") or _home(env) + "/.cache/uv")
    elif name == "apt-get" and "install" in command:
        yield _Mount(_ARCHIVES, locked=True)
    elif name == "apt-get" and is_update(link) and _LISTS not in operation.argv[-1]:
        yield _Mount(_LISTS, locked=True)
    elif (
        name == "go" and command[0] in {"mod", "build", "install", "get", "test", "vet"} and env.get("GOPATH")
    ):
        yield _Mount(env["GOPATH"].rstrip("/") + "/pkg/mod", needed=True)
        if command[0] != "mod":
            yield _Mount(env.get("GOCACHE") or _home(env) + "/.cache/go-build")
    elif name == "cargo" and command[0] in {"build", "install", "fetch", "test"} and env.get("CARGO_HOME"):
        yield _Mount(env["CARGO_HOME"].rstrip("/") + "/registry", needed=True)


def _home(env: dict[str, str]) -> str:
    return env.get("HOME", "/root").rstrip("/")


def _why_not(
    mount: _Mount,
    draft: Draft,
    stage: Stage,
    steps: Sequence[Known],
    index: int,
    knowledge: Knowledge,
) -> str:
    step = steps[index].step
    if why := _own(step, mount):
        return why
    if mount.target == _LISTS:
        return needs_lists_later(draft, stage, step)
    if mount.needed:
        return _why_needed(mount, draft, stage, steps[index + 1 :], knowledge)
    return ""


def _own(step: Step, mount: _Mount) -> str:
    """What of the step itself is against a mount."""
    operation = run_of(step)
    if operation is None or operation.user not in _ROOT:
        return "it does not run as root, to whom a cache mount belongs"
    if not mount.target.startswith("/") or re.search(r"[\s,\"'$\\=]", mount.target):
        return "its path can not be written in a flag"
    script = operation.argv[-1].replace(_DOCKER_CLEAN, "")
    if _CLEANS.search(script) or f"rm -rf {mount.target}" in script:
        return "it cleans up the cache itself"
    return "it has no network to fill the cache again" if operation.network == "none" else ""


def _why_needed(
    mount: _Mount, draft: Draft, stage: Stage, below: Sequence[Known], knowledge: Knowledge
) -> str:
    """Whether a later step needs what is in the cache, and does not get the mount."""
    later = list(below)
    behind = False
    for other in draft.stages:
        if behind:
            later += knowledge.of(other)
        behind |= other.key == stage.key
    for known in later:
        if known.effects is None:
            continue
        said = f"line {known.step.lines[0]} may need it"
        if known.step.keyword in {"COPY", "ADD"}:
            if any(_takes(layer.operation, mount.target) for layer in known.step.layers):
                return said
            continue
        if (
            any(each.target == mount.target for each in _mounts(known, draft))
            or mount.target in known.step.text
        ):
            continue
        if known.effects.unknown or known.effects.reads.conflict(Writes(trees=frozenset((mount.target,)))):
            return said
    return ""


def _takes(operation: object, target: str) -> bool:
    """Whether a COPY takes something from there."""
    if not isinstance(operation, Copy) or not isinstance(operation.origin, FromLayer):
        return False
    paths = ("/" + source.path.strip("/") for source in operation.sources if isinstance(source, ContextPath))
    return any(
        is_below(path, target) or is_below(target, path.partition("*")[0].rstrip("/") or "/")
        for path in paths
    )


# --- the text -----------------------------------------------------------------------------------------


def _text(draft: Draft, step: Step, mounts: Sequence[_Mount]) -> str:
    edits: list[tuple[Span, str]] = []
    flags = "".join(f" {mount.flag}" for mount in mounts)
    if len(mounts) > 1:
        end = f" {draft.escape}{draft.newline}   "
        flags = "".join(f" {mount.flag}{end}" for mount in mounts)
    behind = step.instruction.keyword_span.end
    edits.append((Span(behind, behind), flags))
    first = step.instruction.args_span.start
    if any(mount.target == _ARCHIVES for mount in mounts) and _DOCKER_CLEAN not in step.text:
        edits.append((Span(first, first), f"{_DOCKER_CLEAN} {draft.escape}{draft.newline}    && "))
    if any(mount.target.endswith("/pip") for mount in mounts):
        start = step.instruction.span.start
        alone = rf"(?<=\n)[ \t]*{_NO_CACHE}[ \t]*{re.escape(draft.escape)}[ \t]*\r?\n"  # on a line of its own
        found = re.finditer(rf"{alone}|[ \t]{_NO_CACHE}(?=\s)", step.text)
        edits += ((Span(start + match.start(), start + match.end()), "") for match in found)
    return step.spliced(edits)


def _change(step: Step, new: Step, mounts: Sequence[_Mount]) -> Change:
    targets = ", ".join(mount.target for mount in mounts)
    differs = f"{targets} is not in the image" if len(mounts) == 1 else f"{targets} are not in the image"
    if any(mount.target == _ARCHIVES for mount in mounts):
        differs += "; /etc/apt/apt.conf.d/docker-clean, which keeps apt from keeping its archives, is removed"
    if _NO_CACHE in step.text and _NO_CACHE not in new.text:
        differs += f"; {_NO_CACHE} is gone, the downloads stay in the mount"
    return Change(
        f"mounted a cache for {targets} in {_title(step)}",
        "the image does not need it, and the next build does not download it again",
        step.lines,
        (new.key,),
        Evidence.PROFILE,
        differs=differs,
    )


def _title(step: Step) -> str:
    """Its text on one short line."""
    text = " ".join(step.text.split())
    return text if len(text) <= 60 else text[:59] + "…"
