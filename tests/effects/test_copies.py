"""What COPY, ADD and WORKDIR may write, and where the files of a context land."""

from __future__ import annotations

import pytest

from layerc.compiler.effects.links import Links
from layerc.compiler.effects.model import Evidence, obstacle
from layerc.compiler.effects.paths import Reads, Writes
from layerc.compiler.effects.steps import copied, effects_of
from layerc.compiler.graph.layer import ImageLayer
from layerc.compiler.graph.operations import (
    Add,
    ContextPath,
    Copy,
    FromContext,
    FromLayer,
    GitTree,
    HttpFile,
    InlineFile,
    MakeDir,
    Run,
)
from layerc.compiler.optimize.facts import ContextFile, Facts, Observation

FILES = (
    ContextFile("package.json", "file"),
    ContextFile("src", "directory"),
    ContextFile("src/a.js", "file"),
    ContextFile("src/lib", "directory"),
    ContextFile("src/lib/b.js", "file"),
    ContextFile("to-src", "symlink", 0, "src"),
    ContextFile("x.tar.gz", "file"),
)
FACTS = Facts(contexts={"": FILES}, links={"b": {"/bin": "/usr/bin"}}, directories={"b": frozenset({"/opt"})})


def copy(*sources: str, dest: str, **more: object) -> ImageLayer:
    items = tuple(ContextPath(source) for source in sources)
    return ImageLayer(Copy(FromContext(), items, dest, **more), "p")  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("sources", "dest", "expected"),
    [
        (["package.json"], "/app/", {"package.json": ("/app/package.json",)}),
        (["package.json"], "/app/p.json", {"package.json": ("/app/p.json",)}),
        (
            ["src"],
            "/app",
            {"src/a.js": ("/app/a.js",), "src/lib": ("/app/lib",), "src/lib/b.js": ("/app/lib/b.js",)},
        ),
        (["to-src/*.js"], "/app/", {"src/a.js": ("/app/a.js",)}),
        (["*.json", "src/l?b/b.js"], "/", {"package.json": ("/package.json",), "src/lib/b.js": ("/b.js",)}),
        (["to-src/a.js"], "/bin/", {"src/a.js": ("/usr/bin/a.js",)}),
        (["nothing"], "/app/", {}),
    ],
)
def test_copied(sources: list[str], dest: str, expected: dict[str, tuple[str, ...]]) -> None:
    assert copied(copy(*sources, dest=dest), FILES, Links.of(FACTS)) == expected


def test_copied_whole_context_and_excluded() -> None:
    found = copied(copy(".", dest="/app/", exclude=("src/lib", "*.tar.gz")), FILES)
    assert set(found) == {"package.json", "src", "src/a.js", "to-src"}


def test_parents() -> None:
    found = copied(copy("./src/./lib/b.js", dest="/app/", parents=True), FILES)
    assert found["src/lib/b.js"] == ("/app/lib/b.js",)


def test_effects_of_copy() -> None:
    effects = effects_of(copy("src", dest="/app/"), FACTS)
    assert effects.writes == Writes(
        names=frozenset({"/app/a.js", "/app/lib", "/app/lib/b.js"}), directories=frozenset({"/app"})
    )
    assert effects.reads == Reads()
    assert effects.evidence is Evidence.TEXT


def test_file_may_go_into_a_directory_of_that_name() -> None:
    effects = effects_of(copy("package.json", dest="/app/p"), FACTS)
    assert effects.writes.names == {"/app/p", "/app/p/package.json"}
    assert effects.reads.names == {"/app/p"}


def test_owner_goes_to_directories_that_are_made() -> None:
    effects = effects_of(copy("package.json", dest="/opt/app/", chown="node"), FACTS, base="b")
    assert effects.writes.names == {"/opt/app", "/opt/app/package.json"}
    assert effects.writes.directories == {"/opt"}
    assert "/etc/passwd" in effects.reads.names


def test_link_lays_its_directories_over_the_tree() -> None:
    effects = effects_of(copy("package.json", dest="/bin/app/", link=True), FACTS, base="b")
    assert effects.writes.names == {"/bin", "/bin/app", "/bin/app/package.json"}
    assert effects.reads == Reads()


