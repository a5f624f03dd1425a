"""Each table that lists a folder's entries lists all of them: a new file is not forgotten."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from types import ModuleType

from layerc.compiler import emit, instructions
from layerc.compiler.emit.emitter import Emitter
from layerc.compiler.emit.table import EMITTERS
from layerc.compiler.instructions.command import Command
from layerc.compiler.instructions.table import COMMANDS as INSTRUCTIONS
from layerc.compiler.instructions.table import command_class
from layerc.runtime import cli, export
from layerc.runtime.cli import cache
from layerc.runtime.cli.main import COMMANDS
from layerc.runtime.export.exporters import EXPORTERS


def modules(package: ModuleType) -> Iterator[ModuleType]:
    for found in pkgutil.iter_modules(package.__path__):
        if not found.ispkg:
            yield importlib.import_module(f"{package.__name__}.{found.name}")


def classes(package: ModuleType) -> Iterator[type]:
    """The classes that the folder's files define."""
    for module in modules(package):
        for _, kind in inspect.getmembers(module, inspect.isclass):
            if kind.__module__ == module.__name__:
                yield kind


def test_instructions() -> None:
    concrete = {kind for kind in classes(instructions) if issubclass(kind, Command) and "read" in vars(kind)}
    listed = {command_class(keyword) for keyword in INSTRUCTIONS}
    assert concrete - {Command} <= listed
    assert len(listed) == len(INSTRUCTIONS)


def test_emitters() -> None:
    found = [
        value for module in modules(emit) for value in vars(module).values() if isinstance(value, Emitter)
    ]
    assert {id(value) for value in found} == {id(emitter) for emitter in EMITTERS}
    assert len({emitter.name for emitter in EMITTERS}) == len(EMITTERS)


def test_exporters() -> None:
    found = {kind for kind in classes(export) if kind.__name__.endswith("Exporter") and not is_protocol(kind)}
    assert found == {exporter for _, exporter in EXPORTERS}


def is_protocol(kind: type) -> bool:
    return bool(getattr(kind, "_is_protocol", False))


def test_commands() -> None:
    assert commands(cli) == {module for _, _, module in COMMANDS if module != "cache"}


def test_actions_of_the_cache() -> None:
    assert commands(cache) == {module for _, _, module in cache.ACTIONS}


def commands(package: ModuleType) -> set[str]:
    """Files of the folder that describe a command."""
    return {
        module.__name__.rpartition(".")[2]
        for module in modules(package)
        if hasattr(module, "run") and hasattr(module, "add_arguments")
    }
