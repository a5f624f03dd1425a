"""Base images from a registry: what is asked of it, how often, and what happens without it."""

import io
import subprocess
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from registries import Answer, Scripted, Seen, docker_registry

from layerc.compiler.options import ImageRequest, NamedContext
from layerc.runtime.errors import IntegrityError, SourceError
from layerc.runtime.events import Event, Notice
from layerc.runtime.oci import media_types
from layerc.runtime.oci.descriptor import Descriptor
from layerc.runtime.oci.digests import of_bytes
from layerc.runtime.oci.documents import Index, Manifest, dump_json
from layerc.runtime.oci.layout import REF_NAME, LayoutWriter
from layerc.runtime.oci.platforms import Platform
from layerc.runtime.snapshot.view import StackView
from layerc.runtime.sources.image import ResolvedImage
from layerc.runtime.sources.images import materialise, resolve
from layerc.runtime.store import Store


class Registry:
    """A registry with one repository, in memory."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[str, tuple[str, bytes]] = {}
        self.tags: dict[str, str] = {}

    def blob(self, data: bytes, media_type: str) -> Descriptor:
        self.blobs[of_bytes(data)] = data
        return Descriptor(media_type, of_bytes(data), len(data))

    def manifest(self, document: Manifest | Index, tag: str = "") -> Descriptor:
        data = document.to_bytes()
        self.manifests[of_bytes(data)] = (document.media_type, data)
        if tag:
            self.tags[tag] = of_bytes(data)
        return Descriptor(document.media_type, of_bytes(data), len(data))

    def image(self, layer: bytes, tag: str = "", architecture: str = "amd64") -> Descriptor:
        config = {
            "architecture": architecture,
            "os": "linux",
            "rootfs": {"type": "layers", "diff_ids": [of_bytes(layer)]},
        }
        layers = (self.blob(layer, media_types.OCI_LAYER),)
        return self.manifest(Manifest(self.blob(dump_json(config), media_types.OCI_CONFIG), layers), tag)

    def answer(self, seen: Seen) -> Answer:
        kind, version = seen.path.removeprefix("/v2/team/app/").split("/")
        if kind == "blobs":
            return Answer(200, self.blobs[version])
        version = self.tags.get(version, version)
        if version not in self.manifests:
            return Answer(404)
        media_type, data = self.manifests[version]
        return Answer(
            200,
            data,
            {"Content-Type": media_type, "Docker-Content-Digest": version, "Content-Length": str(len(data))},
        )


@pytest.fixture
def registry() -> Registry:
    return Registry()


@pytest.fixture
def server(registry: Registry) -> Iterator[Scripted]:
    with Scripted(registry.answer) as running:
        yield running


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with Store.open(str(tmp_path / "store")) as opened:
        yield opened


def find(
    server: Scripted,
    store: Store,
    version: str = ":v1",
    platform: str = "linux/amd64",
    *,
    pull: bool = False,
    told: list[Event] | None = None,
) -> ResolvedImage:
    listen = [] if told is None else told
    request = ImageRequest(f"{server.host}/team/app{version}", platform)
    return resolve(request, store, listen.append, pull=pull)


def asked(server: Scripted) -> list[str]:
    """What was asked since the last time."""
    found = [f"{seen.method} {seen.path.removeprefix('/v2/team/app/')}" for seen in server.seen]
    server.seen.clear()
    return found


def test_a_tag_is_looked_up_each_time_and_nothing_is_fetched_twice(
    registry: Registry, server: Scripted, store: Store
) -> None:
    image = registry.image(b"layer", "v1")
    assert find(server, store).base.digest == image.digest
    assert [line.partition("/")[0] for line in asked(server)] == [
        "HEAD manifests",
        "GET manifests",
        "GET blobs",
    ]
    assert find(server, store).base.digest == image.digest
    assert asked(server) == ["HEAD manifests/v1"]
    moved = registry.image(b"other", "v1")
    assert find(server, store).base.digest == moved.digest
    assert store.usage().layers == 0


def test_a_digest_needs_no_registry_once_it_is_known(
    registry: Registry, server: Scripted, store: Store
) -> None:
    image = registry.image(b"layer")
    for _ in range(2):
        assert find(server, store, f"@{image.digest}").base.digest == image.digest
    assert len(asked(server)) == 2
    find(server, store, f":v1@{image.digest}")
    assert asked(server) == []


def test_the_platform_is_chosen_from_an_index(registry: Registry, server: Scripted, store: Store) -> None:
    entries = [
        registry.image(b"layer", architecture=name).with_(platform=Platform("linux", name))
        for name in ("amd64", "arm64")
    ]
    index = registry.manifest(Index(tuple(entries)), "v1")
    for platform, entry in zip(("linux/amd64", "linux/arm64"), entries, strict=True):
        resolved = find(server, store, platform=platform)
        assert (resolved.base.digest, resolved.index_digest) == (entry.digest, index.digest)
    asked(server)
    find(server, store, platform="linux/arm64")
    assert asked(server) == ["HEAD manifests/v1"]
    with pytest.raises(SourceError, match="no image for linux/riscv64"):
        find(server, store, platform="linux/riscv64")


def test_without_the_registry_the_last_image_serves_unless_the_newest_is_wanted(
    registry: Registry, store: Store
) -> None:
    image = registry.image(b"layer", "v1")
    with Scripted(registry.answer) as server:
        find(server, store)
    told: list[Event] = []
    assert find(server, store, told=told).base.digest == image.digest
    assert isinstance(told[0], Notice)
    assert "as it was last seen" in told[0].message
    with pytest.raises(SourceError, match="can not connect"):
        find(server, store, pull=True)
    with pytest.raises(SourceError, match="can not connect"):
        find(server, store, ":v2")


def test_a_tag_that_is_gone_is_gone(registry: Registry, server: Scripted, store: Store) -> None:
    registry.image(b"layer", "v1")
    find(server, store)
    registry.tags.clear()
    with pytest.raises(SourceError, match="has no team/app:v1"):
        find(server, store)


def test_no_base_image_says_what_to_do(server: Scripted, store: Store) -> None:
    with pytest.raises(SourceError, match="no base image") as raised:
        find(server, store)
    assert server.host in raised.value.message
    assert f"--build-context {server.host}/team/app:v1=oci-layout://DIR" in str(raised.value.help)


@pytest.mark.parametrize("reference", ["Upper", "a:b:c", ""])
def test_a_name_that_is_none(store: Store, reference: str) -> None:
    with pytest.raises(SourceError, match="invalid"):
        resolve(ImageRequest(reference, "linux/amd64"), store, lambda _: None)


def test_a_named_context_leads_elsewhere(registry: Registry, server: Scripted, store: Store) -> None:
    image = registry.image(b"layer", "latest")
    context = NamedContext("debian", "image", f"docker-image://{server.host}/team/app")
    request = ImageRequest("debian", "linux/amd64", context)
    assert resolve(request, store, lambda _: None).base.digest == image.digest


def test_a_config_that_is_not_its_digest(registry: Registry, server: Scripted, store: Store) -> None:
    registry.image(b"layer", "v1")
    config = next(digest for digest, data in registry.blobs.items() if data.startswith(b"{"))
    registry.blobs[config] = registry.blobs[config].replace(b"amd64", b"arm64")
    with pytest.raises(IntegrityError, match="team/app:v1"):
        find(server, store)


@pytest.mark.root
def test_a_layer_that_is_not_its_digest(registry: Registry, server: Scripted, store: Store) -> None:
    registry.image(b"layer", "v1")
    registry.blobs[of_bytes(b"layer")] = b"lazer"
    with pytest.raises(IntegrityError, match="team/app:v1"):
        materialise(find(server, store), store, lambda _: None)
    assert store.usage().layers == 0


def tar_of(name: str, data: bytes) -> bytes:
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(data)
        archive.addfile(info, io.BytesIO(data))
    return target.getvalue()


@pytest.mark.root
@pytest.mark.engine
def test_an_index_that_skopeo_pushed_is_pulled_and_unpacked(store: Store, tmp_path: Path) -> None:
    registry, writer = Registry(), LayoutWriter(str(tmp_path / "layout"))
    entries = [
        registry.image(tar_of("arch", name.encode()), architecture=name).with_(
            platform=Platform("linux", name)
        )
        for name in ("amd64", "arm64")
    ]
    root = registry.manifest(Index(tuple(entries)))
    for data in (*registry.blobs.values(), *(data for _, data in registry.manifests.values())):
        writer.add_bytes(data)
    writer.tag(root, [{REF_NAME: "multi"}])
    with docker_registry(tmp_path) as host:
        source, target = f"oci:{tmp_path}/layout:multi", f"docker://{host}/team/app:v1"
        words = ["skopeo", "copy", "--all", "--dest-tls-verify=false", source, target]
        subprocess.run(words, check=True, capture_output=True)
        for platform in ("amd64", "arm64"):
            request = ImageRequest(f"{host}/team/app:v1", f"linux/{platform}")
            resolved = resolve(request, store, lambda _: None)
            view = StackView(store, materialise(resolved, store, lambda _: None))
            with view.open("arch") as file:
                assert file.read().decode() == platform
