"""What a profile's data can not say: files that manifests name in their turn, operands with a meaning of their own.

Contents of manifests come from ``Facts.manifests``, by path in the main context. Where it is not known which of
them are in the image, all files of a name count; where there is none, the claim says what is taken for granted.
"""

from __future__ import annotations

import json
import posixpath
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

from .call import Call, values
from .values import Arg

__all__ = ["INSPECTORS", "Inspection"]

_MOST = 200


class Inspection(NamedTuple):
    """A call of a tool. ``manifests`` are the absolute paths of those that its rule names."""

    call: Call
    options: Mapping[str, Arg | None]
    operands: tuple[Arg, ...]
    manifests: tuple[str, ...]

    def contents(self, path: str) -> list[tuple[str, bytes]]:
        """The files of the context that ``path`` may be: their directory in the context, their content."""
        known = self.call.collector.facts.manifests
        placed = self.call.collector.placed
        if placed is not None:
            source = placed.get(path, "")
            return [(source.rpartition("/")[0], known[source])] if source in known else []
        name = path.rpartition("/")[2]
        return [
            (item.rpartition("/")[0], content)
            for item, content in known.items()
            if item.rpartition("/")[2] == name
        ]

    def require(self, path: str, what: str) -> None:
        """Say what is taken for granted where a manifest's content is not known."""
        if not self.contents(path):
            self.call.collector.claim(f"{path}, whose content is not known, {what}")

    def read(self, text: str, directory: str, *, tree: bool = True) -> None:
        """A path that a manifest in ``directory`` of the image names."""
        path = text if text.startswith("/") else f"{directory}/{text}"
        self.call.collector.read_paths([posixpath.normpath(path)], tree=tree)


def _above(path: str) -> str:
    return path.rpartition("/")[0] or "/"


# --- Python ------------------------------------------------------------------------------------------------

_NESTED = re.compile(r"^(?:-r|-c|--requirement|--constraint)(?:\s+|=)(\S+)")
_LOCAL = re.compile(
    r"^(?:(?:-e|--editable)(?:\s+|=))?((?:\.{0,2}/|file:|\.$|\./)\S*|\S+\.(?:whl|tar\.gz|zip))|@\s*file:(\S+)"
)
_LINKS = re.compile(r"^(?:-f|--find-links)(?:\s+|=)(\S+)")


def _pip(inspection: Inspection) -> None:
    """Requirement files name others, and local projects."""
    call = inspection.call
    collector = call.collector
    given = values(inspection.options, "-r", "--requirement", "-c", "--constraint")
    files = [path for arg in given for path in collector.paths(arg, call.cwds)[0]]
    pinned = _requirements(inspection, files) and not inspection.operands
    if (pinned or "--no-index" in inspection.options) and collector.volatile.startswith(f"`{call.base} "):
        collector.volatile = ""
    if "--no-index" in inspection.options:
        collector.network = False
    editable = values(inspection.options, "-e", "--editable")
    local = [operand for operand in inspection.operands if operand.text.startswith((".", "/"))]
    for project in [*local, *editable]:
        path = project._replace(text=project.text.partition("[")[0], pattern=False)
        trees, _ = collector.paths(path, call.cwds)
        collector.read_paths(trees, tree=True)
        collector.write_paths(trees, tree=True)  # build/, *.egg-info
    for directory in (call.state.get("PATH") or "").split(
        ":"
    ):  # the first pip of PATH may be an environment's
        prefix = directory.removesuffix("/bin")
        if directory.startswith("/") and prefix not in {"", "/usr", "/usr/local"} and prefix != directory:
            collector.write_paths([prefix], tree=True)


def _requirements(inspection: Inspection, files: list[str]) -> bool:
    """Read what the files name; whether they name an exact version of everything."""
    collector = inspection.call.collector
    seen: set[str] = set()
    pinned = bool(files)
    while files and len(seen) < _MOST:
        path = files.pop()
        if path in seen:
            continue
        seen.add(path)
        inspection.require(path, "names no other files")
        pinned &= bool(inspection.contents(path))
        for _, content in inspection.contents(path):
            for line in _requirement_lines(content):
                if match := _NESTED.match(line):
                    nested = posixpath.normpath(f"{_above(path)}/{match[1]}")
                    collector.read_paths([nested])
                    collector.manifests.append(nested)
                    files.append(nested)
                elif match := _LINKS.match(line) or _LOCAL.search(line):
                    text = next(item for item in match.groups() if item)
                    if "://" not in text.replace("file://", ""):
                        inspection.read(text.removeprefix("file:").removeprefix("//"), _above(path))
                elif "==" not in line and not line.startswith("-"):
                    pinned = False
    return pinned


