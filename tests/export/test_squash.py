"""Images written with fewer layers hold what they would hold with all of them."""

import gzip
import io
import itertools
import json
import os
import random
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import pytest
from treediff import compare_trees, read_image

from layerc.runtime.errors import UsageError
from layerc.runtime.events import Event, TaskStarted
from layerc.runtime.export import export, parse_output
from layerc.runtime.export.squash import groups_of, write_group
from layerc.runtime.oci.image import ImageManifest
from layerc.runtime.oci.layout import Layout
from layerc.runtime.oci.validation import validate_layout
from layerc.runtime.store import Store

from .conftest import Change, Maker, files

pytestmark = pytest.mark.root


def silent(event: Event) -> None:
    """Nobody listens."""


def base(root: str) -> None:
    files({"etc/gone": b"1", "etc/kept": b"2", "lib/old/a": b"a", "lib/old/b": b"b", "was/file": b"x"})(root)
    files({"over": b"a file below", "linked": b"two names" * 99})(root)
    os.chmod(f"{root}/etc", 0o711)


def first(root: str) -> None:
    os.unlink(f"{root}/etc/gone")
    shutil.rmtree(f"{root}/lib/old")
    files({"tmp/big": b"z" * 300_000, "tmp/dir/x": b"x", "app/one": b"1", "app/two": b"2"})(root)
    os.link(f"{root}/app/one", f"{root}/app/same")
    os.link(f"{root}/app/one", f"{root}/zame")
    os.link(f"{root}/linked", f"{root}/etc/linked")
    os.unlink(f"{root}/over")
    os.mkdir(f"{root}/over", 0o750)
    files({"over/inside": b"i"})(root)


def second(root: str) -> None:
    os.unlink(f"{root}/tmp/big")
    shutil.rmtree(f"{root}/tmp/dir")
    os.unlink(f"{root}/app/one")  # the file of which the other two names are links
    files({"lib/old/new": b"n", "etc/gone": b"back"})(root)
    shutil.rmtree(f"{root}/was")
    os.symlink("etc", f"{root}/was")
    os.mkfifo(f"{root}/pipe", 0o600)
    os.chmod(f"{root}/app", 0o700)
    os.setxattr(f"{root}/app/two", "user.note", b"v")
    os.chown(f"{root}/app/two", 12, 34)


def third(root: str) -> None:
    os.unlink(f"{root}/etc/gone")
    os.unlink(f"{root}/was")
    files({"was/again/deep": b"d", "app/three": b"3", "übrig/" + "n" * 120: b"long"})(root)
    shutil.rmtree(f"{root}/over")
    files({"over": b"a file again"})(root)
    shutil.rmtree(f"{root}/lib/old")


STEPS = (base, first, second, third)


def write(store: Store, image: ImageManifest, path: Path, options: str = "", kind: str = "oci-layout") -> str:
    return export(parse_output(f"type={kind},dest={path}{options}"), [image], ["a:1"], store, silent).digest


def layers(path: Path) -> list[list[tarfile.TarInfo]]:
    """Members of each layer of a layout."""
    layout = Layout.open(str(path))
    manifest = layout.document(layout.find())
    found = []
    for layer in manifest.layers:  # type: ignore[union-attr]  # it is no index
        data = gzip.decompress((path / "blobs" / layer.digest.replace(":", "/")).read_bytes())
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            found.append(archive.getmembers())
    return found


def same_tree(one: Path, other: Path) -> None:
    differences = compare_trees(read_image(str(one)).tree, read_image(str(other)).tree)
    assert not [item for item in differences if item.what != "mtime"]


@pytest.fixture
def image(maker: Maker) -> ImageManifest:
    made = maker.image(*STEPS, Cmd=["sh"])
    document = dict(made.document)
    document["history"] = [
        *({"created_by": "base"}, {"created_by": "ENV a", "empty_layer": True}),
        *({"created_by": f"step {number}"} for number in (1, 2, 3)),
        {"created_by": "CMD", "empty_layer": True},
    ]
    return ImageManifest.from_config(document)._replace(base_layers=1, rates=(0.1, 0.2, 0.9))


