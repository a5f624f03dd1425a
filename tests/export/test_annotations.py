"""``--annotation``: places, platforms, and outputs that have no room for them."""

from __future__ import annotations

import pytest

from layerc.runtime.errors import UsageError
from layerc.runtime.export import exporters, parse_output
from layerc.runtime.export.annotations import Annotation, annotated, parse_annotation, read_annotations
from layerc.runtime.oci.platforms import Platform

ARM = Platform("linux", "arm64")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a=b", [("manifest", None, "a", "b")]),
        ("a.b/c=", [("manifest", None, "a.b/c", "")]),
        ("a=b:c=d", [("manifest", None, "a", "b:c=d")]),
        ("manifest:a=b", [("manifest", None, "a", "b")]),
        (
            "index,manifest-descriptor:a=b",
            [("index", None, "a", "b"), ("manifest-descriptor", None, "a", "b")],
        ),
        ("index-descriptor:a:b=c", [("index-descriptor", None, "a:b", "c")]),
        ("manifest[linux/aarch64]:a=b", [("manifest", ARM, "a", "b")]),
        (
            "manifest[linux/arm64],manifest-descriptor:a=b",
            [("manifest", ARM, "a", "b"), ("manifest-descriptor", None, "a", "b")],
        ),
    ],
)
def test_places(text: str, found: list[tuple[str, Platform | None, str, str]]) -> None:
    assert list(parse_annotation(text)) == [Annotation(*item) for item in found]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a", "is no annotation"),
        ("=b", "is no annotation"),
        ("manifest:=b", "is no annotation"),
        ("foo:a=b", "there is no place 'foo'"),
        ("manifest,:a=b", "there is no place ''"),
        ("manifest[]:a=b", "there is no place 'manifest\\[\\]'"),
        ("manifest[linux/]:a=b", "not a platform"),
    ],
)
def test_refused(text: str, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        parse_annotation(text)
    assert caught.value.help


@pytest.mark.parametrize("kind", ["local", "tar"])
def test_trees_have_no_place_for_them(kind: str) -> None:
    with pytest.raises(UsageError, match=f"type={kind} has no place for annotations"):
        annotated(parse_output(f"type={kind},dest=x"), parse_annotation("a=b"))
    assert annotated(parse_output(f"type={kind},dest=x"), []) == parse_output(f"type={kind},dest=x")


def test_an_index_must_be_there() -> None:
    output = annotated(parse_output("type=oci,dest=x"), parse_annotation("index:a=b"))
    with pytest.raises(UsageError, match="not supported for a single platform"):
        exporters.check(output)


def test_an_outputs_own_annotations_come_last() -> None:
    output = annotated(parse_output("type=oci,dest=x,annotation.a=2"), parse_annotation("a=1"))
    assert [item.value for item in read_annotations(output)] == ["1", "2"]


def test_docker_manifests_hold_annotations_of_their_own_alone() -> None:
    exporters.check(annotated(parse_output("type=docker,dest=x"), parse_annotation("a=b")))
    exporters.check(
        annotated(parse_output("type=docker,oci-mediatypes=1"), parse_annotation("manifest-descriptor:a=b"))
    )
    with pytest.raises(UsageError, match="need the OCI's media types"):
        exporters.check(annotated(parse_output("type=docker"), parse_annotation("manifest-descriptor:a=b")))
