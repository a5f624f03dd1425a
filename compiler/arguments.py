"""Arguments that no stage owns: those of the platform, those before the first FROM, proxies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from .instructions.arg import Arg
from .platforms import Platform
from .words import WordError, Words

__all__ = ["global_arguments", "platform_arguments", "proxy_variables"]

_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY")


def platform_arguments(
    build: Platform, target: Platform, stage: str, given: Mapping[str, str]
) -> dict[str, str]:
    """BUILDPLATFORM, TARGETPLATFORM and their parts; ``--build-arg`` overrides them."""
    values = {
        "BUILDPLATFORM": str(build),
        "BUILDOS": build.os,
        "BUILDOSVERSION": build.os_version,
        "BUILDARCH": build.architecture,
        "BUILDVARIANT": build.variant,
        "TARGETPLATFORM": str(target),
        "TARGETOS": target.os,
        "TARGETOSVERSION": target.os_version,
        "TARGETARCH": target.architecture,
        "TARGETVARIANT": target.variant,
        "TARGETSTAGE": stage or "default",
    }
    return {name: given.get(name, value) for name, value in values.items()}


def global_arguments(
    commands: Iterable[Arg], words: Words, start: Mapping[str, str], given: Mapping[str, str]
) -> dict[str, str]:
    """Evaluate the ARGs before the first FROM, each with the values of those above.

    Raises ``CompileError``.
    """
    values = dict(start)
    for command in commands:
        for name, default in command.declared:
            value = given.get(name)
            if value is None and default is not None:
                try:
                    value = words.expand(default, values).text
                except WordError as error:
                    raise command.site.word_error(error) from error
            if value is not None:
                values.pop(name, None)
                values[name] = value
    return values


def proxy_variables(given: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The predefined proxy arguments, in both spellings, as every step gets them."""
    found = {name.upper(): given[name] for name in sorted(given) if name.upper() in _PROXIES}
    return tuple(
        (spelling, found[name]) for name in _PROXIES if found.get(name) for spelling in (name, name.lower())
    )
