"""Builds plans in memory: a tree is a mapping, and programs are a few lines each.

The programs never fail for a missing file (they make something else of it), so that nearly all made-up Dockerfiles
build; ``false`` and ``test`` do. What each step looks at and changes is recorded as a build with layerc would.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from layerc.compiler.effects.paths import Reads, Writes, ancestors
from layerc.compiler.graph.operations import (
    Add,
    Base,
    ContextPath,
    Copy,
    FromContext,
    FromLayer,
    MakeDir,
    Run,
)
from layerc.compiler.graph.plan import LayerPlan
from layerc.compiler.optimize.facts import Observation
from layerc.grammar.shell_parse import parse_script
from layerc.grammar.shell_syntax import AndOr, Command, Group, Script, Simple, Subshell, Word

#: ``("d", owner)``, ``("f", owner, content)``, ``("l", target)``, by absolute path.
Tree = dict[str, tuple[str, ...]]
_MOST_LINKS = 20
BASE_DIRECTORIES = (
    *(
        "/bin",
        "/etc",
        "/etc/apt",
        "/opt",
        "/root",
        "/srv",
        "/tmp",
        "/usr",
        "/usr/bin",
        "/usr/lib",
        "/usr/local",
    ),
    *(
        "/usr/local/lib",
        "/var",
        "/var/cache",
        "/var/cache/apt",
        "/var/lib",
        "/var/lib/apt",
        "/var/lib/apt/lists",
    ),
    *("/var/lib/dpkg", "/root/.npm", "/root/.cache", "/root/.cache/pip", "/usr/local/bin", "/home"),
)


def base_tree() -> Tree:
    """What every base image holds."""
    tree: Tree = dict.fromkeys(BASE_DIRECTORIES, ("d", "root"))
    return {**tree, "/etc/passwd": ("f", "root", "root app"), "/usr/bin/sh": ("f", "root", "sh")}


class BuildError(Exception):
    """A step ended with another code than 0."""


@dataclass
class Built:
    """``trees`` are by id of the layer, ``seen`` what each step looked at and changed."""

    trees: dict[str, Tree] = field(default_factory=dict)
    seen: dict[str, Observation] = field(default_factory=dict)


def build(plan: LayerPlan, context: Mapping[str, str]) -> Built:
    """All layers of a plan. ``context`` are the files, by path; ``->x`` is a link to ``x``. Raises BuildError."""
    built = Built()
    for layer in plan.layers:
        below = {} if layer.parent is None else built.trees[layer.parent]
        machine = _Machine(dict(below))
        operation = layer.operation
        match operation:
            case Base():
                machine.tree = base_tree()
            case MakeDir():
                machine.make_directories(operation.path, operation.user or "root")
            case Copy() | Add():
                if isinstance(operation.origin, FromLayer):
                    index = operation.origin.index
                    source = {} if index is None else built.trees[layer.inputs[index]]
                else:
                    assert isinstance(operation.origin, FromContext)
                    source = context_tree(context)
                if operation.link and not operation.chmod:
                    alone = _Machine({})
                    _copy(alone, operation, source)
                    _lay_over(machine.tree, alone.tree)
                else:
                    _copy(machine, operation, source)
            case Run():
                _run(machine, operation)
        built.trees[layer.id] = machine.tree
        if isinstance(operation, Run):
            built.seen[layer.id] = machine.observation(below)
    return built


def context_tree(context: Mapping[str, str]) -> Tree:
    """The context as a tree."""
    tree: Tree = {}
    for path, content in context.items():
        tree |= {above: ("d", "root") for above in ancestors(f"/{path}") if above != "/"}
        tree[f"/{path}"] = ("l", content[2:]) if content.startswith("->") else ("f", "root", content)
    return tree


class _Machine:
    """One step on its tree."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.names: set[str] = set()
        self.lists: set[str] = set()

    def observation(self, below: Tree) -> Observation:
        changed = {path for path in {*below, *self.tree} if below.get(path) != self.tree.get(path)}
        return Observation(
            Reads(names=frozenset(self.names | changed), lists=frozenset(self.lists)),
            Writes(names=frozenset(changed)),
            10.0,
            100,
        )

    def real(self, path: str, *, follow: bool = True) -> str:
        """Where a path leads; each name on the way is looked up."""
        todo = [part for part in reversed(path.split("/")) if part not in {"", "."}]
        here = ""
        links = 0
        missing = False
        while todo:
            part = todo.pop()
            if part == "..":
                here = here.rpartition("/")[0]
                continue
            place = f"{here}/{part}"
            if not missing:
                self.names.add(place)
            entry = self.tree.get(place)
            missing |= entry is None
            if entry is not None and entry[0] == "l" and (todo or follow):
                links += 1
                if links > _MOST_LINKS:
                    raise BuildError("links in a circle")
                here = "" if entry[1].startswith("/") else here
                todo += [item for item in reversed(entry[1].split("/")) if item not in {"", "."}]
            else:
                here = place
        return here or "/"

    def is_directory(self, path: str) -> bool:
        return path == "/" or self.tree.get(path, ("",))[0] == "d"

    def read(self, path: str) -> str:
        """A file, or what stands for its not being one."""
        entry = self.tree.get(self.real(path))
        return "<none>" if entry is None else "<directory>" if entry[0] == "d" else entry[2]

    def read_tree(self, path: str) -> str:
        """A directory with all that is in it."""
        root = self.real(path)
        if not self.is_directory(root):
            return self.read(path)
        below = sorted(each for each in self.tree if each.startswith(root.rstrip("/") + "/"))
        for each in (root, *below):
            self.names.add(each)
            if self.is_directory(each):
                self.lists.add(each)
        return digest(*(f"{each}{self.tree[each]}" for each in below))

    def write(self, path: str, content: str, owner: str) -> None:
        """A file that is made or overwritten, if that is possible."""
        place = self.real(path)
        if not self.is_directory(place.rpartition("/")[0] or "/") or self.is_directory(place):
            return
        before = self.tree.get(place)
        self.tree[place] = ("f", before[1] if before is not None else owner, content)

    def make_directories(self, path: str, owner: str) -> None:
        place = self.real(path)
        for each in (*reversed(list(ancestors(place))), place):
            if each != "/" and each not in self.tree:
                self.tree[each] = ("d", owner)

    def remove(self, path: str, *, deep: bool) -> None:
        place = self.real(path, follow=False)
        if place == "/" or (self.is_directory(place) and not deep):
            return
        if self.is_directory(place):
            self.read_tree(place)
        for each in [each for each in self.tree if each == place or each.startswith(place + "/")]:
            del self.tree[each]

    def inside(self, path: str) -> list[str]:
        """The names in a directory."""
        root = self.real(path)
        self.lists.add(root)
        return sorted(each for each in self.tree if each.rpartition("/")[0] == root.rstrip("/"))


