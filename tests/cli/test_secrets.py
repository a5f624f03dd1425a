"""``--secret`` reads as docker's does."""

import argparse
from pathlib import Path

import pytest

from layerc.runtime.cli.build import add_arguments, build_request
from layerc.runtime.cli.parser import ArgumentParser
from layerc.runtime.engine.request import Secret
from layerc.runtime.errors import InputError, UsageError


def arguments(*words: str) -> argparse.Namespace:
    parser = ArgumentParser(prog="layerc build")
    add_arguments(parser)
    return parser.parse_args(list(words))


@pytest.mark.parametrize(
    ("text", "secret"),
    [
        ("id=token,src=/etc/passwd", Secret("token", source="/etc/passwd")),
        ("id=token,source=token.txt,type=file", Secret("token", source="token.txt")),
        ('id=token,"src=a,b"', Secret("token", source="a,b")),
        ("ID=token,Src=token.txt", Secret("token", source="token.txt")),
        ("id=token,env=TOKEN", Secret("token", env="TOKEN")),
        ("type=env,id=token,src=TOKEN", Secret("token", env="TOKEN")),
        ("id=SET_HERE", Secret("SET_HERE", env="SET_HERE")),
        ("id=SET_HERE,type=env", Secret("SET_HERE", env="SET_HERE")),
        ("id=SET_HERE,type=file", Secret("SET_HERE", source="SET_HERE")),
        ("id=token.txt", Secret("token.txt", source="token.txt")),
    ],
)
def test_read(
    text: str, secret: Secret, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("context")
    (folder / "Dockerfile").write_text("FROM scratch\n")
    for name in ("token.txt", "a,b", "SET_HERE"):
        (folder / name).write_text("x")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("SET_HERE", "x")
    assert build_request(arguments("--secret", text, str(folder))).secrets == (secret,)


@pytest.mark.parametrize(
    "text", ["token", "src=x", "id=", 'id=a,"src=x', "id=a,src=x,env=Y", "id=a,type=socket", "id=a,mode=1"]
)
def test_refused(text: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("context")
    (folder / "Dockerfile").write_text("FROM scratch\n")
    with pytest.raises(UsageError, match="does not name a secret") as caught:
        build_request(arguments("--secret", text, str(folder)))
    assert "--secret id=ID,src=FILE" in str(caught.value.help)


def test_files_are_looked_at_at_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    Path("Dockerfile").write_text("FROM scratch\n")
    with pytest.raises(InputError, match="secret 'a': can not read missing: No such file"):
        build_request(arguments("--secret", "id=a,src=missing"))
    with pytest.raises(InputError, match="secret 'b': can not read b: No such file"):
        build_request(arguments("--secret", "id=b"))
    Path("big").write_bytes(bytes(500 * 1024 + 1))
    with pytest.raises(InputError, match="secret 'c': big is too big"):
        build_request(arguments("--secret", "id=c,src=big"))
