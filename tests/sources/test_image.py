"""Base images: where a name leads, what is read of them, and what is refused."""

import bz2
import contextlib
import gzip
import io
import json
import lzma
import os
import stat
import subprocess
import tarfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard

from layerc.compiler.options import ImageRequest, NamedContext
from layerc.runtime.errors import IntegrityError, SourceError
from layerc.runtime.events import Event, Notice, TaskProgress
from layerc.runtime.oci import media_types
from layerc.runtime.oci.descriptor import Descriptor
from layerc.runtime.oci.digests import of_bytes
from layerc.runtime.oci.documents import Index, Manifest, dump_json
from layerc.runtime.oci.image import chain_ids
from layerc.runtime.oci.layout import REF_NAME, Layout, LayoutWriter
from layerc.runtime.oci.platforms import Platform
from layerc.runtime.snapshot.view import StackView
from layerc.runtime.sources.image import Cancelled, ResolvedImage
from layerc.runtime.sources.images import context_kind, materialise, resolve
from layerc.runtime.sources.published import published_blob
from layerc.runtime.store import Store

PACK: dict[str, Callable[[bytes], bytes]] = {
    "": lambda data: data,
    "+gzip": lambda data: gzip.compress(data, mtime=0),
    "+zstd": zstandard.ZstdCompressor().compress,
}


def silent(event: Event) -> None:
    """Nobody listens."""


def tar(files: dict[str, bytes | None]) -> bytes:
    """A tar as others write it; none as content is a directory."""
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.mtime, info.uid, info.gid = 1_000_000_000, 7, 8
            info.type, info.mode = (tarfile.DIRTYPE, 0o755) if data is None else (tarfile.REGTYPE, 0o640)
            info.size = len(data or b"")
            archive.addfile(info, io.BytesIO(data or b""))
    return target.getvalue()


BOTTOM = tar({"etc": None, "etc/os": b"debian", "etc/gone": b"x"})
TOP = tar({"etc/.wh.gone": b"", "bin": None, "bin/sh": b"shell"})