def digest(*parts: str) -> str:
    """Something that tells different texts apart."""
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()[:8]


# --- COPY ---------------------------------------------------------------------------------------------


def _copy(machine: _Machine, operation: Copy | Add, source: Tree) -> None:
    if operation.link:
        alone = _Machine({})
        _copy(alone, operation._replace(link=False), source)
        for path, entry in alone.tree.items():
            if entry[0] != "d":
                machine.tree = {
                    each: it for each, it in machine.tree.items() if not each.startswith(f"{path}/")
                }
            machine.tree[path] = entry
        return
    owner = operation.chown or "root"
    paths = ["/" + each.path.strip("/").removeprefix(".").strip("/") for each in operation.sources if isinstance(each, ContextPath)]  # fmt: skip
    dest = machine.real(operation.dest)
    into = operation.dest.endswith("/") or machine.is_directory(dest)
    for path in paths:
        if path != "/" and path not in source:
            raise BuildError(f"{path} is not there")
        if path != "/" and source[path][0] == "l":
            path = "/" + source[path][1].strip("/")  # of one that is named itself, what it leads to is copied
        if path == "/" or source[path][0] == "d":
            prefix = path.rstrip("/") + "/"
            _make_for(machine, dest, owner)
            for each in sorted(each for each in source if each.startswith(prefix)):
                _place(machine, f"{dest.rstrip('/')}/{each[len(prefix) :]}", source[each], owner)
        else:
            place = f"{dest.rstrip('/')}/{path.rpartition('/')[2]}" if into else dest
            _make_for(machine, place.rpartition("/")[0] or "/", owner)
            _place(machine, place, source[path], owner)


def _lay_over(tree: Tree, layer: Tree) -> None:
    """A layer that was made without a look at the tree below."""
    for path, entry in sorted(layer.items()):
        if entry[0] != "d" or tree.get(path, ("d",))[0] != "d":
            for gone in [each for each in tree if each == path or each.startswith(path + "/")]:
                del tree[gone]
        tree[path] = entry


