"""Comparing for real: tiny builds that differ in one thing each, and builds that come to the same in other ways."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import jsonschema
import pytest
from tiny import BASE, TinyProject
from treediff import compare_trees, read_image

from layerc.compiler.options import CompileOptions, ImageRequest, NamedContext
from layerc.grammar.source import SourceFile
from layerc.runtime.cli.main import main
from layerc.runtime.engine.build import build, compile_only
from layerc.runtime.engine.request import BuildRequest
from layerc.runtime.engine.verify import Change, Side, Verdict, verify, verify_plans
from layerc.runtime.errors import InputError, SourceError, StepError
from layerc.runtime.snapshot.mount import enter_mount_namespace
from layerc.runtime.store import Store

pytestmark = pytest.mark.root

SCHEMA = Path(__file__).parents[2] / "docs" / "verify.schema.json"
ZOO = """\
FROM base AS zoo
COPY file mode /z/
RUN cd /z && mkdir d empty never && echo one > d/one && ln d/one d/two && ln -s file link && mkfifo pipe \\
 && mknod null c 1 3 && touch gone && chown 7:8 d/one
ENV A=1 B=2
"""


class Bench(TinyProject):
    """A tiny project, with comparisons of Dockerfiles over it."""

    def compare(self, a: str, b: str, **options: bool) -> Verdict:
        with Store.open(str(self.home)) as store:
            return verify_plans(self.request(a), self.request(b), store, self.events.append, **options)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    enter_mount_namespace()
    bench = Bench(tmp_path_factory.mktemp("verify"))
    bench.write("file", "text\n")
    bench.write("mode", "")
    return bench


def told(changes: tuple[Change, ...]) -> dict[str, tuple[str, ...]]:
    return {change.path: change.aspects for change in changes}


# --- the same in another way -------------------------------------------------------------------------


def test_other_layers_of_the_same_tree(bench: Bench) -> None:
    """Split, removed again (whiteouts), a directory emptied and filled anew (opaque), copied into one layer."""
    other = """\
FROM base AS zoo
RUN mkdir -p /z/d/junk /z/old && echo one > /z/d/one && touch /z/d/zero
RUN rm -r /z/d /z/old && mkdir /z/d && echo one > /z/d/one && cd /z && touch gone junk
RUN rm /z/junk && cd /z && mkdir empty never && ln d/one d/two && mkfifo pipe && mknod null c 1 3 && chown 7:8 d/two
COPY file mode /z/
RUN ln -s file /z/link
ENV A=1
ENV B=2
"""
    squashed = (
        ZOO + "FROM scratch\nENV PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin A=1 B=2\n"
    )
    for text in (other, squashed + "COPY --from=zoo / /\n"):
        verdict = bench.compare(ZOO, text)
        assert told(verdict.changes) == {}
        assert verdict.config == ()
        assert verdict.equal
        assert verdict.rebuilt == ()  # nothing differs, so nothing was built twice
    assert verdict.entries["fifos"] == verdict.entries["devices"] == 1


# --- each kind of difference -------------------------------------------------------------------------

DIFFERENT = {
    "chmod 4755 /z/mode": {"z/mode": ("mode",)},
    "chown 1 /z/empty": {"z/empty": ("owner",)},
    "echo more >> /z/file": {"z/file": ("content",)},
    "ln -sf other /z/link": {"z/link": ("target",)},
    "rm /z/null && mknod /z/null c 1 5": {"z/null": ("device",)},
    "rm /z/gone": {"z/gone": ("removed",)},
    "mkdir -p /z/empty/new/e": {"z/empty/new": ("added",), "z/empty/new/e": ("added",)},
    "rm -r /z/never && touch /z/never": {"z/never": ("kind",)},
    "cd /z/d && cp -p two t && mv t two": {"z/d/one": ("links",), "z/d/two": ("links",)},
}


def test_each_kind_of_difference_is_told(bench: Bench, tmp_path: Path) -> None:
    """... and laid at the door of the step that made it; our test's own comparer tells of the same paths."""
    changes = "".join(f"RUN {command}\n" for command in DIFFERENT)
    verdict = bench.compare(ZOO, ZOO + changes + "ENV A=2\n", strict=True)
    jsonschema.validate(json.loads(json.dumps(verdict.to_document())), json.loads(SCHEMA.read_text()))
    expected = {path: aspects for each in DIFFERENT.values() for path, aspects in each.items()}
    assert told(verdict.blamed) == expected
    assert not verdict.equal
    assert [(change.field, change.before[-2:], change.after[-2:]) for change in verdict.config] == [
        ("config.Env", ["A=1", "B=2"], ["A=2", "B=2"])
    ]
    by_path = {change.path: change for change in verdict.blamed}
    assert by_path["z/file"].diff.endswith("@@ -1 +1,2 @@\n text\n+more")
    step, after = by_path["z/gone"].step, by_path["z/gone"].step_after
    assert step is not None
    assert (step.line, step.title[:11]) == (6, "RUN cd /z &")
    assert after is not None
    assert after.title == "RUN rm /z/gone"

    archives = []
    for name, text in (("a", ZOO), ("b", ZOO + changes)):
        archives.append(tmp_path / f"{name}.tar")
        bench.build(text, outputs=(f"type=oci,dest={archives[-1]}",))
    trees = [read_image(archive).tree for archive in archives]
    assert {difference.path for difference in compare_trees(*trees)} == expected.keys()


