"""Values of options mean what they mean to docker."""

from __future__ import annotations

import argparse
import json
import os
from pathlib import Path

import pytest

from layerc.compiler.options import CompileOptions, NamedContext
from layerc.grammar.errors import LayercError
from layerc.grammar.source import SourceFile
from layerc.runtime.cli.build import add_arguments, build_request
from layerc.runtime.cli.options import compile_options, read_dockerfile, read_plan
from layerc.runtime.cli.parser import ArgumentParser
from layerc.runtime.engine.request import SshForward
from layerc.runtime.errors import InputError, UsageError
from layerc.runtime.oci.platforms import host_platform


def arguments(*words: str) -> argparse.Namespace:
    parser = ArgumentParser(prog="layerc build")
    add_arguments(parser)
    return parser.parse_strictly(words)


def options(*words: str, **environment: str) -> CompileOptions:
    return compile_options(arguments(*words), environment)


def test_defaults() -> None:
    host = str(host_platform())
    assert options() == CompileOptions(platforms=(), build_platform=host)


def test_build_args_without_a_value_come_from_the_environment() -> None:
    words = (
        "--build-arg",
        "A=1",
        "--build-arg",
        "B",
        "--build-arg",
        "C",
        "--build-arg",
        "D=",
        "--build-arg",
        "E=x=y",
    )
    assert options(*words, B="from outside").build_args == {
        "A": "1",
        "B": "from outside",
        "D": "",
        "E": "x=y",
    }


def test_proxies_of_dockers_configuration(tmp_path: Path) -> None:
    default = {"httpProxy": "http://a", "noProxy": "b", "ftpProxy": ""}
    proxies = {"default": default, "tcp://c": {"httpsProxy": "http://d"}}
    (tmp_path / "config.json").write_text(json.dumps({"proxies": proxies}))
    where = {"DOCKER_CONFIG": str(tmp_path)}
    assert options(**where).build_args == {"HTTP_PROXY": "http://a", "NO_PROXY": "b"}
    assert options(**where, DOCKER_HOST="tcp://c").build_args == {"HTTPS_PROXY": "http://d"}
    assert options("--build-arg", "http_proxy=x", **where).build_args == {"http_proxy": "x", "NO_PROXY": "b"}
    for wrong in ("[]", "{", '{"proxies": 1}', '{"proxies": {"default": [1]}}'):
        (tmp_path / "config.json").write_text(wrong)
        assert options(**where).build_args == {}


@pytest.mark.parametrize(
    ("words", "platforms"),
    [
        (("--platform", "linux/arm64,linux/amd64"), ("linux/arm64", "linux/amd64")),
        (("--platform", "linux/arm64", "--platform", "linux/aarch64"), ("linux/arm64",)),
        (("--platform", "local"), (str(host_platform()),)),
        (("--platform", "linux/arm/v7"), ("linux/arm/v7",)),
    ],
)
def test_platforms(words: tuple[str, ...], platforms: tuple[str, ...]) -> None:
    assert options(*words).platforms == platforms


def test_the_platform_of_the_environment() -> None:
    assert options(DOCKER_DEFAULT_PLATFORM="linux/s390x").platforms == ("linux/s390x",)
    assert options("--platform", "linux/arm64", DOCKER_DEFAULT_PLATFORM="linux/s390x").platforms == (
        "linux/arm64",
    )


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("128m", 128 << 20),
        ("1g", 1 << 30),
        ("64", 64),
        ("1.5K", 1536),
        ("2MB", 2 << 20),
        ("3 GiB", 3 << 30),
        ("7b", 7),
    ],
)
def test_sizes(text: str, size: int) -> None:
    assert options("--shm-size", text).shm_size == size


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("db:10.0.0.1", ("db", "10.0.0.1")),
        ("db=10.0.0.1", ("db", "10.0.0.1")),
        ("db:::1", ("db", "::1")),
        ("db=[::1]", ("db", "::1")),
        ("db:host-gateway", ("db", "host-gateway")),
    ],
)
def test_hosts(text: str, host: tuple[str, str]) -> None:
    assert options("--add-host", text).extra_hosts == (host,)


def test_hosts_are_separated_by_commas() -> None:
    assert options("--add-host", "a:1.2.3.4,b=::1").extra_hosts == (("a", "1.2.3.4"), ("b", "::1"))


def test_labels_and_limits() -> None:
    found = options("--label", "a=b=c", "--label", "d", "--ulimit", "nofile=1024:2048", "--ulimit", "core=-1")
    assert found.labels == (("a", "b=c"), ("d", ""))
    assert found.ulimits == ("nofile=1024:2048", "core=-1")