def _requirement_lines(content: bytes) -> Iterator[str]:
    text = content.decode("utf-8", "replace").replace("\\\n", " ")
    for line in text.splitlines():
        line = re.sub(r"(^|\s)#.*", "", line).strip()
        if line:
            yield line


def _python_project(inspection: Inspection) -> None:
    """The project itself is installed too, and sources may be local paths."""
    only_locked = any(name in inspection.options for name in ("--no-install-project", "--frozen"))
    project = "--no-install-project" not in inspection.options and inspection.call.base == "uv"
    if project:
        inspection.call.collector.read_paths(inspection.call.cwds, tree=True)
        inspection.call.collector.write_paths(inspection.call.cwds, tree=True)
    _toml_paths(inspection)
    if not only_locked and "--locked" not in inspection.options and inspection.call.base == "uv":
        inspection.call.collector.vary("`uv sync` without --frozen or --locked may lock other versions")


def _poetry(inspection: Inspection) -> None:
    if "--no-root" not in inspection.options:
        inspection.call.collector.read_paths(inspection.call.cwds, tree=True)
    _toml_paths(inspection)


def _toml_paths(inspection: Inspection) -> None:
    """``path = "…"`` anywhere in the TOML manifests."""
    for manifest in inspection.manifests:
        if not manifest.endswith(".toml"):
            continue
        inspection.require(manifest, "names no local paths")
        for _, content in inspection.contents(manifest):
            for path in _values(_toml(inspection, manifest, content), {"path", "readme", "workspace"}):
                inspection.read(path, _above(manifest))


def _toml(inspection: Inspection, path: str, content: bytes) -> Any:
    try:
        return tomllib.loads(content.decode("utf-8", "replace"))
    except tomllib.TOMLDecodeError:
        inspection.call.collector.fail(f"{path} is not understood")
        return {}


def _values(value: Any, keys: set[str]) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key in keys and isinstance(item, str):
                yield item
            yield from _values(item, keys)
    elif isinstance(value, list):
        for item in value:
            yield from _values(item, keys)


def _python(inspection: Inspection) -> None:
    """``python -m pip …``, ``-m venv``, ``-m compileall``; anything else is a program of the user's."""
    call = inspection.call
    collector = call.collector
    words = [arg.known for arg in call.args]
    if "-m" not in words:
        if words and all(word in {"--version", "-V", "-VV"} for word in words):
            return
        collector.fail(f"`{call.base}` runs a program")
        return
    at = words.index("-m")
    module = words[at + 1] if at + 1 < len(words) else None
    rest = call.args[at + 2 :]
    if module in {"pip", "uv", "poetry", "pipenv", "virtualenv"}:
        from .profiles import PROFILES
        from .rules import run_profile

        run_profile(call._replace(name=module, args=rest), PROFILES[module])
    elif module in {"venv", "ensurepip"}:
        for arg in rest:
            if not arg.text.startswith("-"):
                collector.write(arg, call.cwds, tree=True)
        if module == "ensurepip":
            collector.write_paths(["/usr/local/lib", "/usr/lib", "/usr/local/bin"], tree=True)
    elif module == "compileall":
        for arg in rest:
            if not arg.text.startswith("-") and not arg.text.isdecimal():
                collector.read(arg, call.cwds, tree=True)
                collector.write(arg, call.cwds, tree=True)
    else:
        collector.fail(f"`{call.base} -m {module}` runs a program")


# --- JavaScript --------------------------------------------------------------------------------------------

_HOOKS = ("preinstall", "install", "postinstall", "prepublish", "preprepare", "prepare", "postprepare")


def _npm(inspection: Inspection) -> None:
    """Scripts of package.json that an install runs, workspaces, local dependencies; global installs."""
    call = inspection.call
    collector = call.collector
    options = inspection.options
    if "-g" in options or "--global" in options or "--location" in options:
        collector.write_paths(
            ["/usr/local/lib/node_modules", "/usr/local/bin", "/usr/lib/node_modules", "/usr/bin"], tree=True
        )
        return
    runs_scripts = "--ignore-scripts" not in options
    for manifest in inspection.manifests:
        if not manifest.endswith("package.json"):
            continue
        inspection.require(manifest, "has no workspaces, local dependencies or install scripts")
        for _, content in inspection.contents(manifest):
            _package(inspection, manifest, content, runs_scripts=runs_scripts)
    locks = [
        path
        for path in inspection.manifests
        if path.endswith((".lock", "lock.json", "lock.yaml", "shrinkwrap.json"))
    ]
    if collector.facts.contexts.get("") is not None and not any(inspection.contents(path) for path in locks):
        names = {file.path.rpartition("/")[2] for file in collector.facts.contexts[""]}
        if not any(path.rpartition("/")[2] in names for path in locks):
            collector.vary(f"`{call.base}` without a lock file: packages are the newest that fit")


