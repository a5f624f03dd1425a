"""Applies a tool's profile to a call: which subcommand it is, and what its paths come to."""

from __future__ import annotations

from .call import Call, split_options
from .inspect import INSPECTORS, Inspection
from .links import normal
from .paths import ancestors
from .profiles import CommandRule, Profile
from .values import Arg

__all__ = ["PACKAGES", "run_profile", "spelled_path"]

#: Where packages of a distribution put their files: not where applications are put by custom.
PACKAGES = (
    *(
        f"/usr/{name}"
        for name in ("bin", "sbin", "lib", "lib32", "lib64", "libx32", "libexec", "share", "include")
    ),
    *("/usr/games", "/usr/local", "/usr/etc"),
    *("/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc", "/run", "/boot"),
    *(
        f"/var/{name}"
        for name in ("lib", "cache", "log", "mail", "spool", "backups", "db", "games", "empty", "opt")
    ),
)


def run_profile(call: Call, profile: Profile) -> None:
    """What a call of the tool reads and writes."""
    collector = call.collector
    options, operands = split_options(call, " ".join(profile.options))
    call = _moved(call, profile, options)
    known = [arg.known or "" for arg in operands]
    rule, count = _rule(profile, known)
    shown = " ".join([call.base, *known[:count]])
    if rule is None:
        collector.fail(f"what `{' '.join([call.base, *known[:2]]).strip()}` reads and writes is not known")
        return
    if rule.unknown:
        collector.fail(f"`{' '.join([call.base, *known[: max(count, 1)]])}`: {rule.unknown}")
        return
    collector.tools.append(call.base)
    for spec in profile.home:
        _read(call, spec)
    collector.read_paths(call.cwds)
    _options(call, profile, options)
    for spec in (*rule.reads, *rule.manifests):
        _read(call, spec)
    for spec in rule.above:
        for directory in {above for cwd in call.cwds for above in ancestors(cwd)}:
            collector.read_paths([f"{directory.rstrip('/')}/{spec.rstrip('/')}"], tree=spec.endswith("/"))
    for spec in rule.writes:
        _write(call, spec)
    manifests = [path for spec in rule.manifests for path in spelled_path(call, spec)]
    collector.manifests += manifests
    collector.caches += [path for spec in rule.caches for path in spelled_path(call, spec)]
    collector.removes += [path for spec in rule.removes for path in spelled_path(call, spec)]
    _operands(call, rule, operands[count:])
    if rule.volatile:
        collector.vary(f"`{shown}`: {rule.volatile}")
    collector.network |= rule.network
    collector.seconds += rule.seconds
    collector.claim(f"`{shown}`: {rule.claim}" if rule.claim else f"`{shown}` is known by its profile")
    if rule.inspector:
        INSPECTORS[rule.inspector](Inspection(call, options, tuple(operands[count:]), tuple(manifests)))


def _moved(call: Call, profile: Profile, options: dict[str, Arg | None]) -> Call:
    """The call, in the directory that an option names."""
    for name, kind in profile.options.items():
        value = options.get(name)
        if kind == "directory" and value is not None:
            if value.known is None:
                call.collector.fail(f"`{call.base} {name}` names a directory that is not known")
                return call
            path = value.text
            cwds = frozenset(normal(path if path.startswith("/") else f"{cwd}/{path}") for cwd in call.cwds)
            call = call._replace(state=call.state._replace(cwds=cwds))
    return call


def _rule(profile: Profile, operands: list[str]) -> tuple[CommandRule | None, int]:
    for rule in profile.commands:
        count = rule.fits(operands)
        if count is not None:
            return rule, count
    return None, 0


def spelled_path(call: Call, spec: str) -> list[str]:
    """The absolute paths that a profile's path comes to, without the slash that says "all that is in it"."""
    if spec == "@packages":
        return list(PACKAGES)
    if spec.startswith("$"):
        name, _, defaults = spec[1:].partition(":")
        value = call.state.get(name)
        if value is None:
            call.collector.fail(f"`{call.base}` goes by ${name}, whose value is not known")
        each = [value] if value else defaults.split("|")
        return [path for item in each for path in spelled_path(call, item)]
    spec = spec.rstrip("/") or "/"
    if spec.startswith("~"):
        home = call.state.get("HOME") or "/root"
        return [normal(home + spec[1:])]
    if spec.startswith("/"):
        return [normal(spec)]
    return sorted(normal(f"{cwd}/{spec}") for cwd in call.cwds)


def _read(call: Call, spec: str) -> None:
    call.collector.read_paths(spelled_path(call, spec), tree=_is_tree(spec))


def _write(call: Call, spec: str) -> None:
    call.collector.write_paths(spelled_path(call, spec), tree=_is_tree(spec))


def _is_tree(spec: str) -> bool:
    return spec.endswith("/") or spec == "@packages"


def _options(call: Call, profile: Profile, options: dict[str, Arg | None]) -> None:
    collector = call.collector
    for name, value in options.items():
        if value is None:
            continue
        kind = profile.options.get(name.partition("#")[0])
        if kind in {"read", "manifest"}:
            collector.read(value, call.cwds)
            if kind == "manifest":
                collector.manifests += collector.paths(value, call.cwds)[0]
        elif kind == "read-tree":
            collector.read(value, call.cwds, tree=True)
        elif kind in {"write", "write-tree"}:
            if value.text not in {"-", "/dev/null"}:
                collector.write(value, call.cwds, tree=kind == "write-tree")
        elif kind is None and value.text.startswith(
            ("/", "./", "../")
        ):  # not known: it may be a place to write to
            collector.write(value, call.cwds, tree=True)
            collector.read(value, call.cwds, tree=True)


def _operands(call: Call, rule: CommandRule, operands: list[Arg]) -> None:
    for operand in operands:
        text = operand.fixed
        if rule.operands in {"read", "read-tree"}:
            if "://" not in text and not text.endswith("..."):
                call.collector.read(operand, call.cwds, tree=rule.operands == "read-tree")
        elif rule.operands in {"write", "write-tree"}:
            call.collector.write(operand, call.cwds, tree=rule.operands == "write-tree")
        elif rule.operands == "packages" and _is_path(text):
            call.collector.read(operand, call.cwds, tree=True)


def _is_path(text: str) -> bool:
    return (
        text.startswith(("/", "./", "../"))
        or text == "."
        or text.endswith((".deb", ".whl", ".tgz", ".tar.gz", ".rpm", ".apk", ".gem"))
    ) and "://" not in text