def _make_for(machine: _Machine, path: str, owner: str) -> None:
    machine.make_directories(path, owner)
    if not machine.is_directory(path):
        raise BuildError(f"{path} is no directory")


def _place(machine: _Machine, path: str, entry: tuple[str, ...], owner: str) -> None:
    there = machine.tree.get(path)
    if (there is not None and (there[0] == "d") != (entry[0] == "d")) or not machine.is_directory(path.rpartition("/")[0] or "/"):  # fmt: skip
        raise BuildError(f"{path} is something else")
    if there is None or entry[0] != "d":
        machine.tree[path] = (entry[0], entry[1]) if entry[0] == "l" else (entry[0], owner, *entry[2:])


# --- RUN ----------------------------------------------------------------------------------------------


@dataclass
class _Shell:
    machine: _Machine
    variables: dict[str, str]
    cwd: str
    owner: str
    stops: bool = False

    def path(self, path: str) -> str:
        return path if path.startswith("/") else f"{self.cwd}/{path}"


def _run(machine: _Machine, operation: Run) -> None:
    cwd = machine.real(operation.cwd)
    if not machine.is_directory(cwd):
        raise BuildError(f"{cwd} is not there")
    shell = _Shell(machine, dict(operation.env), cwd, operation.user or "root")
    try:
        code = _script(shell, parse_script(operation.argv[-1]))
    except _ExitError as end:
        code = end.args[0]
    if code:
        raise BuildError(operation.argv[-1])


class _ExitError(Exception):
    pass


def _script(shell: _Shell, script: Script) -> int:
    code = 0
    for item in script.items:
        assert not item.background
        code = _chain(shell, item.chain)
    return code


def _chain(shell: _Shell, chain: AndOr) -> int:
    code = 0
    for index, pipeline in enumerate(chain.pipelines):
        if index and (chain.operators[index - 1] == "&&") != (code == 0):
            continue
        (command,) = pipeline.commands
        code = _command(shell, command)
        if code and shell.stops and index + 1 == len(chain.pipelines):
            raise _ExitError(code)
    return code


def _command(shell: _Shell, command: Command) -> int:
    if isinstance(command, Subshell):
        inner = _Shell(shell.machine, dict(shell.variables), shell.cwd, shell.owner, shell.stops)
        try:
            return _script(inner, command.body)
        except _ExitError as end:
            return int(end.args[0])
    if isinstance(command, Group):
        return _script(shell, command.body)
    assert isinstance(command, Simple)
    words: list[str] = []
    for word in command.words:
        text = _text(shell, word)
        words += _matches(shell, text) if text.endswith("/*") else [text]
    for assignment in command.assignments:
        shell.variables[assignment.name] = _text(shell, assignment.value)
    out = None
    for redirect in command.redirects:
        out = (redirect.operator, _text(shell, redirect.target))
    if not words:
        return 0
    if words[0] == "echo":
        said = " ".join(words[1:])
        if out is not None:
            before = shell.machine.read(shell.path(out[1])) if out[0] == ">>" else ""
            shell.machine.write(shell.path(out[1]), before + said, shell.owner)
        return 0
    return _PROGRAMS[words[0]](shell, words[1:])


def _text(shell: _Shell, word: Word) -> str:
    text = ""
    for part in word.parts:
        if part.kind == "text":
            text += part.text
            continue
        value = shell.variables.get(part.text, "")
        if not value and part.operation == ":=" and part.argument is not None:
            value = shell.variables[part.text] = _text(shell, part.argument)
        text += value
    return text


def _matches(shell: _Shell, text: str) -> list[str]:
    return shell.machine.inside(shell.path(text[:-2])) or [text]


def _cd(shell: _Shell, args: list[str]) -> int:
    place = shell.machine.real(shell.path(args[0]))
    if not shell.machine.is_directory(place):
        return 1
    shell.cwd = place
    return 0


def _export(shell: _Shell, args: list[str]) -> int:
    shell.variables |= dict([arg.partition("=")[::2] for arg in args])
    return 0


def _set(shell: _Shell, args: list[str]) -> int:
    shell.stops |= any("e" in arg for arg in args)
    return 0


