"""Documents of images: reading what strangers wrote, writing what others read."""

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerc.compiler.config import HistoryItem
from layerc.runtime.errors import IntegrityError, SourceError
from layerc.runtime.oci import media_types
from layerc.runtime.oci.descriptor import Descriptor
from layerc.runtime.oci.digests import Verifier, is_digest, of_bytes, parse_digest, verified
from layerc.runtime.oci.documents import MAX_DOCUMENT, Index, Manifest, dump_json, load_json, read_document
from layerc.runtime.oci.image import ImageManifest, chain_ids
from layerc.runtime.oci.platforms import Platform, parse_platform

SHA = "sha256:" + "ab" * 32
LAYER = {"mediaType": media_types.OCI_LAYER, "digest": SHA, "size": 5}
CONFIG = {"mediaType": media_types.OCI_CONFIG, "digest": SHA, "size": 5}
MANIFEST: dict[str, Any] = {"schemaVersion": 2, "config": CONFIG, "layers": [LAYER]}


def read(document: object, media_type: str = "") -> Manifest | Index:
    return read_document(json.dumps(document).encode(), "it", media_type)


# --- digests -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "",
        "sha256",
        "sha256:",
        "sha256:abc",
        SHA.upper(),
        "sha256:" + "AB" * 32,
        "md5:" + "ab" * 16,
        f"{SHA}\n",
        f" {SHA}",
        "sha256:../../../../etc/passwd" + "a" * 36,
        "sha512:" + "ab" * 32,
    ],
)
def test_what_is_no_digest_is_refused(text: str) -> None:
    assert not is_digest(text)
    with pytest.raises(ValueError, match="digest"):
        parse_digest(text)


@pytest.mark.parametrize(
    ("data", "size", "why"),
    [(b"other", 5, "does not match"), (b"hell", 5, "4 bytes"), (b"hello!", 5, "larger")],
)
def test_bytes_that_are_not_what_they_should_be(data: bytes, size: int, why: str) -> None:
    chunks = (bytes([value]) for value in data)
    with pytest.raises(IntegrityError, match=why):
        list(verified(chunks, of_bytes(b"hello"), size, "the blob"))


def test_too_many_bytes_are_noticed_at_once() -> None:
    verifier = Verifier(of_bytes(b"hello"), 5, "the blob")
    verifier.update(b"hello")
    with pytest.raises(IntegrityError, match="larger"):
        verifier.update(b"!")


@given(st.binary(), st.sampled_from(["sha256", "sha384", "sha512"]))
def test_the_right_bytes_pass(data: bytes, algorithm: str) -> None:
    digest = of_bytes(data, f"{algorithm}:")
    assert parse_digest(digest)[0] == algorithm
    assert b"".join(verified([data], digest, len(data), "the blob")) == data


def test_chain_ids() -> None:
    one, two = of_bytes(b"1"), of_bytes(b"2")
    assert chain_ids([one, two]) == (one, of_bytes(f"{one} {two}".encode()))
    assert chain_ids([]) == ()


# --- manifests and indexes -----------------------------------------------------------------------------


def test_a_manifest_is_read() -> None:
    manifest = read(MANIFEST, media_types.OCI_MANIFEST)
    assert isinstance(manifest, Manifest)
    assert manifest.layers == (Descriptor(media_types.OCI_LAYER, SHA, 5),)


