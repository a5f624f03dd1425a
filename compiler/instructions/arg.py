"""ARG: build arguments, before the first FROM (global) and in stages."""

from __future__ import annotations

from typing import Final, Self

from ..site import Site
from ..stage import Declared, Stage
from .command import Command

__all__ = ["Arg"]

# They steer attestations and are no variables of the steps.
_NOT_VARIABLES = frozenset(("BUILDKIT_SBOM_SCAN_CONTEXT", "BUILDKIT_SBOM_SCAN_STAGE"))


class Arg(Command):
    """Names with their defaults; none is ``ARG name``. Flags are ignored here, as in BuildKit."""

    def __init__(self, site: Site, declared: tuple[tuple[str, str | None], ...]) -> None:
        super().__init__(site)
        self.declared: Final = declared

    @classmethod
    def read(cls, site: Site) -> Self:
        """``ARG name[=default] …``."""
        declared: list[tuple[str, str | None]] = []
        for word in site.instruction.args:
            name, equals, default = word.partition("=")
            declared.append((name, default if equals else None))
        return cls(site, tuple(declared))

    def apply(self, stage: Stage) -> None:
        """Give each its value: ``--build-arg``, else the default, else the global ARG of that name."""
        told: list[str] = []
        for name, default in self.declared:
            stage.checks.secret_name(self.site, name)
            value = stage.options.build_args.get(name)
            is_global = value is None and default is None and name in stage.global_args
            if value is None and default is not None:
                value = stage.expand(self.site, default)
            elif value is None:
                value = stage.global_args.get(name)
            stage.declared[name] = Declared(self.site, name, value) if not is_global else None
            if value is not None and name not in _NOT_VARIABLES:
                stage.set_variable(name, value)
            stage.build_args.append((name, value))
            told.append(name if value is None else f"{name}={value}")
        stage.record("ARG " + " ".join(told))
