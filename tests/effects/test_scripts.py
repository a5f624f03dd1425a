"""What is concluded from scripts: variables, directories, links, conditions, and what is not known."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from layerc.compiler.effects.model import Effects, Evidence, obstacle
from layerc.compiler.effects.steps import effects_of
from layerc.compiler.graph.layer import ImageLayer
from layerc.compiler.graph.operations import InlineFile, Mount, Run
from layerc.compiler.optimize.facts import NO_FACTS, Facts

SHELL = ("/bin/sh", "-c")


def of(script: str, facts: Facts = NO_FACTS, **more: object) -> Effects:
    env = (("V", "1.2"), ("EMPTY", ""))
    return effects_of(ImageLayer(Run((*SHELL, script), env, "/app")._replace(**more), "p"), facts)


@pytest.mark.parametrize(
    ("script", "written"),
    [
        ("touch a", {"/app/a"}),
        ("cd /x && touch a && cd .. && touch b", {"/x/a", "/b"}),
        ("cd /x; touch a", {"/x/a", "/app/a"}),
        ("set -e; cd /x; touch a", {"/x/a"}),
        ("(cd /x && touch a) && touch b", {"/x/a", "/app/b"}),
        ("cd /x || exit 1", set()),
        ("echo a > $V.txt 2>>log", {"/app/1.2.txt", "/app/log"}),
        ('W=$V-x; touch "/$W" a/../b ${EMPTY:-c}', {"/1.2-x", "/app/b", "/app/c"}),
        ("touch 'a b' c\\ d ~/e", {"/app/a b", "/app/c d", "/root/e"}),
        ("if test -f x; then F=a; else F=b; fi; touch f", {"/app/f"}),
        ("for f in a b; do touch $f.x; done", {"/app/a.x", "/app/b.x"}),
        ("while read l; do echo $l; done < list > out", {"/app/out"}),
        ("case $V in 1.*) touch a;; *) touch b;; esac", {"/app/a", "/app/b"}),
        ("sh -c 'touch \"$1\"' x y", {"/app/y"}),
        ("env A=b touch c && nice -n 5 touch d", {"/app/c", "/app/d"}),
        ("bash <<'E'\ntouch in\nE\ntouch out", {"/app/in", "/app/out"}),
        ("cat <<E > f\n$V\nE", {"/app/f"}),
        ("eval touch a", {"/app/a"}),
        ("ln -s /data link && touch link/x", {"/app/link", "/app/link/data", "/app/link/x", "/data/x"}),
        ("touch /bin/tool", {"/bin/tool", "/usr/bin/tool"}),
        ("echo > /dev/null && touch /proc/x", set()),
        ("which foo && touch a", {"/app/a"}),
        ("command -v foo > /dev/null || touch a", {"/app/a"}),
        ("touch a-$(date +%s)", set()),
    ],
)
def test_written_names(script: str, written: set[str]) -> None:
    effects = of(script)
    assert effects.unknown == ""
    assert effects.writes.names == written


@pytest.mark.parametrize(
    ("script", "trees"),
    [
        ("rm -rf a /b/*", {"/app/a", "/b"}),
        ("cp -r src /dst", {"/dst"}),
        ("touch x/*.py", {"/app/x"}),
        ("touch $(ls)/x", None),
        ("touch a-$(date +%s)", {"/app"}),
        ("find /srv -name x -exec chmod 644 {} +", {"/srv"}),
    ],
)
def test_written_trees(script: str, trees: set[str] | None) -> None:
    effects = of(script)
    assert bool(effects.unknown) is (trees is None)
    assert trees is None or effects.writes.trees == trees


@pytest.mark.parametrize(
    ("script", "why"),
    [
        ("frobnicate", "what `frobnicate` reads and writes is not known"),
        ("./install -d x", "what `./install` reads and writes is not known"),
        ("./run.sh", "what `./run.sh` reads and writes is not known"),
        ("`cat tool` x", "which program is run depends on"),
        ("f() { a; }", "the script is not understood: a function"),
        ("cd $(cat where)", "`cd` to a directory that is not known"),
        (". ./env.sh", "runs a file whose content is not known"),
        ("curl -s https://example.com/x | sh", "`sh` runs what it is fed"),
        ("eval $(cat x)", "`eval` of text that is not known"),
        ("sed 's/a/b/w other' file", "`sed` with a script that may write files of its own"),
        ("awk '{print > \"x\"}' file", "`awk` with a program that may write"),
        ("LD_PRELOAD=/x.so touch a", "LD_PRELOAD is set"),
        ("while true; do cd x; done", "a loop goes from directory to directory"),
    ],
)
def test_what_is_not_understood_is_said(script: str, why: str) -> None:
    effects = of(script)
    assert why in effects.unknown
    assert effects.evidence is Evidence.NONE
    assert effects.writes.trees == {"/"}


def test_directories_are_made_where_they_are_missing() -> None:
    assert of("mkdir -p /a/b").writes.directories == {"/a", "/a/b"}
    for other in ("mkdir /a/b", "mkdir -p -m 700 /a/b", "umask 077; mkdir -p /a/b"):
        assert "/a/b" in of(other).writes.names
    assert "/a/b" in of("mkdir -p /a/b", user="node").writes.names


def test_what_is_mounted_is_not_of_the_image() -> None:
    mounts = (Mount("cache", "/root/.cache"), Mount("bind", "/src"))
    effects = of("touch /root/.cache/x /src/y /z", mounts=mounts)
    assert effects.writes.names == {"/z"}
    assert effects.writes.directories == {"/root", "/root/.cache", "/src"}


def test_script_in_a_heredoc_of_the_dockerfile() -> None:
    scripts = (InlineFile("E", "touch a\n"),)
    layer = ImageLayer(Run((*SHELL, "/dev/pipes/E"), (), "/app", scripts=scripts), "p")
    assert effects_of(layer, NO_FACTS).writes.names == {"/app/a"}
    python = (InlineFile("E", "#!/usr/bin/env python3\nopen('a')\n"),)
    layer = ImageLayer(Run(("/dev/pipes/E",), (), "/app", scripts=python), "p")
    assert "a script of `python3`" in effects_of(layer, NO_FACTS).unknown


def test_exec_form() -> None:
    layer = ImageLayer(Run(("touch", "$V"), (("V", "1"),), "/app"), "p")
    assert effects_of(layer, NO_FACTS).writes.names == {"/app/$V"}


def test_path_decides_where_programs_are_looked_for() -> None:
    effects = effects_of(ImageLayer(Run(("touch", "a"), (("PATH", "/p:/q"),), "/"), "p"), NO_FACTS)
    assert {"/p/touch", "/q/touch"} <= effects.reads.names


def test_sourced_environment() -> None:
    effects = of(". /venv/bin/activate && pip install flask")
    assert "/venv" in effects.writes.trees
    assert of(". /etc/os-release && echo $ID > f").writes.names == {"/app/f"}


WORDS = st.sampled_from(
    [
        "cp",
        "mv",
        "rm",
        "ln",
        "mkdir",
        "touch",
        "chmod",
        "sed",
        "tar",
        "find",
        "xargs",
        "sh",
        "env",
        "npm",
        "pip",
        "go",
        "apt-get",
        "git",
        "curl",
        "make",
        "python3",
        "cd",
        "set",
        "export",
        "test",
        "[",
        "]",
        "&&",
        "||",
        ";",
        "|",
        ">",
        "<",
        "-r",
        "-f",
        "-o",
        "-C",
        "-c",
        "-s",
        "-exec",
        "{}",
        "-m",
        "install",
        "ci",
        "--",
        "-",
        "*",
        "a/b",
        "$X",
        "$V",
        "$(a)",
        "'q'",
        '"$Y"',
        "(",
        ")",
        "if",
        "then",
        "fi",
        "for",
        "in",
        "do",
        "done",
        "-t",
        "--prefix=x",
        "--flag=",
        "=",
    ]
)


@settings(max_examples=300)
@given(st.lists(WORDS, max_size=10).map(" ".join))
def test_any_script_has_effects(script: str) -> None:
    effects = of(script)
    assert bool(effects.unknown) is (effects.evidence is Evidence.NONE)


@pytest.mark.parametrize(
    ("first", "second", "where"),
    [
        ("npm ci", "touch /app/main.js", ""),
        ("npm ci", "mkdir -p /data/x", ""),
        ("npm ci", "echo x > package.json", "/app/package.json"),
        ("apt-get install -y gcc", "npm ci", "/"),
        ("apt-get install -y libc6", "touch /usr/src/app/x", "/"),
        ("mkdir -p /a", "mkdir -p /a/b", ""),
        ("mkdir -p /a", "touch /a/b", "/a"),
        ("rm -rf /a", "mkdir -p /a/b", "/a"),
        ("touch /a/x", "ls /a", "/a/x"),
        ("touch /a/x", "cat /a/y", ""),
        ("ln -s /a /b", "touch /b/x", "/b"),
        ("frobnicate", "true", "`frobnicate`"),
    ],
)
def test_which_steps_may_change_places(first: str, second: str, where: str) -> None:
    for one, other in ((first, second), (second, first)):
        found = obstacle(of(one), of(other))
        assert bool(found) is bool(where), found
        assert where in found


def test_variables_of_the_shell() -> None:
    for name, known in (("ENV", True), ("BASH_ENV", False)):
        layer = ImageLayer(Run((*SHELL, "touch a"), ((name, "prod"),), "/app"), "p")
        assert (effects_of(layer, NO_FACTS).unknown == "") is known