def test_every_grouping_of_a_nasty_stack_has_the_same_tree(
    store: Store, image: ImageManifest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(store, image, tmp_path / "granular")
    for number, cuts in enumerate(itertools.product((False, True), repeat=3)):
        ends = [end for end, cut in enumerate(cuts, 1) if cut] + [4]
        groups = tuple(range(start, end) for start, end in zip([0, *ends], ends, strict=False))
        monkeypatch.setattr("layerc.runtime.export.squash.groups_of", lambda *_, found=groups: found)
        out = tmp_path / f"out{number}"
        write(store, image, out, ",max-layers=1")
        assert validate_layout(str(out)) == ()
        assert len(read_image(str(out)).layers) == len(groups)
        same_tree(tmp_path / "granular", out)


def test_what_the_image_ships(store: Store, image: ImageManifest, tmp_path: Path) -> None:
    digests = [write(store, image, tmp_path / name, ",max-layers=1") for name in ("one", "two")]
    assert digests[0] == digests[1]
    write(store, image, tmp_path / "granular")
    granular, squashed = read_image(str(tmp_path / "granular")), read_image(str(tmp_path / "one"))
    assert squashed.layers[0] == granular.layers[0]
    assert len(squashed.layers) == 2
    history = [(item["created_by"], item.get("empty_layer", False)) for item in squashed.config["history"]]
    assert history == [
        *(("base", False), ("ENV a", True), ("step 1", True), ("step 2", True)),
        *(("step 3", False), ("CMD", True)),
    ]
    _, own = layers(tmp_path / "one")
    names = {member.name for member in own}
    assert {"etc/.wh.gone", "lib/.wh.old", "over", "app/same"} <= names
    assert not any(name.startswith(("tmp/big", "tmp/.wh", "app/one", "app/.wh")) for name in names)
    by_name = {member.name: member for member in own}
    assert by_name["app/same"].isreg()
    assert by_name["zame"].linkname == "app/same"


def test_a_second_export_composes_nothing(store: Store, image: ImageManifest, tmp_path: Path) -> None:
    started: list[str] = []

    def listen(event: Event) -> None:
        if isinstance(event, TaskStarted):
            started.append(event.title)

    for name in ("one", "two"):
        spec = parse_output(f"type=oci,dest={tmp_path}/{name}.tar,max-layers=1")
        export(spec, [image], [], store, listen)
    assert len([title for title in started if "3 layers" in title]) == 1
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()


def test_layers_are_grouped_by_how_often_they_change(store: Store, maker: Maker) -> None:
    sizes = (500_000, 400_000, 300_000, 50_000)
    changes: list[Change] = [files({f"f{number}": os.urandom(size)}) for number, size in enumerate(sizes)]
    image = maker.image(*changes)._replace(base_layers=1, rates=(0.02, 0.02, 0.6))
    assert groups_of(image, 2, store) == (range(1), range(1, 3), range(3, 4))
    assert groups_of(image, 1, store) == (range(1), range(1, 4))
    assert groups_of(image._replace(base_layers=4, rates=()), 1, store) == tuple(
        range(number, number + 1) for number in range(4)
    )


def test_a_little_more_or_less_mostly_changes_no_group(store: Store, maker: Maker) -> None:
    found = set()
    for percents in ((105, 95, 105, 95, 105), (95, 105, 95, 105, 95), (105, 105, 95, 95, 100)):
        sizes = [786_000, 520_000, 98_000, 131_000, 393_000]
        contents = [bytes(size * percent // 100) for size, percent in zip(sizes, percents, strict=True)]
        changes = [files({f"f{number}": content}) for number, content in enumerate(contents)]
        image = maker.image(*changes)._replace(rates=(0.4, 0.5, 0.4, 0.4, 0.3))
        found.add(groups_of(image, 3, store))
    assert len(found) == 1


def test_times_are_clamped(store: Store, image: ImageManifest, tmp_path: Path) -> None:
    write(
        store, image._replace(epoch=1_100_000_000), tmp_path / "out", ",max-layers=1,rewrite-timestamp=true"
    )
    _, own = layers(tmp_path / "out")
    assert {member.mtime for member in own} <= {0, 1_000_000_000, 1_100_000_000}
    assert validate_layout(str(tmp_path / "out")) == ()


@pytest.mark.parametrize("value", ["0", "-1", "two", "²"])
def test_a_wrong_number_is_refused(store: Store, image: ImageManifest, tmp_path: Path, value: str) -> None:
    with pytest.raises(UsageError, match="max-layers"):
        write(store, image, tmp_path / "out", f",max-layers={value}")


def test_random_changes(store: Store, maker: Maker, tmp_path: Path) -> None:
    """Trees of few names, so that layers hide, replace and bring back each other's files and directories."""
    seed = random.Random(20261121)

    def step(root: str) -> None:
        for _ in range(seed.randrange(1, 6)):
            path = os.path.join(root, *seed.choices("abc", k=seed.randrange(1, 4)))
            parent = os.path.dirname(path)
            while not os.path.isdir(parent):
                parent = os.path.dirname(parent)
            path = os.path.join(parent, os.path.relpath(path, parent).split("/")[0])
            if os.path.isdir(path) and not os.path.islink(path):
                shutil.rmtree(path) if path != root else None
            elif os.path.lexists(path):
                os.unlink(path)
            made: list[Callable[[str], object]] = [
                lambda place: Path(place).write_bytes(seed.randbytes(20)),
                lambda place: os.mkdir(place, seed.choice((0o700, 0o755))),
                lambda place: os.makedirs(f"{place}/{seed.choice('abc')}"),
                lambda place: os.symlink("a", place),
                lambda _: None,
            ]
            seed.choice(made)(path)

    for number in range(6):
        image = maker.image(*[step] * 7)
        write(store, image, tmp_path / f"granular{number}", ",compression=uncompressed")
        for below in (0, 1, 3):
            out = tmp_path / f"out{number}-{below}"
            write(store, image._replace(base_layers=below), out, ",max-layers=1,compression=uncompressed")
            assert len(read_image(str(out)).layers) == below + 1
            same_tree(tmp_path / f"granular{number}", out)


def test_a_damaged_file_is_found(store: Store, image: ImageManifest) -> None:
    stored = store.layers(image.diff_ids)
    with open(store.file_path(stored[3], "app/three"), "wb") as file:
        file.write(b"4")
    with pytest.raises(Exception, match="damaged"):
        write_group(store, image.diff_ids[:1], image.diff_ids[1:], None, lambda _: None)


@pytest.mark.engine
def test_docker_loads_it_with_the_same_tree(
    store: Store, image: ImageManifest, tmp_path: Path, docker_engine: dict[str, str]
) -> None:
    def docker(*words: str) -> str:
        command = [docker_engine["docker"], "-H", docker_engine["host"], *words]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    trees = []
    for name, options in (("granular", ""), ("squashed", ",max-layers=1")):
        archive = tmp_path / f"{name}.tar"
        spec = parse_output(f"type=docker,dest={archive},name=squash-{name}:1{options}")
        export(spec, [image], [], store, silent)
        docker("load", "-i", str(archive))
        container = docker("create", f"squash-{name}:1")
        docker("export", "-o", str(tmp_path / "tree.tar"), container)
        with tarfile.open(tmp_path / "tree.tar") as tree:
            trees.append(sorted(_told(tree, member) for member in tree))
        inspected = json.loads(docker("image", "inspect", f"squash-{name}:1"))
        assert len(inspected[0]["RootFS"]["Layers"]) == (4 if name == "granular" else 2)
        docker("rm", container)
        docker("rmi", f"squash-{name}:1")
    assert trees[0] == trees[1]


def _told(tree: tarfile.TarFile, member: tarfile.TarInfo) -> tuple[object, ...]:
    content = tree.extractfile(member) if member.isreg() else None
    data = b"" if content is None else content.read()
    return member.name, member.type, member.mode, member.uid, member.gid, member.linkname, data
