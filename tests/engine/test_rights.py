"""What steps may do to the machine has to be granted."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from compiling import compile_text

from layerc.runtime.engine.rights import check_rights
from layerc.runtime.errors import EnvironmentLackError, UsageError
from layerc.runtime.events import Event, Notice


def check(text: str, allow: Sequence[str] = (), network: str = "default") -> list[Event]:
    events: list[Event] = []
    plan = compile_text(f"FROM scratch\n{text}\n", network=network)
    check_rights(plan, allow, network, events.append)
    return events


@pytest.mark.parametrize("right", ["network.host", "security.insecure"])
def test_rights_have_to_be_granted(right: str) -> None:
    flag = "--" + right.replace(".", "=")
    other = ({"network.host", "security.insecure"} - {right}).pop()
    assert check(f"RUN {flag} true", [right]) == []
    for granted in ([], [other]):
        with pytest.raises(UsageError) as caught:
            check(f"RUN true\nRUN {flag} true", granted)
        assert caught.value.where is not None
        assert caught.value.where.line == 3
        assert f"--allow {right}" in str(caught.value.help)


def test_the_network_of_all_steps_grants_itself() -> None:
    assert check("RUN true", network="host") == []
    assert check("RUN --network=host true", network="host") == []
    with pytest.raises(UsageError, match=r"network\.host is not allowed"):
        check("RUN --network=host true", network="none")


def test_devices() -> None:
    text = "RUN --device=vendor.com/class=one --device=two,required=false true"
    assert check(text) == [
        Notice(f'optional device "{name}" is not registered: the step runs without it', "Dockerfile:2")
        for name in ("vendor.com/class=one", "two")
    ]
    with pytest.raises(EnvironmentLackError, match='required device "two" is not registered'):
        check("RUN --device=two,required true")
