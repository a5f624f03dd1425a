"""The user's Docker configuration, as the docker command reads it."""

import base64
import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from layerc.runtime.errors import SourceError
from layerc.runtime.registry.credentials import Credentials, Keychain

AUTH = base64.b64encode(b"anna:se:cret").decode()
ANNA = Credentials("anna", "se:cret")


def keychain(tmp_path: Path, config: Any, **environ: str) -> Keychain:
    (tmp_path / "config.json").write_text(config if isinstance(config, str) else json.dumps(config))
    return Keychain({"DOCKER_CONFIG": str(tmp_path), "PATH": str(tmp_path / "bin"), **environ})


def helper(tmp_path: Path, name: str, script: str) -> None:
    """A credential program; it is called with ``get`` and reads the server from its input."""
    path = tmp_path / "bin" / f"docker-credential-{name}"
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\nread -r server\n{script}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


@pytest.mark.parametrize(
    ("host", "entry"),
    [
        ("example.com", "example.com"),
        ("example.com", "https://example.com"),
        ("example.com", "https://example.com/v1/"),
        ("example.com:5000", "http://example.com:5000/v2/"),
        ("registry-1.docker.io", "https://index.docker.io/v1/"),
        ("registry-1.docker.io", "index.docker.io"),
    ],
)
def test_entries_are_found_by_their_host(tmp_path: Path, host: str, entry: str) -> None:
    assert keychain(tmp_path, {"auths": {"other": {}, entry: {"auth": AUTH}}}).find(host) == ANNA


@pytest.mark.parametrize("host", ["example.com:5000", "sub.example.com", "example.co"])
def test_another_host_gets_nothing(tmp_path: Path, host: str) -> None:
    assert not keychain(tmp_path, {"auths": {"example.com": {"auth": AUTH}}}).find(host)


def test_tokens_stand_beside_the_password(tmp_path: Path) -> None:
    entry = {"auth": AUTH, "identitytoken": "i", "registrytoken": "r"}
    found = keychain(tmp_path, {"auths": {"a.b": entry}}).find("a.b")
    assert found == Credentials("anna", "se:cret", "i", "r")


def test_no_configuration_is_none(tmp_path: Path) -> None:
    assert not Keychain({"HOME": str(tmp_path)}).find("a.b")


def test_the_home_directory_is_the_default_place(tmp_path: Path) -> None:
    (tmp_path / ".docker").mkdir()
    keychain(tmp_path / ".docker", {"auths": {"a.b": {"auth": AUTH}}})
    assert Keychain({"HOME": str(tmp_path)}).find("a.b") == ANNA


@pytest.mark.parametrize(
    "config", ["{", "[]", {"auths": {"a.b": {"auth": "?"}}}, {"auths": {"a.b": {"auth": "eA=="}}}]
)
def test_a_configuration_that_can_not_be_read_is_told(tmp_path: Path, config: Any) -> None:
    with pytest.raises(SourceError):
        keychain(tmp_path, config).find("a.b")


@pytest.mark.parametrize("config", [{"auths": []}, {"auths": {"a.b": 5}}, {"auths": {"a.b": {"auth": 5}}}])
def test_odd_values_count_as_absent(tmp_path: Path, config: Any) -> None:
    assert not keychain(tmp_path, config).find("a.b")


@pytest.mark.parametrize(
    "config", [{"credsStore": "x"}, {"credHelpers": {"a.b": "x"}, "credsStore": "other"}]
)
def test_programs_are_asked(tmp_path: Path, config: dict[str, Any]) -> None:
    helper(tmp_path, "x", 'echo "{\\"Username\\": \\"$1-$server\\", \\"Secret\\": \\"s\\"}"')
    assert keychain(tmp_path, config).find("a.b") == Credentials("get-a.b", "s")


def test_a_program_is_asked_for_docker_hub_by_its_old_name(tmp_path: Path) -> None:
    helper(tmp_path, "x", 'echo "{\\"Username\\": \\"$server\\", \\"Secret\\": \\"s\\"}"')
    found = keychain(tmp_path, {"credsStore": "x"}).find("registry-1.docker.io")
    assert found.username == "https://index.docker.io/v1/"


def test_a_program_may_give_a_token(tmp_path: Path) -> None:
    helper(tmp_path, "x", 'echo "{\\"Username\\": \\"<token>\\", \\"Secret\\": \\"t\\"}"')
    assert keychain(tmp_path, {"credsStore": "x"}).find("a.b") == Credentials(identity_token="t")


@pytest.mark.parametrize(
    ("script", "problem"),
    [
        ('echo "credentials not found in native keychain"; exit 1', None),
        ('echo "the keychain is locked"; exit 1', "keychain is locked"),
        ("echo nonsense", "can not be read"),
        ("echo '{}'", "can not be read"),
    ],
)
def test_what_a_program_does_not_know_may_be_in_the_file(
    tmp_path: Path, script: str, problem: str | None
) -> None:
    helper(tmp_path, "x", script)
    keys = keychain(tmp_path, {"credsStore": "x", "auths": {"a.b": {"auth": AUTH}}})
    assert keys.find("a.b") == ANNA
    assert [problem in told for told in keys.problems] == ([] if problem is None else [True])  # type: ignore[operator]


@pytest.mark.parametrize(("name", "problem"), [("gone", "not installed"), ("../../bin/sh", "not the name")])
def test_a_missing_program_stops_nothing_but_is_told(tmp_path: Path, name: str, problem: str) -> None:
    keys = keychain(tmp_path, {"credsStore": name})
    assert not keys.find("a.b")
    assert problem in keys.problems[0]


def test_a_configuration_that_may_not_be_read_is_told(tmp_path: Path) -> None:
    os.mkdir(tmp_path / "config.json")
    keys = Keychain({"DOCKER_CONFIG": str(tmp_path)})
    assert not keys.find("a.b")
    assert "config.json" in keys.problems[0]


def test_secrets_are_not_shown() -> None:
    assert "se:cret" not in repr(ANNA)