def test_hard_links_are_groups_of_names(bench: Bench) -> None:
    verdict = bench.compare(ZOO, ZOO + "RUN ln /z/gone /z/copy\n", strict=True)
    assert told(verdict.blamed) == {"z/copy": ("added",), "z/gone": ("links",)}
    change = verdict.blamed[1]
    assert (change.links_before, change.links_after) == (("z/gone",), ("z/copy", "z/gone"))


def test_attributes(bench: Bench, tmp_path: Path) -> None:
    """Of two root file systems on this machine."""
    for name, value in (("a", b"1"), ("b", b"2")):
        (tmp_path / name).mkdir()
        (tmp_path / name / "f").write_text("x")
        os.setxattr(tmp_path / name / "f", "user.note", value)
    sides = [
        Side(name, ImageRequest(name, "linux/amd64", NamedContext(name, "local", str(tmp_path / name))))
        for name in ("a", "b")
    ]
    with Store.open(str(bench.home)) as store:
        verdict = verify(*sides, store, bench.events.append)
    assert told(verdict.blamed) == {"f": ("xattrs",)}
    assert not verdict.config_compared
    assert len(verdict.notes) == 2


def test_a_proof_goes_by_no_trace(bench: Bench) -> None:
    """Two steps change places: what they read is known, so a build runs neither, and a proof runs both."""
    first, second = "RUN echo one > /one\n", "RUN echo two > /two\n"
    a, b = f"FROM base\n{first}{second}", f"FROM base\n{second}{first}"
    bench.build(a)
    assert bench.compare(a, b, prove=False).b.executed == 0
    proven = bench.compare(a, b)
    assert (proven.a.executed, proven.b.executed) == (0, 2)
    assert proven.equal


# --- whose doing it is -------------------------------------------------------------------------------

RANDOM = """\
FROM base
RUN head -c 9 /dev/urandom | base64 > /stamp && touch /kept /lost
RUN sha256sum < /stamp > /sum && mktemp /tmp.XXXXXX && mkdir -p /var/log && date +%s >> /var/log/x.log
"""


def test_what_a_does_by_itself_is_not_blamed_on_b(bench: Bench) -> None:
    builds = bench.home / "builds"
    bench.build(RANDOM)
    other = RANDOM.replace("touch /kept", "true; touch /kept")
    bench.build(other)
    kept = sorted(os.listdir(builds))[:-2]
    verdict = bench.compare(RANDOM, other)
    assert verdict.equal
    assert {"stamp", "sum"} <= {change.path for change in verdict.excused}
    names = [change.aspects for change in verdict.excused if change.path.startswith("tmp.")]
    assert names in ([], [("added",), ("removed",)], [("removed",), ("added",)])
    assert {step.line for step in verdict.rebuilt} == {5, 6}
    assert {change.step.line for change in verdict.excused if change.step} == {5, 6}
    log = [change.cause for change in verdict.excused if change.path == "var/log/x.log"]
    assert log in ([], ["log"])

    # The second build has left nothing: a build finds what it found before, and no record tells of the trial.
    bench.build(RANDOM)
    assert bench.ran() == []
    assert len(set(os.listdir(builds)) - set(kept)) <= 5


