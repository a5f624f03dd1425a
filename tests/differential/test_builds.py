"""Every tiny build of corpus/builds, by the real engine and by layerc: the same image, or refused by both.

What may differ is listed in the case's case.toml and explained in docs/differences.md. Where the engine's front
end is too old for a case, the files that layerc makes are compared with the case's case.tree.
"""

from __future__ import annotations

import fnmatch
import re
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import astuple, dataclass, replace
from pathlib import Path

import pytest
from builds import BuildCase, build_case_with_docker, build_case_with_layerc, load_builds
from projects import ROOT
from proving import prove, request_of
from treediff import Difference, Image, Node, compare_configs, compare_trees, read_image

from layerc.runtime.snapshot.mount import enter_mount_namespace
from layerc.runtime.store import Store

IMAGES = [case for case in load_builds() if not case.refused and not case.since]
ALONE = [case for case in load_builds() if not case.refused and case.since]
REFUSED = [case for case in load_builds() if case.refused]
AT_ONCE = 2  # builds of the real engine that run at the same time, beside ours


@dataclass(frozen=True)
class Theirs:
    """A finished build of the real engine: ``image`` unless it was refused."""

    image: Image | None
    stderr: str


@pytest.fixture(scope="module")
def began() -> float:
    """The moment before the first build. Even without its cache the engine takes inline files of builds before."""
    return time.time()


@pytest.fixture(scope="module")
def theirs(
    request: pytest.FixtureRequest,
    began: float,
    docker_engine: Mapping[str, str],
    bases: Mapping[str, Mapping[str, str]],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[BuildCase], Theirs]]:
    """The real engine's builds of the chosen cases, which it makes ahead while ours are built."""
    folder = tmp_path_factory.mktemp("theirs")

    def build(case: BuildCase) -> Theirs:
        archive = folder / f"{case.name}.tar"
        done = build_case_with_docker(docker_engine, case, bases, archive)
        image = read_image(archive) if done.returncode == 0 else None
        archive.unlink(missing_ok=True)
        return Theirs(image, done.stderr)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        chosen = [
            item.callspec.params.get("case") for item in request.session.items if hasattr(item, "callspec")
        ]
        futures: dict[str, Future[Theirs]] = {
            case.name: pool.submit(build, case) for case in chosen if isinstance(case, BuildCase)
        }
        yield lambda case: futures[case.name].result()
        pool.shutdown(cancel_futures=True)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


@pytest.mark.root
@pytest.mark.engine
@pytest.mark.parametrize("case", IMAGES, ids=lambda case: case.name)
def test_the_same_image(
    case: BuildCase,
    theirs: Callable[[BuildCase], Theirs],
    bases: Mapping[str, Mapping[str, str]],
    store: Path,
    began: float,
    tmp_path: Path,
) -> None:
    archive = tmp_path / "layerc.tar"
    built = build_case_with_layerc(case, bases, store, archive)
    other = theirs(case)
    if not other.image:
        pytest.fail(f"Docker refuses it:\n{other.stderr[-3000:]}", pytrace=False)
    if built.status:
        pytest.fail(f"layerc refuses it:\n{built.stderr[-3000:]}", pytrace=False)
    image = read_image(archive)

    found = compare_trees(other.image.tree, image.tree, (began, began))
    found += compare_configs(other.image.config, image.config)
    unexpected = [difference for difference in found if not accepted(case, difference)]
    if unexpected:
        pytest.fail("Docker | layerc\n" + "\n".join(map(str, unexpected)), pytrace=False)


@pytest.mark.root
@pytest.mark.engine
@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_refused_by_both(
    case: BuildCase,
    theirs: Callable[[BuildCase], Theirs],
    bases: Mapping[str, Mapping[str, str]],
    store: Path,
    tmp_path: Path,
) -> None:
    built = build_case_with_layerc(case, bases, store, tmp_path / "layerc.tar")
    other = theirs(case)
    if other.image:
        pytest.fail("Docker builds it", pytrace=False)
    if not re.search(case.refused_by_docker, other.stderr):
        pytest.fail(f"Docker refuses it for another reason:\n{other.stderr[-3000:]}", pytrace=False)
    if not built.status:
        pytest.fail("layerc builds it", pytrace=False)
    said = built.stderr[built.stderr.index("error: ") :]
    has_place = re.search(r"^ +--> .+:\d+(:\d+)?$", said, re.MULTILINE)
    if not re.search(case.refused, said) or not has_place or "Traceback" in said:
        pytest.fail(f"layerc refuses it with other words, or without a place:\n{said}", pytrace=False)


@pytest.mark.root
@pytest.mark.parametrize("alone", ALONE, ids=lambda case: case.name)
def test_the_files_of_a_later_front_end(
    alone: BuildCase,
    bases: Mapping[str, Mapping[str, str]],
    store: Path,
    tmp_path: Path,
    golden: Callable[[Path, str], None],
) -> None:
    archive = tmp_path / "layerc.tar"
    built = build_case_with_layerc(alone, bases, store, archive)
    if built.status:
        pytest.fail(f"layerc refuses it:\n{built.stderr[-3000:]}", pytrace=False)
    below: dict[str, Node] = {}
    for base in alone.bases:
        below.update(read_image(f"{bases[base]['layout']}:{bases[base]['tag']}").tree)
    golden(alone.path / "case.tree", "".join(lines_of(read_image(archive).tree, below)))


def lines_of(tree: Mapping[str, Node], below: Mapping[str, Node]) -> Iterator[str]:
    """A line for each entry that is not in ``below``: kind, mode, owner, path, and content or target."""
    for path, node in sorted(tree.items()):
        if path not in below or identity(node) != identity(below[path]):
            what = f" -> {node.target}" if node.target else f" {node.digest[:12]}" if node.digest else ""
            yield f"{node.kind} {node.mode:o} {node.uid}:{node.gid} /{path}{what}\n"


def identity(node: Node) -> tuple[object, ...]:
    return astuple(replace(node, mtime=0))


def accepted(case: BuildCase, difference: Difference) -> bool:
    return any(
        fnmatch.fnmatchcase(difference.path, known.path) and fnmatch.fnmatchcase(difference.what, known.what)
        for known in case.differences
    )


@pytest.mark.parametrize("case", load_builds(), ids=lambda case: case.name)
def test_a_case_says_what_it_shows(case: BuildCase) -> None:
    assert case.summary
    assert case.covers
    text = (ROOT / "docs/differences.md").read_text()
    headings = set(re.findall(r"^#+ (.+)$", text, re.MULTILINE))
    assert {difference.why for difference in case.differences} <= headings


@pytest.mark.root
@pytest.mark.parametrize("case", [*IMAGES, *ALONE], ids=lambda case: case.name)
def test_the_optimised_one_is_the_same_image(
    case: BuildCase, bases: Mapping[str, Mapping[str, str]], store: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """By all that was seen when it was built above."""
    enter_mount_namespace()
    for name, value in case.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.chdir(case.path)
    with Store.open(str(store)) as opened:
        assert prove(request_of(case.words(bases), case.path), opened).problems == []
