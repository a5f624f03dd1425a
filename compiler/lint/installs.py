"""What a call installs: dependencies that a project's manifests name, those that a build fetches on its way, or
packages that have nothing to do with the project.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import NamedTuple

from . import install_words
from .calls import Call
from .tools import flag_values, operands, text_of

__all__ = ["Install", "Needs", "install_of", "is_harmless", "packages_of"]


class Needs(Enum):
    """What an install needs of the project."""

    MANIFESTS = "manifests"
    SOURCE = "source"
    NOTHING = "nothing"


class Install(NamedTuple):
    """``family`` is shared by the tools that fill the same place; ``shown`` names the call (``npm ci``),
    ``seconds`` is what it may take. ``files`` are the manifests, patterns among them. ``which`` tells installs of
    one family in one directory apart.
    """

    family: str
    needs: Needs
    files: tuple[str, ...]
    shown: str
    seconds: float = 20.0
    which: str = ""


class _Words(NamedTuple):
    """A call as the functions below look at it: ``names`` are operands, ``flags`` all words with a dash."""

    call: Call
    program: str
    names: tuple[str, ...]
    flags: tuple[str, ...]

    def any(self, *flags: str) -> bool:
        return any(word.partition("=")[0] in flags for word in self.flags)

    @property
    def first(self) -> str:
        return self.names[0] if self.names else ""

    def behind(self, *subcommands: str) -> tuple[str, ...] | None:
        """The operands behind the first of these; none if there is none of them."""
        for index, name in enumerate(self.names):
            if name in subcommands:
                return self.names[index + 1 :]
        return None

    def shown(self, *words: str) -> str:
        return " ".join((self.program, *words))


_Answer = Install | None

_VALUED = frozenset(install_words.VALUED.split())
# Flags of these programs that look as if they took a value, and take none.
_BARE: Mapping[str, frozenset[str]] = {
    "go": frozenset(("v", "d", "t", "i", "n", "f", "c")),
    "apt": frozenset(("f", "d", "v", "p")),
    "npm": frozenset(("f", "d", "g", "only", "p", "version")),
    "bun": frozenset(("p", "f", "d")),
    "yarn": frozenset(("f", "d", "p", "version")),
    "pnpm": frozenset(("r", "d", "f", "p")),
    "cargo": frozenset(("v", "version")),
    "mvn": frozenset(("e", "o", "v", "c", "n")),
    "gradle": frozenset(("i", "d", "v", "S", "e")),
    "pip": frozenset(("v", "version")),
    "composer": frozenset(("o", "n", "v", "a", "dev", "f")),
    "docker-php": frozenset(),
    "pacman": frozenset(("y", "u")),
    "apk": frozenset(("v", "f")),
    "mix": frozenset(("f",)),
    "bundle": frozenset(),
}

_PACKAGE_TOOLS: Mapping[str, frozenset[str]] = {
    "apt-get": frozenset(("install",)),
    "apt": frozenset(("install",)),
    "aptitude": frozenset(("install",)),
    "apk": frozenset(("add",)),
    "yum": frozenset(("install", "groupinstall")),
    "dnf": frozenset(("install", "groupinstall")),
    "microdnf": frozenset(("install",)),
    "tdnf": frozenset(("install",)),
    "zypper": frozenset(("install", "in")),
    "docker-php-ext-install": frozenset(),
    "install-php-extensions": frozenset(),
    "pecl": frozenset(("install",)),
    "easy_install": frozenset(),
}
_NPM_FILES = ("package.json", "package-lock.json")
_PIP_PROJECT = ("pyproject.toml", "setup.py", "setup.cfg")
_TRIVIAL = frozenset(("pip", "setuptools", "wheel"))


def install_of(call: Call) -> Install | None:
    """What ``call`` installs, if it does."""
    words = _read(call)
    if words is None:
        return None
    if words.program in _PACKAGE_TOOLS:
        return _packages(words)
    tool = _TOOLS.get(words.program)
    if tool is not None:
        return tool(words)
    return _python(words) if words.program.startswith(("python", "pypy")) else None


_HARMLESS = frozenset(install_words.HARMLESS.split())


def is_harmless(call: Call) -> bool:
    """Whether it may stand beside installs that need nothing of the project, and needs nothing of it either."""
    words = [word.shown for word in call.words[1:]]
    if call.name in ("bash", "sh"):
        return all(word.startswith("-") for word in words)
    if call.name == "pip" or call.name.startswith("pip3"):
        return "install" not in words or set(words) & _TRIVIAL != set()
    if call.name in ("npm", "yarn", "gem", "conda"):
        return bool(words) and words[0] in (
            "config",
            "cache",
            "sources",
            "update",
            "clean",
            "--version",
            "-v",
        )
    return call.name in _HARMLESS


# --- reading a call ----------------------------------------------------------------------------------

_ENVIRONMENTS = frozenset(("conda", "mamba", "micromamba", "poetry", "pipenv", "uv"))
_RUNNERS = frozenset(("npx", "bunx", "pnpx", "corepack"))


def _read(call: Call) -> _Words | None:
    name = call.name.lower().removesuffix(".exe").removesuffix(".cmd").removesuffix(".bat")
    rest = call.words[1:]
    if name in _RUNNERS or (name == "php" and rest):
        while rest and rest[0].shown.startswith("-"):
            rest = rest[1:]
        if not rest:
            return None
        name = text_of(rest[0]).rpartition("/")[2].partition("@")[0]
        call = call._replace(words=rest)
    elif name == "setuser" and len(rest) > 1:
        name, call = text_of(rest[1]), call._replace(words=rest[1:])
    elif name in _ENVIRONMENTS and rest and rest[0].shown == "run":
        for index, word in enumerate(rest):
            if word.shown.startswith("pip"):
                name, call = "pip", call._replace(words=rest[index:])
                break
        else:
            return None
    name = _SAME.get(name, name)
    if name.startswith("pip3") or (name.startswith("pip2") and name[3:4].isdigit()):
        name = "pip"
    bare = _BARE.get(_BARE_OF.get(name, name), frozenset())
    names = tuple(text_of(word) for word in operands(call, _VALUED - bare))
    flags = tuple(word.shown for word in call.words[1:] if word.shown.startswith("-"))
    return _Words(call, name, names, flags)


_SAME = {
    "composer.phar": "composer",
    "mvnw": "mvn",
    "gradlew": "gradle",
    "mamba": "conda",
    "micromamba": "conda",
    "clj": "clojure",
    "bundler": "bundle",
    "r": "Rscript",
    "rscript": "Rscript",
    "yarnpkg": "yarn",
    "lein.sh": "lein",
    "cross": "cargo",
}
_BARE_OF = {
    "apt-get": "apt",
    "aptitude": "apt",
    "microdnf": "apt",
    "yum": "apt",
    "dnf": "apt",
    "zypper": "apt",
}


def _is_local(name: str) -> bool:
    """Whether an operand is a path in the image."""
    return name.startswith((".", "/", "file:", "~")) or name.endswith(
        ("/", ".deb", ".rpm", ".whl", ".tgz", ".tar.gz", ".zip", ".gem", ".apk")
    )


def _apart(words: _Words, packages: Sequence[str], shown: str, seconds: float = 20.0) -> _Answer:
    """An install of named packages, if none of them comes from the image or from what a command prints."""
    wanted = [name for name in packages if name not in _TRIVIAL]
    raw = " ".join(word.raw for word in words.call.words)
    if not wanted or any(map(_is_local, wanted)) or "$(" in raw or "`" in raw:
        return None
    return Install(words.program, Needs.NOTHING, (), shown, seconds)


def _manifests(
    words: _Words, files: Sequence[str], *shown: str, seconds: float = 20.0, which: str = ""
) -> Install:
    return Install(_family(words), Needs.MANIFESTS, tuple(files), words.shown(*shown), seconds, which)


def _source(words: _Words, files: Sequence[str], *shown: str, seconds: float = 30.0) -> Install:
    return Install(_family(words), Needs.SOURCE, tuple(files), words.shown(*shown), seconds)


_FAMILIES = {
    **dict.fromkeys(("yarn", "pnpm", "bun", "lerna", "rush"), "npm"),
    **dict.fromkeys(("uv", "poetry", "pipenv", "pdm", "rye", "pip-sync", "hatch"), "pip"),
    **dict.fromkeys(("trunk", "wasm-pack"), "cargo"),
    **dict.fromkeys(("dep", "glide", "govendor", "godep", "go-wrapper"), "go"),
    "flutter": "dart",
    "pub": "dart",
}


def _family(words: _Words) -> str:
    return (
        "pip" if words.program.startswith(("python", "pypy")) else _FAMILIES.get(words.program, words.program)
    )


# --- tools -------------------------------------------------------------------------------------------


def _packages(words: _Words) -> _Answer:
    subcommands = _PACKAGE_TOOLS[words.program]
    packages = words.behind(*subcommands) if subcommands else words.names
    if packages is None:
        return None
    return _apart(words, packages, words.shown(*(words.names[:1] if subcommands else ())))


_NOT_INSTALLS = (
    "run",
    "run-script",
    "exec",
    "test",
    "start",
    "config",
    "cache",
    "x",
    "dlx",
    "create",
    "init",
)


def _npm(words: _Words) -> _Answer:
    if words.first in _NOT_INSTALLS:
        return None
    packages = words.behind("install", "i", "ci", "clean-install", "install-clean", "add", "isntall")
    if packages is None:
        return None
    subcommand = next(name for name in words.names if name not in packages or name in ("ci", "i"))
    if packages and words.any("-g", "--global", "--location"):
        return _apart(words, packages, words.shown("install", "-g"))
    if packages and not any(map(_is_local, packages)) and words.any("--prefix", "-C"):
        return None
    subcommand = next((name for name in words.names if name in ("ci", "install", "i")), subcommand)
    return _manifests(words, _NPM_FILES, subcommand)


def _yarn(words: _Words) -> _Answer:
    files = ("package.json", "yarn.lock")
    if words.names[:2] == ("global", "add"):
        return _apart(words, words.names[2:], "yarn global add")
    if words.first in ("install", "add") or words.names[:2] == ("workspaces", "focus"):
        return _manifests(words, files, words.first)
    if not words.names and not words.any("--version", "-v", "--help", "-h"):
        return _manifests(words, files)
    return None


def _pnpm(words: _Words) -> _Answer:
    if words.first in _NOT_INSTALLS:
        return None
    packages = words.behind("install", "i", "add", "fetch", "ci")
    if packages is None:
        return None
    if packages and words.any("-g", "--global"):
        return _apart(words, packages, words.shown("add", "-g"))
    lock = "pnpm-lock.yaml" if words.program == "pnpm" else "bun.lock*"
    files = (lock,) if words.first == "fetch" else ("package.json", lock)
    return _manifests(words, files, words.first)


def _plain(files: Sequence[str], *subcommands: str) -> Callable[[_Words], _Answer]:
    """A tool that installs what ``files`` name, by one of ``subcommands``."""

    def answer(words: _Words) -> _Answer:
        if words.any("--offline"):
            return None
        if words.first in subcommands or (not words.names and "" in subcommands):
            return _manifests(words, files, words.first)
        return None

    return answer


def _pip(words: _Words) -> _Answer:
    packages = words.behind("install", "wheel", "download")
    if packages is None or words.any("--no-index"):
        return None
    return _pip_install(words, packages)


def _pip_install(words: _Words, packages: Sequence[str]) -> _Answer:
    requirements = [
        value
        for value in flag_values(words.call, "r", "requirement", "requirements")
        if value and value != "-"
    ]
    shown = words.shown(*words.names[: len(words.names) - len(packages)])
    if any("://" in value for value in requirements):
        return None
    if requirements:
        names = tuple(value.strip("\"'").rpartition("/")[2] for value in requirements)
        return _manifests(words, names, "install", "-r", names[0], which=" ".join(sorted(names)))
    projects = [*flag_values(words.call, "e", "editable"), *(name for name in packages if _is_project(name))]
    projects = [name for name in projects if "://" not in name]
    if projects:
        if words.any("--no-deps"):
            return None
        return _source(words, _PIP_PROJECT, "install", projects[0])
    return _apart(words, packages, shown)


def _is_project(name: str) -> bool:
    """Whether pip builds it from a folder."""
    return (name.startswith((".", "/", "~")) or name.endswith("/")) and not name.endswith(
        (".whl", ".tar.gz", ".zip", ".tgz")
    )


def _python(words: _Words) -> _Answer:
    plain = [text_of(word) for word in words.call.words[1:]]
    if "-m" in plain[:3]:
        at = plain.index("-m")
        if len(plain) > at + 1 and plain[at + 1] in ("pip", "pipenv", "poetry", "uv", "pdm"):
            return install_of(words.call._replace(words=words.call.words[at + 2 :]))
        return None
    if words.first.endswith("setup.py") and words.behind("install", "develop") is not None:
        return _source(words, ("setup.py", "setup.cfg"), "setup.py", "install")
    return None


def _uv(words: _Words) -> _Answer:
    if words.first == "pip":
        packages = words.behind("install", "sync")
        if packages is None:
            return None
        if words.names[1:2] == ("sync",):
            return _manifests(words, packages, "pip", "sync", which=" ".join(packages))
        return _pip_install(words, packages)
    if words.names[:2] == ("tool", "install"):
        return _apart(words, words.names[2:], "uv tool install")
    return _manifests(words, ("pyproject.toml", "uv.lock"), "sync") if words.first == "sync" else None


def _conda(words: _Words) -> _Answer:
    files = [value.rpartition("/")[2] for value in flag_values(words.call, "f", "file")]
    if words.names[:2] in (("env", "create"), ("env", "update")):
        return _manifests(words, files or ("environment.yml",), *words.names[:2])
    if words.first in ("install", "create", "update"):
        if files:
            return _manifests(words, files, words.first)
        packages = [name for name in words.names[1:] if name not in ("conda", "mamba")]
        return _apart(words, packages, words.shown(words.first))
    return None


_GO_SOURCE = frozenset(("build", "install", "test", "run", "get", "vet", "generate"))
_GO_FILES = ("go.mod", "go.sum")


def _go(words: _Words) -> _Answer:
    if words.names[:2] in (("mod", "download"), ("mod", "vendor"), ("mod", "verify")):
        return _manifests(words, _GO_FILES, *words.names[:2])
    if words.names[:2] == ("mod", "tidy"):
        return _source(words, _GO_FILES, "mod", "tidy")
    if words.first not in _GO_SOURCE or any("mod=vendor" in flag for flag in words.flags):
        return None
    if words.first in ("get", "install"):
        packages = [name for name in words.names[1:] if "." in name.partition("/")[0].strip(".")]
        if packages:
            answer = _apart(words, packages, words.shown(words.first))
            return answer._replace(which=packages[0]) if answer else None
    return _source(words, _GO_FILES, words.first)


_CARGO_SOURCE = frozenset(
    ("build", "run", "test", "check", "rustc", "clippy", "doc", "bench", "b", "leptos", "zigbuild")
)
_CARGO_FILES = ("Cargo.toml", "Cargo.lock")


def _cargo(words: _Words) -> _Answer:
    names = words.names[1:] if words.first.startswith("+") else words.names
    first = names[0] if names else ""
    if words.any("--offline", "--frozen"):
        return None
    if first in ("fetch", "vendor"):
        return _manifests(words, _CARGO_FILES, first)
    if names[:2] == ("chef", "cook"):
        return _manifests(words, ("recipe.json",), "chef", "cook", seconds=60)
    if first == "install" and not words.any("--path"):
        return _apart(words, names[1:] or (["git"] if words.any("--git") else []), "cargo install", 60)
    if first in _CARGO_SOURCE or first == "install" or words.program in ("trunk", "wasm-pack"):
        return _source(words, _CARGO_FILES, first, seconds=60)
    return None


_MAVEN_GOALS = frozenset(
    ("compile", "test", "package", "verify", "install", "deploy", "test-compile", "site")
)


def _maven(words: _Words) -> _Answer:
    if words.any("-o", "--offline", "-v", "--version"):
        return None
    for name in words.names:
        if name.startswith("dependency:") or ":go-offline" in name or ":resolve" in name:
            return _manifests(words, ("pom.xml",), name, seconds=40)
    goals = [name for name in words.names if name in _MAVEN_GOALS or (":" in name and "." not in name)]
    return _source(words, ("pom.xml",), goals[0], seconds=40) if goals else None


_GRADLE_FILES = ("build.gradle*", "settings.gradle*")
_GRADLE_NOTHING = frozenset(("wrapper", "tasks", "clean", "help", "init", "properties", "--version"))


def _gradle(words: _Words) -> _Answer:
    tasks = [name for name in words.names if name not in _GRADLE_NOTHING]
    if not tasks or words.any("--offline", "--version", "-v"):
        return None
    if any("dependenc" in name.lower() or name.lower().startswith("resolve") for name in tasks):
        return _manifests(words, _GRADLE_FILES, tasks[0], seconds=40)
    return _source(words, _GRADLE_FILES, tasks[0], seconds=40)


def _sbt(words: _Words) -> _Answer:
    if not words.names or set(words.names) <= {"about", "version", "sbtVersion", "update"}:
        return _manifests(words, ("build.sbt", "project/*"), *words.names[:1], seconds=40)
    return _source(words, ("build.sbt", "project/*"), words.first, seconds=40)


def _lein(words: _Words) -> _Answer:
    if "deps" in words.names:
        return _manifests(words, ("project.clj",), "deps")
    if not words.names or words.first in ("version", "help", "upgrade", "self-install"):
        return None
    return _source(words, ("project.clj",), words.first)


_DOTNET_FILES = ("*.csproj", "*.sln")


def _dotnet(words: _Words) -> _Answer:
    if words.first == "restore":
        return _manifests(words, _DOTNET_FILES, "restore")
    if words.names[:2] == ("tool", "install"):
        return _apart(words, words.names[2:], "dotnet tool install")
    if words.first in ("build", "publish", "test", "pack", "run") and not words.any(
        "--no-restore", "--no-build"
    ):
        return _source(words, _DOTNET_FILES, words.first)
    return None


def _swift(words: _Words) -> _Answer:
    files = ("Package.swift", "Package.resolved")
    if words.names[:2] in (("package", "resolve"), ("package", "update")):
        return _manifests(words, files, *words.names[:2])
    return _source(words, files, words.first) if words.first in ("build", "test", "run") else None


def _haskell(words: _Words) -> _Answer:
    files = ("stack.yaml", "package.yaml") if words.program == "stack" else ("*.cabal",)
    first = words.first.removeprefix("v2-").removeprefix("new-").removeprefix("v1-")
    if first not in ("build", "install", "test"):
        return None
    if any(flag.startswith(("--only-dep", "--dependencies-only")) for flag in words.flags):
        return _manifests(words, files, first, seconds=60)
    if words.program == "cabal" and first == "install" and words.names[1:]:
        return _apart(words, words.names[1:], "cabal install", 60)
    return _source(words, files, first, seconds=60)


def _mix(words: _Words) -> _Answer:
    if any(name.rstrip(",") in ("deps.get", "deps.update") for name in words.names):
        return _manifests(words, ("mix.exs", "mix.lock"), "deps.get")
    return None


def _bundle(words: _Words) -> _Answer:
    if words.any("--local", "--version", "-v"):
        return None
    if words.first in ("", "install", "update"):
        return _manifests(words, ("Gemfile", "Gemfile.lock"), words.first or "install")
    return None


def _gem(words: _Words) -> _Answer:
    packages = words.behind("install", "i")
    if packages is None or words.any("-g", "--file", "--local"):
        return None
    return _apart(words, packages, "gem install")


def _composer(words: _Words) -> _Answer:
    if words.names[:2] in (("global", "require"), ("global", "install")):
        return _apart(words, words.names[2:], "composer global require")
    if words.first in ("install", "update", "require", "i", "u"):
        return _manifests(words, ("composer.json", "composer.lock"), words.first)
    return None


def _pub(words: _Words) -> _Answer:
    names = (
        words.names[1:]
        if words.first in ("pub", "packages")
        else words.names
        if words.program == "pub"
        else ()
    )
    if names[:1] in (("get",), ("upgrade",)) and not words.any("--offline"):
        return _manifests(words, ("pubspec.yaml", "pubspec.lock"), "pub", "get")
    return None


def _cpanm(words: _Words) -> _Answer:
    if words.any("--installdeps"):
        return _manifests(words, ("cpanfile",), "--installdeps")
    return _apart(words, words.names, "cpanm")


def _galaxy(words: _Words) -> _Answer:
    files = tuple(flag_values(words.call, "r", "role-file", "requirements-file"))
    return _manifests(words, files, "install") if "install" in words.names and files else None


def _opam(words: _Words) -> _Answer:
    packages = words.behind("install")
    if packages is None:
        return None
    if words.any("--deps-only") or any(map(_is_local, packages)):
        return _manifests(words, ("*.opam",), "install", "--deps-only", seconds=60)
    return _apart(words, packages, "opam install", 60)


def _scripted(files: Sequence[str], *marks: str) -> Callable[[_Words], _Answer]:
    """A program whose script in an argument installs, if it has one of ``marks``."""

    def answer(words: _Words) -> _Answer:
        text = " ".join(word.raw for word in words.call.words)
        return _manifests(words, files, "-e") if any(mark in text for mark in marks) else None

    return answer


def _deno(words: _Words) -> _Answer:
    if words.first in ("cache", "install") and not words.any("-g", "--global"):
        return _source(words, ("deno.json", "deno.lock"), words.first)
    return None


def _lerna(words: _Words) -> _Answer:
    return (
        _manifests(words, ("lerna.json", "package.json"), words.first) if words.first == "bootstrap" else None
    )


_TOOLS: Mapping[str, Callable[[_Words], _Answer]] = {
    "npm": _npm,
    "yarn": _yarn,
    "pnpm": _pnpm,
    "bun": _pnpm,
    "bower": _plain(("bower.json",), "install", "i", "update"),
    "jspm": _plain(("package.json",), "install"),
    "lerna": _lerna,
    "rush": _plain(("rush.json",), "install", "update"),
    "deno": _deno,
    "pip": _pip,
    "uv": _uv,
    "pipenv": _plain(("Pipfile", "Pipfile.lock"), "install", "sync"),
    "poetry": _plain(("pyproject.toml", "poetry.lock"), "install", "sync", "update"),
    "pdm": _plain(("pyproject.toml", "pdm.lock"), "install", "sync"),
    "rye": _plain(("pyproject.toml", "requirements.lock"), "sync"),
    "pixi": _plain(("pixi.toml", "pixi.lock"), "install"),
    "pip-sync": _plain(("requirements.txt",), "", "requirements.txt"),
    "conda": _conda,
    "go": _go,
    "dep": _plain(("Gopkg.toml", "Gopkg.lock"), "ensure"),
    "go-wrapper": lambda words: _source(words, _GO_FILES, "download") if words.first == "download" else None,
    "glide": _plain(("glide.yaml", "glide.lock"), "install", "up", "update"),
    "govendor": _plain(("vendor/vendor.json",), "sync"),
    "godep": _plain(("Godeps/Godeps.json",), "restore", "get"),
    "cargo": _cargo,
    "trunk": _cargo,
    "wasm-pack": _cargo,
    "mvn": _maven,
    "gradle": _gradle,
    "sbt": _sbt,
    "lein": _lein,
    "clojure": lambda words: _manifests(words, ("deps.edn",), "-P") if words.any("-P") else None,
    "dotnet": _dotnet,
    "nuget": _plain(("packages.config", "*.csproj"), "restore"),
    "swift": _swift,
    "stack": _haskell,
    "cabal": _haskell,
    "mix": _mix,
    "rebar3": _plain(("rebar.config", "rebar.lock"), "get-deps"),
    "bundle": _bundle,
    "gem": _gem,
    "composer": _composer,
    "dart": _pub,
    "flutter": _pub,
    "pub": _pub,
    "cpanm": _cpanm,
    "carton": _plain(("cpanfile", "cpanfile.snapshot"), "install"),
    "shards": _plain(("shard.yml", "shard.lock"), "install", ""),
    "ansible-galaxy": _galaxy,
    "opam": _opam,
    "conan": _plain(("conanfile.txt", "conanfile.py"), "install"),
    "pod": _plain(("Podfile", "Podfile.lock"), "install"),
    "julia": _scripted(("Project.toml", "Manifest.toml"), "Pkg.instantiate"),
    "Rscript": _scripted(("renv.lock",), "renv::restore", "packrat::restore"),
    "nimble": _plain(("*.nimble",), "install"),
}


def packages_of(call: Call) -> tuple[str, ...]:
    """The packages of the distribution that ``call`` installs, or a word if it fetches their lists."""
    if call.name not in ("apt-get", "apt", "aptitude", "yum", "dnf", "microdnf", "tdnf", "apk"):
        return ()
    if call.subcommand in (
        "install",
        "add",
        "update",
        "upgrade",
        "dist-upgrade",
        "groupinstall",
        "build-dep",
    ):
        return tuple(text_of(word) for word in call.arguments)
    return ()