def _apt(shell: _Shell, args: list[str]) -> int:
    machine = shell.machine
    if args[0] == "update":
        machine.write("/var/lib/apt/lists/index", "lists", "root")
        machine.write("/var/cache/apt/pkgcache", "cache", "root")
    elif args[0] == "clean":
        machine.remove("/var/cache/apt/pkgcache", deep=False)
    else:
        lists, conf = machine.read("/var/lib/apt/lists/index"), machine.read("/etc/apt/apt.conf")
        for name in args[2:]:
            before = machine.read("/var/lib/dpkg/status")
            machine.write(f"/usr/bin/{name}", digest(name, lists, conf, before), "root")
            machine.write("/var/lib/dpkg/status", f"{before} {name}", "root")
            machine.write("/var/cache/apt/pkgcache", name, "root")
    return 0


def _npm(shell: _Shell, args: list[str]) -> int:
    machine = shell.machine
    names = ("package.json", "package-lock.json", ".npmrc")
    read = [machine.read(shell.path(name)) for name in names]
    machine.make_directories(shell.path("node_modules"), shell.owner)
    machine.write(shell.path("node_modules/it"), digest(*read), shell.owner)
    machine.write("/root/.npm/log", digest(*read), shell.owner)
    return 0


def _pip(shell: _Shell, args: list[str]) -> int:
    machine = shell.machine
    read = machine.read(shell.path(args[2]))
    machine.write("/usr/local/lib/it", digest(read), shell.owner)
    machine.write("/root/.cache/pip/it", digest(read), shell.owner)
    return 0


def _make(shell: _Shell, args: list[str]) -> int:
    machine = shell.machine
    where = shell.path(args[1]) if args else shell.cwd
    read = machine.read_tree(where)
    machine.write(f"{where}/out", digest(read), shell.owner)
    return 0


def _tool(shell: _Shell, args: list[str]) -> int:
    """A program that nobody knows: of the first argument it makes the second."""
    machine = shell.machine
    machine.write(shell.path(args[1]), digest(machine.read(shell.path(args[0]))), shell.owner)
    return 0


def _cp(shell: _Shell, args: list[str]) -> int:
    machine = shell.machine
    content = machine.read(shell.path(args[0]))
    target = machine.real(shell.path(args[1]))
    if machine.is_directory(target):
        target = f"{target}/{args[0].rpartition('/')[2]}"
    machine.write(target, content, shell.owner)
    return 0


def _ln(shell: _Shell, args: list[str]) -> int:
    place = shell.machine.real(shell.path(args[2]), follow=False)
    above = place.rpartition("/")[0] or "/"
    if place not in shell.machine.tree and shell.machine.is_directory(above):
        shell.machine.tree[place] = ("l", args[1])
    return 0


def _mkdir(shell: _Shell, args: list[str]) -> int:
    shell.machine.make_directories(shell.path(args[1]), shell.owner)
    return 0


def _rm(shell: _Shell, args: list[str]) -> int:
    for arg in args:
        if not arg.startswith("-"):
            shell.machine.remove(shell.path(arg), deep="-rf" in args)
    return 0


def _touch(shell: _Shell, args: list[str]) -> int:
    if shell.machine.read(shell.path(args[0])) == "<none>":
        shell.machine.write(shell.path(args[0]), "", shell.owner)
    return 0


def _chown(shell: _Shell, args: list[str]) -> int:
    place = shell.machine.real(shell.path(args[1]))
    shell.machine.read("/etc/passwd")
    if place in shell.machine.tree:
        entry = shell.machine.tree[place]
        shell.machine.tree[place] = (entry[0], args[0], *entry[2:])
    return 0


def _curl(shell: _Shell, args: list[str]) -> int:
    shell.machine.write(shell.path(args[1]), digest(args[2]), shell.owner)
    return 0


def _test(shell: _Shell, args: list[str]) -> int:
    return int(shell.machine.read(shell.path(args[1])) == "<none>")


_PROGRAMS: Mapping[str, Callable[[_Shell, list[str]], int]] = {
    "apt-get": _apt,
    "cd": _cd,
    "chown": _chown,
    "cp": _cp,
    "curl": _curl,
    "export": _export,
    "false": lambda shell, args: 1,
    "ln": _ln,
    "make": _make,
    "mkdir": _mkdir,
    "npm": _npm,
    "pip": _pip,
    "rm": _rm,
    "set": _set,
    "test": _test,
    "tool": _tool,
    "touch": _touch,
    "true": lambda shell, args: 0,
}