def test_unknown_files_may_be_anywhere_below() -> None:
    layer = ImageLayer(Copy(FromLayer(0), (ContextPath("/x"),), "/app/"), "p", ("q",))
    assert effects_of(layer, FACTS).writes.trees == {"/app"}


def test_add() -> None:
    def add(*sources: object) -> ImageLayer:
        return ImageLayer(Add(FromContext(), sources, "/app/"), "p")  # type: ignore[arg-type]

    assert effects_of(add(ContextPath("x.tar.gz")), FACTS).writes.trees == {"/app"}
    plain = effects_of(add(ContextPath("package.json")), FACTS)
    assert (plain.writes.names, plain.evidence) == ({"/app/package.json"}, Evidence.PROFILE)
    known = FACTS._replace(manifests={"package.json": b"{}"})
    assert effects_of(add(ContextPath("package.json")), known).evidence is Evidence.TEXT
    url = effects_of(add(HttpFile("https://example.com/tool?x=1")), FACTS)
    assert url.writes.names == {"/app/tool"}
    assert url.volatile
    assert url.network
    assert not effects_of(add(HttpFile("https://example.com/a", "sha256:00")), FACTS).volatile
    assert effects_of(add(GitTree("https://example.com/r.git", "main")), FACTS).volatile
    assert effects_of(add(InlineFile("conf", "x")), FACTS).writes.names == {"/app/conf"}


def test_directories_that_two_steps_make_do_not_meet() -> None:
    first = effects_of(copy("package.json", dest="/app/"), FACTS)
    second = effects_of(copy("src", dest="/app/src/"), FACTS)
    assert obstacle(first, second) == ""
    assert obstacle(first, effects_of(ImageLayer(MakeDir("/app"), "p"), FACTS)) == ""
    assert obstacle(first, effects_of(ImageLayer(MakeDir("/app", "node"), "p"), FACTS)) != ""


def test_links_of_all_bases_count_where_the_base_is_not_known() -> None:
    facts = FACTS._replace(links={"a": {}, "b": {"/bin": "/usr/bin"}})
    layer = copy("package.json", dest="/bin/")
    assert effects_of(layer, facts).writes.names == {"/bin/package.json", "/usr/bin/package.json"}
    assert effects_of(layer, facts, base="b").writes.names == {"/usr/bin/package.json"}
    assert "/bin" in effects_of(layer, facts, base="b").reads.names


def test_circular_links_are_unknown() -> None:
    facts = FACTS._replace(links={"a": {"/x": "/y", "/y": "/x"}})
    assert "circle" in effects_of(copy("src", dest="/x/"), facts).unknown


def test_observation_is_stronger() -> None:
    layer = copy("src", dest="/app/")
    seen = Observation(Reads(), Writes(names=frozenset({"/app/a.js"})))
    effects = effects_of(layer, FACTS._replace(observed={"then": seen}), "then")
    assert effects.evidence is Evidence.OBSERVED
    assert effects.writes == seen.writes


def test_links_of_the_context_lead_later_steps() -> None:
    first = effects_of(copy("*", dest="/app/"), FACTS)
    assert first.links == ()
    files = (
        *FILES,
        ContextFile("in/data", "symlink", 0, "/srv/data"),
        ContextFile("in/up", "symlink", 0, "../x"),
    )
    facts = FACTS._replace(contexts={"": files})
    effects = effects_of(copy("in", dest="/app/"), facts)
    assert effects.links == (("/app/data", "/srv/data"), ("/app/up", "/app/../x"))
    later = effects_of(copy("package.json", dest="/app/data/"), facts, links=Links(({},)).plus(effects.links))
    assert "/srv/data/package.json" in later.writes.names


def test_copies_and_package_managers() -> None:
    install = effects_of(ImageLayer(Run(("apt-get", "install", "-y", "gcc"), (), "/"), "p"), FACTS)
    assert obstacle(install, effects_of(copy("src", dest="/usr/src/app/"), FACTS)) == ""
    assert obstacle(install, effects_of(copy("src", dest="/usr/share/app/"), FACTS)) != ""
