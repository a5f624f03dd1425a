"""``--secret`` reads as docker's does."""

import argparse

import pytest

from layerc.runtime.cli.build import add_arguments, build_request
from layerc.runtime.cli.parser import ArgumentParser
from layerc.runtime.engine.request import Secret
from layerc.runtime.errors import UsageError


def arguments(*words: str) -> argparse.Namespace:
    parser = ArgumentParser(prog="layerc build")
    add_arguments(parser)
    return parser.parse_args(list(words))


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("id=token,src=/etc/token", Secret("token", source="/etc/token")),
        ("id=token,source=token.txt,type=file", Secret("token", source="token.txt")),
        ("id=token,env=TOKEN", Secret("token", env="TOKEN")),
        ("type=env,id=token,src=TOKEN", Secret("token", env="TOKEN")),
        ("id=SET_HERE", Secret("SET_HERE", env="SET_HERE")),
        ("id=SET_HERE,type=file", Secret("SET_HERE", source="SET_HERE")),
        ("id=token.txt", Secret("token.txt", source="token.txt")),
    ],
)
def test_read(
    text: str, secret: Secret, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("context")
    (folder / "Dockerfile").write_text("FROM scratch\n")
    monkeypatch.setenv("SET_HERE", "x")
    assert build_request(arguments("--secret", text, str(folder))).secrets == (secret,)


@pytest.mark.parametrize(
    "text", ["", "token", "src=x", "id=a,src=x,env=Y", "id=a,type=socket", "id=a,mode=1"]
)
def test_refused(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("context")
    (folder / "Dockerfile").write_text("FROM scratch\n")
    with pytest.raises(UsageError, match="does not name a secret") as caught:
        build_request(arguments("--secret", text, str(folder)))
    assert "--secret id=ID,src=FILE" in str(caught.value.help)
