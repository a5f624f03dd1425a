"""Proxies of the user's Docker configuration, which builds get as build arguments."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping

__all__ = ["configured_proxies"]

_NAMES = {
    "httpProxy": "HTTP_PROXY",
    "httpsProxy": "HTTPS_PROXY",
    "noProxy": "NO_PROXY",
    "ftpProxy": "FTP_PROXY",
    "allProxy": "ALL_PROXY",
}


def configured_proxies(environment: Mapping[str, str]) -> dict[str, str]:
    """``proxies`` of ``$DOCKER_CONFIG/config.json`` (else ``~/.docker/config.json``): those for the engine at
    ``DOCKER_HOST``, else the default ones. A file that is none is docker's to complain about.
    """
    home = environment.get("HOME")
    directory = environment.get("DOCKER_CONFIG") or (home and os.path.join(home, ".docker"))
    if not directory:
        return {}
    try:
        with open(os.path.join(directory, "config.json"), encoding="utf-8") as file:
            config = json.load(file)
    except (OSError, ValueError):
        return {}
    proxies = config.get("proxies") if isinstance(config, dict) else None
    if not isinstance(proxies, dict):
        return {}
    chosen = proxies.get(environment.get("DOCKER_HOST", ""), proxies.get("default"))
    if not isinstance(chosen, dict):
        return {}
    found = {name: chosen.get(key) for key, name in _NAMES.items()}
    return {name: value for name, value in found.items() if isinstance(value, str) and value}
