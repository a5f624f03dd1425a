"""Configs: every field but histories and times counts."""

from __future__ import annotations

from typing import Any

import pytest

from layerc.compiler.config import Healthcheck, ImageConfig
from layerc.runtime.engine.verify.configs import config_changes

BASE = ImageConfig(architecture="amd64", env=(("A", "1"), ("B", "2")), labels=(("a.b", "1"),), cmd=("x",))


@pytest.mark.parametrize(
    ("changed", "fields"),
    [
        ({}, []),
        ({"env": (("B", "2"), ("A", "1"))}, ["config.Env"]),
        ({"labels": (("a.b", "2"), ("c", ""))}, ["config.Labels.a.b", "config.Labels.c"]),
        ({"cmd": ()}, ["config.Cmd"]),
        ({"cmd": None}, ["config.Cmd"]),
        ({"user": "app", "workdir": "/w"}, ["config.User", "config.WorkingDir"]),
        (
            {"exposed_ports": ("80/tcp",), "volumes": ("/v",)},
            ["config.ExposedPorts.80/tcp", "config.Volumes./v"],
        ),
        ({"healthcheck": Healthcheck(("NONE",))}, ["config.Healthcheck.Test"]),
        ({"variant": "v8", "author": "me"}, ["author", "variant"]),
        ({"onbuild": ("RUN x",), "stop_signal": "9"}, ["config.OnBuild", "config.StopSignal"]),
        ({"extra": (("Domainname", '"d"'),)}, ["config.Domainname"]),
    ],
)
def test_fields(changed: dict[str, Any], fields: list[str]) -> None:
    assert [change.field for change in config_changes(BASE, BASE._replace(**changed))] == fields


def test_values_are_told() -> None:
    (change,) = config_changes(BASE, BASE._replace(cmd=None))
    assert (change.before, change.after) == (["x"], None)