def test_named_contexts(tmp_path: Path) -> None:
    archive = tmp_path / "image.tar"
    archive.write_bytes(b"")
    found = options(
        *("--build-context", "a=docker-image://debian:12", "--build-context", f"b={tmp_path}"),
        *("--build-context", f"c={archive}", "--build-context", "d=https://example.com/r.git#main"),
    )
    assert found.contexts == {
        "a": NamedContext("a", "image", "docker-image://debian:12"),
        "b": NamedContext("b", "local", str(tmp_path)),
        "c": NamedContext("c", "image", str(archive)),
        "d": NamedContext("d", "git", "https://example.com/r.git#main"),
    }


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--build-arg", "=x"), "--build-arg '=x' has no name"),
        (("--label", ""), "--label '' has no name"),
        (("--build-context", "a"), "--build-context 'a' has no value"),
        (("--build-context", "a=/no/such"), "there is no directory or archive '/no/such'"),
        (("--network", "bridge"), "--network 'bridge' is not known"),
        (("--shm-size", "much"), "--shm-size 'much' is no size"),
        (("--add-host", "db"), "--add-host 'db' is no host and address"),
        (("--add-host", "db:10.0.0.256"), "is no host and address"),
        (("--add-host", ":10.0.0.1"), "is no host and address"),
        (("--ulimit", "nofile"), "--ulimit 'nofile' is no limit"),
        (("--ulimit", "nofile=1:2:3"), "is no limit"),
        (("--ulimit", "nofiles=1"), "there is no limit 'nofiles'"),
        (("--ulimit", "as=1"), "there is no limit 'as'"),
        (("--ulimit", "nofile=2:1"), "the soft limit is above the hard limit"),
        (("--ulimit", "nofile=-1:1"), "the soft limit is above the hard limit"),
        (("--platform", "linux/"), "not a platform"),
    ],
)
def test_refused_values(words: tuple[str, ...], message: str) -> None:
    with pytest.raises(LayercError, match=message.replace("(", r"\(")) as caught:
        options(*words)
    assert caught.value.help