class Image:
    """Writes images into a layout as a foreign tool would."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self.writer = LayoutWriter(self.path)

    def blob(self, data: bytes, media_type: str, platform: Platform | None = None) -> Descriptor:
        return Descriptor(media_type, self.writer.add_bytes(data), len(data), platform=platform)

    def manifest(
        self, *layers: bytes, packing: str = "+gzip", architecture: str = "amd64", **changes: Any
    ) -> Descriptor:
        config = {
            "architecture": architecture,
            "os": "linux",
            "config": {"Env": ["A=b"]},
            "rootfs": {"type": "layers", "diff_ids": [of_bytes(layer) for layer in layers]},
            "history": [{"created_by": "layer"} for _ in layers],
            **changes,
        }
        blobs = tuple(
            self.blob(PACK[packing](layer), f"{media_types.OCI_LAYER}{packing}") for layer in layers
        )
        manifest = Manifest(self.blob(dump_json(config), media_types.OCI_CONFIG), blobs)
        return self.blob(manifest.to_bytes(), media_types.OCI_MANIFEST, Platform("linux", architecture))

    def tag(self, root: Descriptor, name: str) -> Descriptor:
        self.writer.tag(root, [{REF_NAME: name}])
        return root


@pytest.fixture
def layout(tmp_path: Path) -> Image:
    return Image(tmp_path / "layout")


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(str(tmp_path / "store")) as opened:
        yield opened


def ask(value: str, platform: str = "linux/amd64", reference: str = "base") -> ImageRequest:
    return ImageRequest(reference, platform, NamedContext("base", context_kind(value), value))


def find(value: str, store: Store, platform: str = "linux/amd64") -> ResolvedImage:
    return resolve(ask(value, platform), store, silent)


def contents(store: Store, stack: tuple[str, ...]) -> dict[str, bytes]:
    view = StackView(store, stack)
    found = {}
    for entry in view.walk():
        if entry.kind == "file":
            with view.open(entry.path) as file:
                found[entry.path] = file.read()
    return found


# --- what a value means --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("oci-layout://dir:tag", "image"),
        ("docker-image://debian", "image"),
        ("oci-archive:file.tar", "image"),
        ("docker-archive:///file.tar", "image"),
        ("https://example.com/a.git#main", "git"),
        ("git@example.com:a/b.git", "git"),
        ("ssh://git@example.com/a", "git"),
        ("https://example.com/a.tar.gz", "http"),
        ("/", "local"),
        ("no/such/thing", "local"),
        ("/etc/passwd", "image"),
        ("/etc/passwd:tag", "image"),
    ],
)
def test_kinds_of_contexts(value: str, kind: str) -> None:
    assert context_kind(value) == kind


# --- layouts -------------------------------------------------------------------------------------------


def test_resolving_a_layout_reads_documents_only(layout: Image, store: Store) -> None:
    root = layout.tag(layout.manifest(BOTTOM, TOP), "v1")
    for layer in (BOTTOM, TOP):
        os.unlink(f"{layout.path}/blobs/sha256/{of_bytes(PACK['+gzip'](layer))[7:]}")
    resolved = find(f"oci-layout://{layout.path}:v1", store)
    assert resolved.base.digest == root.digest
    assert resolved.base.config.env == (("A", "b"),)
    assert len(resolved.base.history) == 2
    usage = store.usage()
    assert (usage.layers, usage.blobs) == (0, 0)


@pytest.mark.root
@pytest.mark.parametrize("packing", PACK)
def test_a_layout_is_unpacked(layout: Image, store: Store, packing: str) -> None:
    layout.tag(layout.manifest(BOTTOM, TOP, packing=packing), "v1")
    told: list[Event] = []
    resolved = find(f"oci-layout://{layout.path}", store)
    stack = materialise(resolved, store, told.append)
    assert stack == (of_bytes(BOTTOM), of_bytes(TOP))
    assert contents(store, stack) == {"etc/os": b"debian", "bin/sh": b"shell"}
    entry = StackView(store, stack).lstat("etc/os")
    assert entry is not None
    assert (entry.uid, entry.gid, entry.mode) == (7, 8, 0o640)
    progress = [event for event in told if isinstance(event, TaskProgress)]
    assert progress[-1].done == progress[-1].total > 0
    told.clear()
    assert materialise(resolved, store, told.append) == stack
    assert not told


@pytest.mark.root
def test_the_blobs_of_a_base_are_kept_for_exports(layout: Image, store: Store) -> None:
    manifest = Layout.open(layout.path).document(layout.tag(layout.manifest(BOTTOM, TOP), "v1"))
    assert isinstance(manifest, Manifest)
    stack = materialise(find(f"oci-layout://{layout.path}", store), store, silent)
    assert tuple(published_blob(store, chain) for chain in chain_ids(stack)) == manifest.layers
    assert published_blob(store, of_bytes(TOP)) is None


def test_by_digest_and_by_platform(layout: Image, store: Store) -> None:
    entries = tuple(layout.manifest(TOP, architecture=name) for name in ("amd64", "arm64"))
    index = layout.tag(layout.blob(Index(entries).to_bytes(), media_types.OCI_INDEX), "multi")
    for value in (f":multi@{index.digest}", f"@{index.digest}", ":multi", ""):
        resolved = find(f"oci-layout://{layout.path}{value}", store, "linux/arm64")
        assert (resolved.base.digest, resolved.index_digest) == (entries[1].digest, index.digest)
        assert resolved.base.config.architecture == "arm64"
    single = find(f"oci-layout://{layout.path}@{entries[1].digest}", store, "linux/amd64")
    assert single.base.digest == entries[1].digest
    with pytest.raises(SourceError, match="no image for linux/s390x") as raised:
        find(f"oci-layout://{layout.path}", store, "linux/s390x")
    assert raised.value.help == "it has: linux/amd64, linux/arm64"


def test_indexes_without_end_are_not_followed(layout: Image, store: Store) -> None:
    entry = layout.manifest(TOP)
    for _ in range(6):
        entry = layout.blob(Index((entry,)).to_bytes(), media_types.OCI_INDEX, Platform("linux", "amd64"))
    layout.tag(entry, "deep")
    with pytest.raises(SourceError, match="index of indexes"):
        find(f"oci-layout://{layout.path}", store)


def test_docker_media_types_are_exported_as_ocis(layout: Image, store: Store) -> None:
    config = layout.blob(
        dump_json(
            {
                "architecture": "amd64",
                "os": "linux",
                "rootfs": {"type": "layers", "diff_ids": [of_bytes(TOP)]},
            }
        ),
        media_types.DOCKER_CONFIG,
    )
    layer = layout.blob(PACK["+gzip"](TOP), f"{media_types.DOCKER_LAYER}.gzip")
    manifest = Manifest(config, (layer,), media_types.DOCKER_MANIFEST)
    layout.tag(layout.blob(manifest.to_bytes(), media_types.DOCKER_MANIFEST), "v1")
    resolved = find(f"oci-layout://{layout.path}", store)
    (blob,) = resolved.layers.blobs  # type: ignore[attr-defined]
    assert blob == layer.with_(media_type=f"{media_types.OCI_LAYER}+gzip")


@pytest.mark.parametrize(
    ("value", "why"),
    [
        ("oci-layout:///no/such/dir", "no file oci-layout"),
        ("oci-layout://{layout}:v2", "no image 'v2'"),
        ("oci-layout://{layout}@sha256:" + "0" * 64, "there is no sha256"),
        ("oci-layout://{layout}@sha256:0", "not a digest"),
        ("oci-archive:///no/such/file", "no file"),
        ("https://example.com/rootfs.tar", "can not be used as a base image"),
        ("/no/such/place", "no file"),
        ("/dev/null", "neither a file nor a directory"),
    ],
)
def test_what_is_not_there_is_told(layout: Image, store: Store, value: str, why: str) -> None:
    layout.tag(layout.manifest(TOP), "v1")
    with pytest.raises(SourceError, match=why):
        find(value.format(layout=layout.path), store)


# --- hostile layouts -----------------------------------------------------------------------------------


def test_a_config_that_lists_other_layers(layout: Image, store: Store) -> None:
    layout.tag(layout.manifest(TOP, rootfs={"type": "layers", "diff_ids": []}), "v1")
    with pytest.raises(IntegrityError, match="lists 0 layers, its manifest 1"):
        find(f"oci-layout://{layout.path}", store)


def test_a_layer_of_an_unknown_kind(layout: Image, store: Store) -> None:
    layer = layout.blob(b"x", "application/x-squashfs")
    config = {
        "architecture": "amd64",
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [of_bytes(b"x")]},
    }
    manifest = Manifest(layout.blob(dump_json(config), media_types.OCI_CONFIG), (layer,))
    layout.tag(layout.blob(manifest.to_bytes(), media_types.OCI_MANIFEST), "v1")
    with pytest.raises(SourceError, match="unknown kind: 'application/x-squashfs'"):
        find(f"oci-layout://{layout.path}", store)


@pytest.mark.root
def test_a_layer_that_is_not_its_digest(layout: Image, store: Store) -> None:
    layout.tag(layout.manifest(BOTTOM, TOP), "v1")
    packed = PACK["+gzip"](TOP)
    with open(f"{layout.path}/blobs/sha256/{of_bytes(packed)[7:]}", "r+b") as file:
        file.write(b"\0")
    with pytest.raises(IntegrityError, match="does not match its digest"):
        materialise(find(f"oci-layout://{layout.path}", store), store, silent)
    assert store.layer(of_bytes(TOP)) is None


@pytest.mark.root
def test_a_layer_that_is_not_its_diff_id(layout: Image, store: Store) -> None:
    layout.tag(layout.manifest(TOP, rootfs={"type": "layers", "diff_ids": [of_bytes(b"other")]}), "v1")
    with pytest.raises(IntegrityError):
        materialise(find(f"oci-layout://{layout.path}", store), store, silent)
    assert store.usage().layers == 0


@pytest.mark.root
def test_a_layer_that_tries_to_leave(layout: Image, store: Store, tmp_path: Path) -> None:
    evil = io.BytesIO()
    with tarfile.open(fileobj=evil, mode="w") as archive:
        link = tarfile.TarInfo("out")
        link.type, link.linkname = tarfile.SYMTYPE, str(tmp_path)
        archive.addfile(link)
        info = tarfile.TarInfo("out/escaped")
        info.size = 4
        archive.addfile(info, io.BytesIO(b"evil"))
    layout.tag(layout.manifest(evil.getvalue()), "v1")
    with contextlib.suppress(SourceError):
        materialise(find(f"oci-layout://{layout.path}", store), store, silent)
    assert not (tmp_path / "escaped").exists()


@pytest.mark.root
def test_a_build_that_is_cancelled_stops(layout: Image, store: Store) -> None:
    layout.tag(layout.manifest(BOTTOM, TOP), "v1")
    cancel = threading.Event()
    cancel.set()
    with pytest.raises(Cancelled):
        materialise(find(f"oci-layout://{layout.path}", store), store, silent, cancel)


@pytest.mark.root
def test_many_at_once_unpack_each_layer_once(layout: Image, tmp_path: Path) -> None:
    layers = [tar({f"file{number}": bytes([number]) * 100_000}) for number in range(6)]
    layout.tag(layout.manifest(*layers), "v1")
    told: list[Event] = []

    def pull() -> None:
        with Store.open(str(tmp_path / "store")) as store:
            stack = materialise(find(f"oci-layout://{layout.path}", store), store, told.append)
            assert len(contents(store, stack)) == 6

    threads = [threading.Thread(target=pull) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with Store.open(str(tmp_path / "store")) as store:
        assert store.usage().layers == 6
    size = sum(len(PACK["+gzip"](layer)) for layer in layers)
    done: dict[int, int] = {}
    for event in told:
        if isinstance(event, TaskProgress):
            done[id(event)] = event.done
    assert max(done.values()) <= size


# --- archives ------------------------------------------------------------------------------------------


def pack_directory(source: str, target: Path, compress: Callable[[bytes], bytes] = bytes) -> str:
    """A layout as a tar; members in reverse order, which nobody may depend on."""
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for directory, _, names in sorted(os.walk(source), reverse=True):
            for name in sorted(names, reverse=True):
                path = os.path.join(directory, name)
                archive.add(path, os.path.relpath(path, source))
    target.write_bytes(compress(buffer.getvalue()))
    return str(target)


COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "plain": bytes,
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor().compress,
    "xz": lzma.compress,
    "bzip2": bz2.compress,
}


@pytest.mark.root
@pytest.mark.parametrize("compression", COMPRESS)
def test_an_oci_archive(layout: Image, store: Store, tmp_path: Path, compression: str) -> None:
    root = layout.tag(layout.manifest(BOTTOM, TOP), "v1")
    path = pack_directory(layout.path, tmp_path / "image.bin", COMPRESS[compression])
    for value in (path, f"{path}:v1", f"oci-archive://{path}:v1"):
        resolved = find(value, store)
        assert resolved.base.digest == root.digest
    stack = materialise(resolved, store, silent)
    assert contents(store, stack) == {"etc/os": b"debian", "bin/sh": b"shell"}


def docker_archive(path: Path, images: list[tuple[list[str], list[bytes]]]) -> str:
    """As ``docker save`` wrote it for years: a directory a layer, a layer that comes twice as a link."""
    manifest, seen = [], {}
    with tarfile.open(path, "w") as archive:

        def add(name: str, data: bytes) -> None:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            archive.addfile(info, io.BytesIO(data))

        for number, (tags, layers) in enumerate(images):
            config = dump_json(
                {
                    "architecture": "amd64",
                    "os": "linux",
                    "config": {"Labels": {"number": str(number)}},
                    "rootfs": {"type": "layers", "diff_ids": [of_bytes(layer) for layer in layers]},
                }
            )
            add(f"{of_bytes(config)[7:]}.json", config)
            names = []
            for place, layer in enumerate(layers):
                folder = of_bytes(f"{number}/{place}".encode())[7:]
                add(f"{folder}/VERSION", b"1.0")
                names.append(f"{folder}/layer.tar")
                if layer in seen:
                    info = tarfile.TarInfo(names[-1])
                    info.type, info.linkname = tarfile.SYMTYPE, f"../{seen[layer]}"
                    archive.addfile(info)
                else:
                    add(names[-1], layer)
                    seen[layer] = names[-1]
            manifest.append(
                {"Config": f"{of_bytes(config)[7:]}.json", "RepoTags": tags or None, "Layers": names}
            )
        add("manifest.json", json.dumps(manifest).encode())
        add("repositories", b"{}")
    return str(path)


@pytest.mark.root
def test_a_docker_archive(store: Store, tmp_path: Path) -> None:
    path = docker_archive(
        tmp_path / "a.tar", [(["debian:12"], [BOTTOM, TOP]), (["app:v1"], [BOTTOM, BOTTOM])]
    )
    for value in (f"{path}:12", f"docker-archive:{path}:12"):
        resolved = find(value, store)
        assert resolved.base.config.labels == (("number", "0"),)
    stack = materialise(resolved, store, silent)
    assert contents(store, stack) == {"etc/os": b"debian", "bin/sh": b"shell"}
    assert published_blob(store, stack[0]) is None
    with pytest.raises(SourceError, match="holds 2 images") as raised:
        find(path, store)
    assert "app:v1, debian:12" in str(raised.value.help)
    named = resolve(ask(path, reference="app:v1"), store, silent)
    assert named.base.config.labels == (("number", "1"),)
    assert materialise(named, store, silent) == (of_bytes(BOTTOM), of_bytes(BOTTOM))


@pytest.mark.root
@pytest.mark.parametrize("compression", COMPRESS)
def test_the_tar_of_a_root_file_system(store: Store, tmp_path: Path, compression: str) -> None:
    path = tmp_path / "rootfs.img"
    path.write_bytes(COMPRESS[compression](BOTTOM))
    resolved = find(str(path), store, "linux/arm64")
    assert resolved.base.digest == of_bytes(BOTTOM)
    assert resolved.base.config.architecture == "arm64"
    assert resolved.base.config.workdir == "/"
    assert dict(resolved.base.config.env)["PATH"].startswith("/usr/local/sbin")
    assert len([item for item in resolved.base.history if not item.empty_layer]) == 1
    stack = materialise(resolved, store, silent)
    assert stack == (of_bytes(BOTTOM),)
    assert contents(store, stack) == {"etc/os": b"debian", "etc/gone": b"x"}


def test_an_unchanged_archive_is_not_read_again(
    layout: Image, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layout.tag(layout.manifest(TOP), "v1")
    archive = pack_directory(layout.path, tmp_path / "image.tar")
    rootfs = tmp_path / "rootfs.tar"
    rootfs.write_bytes(BOTTOM)
    old = 1_600_000_000
    for path in (archive, str(rootfs)):
        os.utime(path, (old, old))
    monkeypatch.setattr("layerc.runtime.sources.image_archive.is_racy", lambda *_: False)
    first = [find(path, store).base for path in (archive, str(rootfs))]
    monkeypatch.setattr("layerc.runtime.sources.image_archive._scan", None)
    assert [find(path, store).base for path in (archive, str(rootfs))] == first
    os.utime(rootfs, (old, old + 1))
    with pytest.raises(TypeError):
        find(str(rootfs), store)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "no image"),
        (b"hello, I am a text\n" * 100, "no image"),
        (gzip.compress(b"hello", mtime=0), "no image"),
        (gzip.compress(BOTTOM, mtime=0)[:-20], "damaged gzip"),
        (tar({"index.json": b"{}", "oci-layout": b"{}"}), "not a manifest"),
        (tar({"manifest.json": b"{}"}), "malformed"),
        (tar({"manifest.json": b"[]"}), "malformed"),
        (tar({"manifest.json": b'[{"Config":"a.json","Layers":[]}]'}), "'a.json' is missing"),
        (tar({"manifest.json": b'[{"Config":"../../etc/passwd","Layers":[]}]'}), "is missing"),
        (
            tar({"blobs/sha256/" + "0" * 64: b"x", "index.json": b"{}", "oci-layout": b"{}"}),
            "not match its digest",
        ),
    ],
)
def test_files_that_are_no_images(store: Store, tmp_path: Path, data: bytes, why: str) -> None:
    (tmp_path / "file").write_bytes(data)
    with pytest.raises((SourceError, IntegrityError), match=why):
        find(str(tmp_path / "file"), store)


def test_a_truncated_archive_is_refused(layout: Image, store: Store, tmp_path: Path) -> None:
    layout.tag(layout.manifest(os.urandom(100_000)), "v1")
    path = Path(pack_directory(layout.path, tmp_path / "image.tar"))
    path.write_bytes(path.read_bytes()[:-60_000])
    with pytest.raises(SourceError):
        find(str(path), store)


def test_a_kind_that_is_named_is_checked(layout: Image, store: Store, tmp_path: Path) -> None:
    (tmp_path / "rootfs.tar").write_bytes(BOTTOM)
    with pytest.raises(SourceError, match="not an OCI archive"):
        find(f"oci-archive://{tmp_path}/rootfs.tar", store)
    with pytest.raises(SourceError, match="not a Docker archive"):
        find(f"docker-archive:{tmp_path}/rootfs.tar", store)


# --- directories ---------------------------------------------------------------------------------------


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A small root file system."""
    path = tmp_path / "root"
    (path / "etc").mkdir(parents=True)
    (path / "etc/os").write_bytes(b"debian")
    (path / "etc/os").chmod(0o4755)
    for size in (0, 512, 5 << 20):
        (path / f"size{size}").write_bytes(bytes(size))
    (path / "link").symlink_to("etc/os")
    os.link(path / "etc/os", path / "hard")
    return path