def _package(inspection: Inspection, manifest: str, content: bytes, *, runs_scripts: bool) -> None:
    collector = inspection.call.collector
    try:
        package = json.loads(content)
    except ValueError:
        package = None
    if not isinstance(package, dict):
        collector.fail(f"{manifest} is not understood")
        return
    directory = _above(manifest)
    for table in ("dependencies", "devDependencies", "optionalDependencies", "overrides", "resolutions"):
        for target in _strings(package.get(table)):
            prefix, _, path = target.partition(":")
            if prefix in {"file", "link", "portal", "patch", "workspace"} or target.startswith((".", "/")):
                inspection.read(path if prefix in {"file", "link", "portal"} else ".", directory)
    workspaces = package.get("workspaces")
    if workspaces:
        for pattern in _strings(workspaces):
            inspection.read(pattern.partition("*")[0].lstrip("!") or ".", directory)
            collector.write_paths([posixpath.normpath(f"{directory}/{pattern.partition('*')[0]}")], tree=True)
    scripts = package.get("scripts")
    hooks = [name for name in _HOOKS if isinstance(scripts, dict) and scripts.get(name)]
    if hooks and runs_scripts:
        collector.fail(
            f"{manifest} has the script `{hooks[0]}`, which an install runs; with --ignore-scripts it would"
            " be known what it writes"
        )


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)


def _composer(inspection: Inspection) -> None:
    """Scripts and autoloaded directories."""
    call = inspection.call
    for manifest in inspection.manifests:
        if not manifest.endswith("composer.json"):
            continue
        inspection.require(manifest, "has no scripts, path repositories or class maps")
        for _, content in inspection.contents(manifest):
            try:
                package = json.loads(content)
            except ValueError:
                call.collector.fail(f"{manifest} is not understood")
                return
            if package.get("scripts") and "--no-scripts" not in inspection.options:
                call.collector.fail(
                    f"{manifest} has scripts, which an install runs: with --no-scripts it would be known"
                )
            if "--no-autoloader" not in inspection.options and package.get("autoload", {}).get("classmap"):
                call.collector.read_paths(call.cwds, tree=True)
            for path in _values(package.get("repositories", []), {"url"}):
                if "://" not in path:
                    inspection.read(path.partition("*")[0], _above(manifest))


# --- Go, Rust, Ruby, Java ----------------------------------------------------------------------------------

_REPLACE = re.compile(r"=>\s*(\.{0,2}/\S*)")


def _go_mod(inspection: Inspection) -> None:
    """``replace … => ../path``, ``use ./path`` of a workspace."""
    for manifest in inspection.manifests:
        if manifest.endswith("go.mod"):
            inspection.require(manifest, "has no `replace` with a local path")
        if not manifest.endswith(("go.mod", "go.work")):
            continue
        for _, content in inspection.contents(manifest):
            text = content.decode("utf-8", "replace")
            for match in _REPLACE.finditer(text):
                inspection.read(match[1], _above(manifest))
            if manifest.endswith("go.work"):
                for match in re.finditer(r"^\s*(?:use\s+)?(\.{1,2}(?:/\S*)?)\s*$", text, re.MULTILINE):
                    inspection.read(match[1], _above(manifest))


def _cargo(inspection: Inspection) -> None:
    """Members of a workspace and path dependencies."""
    for manifest in inspection.manifests:
        if not manifest.endswith("Cargo.toml"):
            continue
        inspection.require(manifest, "has no workspace members or path dependencies")
        for _, content in inspection.contents(manifest):
            table = _toml(inspection, manifest, content)
            workspace = table.get("workspace", {}) if isinstance(table, dict) else {}
            members = workspace.get("members", []) if isinstance(workspace, dict) else []
            for member in _strings(members):
                inspection.read(member.partition("*")[0] or ".", _above(manifest))
            for path in _values(table, {"path"}):
                inspection.read(path, _above(manifest))


def _gemfile(inspection: Inspection) -> None:
    """``gemspec`` and ``path:`` in a Gemfile, which is a program."""
    for manifest in inspection.manifests:
        if not manifest.endswith("Gemfile"):
            continue
        inspection.require(manifest, "reads no other files")
        for _, content in inspection.contents(manifest):
            text = re.sub(r"#.*", "", content.decode("utf-8", "replace"))
            if re.search(
                r"^\s*gemspec|eval_gemfile|\b(?:File|IO|Dir|require|require_relative|load)\b",
                text,
                re.MULTILINE,
            ):
                inspection.read(".", _above(manifest))
            for match in re.finditer(r"""\bpath:?\s*(?:=>)?\s*["']([^"']+)["']""", text):
                inspection.read(match[1], _above(manifest))