def test_a_lost_file_is_blamed_whatever_else_differs(bench: Bench) -> None:
    verdict = bench.compare(RANDOM, RANDOM.replace("touch /kept /lost", "touch /kept"))
    assert told(verdict.blamed) == {"lost": ("removed",)}
    assert {"stamp", "sum"} <= {change.path for change in verdict.excused}
    assert not verdict.equal


def test_a_file_made_of_one_that_differs(bench: Bench) -> None:
    """The step that wrote it gives the same each time; one below does not, and what that wrote is gone."""
    text = "FROM base\nRUN head -c 9 /dev/urandom > /r\nRUN sha256sum < /r > /sum\nRUN rm /r\n"
    verdict = bench.compare(
        text, text.replace("RUN rm", "RUN true; rm").replace("RUN head", "RUN true; head")
    )
    assert told(verdict.excused) == {"sum": ("content",)}
    assert verdict.equal


def test_a_second_build_that_fails(bench: Bench) -> None:
    """A cache mount remembers the first run: the verdict is there, and says what could not be told."""
    text = "FROM base\nRUN --mount=type=cache,target=/c test ! -e /c/ran && touch /c/ran && echo 1 > /x\n"
    verdict = bench.compare(text, "FROM base\nRUN echo 2 > /x\n")
    assert told(verdict.blamed) == {"x": ("content",)}
    assert [note.partition(":")[0] for note in verdict.notes] == ["A could not be built a second time"]


def test_strict_and_twice(bench: Bench) -> None:
    lost = RANDOM.replace("9 /dev", "8 /dev")
    verdict = bench.compare(RANDOM, lost, strict=True)
    assert {"stamp", "sum"} <= told(verdict.blamed).keys()
    assert verdict.rebuilt == verdict.excused == ()
    with Store.open(str(bench.home)) as store:
        sides = Side("A", bench.request(RANDOM)), Side("B", bench.request(RANDOM))
        verdict = verify(*sides, store, bench.events.append, twice=True)
    assert verdict.equal
    assert {"stamp", "sum"} <= told(verdict.unstable).keys()
    assert {step.title[:7] for step in verdict.rebuilt} == {"RUN hea", "RUN sha", 'RUN ["/'}


# --- what can be compared ----------------------------------------------------------------------------


def test_plans_and_images(bench: Bench, tmp_path: Path) -> None:
    layout = tmp_path / "layout"
    bench.build(ZOO, tags=("docker.io/library/zoo:1",), outputs=(f"type=oci-layout,dest={layout}",))
    with Store.open(str(bench.home)) as store:
        plan = compile_only(bench.request(ZOO), store, bench.events.append)
        a = Side("A", bench.request(ZOO)._replace(dockerfile=None, plan=plan))
        for b in (
            ImageRequest("docker.io/library/zoo:1", "linux/amd64"),
            ImageRequest("l", "linux/amd64", NamedContext("B", "image", f"oci-layout://{layout}")),
        ):
            verdict = verify(a, Side("B", b), store, bench.events.append)
            assert verdict.equal
            assert (verdict.a.executed, verdict.b.executed) == (0, None)
            verdict = verify(Side("A", b), a._replace(name="B"), store, bench.events.append)
            assert verdict.equal


def test_mistakes_name_the_side(bench: Bench) -> None:
    cases: list[tuple[str, dict[str, object], type[Exception], str]] = [
        ("FROM base\nRUN false\n", {}, StepError, "^B: "),
        ("FROM base\nCOPY nothing /\n", {}, InputError, "^B: "),
        (
            "FROM base\n",
            {"options": CompileOptions(platforms=("linux/amd64", "linux/arm64"))},
            InputError,
            "^B: these are 2 images",
        ),
        (
            "FROM base\n",
            {"options": CompileOptions(platforms=("linux/arm64",))},
            InputError,
            "A is for linux/amd64",
        ),
    ]
    with Store.open(str(bench.home)) as store:
        for text, changes, kind, message in cases:
            if "options" in changes:
                text = "FROM scratch AS base\nCOPY file /\n" + text
                request = BuildRequest(
                    SourceFile("Dockerfile", text), CompileOptions(), context=str(bench.context)
                )
            else:
                request = bench.request(text)
            with pytest.raises(kind, match=message):
                verify_plans(
                    bench.request("FROM base\n"), request._replace(**changes), store, bench.events.append
                )
        missing = Side("B", ImageRequest("docker.io/library/none:1", "linux/amd64"))
        with pytest.raises(SourceError, match=r"^B: there is no such file"):
            verify(Side("A", bench.request("FROM base\n")), missing, store, bench.events.append)


