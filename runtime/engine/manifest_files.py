"""Files by which tools know what to install: small, and worth reading before anything is decided."""

from __future__ import annotations

import re

__all__ = ["is_manifest"]

_NAMES = frozenset(
    (
        *("package.json", "package-lock.json", "npm-shrinkwrap.json", "yarn.lock", ".yarnrc.yml"),
        *("pnpm-lock.yaml", "pnpm-workspace.yaml", "bun.lock", "deno.json", "deno.lock"),
        *("pyproject.toml", "poetry.lock", "uv.lock", "pdm.lock", "Pipfile", "Pipfile.lock"),
        *("setup.py", "setup.cfg", "environment.yml", "MANIFEST.in"),
        *("go.mod", "go.sum", "go.work", "go.work.sum", "Cargo.toml", "Cargo.lock", "rust-toolchain.toml"),
        *("Gemfile", "Gemfile.lock", ".ruby-version", "gems.rb", "gems.locked"),
        *("composer.json", "composer.lock", "mix.exs", "mix.lock", "rebar.config", "rebar.lock"),
        *("pom.xml", "build.gradle", "build.gradle.kts", "settings.gradle", "settings.gradle.kts"),
        *(
            "gradle.properties",
            "gradle.lockfile",
            "libs.versions.toml",
            "build.sbt",
            "deps.edn",
            "project.clj",
        ),
        *("packages.lock.json", "Directory.Build.props", "Directory.Packages.props", "NuGet.Config"),
        *("global.json", "paket.lock", "paket.dependencies", "pubspec.yaml", "pubspec.lock"),
        *("stack.yaml", "cabal.project", "Package.swift", "Package.resolved", "Brewfile", "lerna.json"),
        *("Makefile", "CMakeLists.txt", "meson.build", "configure.ac"),
    )
)
_PATTERN = re.compile(
    r"(?:requirements|constraints)[^/]*\.(?:txt|in)|[^/]*\.(?:gemspec|csproj|fsproj|vbproj|sln|cabal|nimble)"
)
# What lies there was installed, or belongs to git.
_SKIPPED = frozenset(("node_modules", "vendor", "bower_components", ".git", ".venv", "venv", "__pycache__"))


def is_manifest(path: str) -> bool:
    """Whether the file at ``path`` (relative, with slashes) is one by its name and place.

    >>> is_manifest("web/package.json"), is_manifest("node_modules/a/package.json"), is_manifest("main.js")
    (True, False, False)
    >>> is_manifest("requirements/dev.txt"), is_manifest("requirements-dev.txt")
    (True, True)
    """
    *above, name = path.split("/")
    if not _SKIPPED.isdisjoint(above):
        return False
    return (
        name in _NAMES
        or _PATTERN.fullmatch(name) is not None
        or (above[-1:] == ["requirements"] and name.endswith((".txt", ".in")))
    )