def _maven(inspection: Inspection) -> None:
    """Modules and the parent of a project."""
    for manifest in inspection.manifests:
        inspection.require(manifest, "has no modules, and no parent in another directory")
        for _, content in inspection.contents(manifest):
            text = content.decode("utf-8", "replace")
            for match in re.finditer(r"<(?:module|relativePath)>\s*([^<]+?)\s*</", text):
                inspection.read(match[1], _above(manifest))


_INSTALLS = re.compile(r"(?:^|[-_])(?:install|uninstall|deploy)")


def _make(inspection: Inspection) -> None:
    """``make install`` writes to a prefix."""
    collector = inspection.call.collector
    targets = [operand for operand in inspection.operands if "=" not in operand.text]
    if any(_INSTALLS.search(target.text) or target.known is None for target in targets):
        collector.write_paths(
            ["/usr/local", "/usr/lib", "/usr/bin", "/usr/share", "/usr/include", "/etc"], tree=True
        )
    for operand in inspection.operands:
        name, sign, value = operand.text.partition("=")
        if sign and (name.isupper() or name == "prefix") and value.startswith("/"):
            collector.write(operand.after(len(name) + 1), inspection.call.cwds, tree=True)


def _cmake(inspection: Inspection) -> None:
    if "--install" in inspection.options or any(arg.text == "install" for arg in inspection.call.args):
        _make(inspection._replace(operands=(Arg("install"),)))


def _compiler(inspection: Inspection) -> None:
    """Object files are called like their sources."""
    if "-c" in inspection.options or "-S" in inspection.options:
        collector = inspection.call.collector
        for operand in inspection.operands:
            name = operand.text.rpartition("/")[2].rpartition(".")[0]
            collector.write(Arg(f"{name}.o", operand.exact), inspection.call.cwds)
    if inspection.call.base in {"ar", "strip"}:
        for operand in inspection.operands:
            inspection.call.collector.write(operand, inspection.call.cwds)


def _git_clone(inspection: Inspection) -> None:
    call = inspection.call
    operands = inspection.operands
    if not operands:
        return
    if "://" not in operands[0].fixed and "@" not in operands[0].fixed:
        call.collector.read(operands[0], call.cwds, tree=True)
    if len(operands) > 1:
        call.collector.write(operands[1], call.cwds, tree=True)
        return
    name = (operands[0].known or "").rstrip("/").rpartition("/")[2].removesuffix(".git")
    call.collector.write(Arg(name or "."), call.cwds, tree=True)


def _curl(inspection: Inspection) -> None:
    call = inspection.call
    if "-O" in inspection.options or "--remote-name" in inspection.options or "-J" in inspection.options:
        for operand in inspection.operands:
            _downloaded(call, operand)
    for operand in inspection.operands:
        if operand.fixed.startswith("file://"):
            call.collector.read(operand.after(7), call.cwds)


def _wget(inspection: Inspection) -> None:
    call = inspection.call
    if "-r" in inspection.options or "-m" in inspection.options or "--recursive" in inspection.options:
        call.collector.write(Arg("."), call.cwds, tree=True)
    if not any(name in inspection.options for name in ("-O", "--output-document")):
        for operand in inspection.operands:
            _downloaded(call, operand)


def _downloaded(call: Call, url: Arg) -> None:
    """A file called like the last part of its URL."""
    name = (url.known or "").partition("?")[0].rpartition("/")[2]
    if name and "%" not in (url.known or "") and "?" not in (url.known or ""):
        call.collector.write(Arg(name), call.cwds)
    else:
        call.collector.write(Arg("."), call.cwds, tree=True)


def _accounts(inspection: Inspection) -> None:
    """Homes of users are copies of /etc/skel; the system's settings are read."""
    collector = inspection.call.collector
    if inspection.call.base == "adduser":
        collector.read_paths(["/var/lib/dpkg", "/usr/local/sbin/adduser.local"], tree=True)
    collector.read_paths(["/"])


INSPECTORS: Mapping[str, Callable[[Inspection], None]] = {
    "accounts": _accounts,
    "cargo": _cargo,
    "cmake": _cmake,
    "compiler": _compiler,
    "composer": _composer,
    "curl": _curl,
    "gemfile": _gemfile,
    "git_clone": _git_clone,
    "go_mod": _go_mod,
    "make": _make,
    "maven": _maven,
    "npm": _npm,
    "pip": _pip,
    "poetry": _poetry,
    "python": _python,
    "python_project": _python_project,
    "wget": _wget,
}
