"""The command as a whole: its words, exit codes, streams and start."""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from layerc import __version__
from layerc.grammar.errors import LayercError
from layerc.runtime.cli import main as main_module
from layerc.runtime.cli.main import COMMANDS, TerminatedError, build_parser, main
from layerc.runtime.errors import InputError

HEAVY = ("lark", "networkx", "rich", "docker", "urllib3", "requests", "shtab", "zstandard")
LAYERC = [sys.executable, "-m", "layerc"]


def run(*words: str, **settings: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*LAYERC, *words], capture_output=True, text=True, check=False, **settings)  # type: ignore[call-overload, no-any-return]


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"layerc {__version__}\n"


def test_help_names_every_command_and_the_exit_codes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    out = capsys.readouterr().out
    for name, summary, _ in COMMANDS:
        assert f"\n  {name} " in out
        assert summary in out
    for code in (0, 1, 2, 3, 4, 5, 6, 70, 130, 141):
        assert f" {code}  " in out


@pytest.mark.parametrize("name", [name for name, _, _ in COMMANDS])
def test_help_of_a_command(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([name, "--help"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"usage: layerc {name}")
    assert main(["help", name]) == 0
    assert capsys.readouterr().out == out
    assert max(map(len, out.splitlines())) <= 110


@pytest.mark.parametrize(
    ("words", "message", "advice"),
    [
        ([], "no command is named", "layerc --help lists them"),
        (["biuld"], "unknown command 'biuld'", "did you mean 'build'?"),
        (["xyzzy"], "unknown command 'xyzzy'", "commands are build, "),
        (["--vresion"], "unknown option '--vresion'", "did you mean --version?"),
        (["--quiet", "build"], "unknown option '--quiet'", "layerc --help shows"),
        (["build", "--targte", "x"], "unknown option '--targte'", "did you mean --target?"),
        (["build", "--no-cach"], "unknown option '--no-cach'", "did you mean --no-cache?"),
        (["completion"], "required: SHELL", "layerc completion --help shows"),
        (["completion", "ksh"], "invalid choice: 'ksh'", "layerc completion --help shows"),
    ],
)
def test_wrong_use(words: list[str], message: str, advice: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    first, second = captured.err.splitlines()
    assert first.startswith("error: ")
    assert message in first
    assert second.startswith("help: ")
    assert advice in second


def test_what_commands_raise_becomes_an_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for error, code in (
        (KeyboardInterrupt(), 130),
        (TerminatedError(15), 143),
        (TerminatedError(1), 129),
        (BrokenPipeError(), 141),
        (ZeroDivisionError(), 70),
    ):

        def fail(words: list[str], error: BaseException = error) -> int:
            raise error

        monkeypatch.setattr(main_module, "_run", fail)
        monkeypatch.setattr(main_module, "_silence", lambda: None)
        assert main([]) == code
        assert "Traceback" not in capsys.readouterr().err


# --- whole processes ---------------------------------------------------------------------------------


def test_exit_code_and_streams_of_the_process(tmp_path: Path) -> None:
    done = run("build", "nowhere", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (4, "")
    assert done.stderr == "error: there is no directory 'nowhere' to build\n"


def test_nobody_reads_the_output(tmp_path: Path) -> None:
    files = tmp_path / "list"
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    files.write_text(f"{tmp_path / 'Dockerfile'}\n" * 5_000)
    with subprocess.Popen(
        [*LAYERC, "parse", "--files-from", files], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


@pytest.mark.parametrize("closed", ["0<&-", "1>&-", "2>&-", "0<&- 1>&- 2>&-"])
def test_closed_streams_are_no_crash(closed: str, tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\n")
    command = f"{' '.join(LAYERC)} parse {tmp_path}/Dockerfile {closed}"
    done = subprocess.run(["sh", "-c", command], capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, b"")


def test_no_file_takes_the_place_of_a_closed_stream(tmp_path: Path) -> None:
    """What is printed must not go into the next file that is opened (the store's index, for one)."""
    (tmp_path / "Dockerfile").write_text("FROM scratch\nRUN true\n")
    command = f"{' '.join(LAYERC)} compile --offline {tmp_path} 1>&- 2>&-"
    assert subprocess.run(["sh", "-c", command], check=False).returncode == 0
    assert os.listdir(tmp_path) == ["Dockerfile"]
    assert (tmp_path / "Dockerfile").read_text() == "FROM scratch\nRUN true\n"


@pytest.mark.parametrize("words", [["--version"], ["--help"], ["build", "--help"], ["compile", "--help"]])
def test_help_imports_nothing_heavy(words: list[str]) -> None:
    program = (
        "import sys; from layerc.runtime.cli.main import main; main(sys.argv[1:]); "
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True, check=True)
    loaded = {name.split(".")[0] for name in done.stderr.split()}
    assert loaded.isdisjoint((*HEAVY, "sqlite3", "concurrent"))


def test_version_imports_no_command() -> None:
    program = "import sys; from layerc.runtime.cli.main import main; main(['--version']); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    ours = {name for name in done.stdout.split() if name.startswith("layerc.")}
    assert ours == {
        "layerc.runtime",
        "layerc.runtime.cli",
        "layerc.runtime.cli.main",
        "layerc.runtime.cli.parser",
    }


# --- completion --------------------------------------------------------------------------------------


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish", "tcsh"])
def test_completion_knows_commands_and_options(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert "no-cache-filter" in script
    for name, _, _ in COMMANDS:
        assert name in script


def test_bash_completes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    if shutil.which("bash") is None:
        pytest.skip("no bash")
    main(["completion", "bash"])
    script = tmp_path / "layerc.bash"
    script.write_text(capsys.readouterr().out)
    words = "COMP_WORDS=(layerc build --no-c); COMP_CWORD=2; _shtab_layerc layerc --no-c build; echo ${COMPREPLY[@]}"
    done = subprocess.run(["bash", "-c", f". {script}; {words}"], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["--no-cache", "--no-cache-filter"]


def test_every_option_has_help_and_a_metavar() -> None:
    for parser in build_parser().commands.values():
        for action in parser._actions:
            assert action.help
            assert action.nargs == 0 or action.metavar


def test_the_page_names_every_option_and_exit_code() -> None:
    page = (Path(__file__).parents[2] / "docs" / "cli.md").read_text()
    for command in ("build", "parse", "completion"):
        for action in build_parser(command).commands[command]._actions:
            for option in action.option_strings:
                told = f"`{option}" in page or option in ("-h", "--help", "--json")
                assert told or action.help == argparse.SUPPRESS, option
    codes = {kind.exit_code for kind in (*LayercError.__subclasses__(), *InputError.__subclasses__())}
    for code in codes | {70, 129, 130, 141, 143}:
        assert re.search(rf"^\| (.*, )?{code}\b.* \|", page, re.MULTILINE), code


def test_an_encoding_that_lacks_a_character_is_no_crash(tmp_path: Path) -> None:
    (tmp_path / "Dockerfile").write_bytes("FROM scratch\nCOPY 漢 /\n# \n".encode() + b"COPY \xff /\n")
    environment = os.environ | {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0"}
    done = run("compile", "--offline", "--format", "dot", str(tmp_path), env=environment)
    assert (done.returncode, done.stderr) == (0, "")
    assert "COPY \\u6f22 /" in done.stdout


def test_json_lines_of_the_whole_process(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"FROM scratch\nRUN echo \xff\n")
    done = run("parse", str(tmp_path / "a"))
    document = json.loads(done.stdout)
    assert document["instructions"][1]["args"] == ["echo \udcff"]