@pytest.mark.parametrize(
    ("document", "media_type", "why"),
    [
        ([], "", "not a JSON object"),
        ({"schemaVersion": 1, "fsLayers": []}, "", "schema 1"),
        ({**MANIFEST, "schemaVersion": 3}, "", "schemaVersion"),
        ({**MANIFEST, "mediaType": media_types.OCI_INDEX}, media_types.OCI_MANIFEST, "is referred to as"),
        ({**MANIFEST, "manifests": []}, "", "a manifest and an index at once"),
        ({"schemaVersion": 2, "manifests": [], "layers": []}, "", "at once"),
        ({"schemaVersion": 2, "mediaType": "application/vnd.cncf.helm.config.v1+json"}, "", "no image"),
        ({**MANIFEST, "layers": None}, "", "layers must be a list"),
        ({**MANIFEST, "layers": {}}, "", "layers must be a list"),
        ({**MANIFEST, "config": None}, "", "must be an object"),
        ({**MANIFEST, "layers": [{**LAYER, "digest": "sha256:../../x"}]}, "", "not a digest"),
        ({**MANIFEST, "layers": [{**LAYER, "size": -1}]}, "", "size can not be -1"),
        ({**MANIFEST, "layers": [{**LAYER, "size": True}]}, "", "needs a size"),
        ({**MANIFEST, "layers": [{**LAYER, "size": "5"}]}, "", "needs a size"),
        ({**MANIFEST, "layers": [{**LAYER, "size": 1 << 80}]}, "", "size can not be"),
        ({**MANIFEST, "layers": [{**LAYER, "annotations": {"a": 1}}]}, "", "strings"),
        ({**MANIFEST, "layers": [LAYER] * 5000}, "", "5000 entries"),
        ({"schemaVersion": 2, "manifests": [{**LAYER, "platform": {"os": [1]}}]}, "", "strings"),
    ],
)
def test_malformed_documents_are_refused(document: object, media_type: str, why: str) -> None:
    with pytest.raises(SourceError, match=why):
        read(document, media_type)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "not valid JSON"),
        (b"\xff", "not valid JSON"),
        (b'{"a": NaN}', "NaN"),
        (b'{"a": "\\ud800"}', "not valid JSON"),
        (b"[" * 100_000, "not valid JSON"),
        (b'{"a":' * 100_000, "not valid JSON"),
        (b'{"size": ' + b"9" * 5000 + b"}", "not valid JSON"),
        (b" " * (MAX_DOCUMENT + 1), "too large"),
    ],
)
def test_what_is_no_json_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(SourceError, match=why):
        load_json(data, "it")


keys = st.sampled_from([*MANIFEST, "manifests", "mediaType", "digest", "size", "platform"])
anything = st.recursive(
    st.none() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner) | st.dictionaries(keys, inner),
    max_leaves=8,
)


@given(anything)
def test_any_json_is_a_document_or_refused(document: object) -> None:
    with contextlib.suppress(SourceError):
        read(document)


def test_an_index_gives_the_best_entry() -> None:
    def entry(
        number: int, platform: Platform | None, media_type: str = media_types.OCI_MANIFEST
    ) -> Descriptor:
        return Descriptor(media_type, of_bytes(bytes([number])), 1, platform=platform)

    i386, amd64, v2 = Platform("linux", "386"), Platform("linux", "amd64"), Platform("linux", "amd64", "v2")
    attestation = Platform("unknown", "unknown")
    index = Index((entry(0, i386), entry(1, attestation), entry(2, v2), entry(3, amd64), entry(4, amd64)))
    assert index.choose(parse_platform("linux/amd64")) == index.manifests[3]
    assert index.choose(parse_platform("linux/amd64/v3")) == index.manifests[2]
    assert index.choose(parse_platform("linux/386")) == index.manifests[0]
    assert index.choose(parse_platform("linux/arm64")) is None
    assert Index((entry(0, None), entry(1, amd64))).choose(amd64) == entry(1, amd64)
    assert Index((entry(0, None),)).choose(amd64) == entry(0, None)
    assert Index((entry(0, None, "application/spdx+json"),)).choose(amd64) is None


descriptors = st.builds(
    Descriptor,
    st.sampled_from([media_types.OCI_MANIFEST, media_types.DOCKER_MANIFEST, media_types.OCI_LAYER]),
    st.binary(max_size=2).map(of_bytes),
    st.integers(0, 1 << 40),
    annotations=st.dictionaries(st.text(max_size=3), st.text(max_size=3), max_size=2).map(
        lambda pairs: tuple(sorted(pairs.items()))
    ),
    platform=st.none()
    | st.builds(Platform, st.just("linux"), st.sampled_from(["amd64", "arm"]), st.just("v7")),
)


@given(descriptors, st.lists(descriptors, max_size=3).map(tuple), st.sampled_from(media_types.MANIFESTS))
def test_writing_and_reading_a_manifest_is_the_identity(
    config: Descriptor, layers: tuple[Descriptor, ...], media_type: str
) -> None:
    manifest = Manifest(config, layers, media_type)
    assert read_document(manifest.to_bytes(), "it", media_type) == manifest


