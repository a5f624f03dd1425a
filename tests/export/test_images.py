"""Exported images: sound, equal, complete or not there at all, and readable for tools of others."""

import json
import os
import subprocess
import tarfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from layerc.runtime.errors import InputError, StoreError, UsageError
from layerc.runtime.events import Event, TaskStarted
from layerc.runtime.export import Exported, export, parse_output
from layerc.runtime.export.annotations import annotated, parse_annotation
from layerc.runtime.oci import media_types
from layerc.runtime.oci.documents import Index
from layerc.runtime.oci.image import ImageManifest, chain_ids
from layerc.runtime.oci.layout import Layout
from layerc.runtime.oci.validation import validate_layout
from layerc.runtime.sources.published import remember_published
from layerc.runtime.store import Store

from .conftest import Maker, files

pytestmark = pytest.mark.root


def silent(event: Event) -> None:
    """Nobody listens."""


def write(store: Store, output: str, *images: ImageManifest, tags: tuple[str, ...] = ()) -> Exported:
    return export(replace(parse_output(output), index=len(images) > 1), images, tags, store, silent)


def run(*words: object) -> str:
    done = subprocess.run([str(word) for word in words], check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def image(maker: Maker) -> ImageManifest:
    def second(root: str) -> None:
        os.unlink(f"{root}/etc/motd")
        os.symlink("/bin/tool", f"{root}/etc/link")
        os.link(f"{root}/bin/tool", f"{root}/bin/same")

    first = files({"bin/tool": b"tool" * 50_000, "etc/motd": b"hello\n"})
    return maker.image(first, second, Env=["PATH=/bin"], Cmd=["tool"])


@pytest.mark.parametrize("compression", ["gzip", "zstd", "uncompressed"])
def test_a_layout_is_sound(store: Store, image: ImageManifest, tmp_path: Path, compression: str) -> None:
    out = tmp_path / "layout"
    exported = write(store, f"type=oci-layout,dest={out},compression={compression}", image, tags=("app:v1",))
    assert validate_layout(str(out)) == ()
    layout = Layout.open(str(out))
    entry = layout.find("v1")
    assert entry.digest == exported.digest
    assert entry.annotation("io.containerd.image.name") == "docker.io/library/app:v1"
    manifest = layout.document(entry)
    assert not isinstance(manifest, Index)
    assert {media_types.compression_of(layer.media_type) for layer in manifest.layers} == {compression}
    assert manifest.config.digest == image.config_descriptor.digest


def test_a_second_export_compresses_nothing_and_is_equal(
    store: Store, image: ImageManifest, tmp_path: Path
) -> None:
    started: list[str] = []

    def listen(event: Event) -> None:
        if isinstance(event, TaskStarted):
            started.append(event.task)

    results = [
        export(parse_output(f"type=oci,dest={tmp_path}/{name}.tar"), [image], ["a"], store, listen)
        for name in ("one", "two")
    ]
    assert len(started) == 2
    assert results[0].digest == results[1].digest
    assert (tmp_path / "one.tar").read_bytes() == (tmp_path / "two.tar").read_bytes()


def test_two_stores_give_the_same_bytes(tmp_path: Path) -> None:
    def export_from(name: str) -> bytes:
        def change(root: str) -> None:
            files({"data": os.urandom(0) + bytes(range(256)) * 20_000})(root)
            os.utime(root, (1, 1))

        with Store.open(str(tmp_path / name)) as store:
            write(store, f"type=oci,dest={tmp_path}/{name}.tar", Maker(store).image(change), tags=("a",))
        return (tmp_path / f"{name}.tar").read_bytes()

    assert export_from("one") == export_from("two")


def test_a_base_layer_keeps_its_own_blob(store: Store, maker: Maker, tmp_path: Path) -> None:
    image = maker.image(files({"a": b"a" * 10_000}), files({"b": b"b"}))
    theirs = tmp_path / "theirs"
    write(store, f"type=oci-layout,dest={theirs},compression=zstd,compression-level=19", image)
    layout = Layout.open(str(theirs))
    manifest = layout.document(layout.find())
    assert not isinstance(manifest, Index)
    base = manifest.layers[0].annotated({"org.example.note": "kept"})
    remember_published(store, chain_ids(image.diff_ids)[0], base)

    def layers(options: str) -> list[dict[str, Any]]:
        out = tmp_path / f"out{len(options)}"
        write(store, f"type=oci-layout,dest={out}{options}", image)
        found = Layout.open(str(out))
        document = found.document(found.find())
        assert not isinstance(document, Index)
        return [layer.to_document() for layer in document.layers]

    assert layers("")[0] == base.to_document()
    assert layers("")[1]["mediaType"] == "application/vnd.oci.image.layer.v1.tar+gzip"
    forced = layers(",force-compression=true")
    assert {layer["mediaType"] for layer in forced} == {"application/vnd.oci.image.layer.v1.tar+gzip"}


def test_tags_move_and_other_images_stay(store: Store, maker: Maker, tmp_path: Path) -> None:
    out = f"type=oci-layout,dest={tmp_path}/layout"
    one, two = maker.image(files({"a": b"1"})), maker.image(files({"a": b"2"}))
    write(store, out, one, tags=("app:v1", "app:latest"))
    second = write(store, out, two, tags=("app:latest",))
    layout = Layout.open(f"{tmp_path}/layout")
    assert len(layout.index().manifests) == 2
    assert layout.find("latest").digest == second.digest
    assert layout.find("v1").digest != second.digest
    assert validate_layout(layout.path) == ()


def test_a_layout_is_not_put_among_other_files(store: Store, image: ImageManifest, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    with pytest.raises(InputError, match=r"thesis\.txt"):
        write(store, f"type=oci-layout,dest={tmp_path}/mine", image)
    assert os.listdir(tmp_path / "mine") == ["thesis.txt"]


def test_several_platforms_make_an_index(store: Store, maker: Maker, tmp_path: Path) -> None:
    images = [
        maker.image(files({"arch": name.encode()}), platform=name) for name in ("linux/amd64", "linux/arm64")
    ]
    exported = write(store, f"type=oci-layout,dest={tmp_path}/layout", *images, tags=("multi",))
    layout = Layout.open(f"{tmp_path}/layout")
    index = layout.document(layout.find("latest"))
    assert isinstance(index, Index)
    assert [str(entry.platform) for entry in index.manifests] == ["linux/amd64", "linux/arm64"]
    assert tuple(entry.digest for entry in index.manifests) == exported.manifests
    assert validate_layout(layout.path) == ()
    with pytest.raises(UsageError, match="one platform"):
        write(store, f"type=docker,dest={tmp_path}/docker.tar", *images)


def test_annotations_go_where_they_are_meant_for(store: Store, maker: Maker, tmp_path: Path) -> None:
    images = [
        maker.image(files({"a": name.encode()}), platform=name) for name in ("linux/amd64", "linux/arm64")
    ]
    options = ",".join(
        (
            "annotation.all=1",
            "annotation[linux/arm64].arm=1",
            "annotation-index.index=1",
            "annotation-manifest-descriptor.entry=1",
            "annotation-index-descriptor.root=1",
        )
    )
    write(store, f"type=oci-layout,dest={tmp_path}/layout,{options}", *images)
    layout = Layout.open(f"{tmp_path}/layout")
    index = layout.document(layout.find())
    assert isinstance(index, Index)
    assert layout.find().annotation("root") == "1"
    assert dict(index.annotations) == {"index": "1"}
    assert [dict(entry.annotations) for entry in index.manifests] == [{"entry": "1"}] * 2
    manifests = [layout.document(entry) for entry in index.manifests]
    assert [dict(manifest.annotations) for manifest in manifests] == [{"all": "1"}, {"all": "1", "arm": "1"}]


def test_an_index_of_one_platform(store: Store, image: ImageManifest, tmp_path: Path) -> None:
    output = replace(parse_output(f"type=oci-layout,dest={tmp_path}/layout"), index=True)
    index_note, *notes = parse_annotation("index,manifest,manifest[linux/amd64],manifest[linux/arm64]:a=b")
    exported = export(annotated(output, [index_note, *notes]), [image], (), store, silent)
    layout = Layout.open(f"{tmp_path}/layout")
    index = layout.document(layout.find())
    assert isinstance(index, Index)
    assert [str(entry.platform) for entry in index.manifests] == ["linux/amd64"]
    assert dict(index.annotations) == {"a": "b"}
    assert exported.root is not None
    assert (exported.digest, exported.root.media_type) == (layout.find().digest, media_types.OCI_INDEX)
    assert exported.manifests == (index.manifests[0].digest,)
    for kind in ("local", "tar"):
        export(
            replace(parse_output(f"type={kind},dest={tmp_path}/{kind}"), index=True),
            [image],
            (),
            store,
            silent,
        )
    assert os.listdir(tmp_path / "local") == ["linux_amd64"]
    with tarfile.open(tmp_path / "tar") as archive:
        assert {name.split("/")[0] for name in archive.getnames()} == {"linux_amd64"}


def test_annotations_of_a_docker_archive(store: Store, image: ImageManifest, tmp_path: Path) -> None:
    output = annotated(parse_output(f"type=docker,dest={tmp_path}/image.tar"), parse_annotation("a=b"))
    export(output, [image], ("docker.io/library/app:v1",), store, silent)
    assert json.loads(run("skopeo", "inspect", "--raw", f"oci-archive:{tmp_path}/image.tar"))[
        "annotations"
    ] == {"a": "b"}
    run("skopeo", "inspect", f"docker-archive:{tmp_path}/image.tar:app:v1")


def test_annotations_of_platforms_that_are_not_there(store: Store, maker: Maker, tmp_path: Path) -> None:
    images = [maker.image(files({"a": b""}), platform=name) for name in ("linux/amd64", "linux/arm64")]
    with pytest.raises(UsageError, match="annotations are for linux/s390x, which is not built"):
        write(store, f"type=oci,dest={tmp_path}/image.tar,annotation[linux/s390x].a=b", *images)


def test_a_failed_export_leaves_what_was_there(store: Store, image: ImageManifest, tmp_path: Path) -> None:
    out = tmp_path / "image.tar"
    out.write_bytes(b"before")
    write(store, f"type=oci,dest={tmp_path}/good.tar", image)
    for layer in image.diff_ids:
        record = store.record("packed layer 2", f"{layer} gzip  ")
        assert record is not None
        os.unlink(store.blobs.path(json.loads(record)["blob"]["digest"]))
    with pytest.raises(StoreError):
        write(store, f"type=oci,dest={out}", image)
    assert out.read_bytes() == b"before"
    assert sorted(os.listdir(tmp_path)) == ["good.tar", "image.tar", "store"]


@pytest.mark.parametrize("dest", ["missing/dir/image.tar", "."])
def test_a_place_that_can_not_be_written_is_named(
    store: Store, image: ImageManifest, tmp_path: Path, dest: str
) -> None:
    with pytest.raises(InputError, match=str(tmp_path)):
        write(store, f"type=oci,dest={tmp_path / dest}", image)


def test_the_docker_archive_has_the_names_that_docker_shows(
    store: Store, image: ImageManifest, tmp_path: Path
) -> None:
    write(store, f"type=docker,dest={tmp_path}/image.tar", image, tags=("app", "localhost:5000/x/app:v1"))
    with tarfile.open(tmp_path / "image.tar") as archive:
        manifest = json.load(archive.extractfile("manifest.json"))  # type: ignore[arg-type]
        names = archive.getnames()
    assert manifest[0]["RepoTags"] == ["app:latest", "localhost:5000/x/app:v1"]
    assert manifest[0]["Config"] == f"blobs/{image.config_descriptor.digest.replace(':', '/')}"
    assert set(manifest[0]["Layers"]) <= set(names)


@pytest.mark.engine
@pytest.mark.parametrize("compression", ["gzip", "zstd", "uncompressed"])
def test_skopeo_and_umoci_read_a_layout(
    store: Store, image: ImageManifest, tmp_path: Path, compression: str
) -> None:
    write(store, f"type=oci,tar=false,dest={tmp_path}/l,compression={compression}", image, tags=("app:v1",))
    inspected = json.loads(run("skopeo", "inspect", "--config", f"oci:{tmp_path}/l:v1"))
    assert inspected["config"]["Cmd"] == ["tool"]
    run("skopeo", "copy", f"oci:{tmp_path}/l:v1", f"dir:{tmp_path}/copy")
    if compression != "zstd":  # umoci 0.4 does not know it
        run("umoci", "unpack", "--image", f"{tmp_path}/l:v1", f"{tmp_path}/bundle")
        root = tmp_path / "bundle" / "rootfs"
        assert (root / "bin/same").read_bytes() == b"tool" * 50_000
        assert (root / "bin/same").stat().st_ino == (root / "bin/tool").stat().st_ino
        assert sorted(os.listdir(root / "etc")) == ["link"]


@pytest.mark.engine
def test_skopeo_reads_the_archives(store: Store, image: ImageManifest, tmp_path: Path) -> None:
    write(store, f"type=oci,dest={tmp_path}/oci.tar", image, tags=("app:v1",))
    write(store, f"type=docker,dest={tmp_path}/docker.tar", image, tags=("app:v1",))
    for source in (f"oci-archive:{tmp_path}/oci.tar:v1", f"docker-archive:{tmp_path}/docker.tar:app:v1"):
        config = json.loads(run("skopeo", "inspect", "--config", source))
        assert config["rootfs"]["diff_ids"] == list(image.diff_ids)
        run("skopeo", "copy", source, f"dir:{tmp_path}/{source[:3]}")


@pytest.mark.engine
def test_skopeo_copies_an_index(store: Store, maker: Maker, tmp_path: Path) -> None:
    images = [
        maker.image(files({"a": name.encode()}), platform=name) for name in ("linux/amd64", "linux/arm64")
    ]
    write(store, f"type=oci,dest={tmp_path}/multi.tar", *images, tags=("multi:v1",))
    run("skopeo", "copy", "--all", f"oci-archive:{tmp_path}/multi.tar:v1", f"oci:{tmp_path}/copy:v1")
    assert validate_layout(f"{tmp_path}/copy") == ()
