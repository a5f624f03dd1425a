"""Variables that a step does not read: a proof, or a reason to doubt. What is proven is tried."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from layerc.compiler.graph.operations import InlineFile, Run
from layerc.compiler.unread import reading_of, unread_variables


def shell(script: str, **fields: object) -> Run:
    return Run(("/bin/sh", "-c", script), cwd="/app", **fields)


@pytest.mark.parametrize(
    ("run", "reason"),
    [
        (shell("mkdir -p a/b && cp c a"), ""),
        (
            shell("set -eux; cd src; for f in *; do [ -d $f ] || rm -f $f; done"),
            "a condition may name a variable",
        ),
        (shell('set -eux; cd src; for f in *; do [ -d "$f" ] || rm -f $f; done'), ""),
        (shell("export DEBIAN_FRONTEND=noninteractive && touch a"), ""),
        (shell("cat *.txt | tr a-z A-Z | head -n 3 > out 2>/dev/null"), ""),
        (shell("if test -f a; then mv a b; else true; fi"), ""),
        (shell("/usr/bin/sha256sum a > sums"), ""),
        (Run(("mkdir", "-p", "/opt/app")), ""),
        (shell("echo $VERSION"), "the command names VERSION"),
        (shell("echo $MYVERSION"), "the command names VERSION"),
        (shell("make"), "make may read any variable"),
        (shell("mkdir a && (cd a; ./configure)"), "./configure may read any variable"),
        (shell("echo $(./version)"), "./version may read any variable"),
        (shell("/opt/bin/cp a b"), "/opt/bin/cp may read any variable"),
        (Run(("npm", "ci")), "npm may read any variable"),
        (shell("$TOOL a"), "the name of a program comes from a variable or a pattern"),
        (shell("env"), "env may read any variable"),
        (shell("set"), "set shows all variables"),
        (shell("export"), "export shows all variables"),
        (shell("export -p"), "export may show all variables"),
        (shell("export PATH=/own; cp a b"), "it sets PATH"),
        (shell("PATH=/own cp a b"), "it sets PATH"),
        (shell("LD_PRELOAD=./own.so cp a b"), "it sets LD_PRELOAD"),
        (shell("eval ls"), "eval may read any variable"),
        (shell(". ./file"), ". may read any variable"),
        (shell("[ -v $a ]"), "a condition may name a variable"),
        (shell("echo ${!a}"), "an expansion of another form is not understood"),
        (shell("echo ${a@P}"), "a parameter may name another"),
        (shell("echo $((A))"), "arithmetic is not understood"),
        (shell("case a in a) ;; esac"), "`case` is not understood"),
        (shell('cat "$FILE"'), "cat may be given any path, also that of the environment as a file"),
        (shell("cat /proc/self/environ"), "the command may come to read the environment as a file, in /proc"),
        (shell("cat /*/self/env"), "the command may come to read the environment as a file, in /proc"),
        (shell("cp -r / x"), "the command may come to read the environment as a file, in /proc"),
        (shell("cp -r ../.. x"), "the command may come to read the environment as a file, in /proc"),
        (Run(("cp", "-r", ".", "x")), "the command may come to read the environment as a file, in /proc"),
        (shell("cat < $FILE"), "the command may come to read the environment as a file, in /proc"),
        (
            Run(("/dev/pipes/END",), scripts=(InlineFile("END", "#!/bin/sh\n"),)),
            "the interpreter of a script may",
        ),
        (shell("cp a b", env=(("BASH_ENV", "/start"),)), "what BASH_ENV names may read any variable"),
        (shell("cp a b", env=(("LD_PRELOAD", "/own.so"),)), "what LD_PRELOAD names may read any variable"),
        (shell("cp a b", env=(("BASH_FUNC_cp%%", "() { env; }"),)), "what BASH_FUNC_cp%% names may read"),
        (shell("make", named_only=("VERSION",)), ""),
        (shell("make $VERSION", named_only=("VERSION",)), "the command names VERSION"),
    ],
    ids=lambda value: " ".join(value.argv) if isinstance(value, Run) else "",
)
def test_reasons(run: Run, reason: str) -> None:
    found = reading_of(run, "VERSION")
    assert found.startswith(reason) if reason else found == ""


@pytest.mark.parametrize(
    "name", ["PATH", "HOME", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TZ", "BASH_ENV", "TMPDIR", "a-b"]
)
def test_variables_that_many_programs_know(name: str) -> None:
    assert reading_of(shell("mkdir a"), name) == f"many programs know {name}"


def test_names_of_a_step() -> None:
    run = shell("mkdir $NAME", env=(("NAME", "a"), ("PATH", "/bin"), ("VERSION", "1")))
    assert unread_variables(run) == {"VERSION"}


# --- tried ------------------------------------------------------------------------------------------------

COMMANDS = """
echo a $x|printf %s, "$x"|cat a|cat *|head -n 1 a|cp a b|mv a c|ls|ls -d *|touch d|mkdir -p e/f|rm -f b|chmod 600 a
wc a|tr a b < a|grep a *|[ "$x" = y ]|test -f a|x=1|export x=1|unset x|cd e|set -e|set -- a b|true|false|:|pwd
env|printenv|export|export -p|set|declare -p|readonly -p|eval "echo \\$VER\\SION"|. ./a|awk 'BEGIN{print ENVIRON["VER""SION"]}'
echo ${!V*}|y=VER; y=${y}SION; echo ${!y}|cat /proc/self/environ|cat /proc/$$/environ|cat /*/self/envir*|xargs -a a env
sh -c env|find . -exec env ;|command env|exec env|$z|"$z"|e''nv|\\env|$(env)|echo $(env)|echo "$(set)"|timeout 9 env
cat ${x}a|cp "$f" g; cat g|cat < $f|for i in a b|do echo $i; done|if true|then env; fi|{ env; }|( env )|a() { env; }; a
""".replace("\n", "|").strip("|")
SCRIPTS = st.lists(
    st.tuples(st.sampled_from(COMMANDS.split("|")), st.sampled_from(["; ", " && ", " || ", "\n", " > b; "])),
    min_size=1,
    max_size=5,
).map(lambda pairs: "".join(command + join for command, join in pairs) + "true")


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(SCRIPTS, st.sampled_from(["sh", "bash"]))
@example("cat a; env; true", "sh")
def test_what_is_not_read_changes_nothing(tmp_path: Path, script: str, name: str) -> None:
    if reading_of(Run((name, "-c", script), cwd="/app"), "VERSION") == "":
        assert outcome(tmp_path / "w", name, script, "1") == outcome(tmp_path / "w", name, script, "2")


def outcome(directory: Path, name: str, script: str, value: str) -> object:
    shutil.rmtree(directory, ignore_errors=True)
    directory.mkdir()
    (directory / "a").write_text("a\nenv\n")
    done = subprocess.run(
        [name, "-c", script],
        cwd=directory,
        env={"PATH": "/usr/bin:/bin", "VERSION": value, "f": "/proc/self/environ", "z": "env", "x": "y"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=30,
        check=False,
    )
    files = {str(path): path.read_bytes() for path in directory.rglob("*") if path.is_file()}
    return done.returncode, done.stdout, files