@pytest.mark.root
def test_a_directory_is_a_root_file_system(store: Store, root: Path) -> None:
    os.chown(root / "etc", 1000, 1000)
    resolved = find(str(root), store)
    stack = materialise(resolved, store, silent)
    assert len(stack) == 1
    view = StackView(store, stack)
    entries = {entry.path: entry for entry in view.walk()}
    assert [entries[f"size{size}"].size for size in (0, 512, 5 << 20)] == [0, 512, 5 << 20]
    assert entries["etc/os"].mode == 0o4755
    assert (entries["etc"].uid, entries["etc"].gid) == (0, 0)
    assert entries["link"].target == "etc/os"
    with view.open("hard") as file:
        assert file.read() == b"debian"
    assert materialise(find(str(root), store), store, silent) == stack


@pytest.mark.root
def test_a_directory_is_known_by_its_content(store: Store, root: Path) -> None:
    first = find(str(root), store).base.digest
    os.utime(root / "etc/os", (5, 5))
    assert find(str(root), store).base.digest == first
    (root / "etc/os").write_bytes(b"ubuntu")
    assert find(str(root), store).base.digest != first
    second = find(str(root), store).base.digest
    (root / "etc/os").chmod(stat.S_IRUSR)
    assert find(str(root), store).base.digest != second