@given(st.lists(descriptors, max_size=3).map(tuple), st.sampled_from(media_types.INDEXES))
def test_writing_and_reading_an_index_is_the_identity(
    entries: tuple[Descriptor, ...], media_type: str
) -> None:
    index = Index(entries, media_type)
    assert read_document(index.to_bytes(), "it", media_type) == index


# --- images --------------------------------------------------------------------------------------------


def config(**changes: Any) -> dict[str, Any]:
    return {
        "architecture": "amd64",
        "os": "linux",
        "config": {"Env": ["A=b"], "Cmd": ["sh"]},
        "rootfs": {"type": "layers", "diff_ids": [SHA]},
        **changes,
    }


def image(document: dict[str, Any], **changes: Any) -> ImageManifest:
    data = dump_json(document)
    manifest = Manifest(
        Descriptor(media_types.OCI_CONFIG, of_bytes(data), len(data)),
        (Descriptor(media_types.OCI_LAYER, SHA, 5),),
    )
    return ImageManifest.read(manifest, changes.get("data", data), "it")


def test_an_image_is_read_and_written_bit_for_bit() -> None:
    document = config(history=[{"created_by": "x"}], **{"x.unknown": {"kept": [1]}})
    read_image = image(document)
    assert read_image.config_bytes == dump_json(document)
    assert read_image.config.env == (("A", "b"),)
    assert str(read_image.platform) == "linux/amd64"
    again = read_document(read_image.to_bytes(), "it")
    assert isinstance(again, Manifest)
    assert again.config == read_image.config_descriptor


@pytest.mark.parametrize(
    ("document", "why"),
    [
        (config(architecture=""), "architecture"),
        (config(os=None), "os"),
        (config(rootfs=None), "rootfs"),
        (config(rootfs={"type": "other", "diff_ids": [SHA]}), "rootfs"),
        (config(rootfs={"type": "layers", "diff_ids": ["abc"]}), "diff IDs"),
        (config(rootfs={"type": "layers", "diff_ids": SHA}), "diff IDs"),
        (config(config=[]), "config"),
        (config(config="x"), "config"),
        (config(config={"Env": "A=b"}), "Env"),
        (config(config={"Cmd": [1]}), "Cmd"),
        (config(config={"Labels": {"a": 1}}), "Labels"),
        (config(config={"Healthcheck": []}), "Healthcheck"),
        (config(config={"Healthcheck": {"Interval": "1s"}}), "Interval"),
        (config(history={}), "history"),
        (config(history=[1]), "history"),
        (config(history=[{"empty_layer": 1}]), "empty_layer"),
    ],
)
def test_malformed_configs_are_refused(document: dict[str, Any], why: str) -> None:
    with pytest.raises(SourceError, match=why):
        image(document)


def test_a_config_must_be_the_one_that_the_manifest_names() -> None:
    with pytest.raises(IntegrityError, match="digest"):
        image(config(), data=dump_json(config(author="mallory")))
    with pytest.raises(IntegrityError, match="lists 2 layers, its manifest 1"):
        image(config(rootfs={"type": "layers", "diff_ids": [SHA, SHA]}))
    artifact = Manifest(Descriptor("application/vnd.cncf.helm.config.v1+json", SHA, 5), ())
    with pytest.raises(SourceError, match="no container image"):
        ImageManifest.read(artifact, b"hello", "it")


def test_histories_are_made_to_match_the_layers() -> None:
    layer, empty = {"created_by": "layer"}, {"created_by": "empty", "empty_layer": True}
    assert image(config()).matched_history == (
        HistoryItem(comment="layerc: not in the base image's history"),
    )
    too_many = image(config(history=[layer, empty, layer])).matched_history
    assert [item.empty_layer for item in too_many] == [False, True, True]


def test_a_new_image_has_no_manifest_before_it_has_blobs() -> None:
    new = ImageManifest.from_config(config())
    with pytest.raises(ValueError, match="no blobs"):
        new.to_bytes()
    with pytest.raises(ValueError, match="0 blobs for 1"):
        new.with_layers([])
    packed = new.with_layers([Descriptor(media_types.OCI_LAYER, SHA, 5)])
    assert packed.descriptor().platform == Platform("linux", "amd64")
    reordered = dict(reversed(config().items()))
    assert ImageManifest.from_config(reordered) == new