# --- the command -------------------------------------------------------------------------------------


@pytest.fixture
def files(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    monkeypatch.setenv("LAYERC_HOME", str(bench.home))
    monkeypatch.chdir(bench.context)
    Path("Dockerfile").write_text(BASE + ZOO)
    (tmp_path / "other").write_text(BASE + ZOO + "RUN rm /z/gone && echo '\x1b[2J' > /z/file\n")
    yield tmp_path
    Path("Dockerfile").unlink()


def test_command(files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The context of a directory is that of the other side's file, too."""
    assert main(["verify", ".", "Dockerfile", "--progress=none"]) == 0
    out = capsys.readouterr().out
    assert out.count("\n") == 1
    assert out.startswith("equal: 2")
    other = str(files / "other")
    assert main(["verify", ".", other, "--progress=none"]) == 7
    out = capsys.readouterr().out
    assert "- /z/gone  only in A: file" in out
    assert "+\\x1b[2J" in out
    assert main(["verify", ".", other, "--progress=none", "--json", "--strict"]) == 7
    document = json.loads(capsys.readouterr().out)
    jsonschema.validate(document, json.loads(SCHEMA.read_text()))
    assert [(item["path"], item["blamed"]) for item in document["differences"]] == [
        ("/z/file", True),
        ("/z/gone", True),
    ]
    assert document["differences"][0]["step_b"]["line"] == 9


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["nothing", "."], 4, "there is no such file or directory"),
        ([".", "/proc"], 4, "has no Dockerfile and is no OCI layout"),
        (["-", "-"], 2, "can not both be standard input"),
        ([".", ".", "--strict", "--twice"], 2, "exclude each other"),
        ([".", ".", "--context", "B=nowhere"], 4, "there is no directory 'nowhere'"),
        ([".", "rootfs://nowhere"], 4, "there is no directory 'nowhere'"),
        ([".", "oci-layout://nowhere"], 4, "nowhere"),
        ([".", "a:b:c"], 4, "invalid image reference"),
        ([".", ".", "--platform", "linux/amd64,linux/arm64"], 4, "these are 2 images"),
    ],
)
def test_wrong_words(
    files: Path, capsys: pytest.CaptureFixture[str], words: list[str], code: int, message: str
) -> None:
    if "--platform" in words:
        Path("Dockerfile").write_text("FROM scratch\nCOPY file /\n")
    assert main(["verify", *words, "--progress=none"]) == code
    assert message in capsys.readouterr().err


# --- another builder's image -------------------------------------------------------------------------


@pytest.mark.engine
def test_an_image_of_the_real_engine(
    bench: Bench, docker_engine: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From an OCI archive, and from the engine itself."""
    dockerfile = tmp_path / "Dockerfile"
    dockerfile.write_text(BASE + ZOO)
    archive = tmp_path / "docker.tar"
    environment = {**os.environ, "DOCKER_HOST": docker_engine["host"]}
    words = [docker_engine["buildx"], "build", "--network=none", "--provenance=false", "-f", str(dockerfile)]
    for output in (f"type=oci,dest={archive}", "type=docker,name=zoo:verify"):
        subprocess.run(
            [*words, f"--output={output}", str(bench.context)],
            env=environment,
            check=True,
            capture_output=True,
        )
    monkeypatch.setenv("DOCKER_HOST", docker_engine["host"])
    monkeypatch.setenv("LAYERC_HOME", str(bench.home))
    options = [f"--context={bench.context}", "--network=none", "--progress=none"]
    assert main(["verify", str(dockerfile), str(archive), *options]) == 0
    assert main(["verify", str(dockerfile), "docker://zoo:verify", *options]) == 0
    dockerfile.write_text(BASE + ZOO + "RUN rm /z/gone\n")
    assert main(["verify", str(archive), str(dockerfile), *options]) == 7


def test_outputs_are_not_written(bench: Bench, tmp_path: Path) -> None:
    target = tmp_path / "out"
    request = bench.request("FROM base\n", outputs=(f"type=tar,dest={target}",), tags=("x",))
    with Store.open(str(bench.home)) as store:
        assert verify_plans(request, request, store, bench.events.append).equal
        assert build(bench.request("FROM base\n"), store, bench.events.append).executed == 0
    assert not target.exists()