@pytest.mark.root
def test_a_directory_that_changes_meanwhile_is_refused(store: Store, root: Path) -> None:
    resolved = find(str(root), store)
    (root / "etc/os").write_bytes(b"other")
    with pytest.raises(SourceError, match="was changed"):
        materialise(resolved, store, silent)


@pytest.mark.root
def test_dockerignore_counts_in_a_directory(store: Store, root: Path) -> None:
    (root / ".dockerignore").write_text("etc\n")
    stack = materialise(find(str(root), store), store, silent)
    assert "etc" not in StackView(store, stack).listdir("")


def test_a_layout_named_as_a_directory_gets_a_notice(layout: Image, store: Store) -> None:
    layout.tag(layout.manifest(TOP), "v1")
    told: list[Event] = []
    resolve(ask(layout.path), store, told.append)
    (notice,) = told
    assert isinstance(notice, Notice)
    assert f"oci-layout://{layout.path}" in notice.message


def test_scratch_is_nothing(store: Store) -> None:
    resolved = find("docker-image://scratch", store)
    assert resolved.base.history == ()
    assert materialise(resolved, store, silent) == ()


# --- with tools of others ------------------------------------------------------------------------------


@pytest.mark.root
@pytest.mark.engine
def test_archives_that_skopeo_writes(layout: Image, store: Store, tmp_path: Path) -> None:
    layout.tag(layout.manifest(BOTTOM, TOP), "v1")
    for kind, name in (("oci-archive", "oci.tar:v1"), ("docker-archive", "docker.tar:debian:12")):
        words = ["skopeo", "copy", f"oci:{layout.path}:v1", f"{kind}:{tmp_path}/{name}"]
        subprocess.run(words, check=True, capture_output=True)
        stack = materialise(find(f"{tmp_path}/{name.partition(':')[0]}", store), store, silent)
        assert stack == (of_bytes(BOTTOM), of_bytes(TOP))