# --- the request -------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "app").mkdir()
    (tmp_path / "app" / "Dockerfile").write_text("FROM scratch\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_dockerfile_of_the_context(folder: Path) -> None:
    request = build_request(arguments("app"))
    assert request.dockerfile == SourceFile("app/Dockerfile", "FROM scratch\n")
    assert request.dockerfile_path == "app/Dockerfile"
    assert request.context == "app"


def test_a_lower_case_dockerfile_is_found(folder: Path) -> None:
    os.rename("app/Dockerfile", "app/dockerfile")
    request = build_request(arguments("app"))
    assert request.dockerfile_path == "app/dockerfile"


def test_file_is_read_from_the_working_directory(folder: Path) -> None:
    (folder / "other").write_bytes(b"FROM a\xff\n")
    request = build_request(arguments("-f", "other", "app"))
    assert request.dockerfile is not None
    assert request.dockerfile.to_bytes() == b"FROM a\xff\n"


def test_options_may_follow_the_path(folder: Path) -> None:
    request = build_request(
        arguments("app", "-t", "a", "--no-cache", "-o", "x", "--tag", "b:1", "-o", "type=oci")
    )
    assert request.tags == ("docker.io/library/a:latest", "docker.io/library/b:1")
    assert request.outputs == ("x", "type=oci")
    assert request.no_cache


def test_filters_are_separated_by_commas(folder: Path) -> None:
    assert build_request(
        arguments("app", "--no-cache-filter", "a,b", "--no-cache-filter", "c")
    ).no_cache_filter == (*("a", "b", "c"),)


def test_what_is_granted(folder: Path) -> None:
    words = ("--allow", "network.host", "--allow=security.insecure", "--allow", "device=a.b/c=d,alias=e")
    request = build_request(arguments("app", *words, "--ssh", "default", "--ssh", "a=b,~/c", "--ssh", "=/s"))
    assert request.allow == {"network.host", "security.insecure", "device=a.b/c=d,alias=e"}
    home = os.path.expanduser("~")
    assert request.ssh == (
        SshForward("default"),
        SshForward("a", ("b", f"{home}/c")),
        SshForward("default", ("/s",)),
    )


def test_options_of_docker_that_change_nothing(folder: Path) -> None:
    words = ("--rm", "--force-rm", "--compress", "--provenance=false", "--sbom", "false")
    request = build_request(arguments(*words, "--attest=type=provenance,disabled=true", "app"))
    assert request == build_request(arguments("app"))


def test_switches_may_say_true_or_false(folder: Path) -> None:
    request = build_request(arguments("app", "--pull=true", "--no-cache=0", "--rm=false", "--load=False"))
    assert (request.pull, request.no_cache, request.outputs) == (True, False, ())
    with pytest.raises(UsageError, match="--pull: 'maybe' is neither true nor false"):
        arguments("app", "--pull=maybe")


def test_load_is_an_output(folder: Path) -> None:
    assert build_request(arguments("app", "--load", "-o", "type=oci,dest=x")).outputs == (
        "type=oci,dest=x",
        "type=docker",
    )


@pytest.mark.parametrize(
    ("words", "kind", "message", "advice"),
    [
        (("nowhere",), InputError, "there is no directory 'nowhere' to build", None),
        (("app/Dockerfile",), InputError, "there is no directory", "-f app/Dockerfile"),
        (("ftp://example.com/a.git",), InputError, "there is no directory 'ftp:", "a git repository"),
        (("-f", "app", "."), InputError, "can not read app: Is a directory", "name the file in it"),
        (
            ("-f", "Dockerfile", "app"),
            InputError,
            "can not read Dockerfile",
            "did you mean -f app/Dockerfile",
        ),
        ((".",), InputError, "can not read Dockerfile: No such file", "name the Dockerfile with -f"),
        (("-f", "-", "-"), UsageError, "standard input can not be both", "name one"),
        (("app", "-t", "UPPER"), InputError, "invalid image reference 'UPPER'", "NAME"),
        (("app", "-t", f"a@sha256:{'0' * 64}"), UsageError, "must not have a digest", "-t NAME"),
        (("app", "-j", "0"), UsageError, "'0' is not a number from 1 up", "--help"),
        (("app", "--progress", "loud"), UsageError, "invalid choice: 'loud'", "--help"),
        (("app", "more"), UsageError, "unexpected argument 'more'", "--help"),
        (("app", "--taget", "x"), UsageError, "unknown option '--taget'", "did you mean --target?"),
        (("app", "--buildarg=A=1"), UsageError, "unknown option '--buildarg'", "did you mean --build-arg?"),
        (("app", "--push"), UsageError, "unknown option '--push'", "skopeo copy"),
        (("app", "--memory", "2g"), UsageError, "unknown option '--memory'", "systemd-run"),
        (("app", "-m", "2g"), UsageError, "unknown option '-m'", "systemd-run"),
        (("app", "--cgroup-parent=a"), UsageError, "unknown option '--cgroup-parent'", "systemd-run"),
        (("app", "--provenance", "mode=max"), UsageError, "layerc makes no attestations", "say false"),
        (("app", "--sbom=true"), UsageError, "layerc makes no attestations", "say false"),
        (("app", "--attest", "type=sbom"), UsageError, "layerc makes no attestations", "say false"),
        (("app", "--attest", "type=foo"), UsageError, "unknown attestation type 'foo'", "leave it out"),
        (("app", "--allow", "foo"), UsageError, "unknown entitlement", "network.host, security.insecure"),
        (("app", "--allow", "network.host=1"), UsageError, "unknown entitlement", "there are"),
        (("app", "--allow", "device=a,b=c"), UsageError, "unknown device option 'b=c'", "alias=NAME"),
        (("app", "--tag"), UsageError, "expected one argument", "--help"),
    ],
)
def test_refused_requests(
    folder: Path, words: tuple[str, ...], kind: type[LayercError], message: str, advice: str | None
) -> None:
    with pytest.raises(kind) as caught:
        build_request(arguments(*words))
    assert message in caught.value.message
    assert (advice or "") in (caught.value.help or "")


def test_a_near_name_is_suggested(folder: Path) -> None:
    os.rename("app/Dockerfile", "app/Containerfile")
    with pytest.raises(InputError) as caught:
        read_dockerfile(None, "app")
    assert caught.value.help == "did you mean -f app/Containerfile?"


@pytest.mark.parametrize(
    "text", ["FROM scratch\n", '{"syntax": "x"}\n', "{", '{"schema": 1}', "[]", "{}\nFROM a\n"]
)
def test_dockerfiles_are_no_plans(text: str) -> None:
    assert read_plan(SourceFile("f", text)) is None


@pytest.mark.parametrize(
    "text",
    [
        '{"schema": "layerc.plan/1"}',
        '{"schema": "layerc.plan/1", "layers": [{}], "images": []}',
        '{"schema": "layerc.plan/2"}',
    ],
)
def test_unsound_plans(text: str) -> None:
    with pytest.raises(InputError, match="f is not a sound plan") as caught:
        read_plan(SourceFile("f", text))
    assert "layerc compile" in str(caught.value.help)
