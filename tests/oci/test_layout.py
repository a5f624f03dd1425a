"""OCI layouts on disk, and what is found wrong with them."""

import gzip
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from layerc.runtime.errors import IntegrityError, SourceError
from layerc.runtime.oci import media_types
from layerc.runtime.oci.descriptor import Descriptor
from layerc.runtime.oci.digests import of_bytes
from layerc.runtime.oci.documents import Index, Manifest, dump_json
from layerc.runtime.oci.layout import REF_NAME, Layout, LayoutWriter
from layerc.runtime.oci.validation import validate_layout

TAR = b"a tar, for all that is known here" * 100


def blob(writer: LayoutWriter, data: bytes, media_type: str) -> Descriptor:
    return Descriptor(media_type, writer.add_bytes(data), len(data))


@pytest.fixture
def layout(tmp_path: Path) -> Path:
    """A sound layout with one image tagged v1."""
    writer = LayoutWriter(str(tmp_path / "layout"))
    layer = blob(writer, gzip.compress(TAR, mtime=0), f"{media_types.OCI_LAYER}+gzip")
    config = {
        "architecture": "amd64",
        "os": "linux",
        "rootfs": {"type": "layers", "diff_ids": [of_bytes(TAR)]},
        "history": [{"created_by": "x"}, {"empty_layer": True}],
    }
    manifest = Manifest(blob(writer, dump_json(config), media_types.OCI_CONFIG), (layer,))
    writer.tag(blob(writer, manifest.to_bytes(), media_types.OCI_MANIFEST), [{REF_NAME: "v1"}])
    return tmp_path / "layout"


def test_a_sound_layout_has_no_findings(layout: Path) -> None:
    assert validate_layout(str(layout)) == ()


def manifest_path(layout: Path) -> Path:
    return layout / "blobs/sha256" / Layout.open(str(layout)).find("v1").digest[7:]


def replace_manifest(layout: Path, change: Callable[[dict[str, object]], None]) -> None:
    document = json.loads(manifest_path(layout).read_bytes())
    change(document)
    writer = LayoutWriter(str(layout))
    data = dump_json(document)
    os.unlink(layout / "index.json")
    writer.tag(blob(writer, data, media_types.OCI_MANIFEST), [{REF_NAME: "v1"}])


def replace_config(layout: Path, **changes: object) -> None:
    document = json.loads(manifest_path(layout).read_bytes())
    config = json.loads((layout / "blobs/sha256" / document["config"]["digest"][7:]).read_bytes()) | changes
    new = blob(LayoutWriter(str(layout)), dump_json(config), media_types.OCI_CONFIG)
    replace_manifest(layout, lambda manifest: manifest.update(config=new.to_document()))


def layer_path(layout: Path) -> Path:
    return layout / "blobs/sha256" / hashlib.sha256(gzip.compress(TAR, mtime=0)).hexdigest()


@pytest.mark.parametrize(
    ("damage", "finding"),
    [
        (lambda layout: os.unlink(layout / "oci-layout"), "no file oci-layout"),
        (
            lambda layout: (layout / "oci-layout").write_text('{"imageLayoutVersion":"2.0.0"}'),
            "version '2.0.0'",
        ),
        (lambda layout: os.unlink(layout / "index.json"), "no index.json"),
        (lambda layout: (layout / "index.json").write_text("{"), "not valid JSON"),
        (lambda layout: os.unlink(manifest_path(layout)), "is missing"),
        (lambda layout: manifest_path(layout).write_bytes(b"{}"), "not what its digest says"),
        (lambda layout: os.unlink(layer_path(layout)), "is missing"),
        (lambda layout: layer_path(layout).write_bytes(b""), "0 bytes instead of"),
        (
            lambda layout: layer_path(layout).write_bytes(b"x" * layer_path(layout).stat().st_size),
            "does not match",
        ),
        (lambda layout: replace_config(layout, os=1), "does not say its os"),
        (lambda layout: replace_config(layout, history=[{}, {}]), "tells of 2 layers, there are 1"),
        (
            lambda layout: replace_config(layout, rootfs={"type": "layers", "diff_ids": [of_bytes(b"")]}),
            "unpacks to",
        ),
        (lambda layout: replace_config(layout, rootfs={"type": "layers", "diff_ids": []}), "lists 0 layers"),
        (lambda layout: (layout / "blobs/sha256/.rest.abc").write_bytes(b""), "not the name of a blob"),
    ],
)
def test_what_is_wrong_is_found(layout: Path, damage: Callable[[Path], object], finding: str) -> None:
    damage(layout)
    findings = validate_layout(str(layout))
    assert len(findings) == 1
    assert finding in findings[0]


def test_a_pipe_in_the_place_of_a_blob_does_not_hang_us(layout: Path) -> None:
    path = manifest_path(layout)
    path.unlink()
    os.mkfifo(path)
    assert "not a regular file" in validate_layout(str(layout))[0]


def test_truncated_gzip_is_found(layout: Path) -> None:
    short = gzip.compress(TAR, mtime=0)[:-10]
    new = blob(LayoutWriter(str(layout)), short, f"{media_types.OCI_LAYER}+gzip")
    replace_manifest(layout, lambda manifest: manifest.update(layers=[new.to_document()]))
    assert "damaged gzip data" in validate_layout(str(layout))[0]


def test_finding_an_image(layout: Path) -> None:
    opened = Layout.open(str(layout))
    only = opened.find()
    assert opened.find("v1") == only
    assert opened.find(digest=only.digest) == only
    with pytest.raises(SourceError, match="no image 'v2'") as raised:
        opened.find("v2")
    assert raised.value.help == "it has: v1"
    with pytest.raises(SourceError, match="there is no sha256"):
        opened.find(digest=of_bytes(b"other"))


def test_with_several_images_the_tag_latest_is_meant(layout: Path) -> None:
    writer = LayoutWriter(str(layout))
    other = blob(writer, Index(()).to_bytes(), media_types.OCI_INDEX)
    writer.tag(other, [{REF_NAME: "v2"}])
    with pytest.raises(SourceError, match="no image 'latest'"):
        Layout.open(str(layout)).find()
    writer.tag(other, [{REF_NAME: "latest"}])
    assert Layout.open(str(layout)).find().digest == other.digest


def test_an_image_that_only_a_nested_index_lists_is_found_by_digest(layout: Path) -> None:
    opened = Layout.open(str(layout))
    writer = LayoutWriter(str(layout))
    image = opened.find()
    nested = blob(writer, Index((image.with_(annotations=()),)).to_bytes(), media_types.OCI_INDEX)
    os.unlink(layout / "index.json")
    writer.tag(nested, [])
    assert opened.find(digest=image.digest).media_type == media_types.OCI_MANIFEST
    assert validate_layout(str(layout)) == ()


def test_a_blob_is_verified_when_it_is_read(layout: Path) -> None:
    opened = Layout.open(str(layout))
    descriptor = opened.find()
    with pytest.raises(IntegrityError):
        opened.read(descriptor.with_(size=descriptor.size + 1))
