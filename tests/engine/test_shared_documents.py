"""The documents of shared caches, as strangers may write them, and states, which stand for a trace."""

from __future__ import annotations

import json
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from layerc.runtime.cli.main import main
from layerc.runtime.engine.sharing.document import ARTIFACT, CONFIG, MOUNT, TRACE, CacheDocument
from layerc.runtime.engine.sharing.spec import parse_source, parse_target
from layerc.runtime.engine.sharing.states import Seen, dump_states, load_states
from layerc.runtime.errors import SourceError, UsageError
from layerc.runtime.oci.descriptor import Descriptor
from layerc.runtime.oci.documents import Manifest
from layerc.runtime.snapshot.entry import Entry
from layerc.runtime.trace.trace import ABSENT, LISTED, LOOKED_UP, READ

DIGEST = f"sha256:{'1' * 64}"
LAYER = Descriptor("application/vnd.oci.image.layer.v1.tar+gzip", f"sha256:{'2' * 64}", 100)
STATES = Descriptor(TRACE, f"sha256:{'3' * 64}", 10)
MOUNTED = Descriptor(MOUNT, f"sha256:{'4' * 64}", 10)


def config() -> dict[str, Any]:
    step = {
        "definition": "a" * 64,
        "content": "",
        "trace": "b" * 64,
        "traces": [STATES.digest],
        "basis": "00 ff",
    }
    return {
        "version": 1,
        "layers": [{"diffID": DIGEST, "size": 10, "created": 1.5}],
        "steps": [{**step, "layer": 0, "seconds": 1, "created": 2}],
        "mounts": [{"name": "c" * 64, "size": 1, "blob": MOUNTED.digest}],
    }


def read(document: Any, *blobs: Descriptor) -> CacheDocument:
    data = json.dumps(document).encode()
    manifest = Manifest(
        Descriptor(CONFIG, DIGEST, 1), blobs or (LAYER, STATES, MOUNTED), artifact_type=ARTIFACT
    )
    return CacheDocument.read(manifest, data, "it")


def test_what_is_written_is_read() -> None:
    document = read(config())
    manifest, data = document.to_bytes()
    assert json.loads(data) == config()
    assert read(json.loads(data)) == document
    assert [blob["digest"] for blob in json.loads(manifest)["layers"]] == [
        LAYER.digest,
        STATES.digest,
        MOUNTED.digest,
    ]


@pytest.mark.parametrize(
    ("place", "values"),
    [
        ("steps", [None, {}, [1], [[]], [{}]]),
        ("layers", [None, [None], [{}], [{}, {}, {}]]),
        ("steps.definition", [None, "", "A" * 64, "../" * 20, 7]),
        ("steps.content", [None, "x", 7]),
        ("steps.trace", ["b" * 63]),
        ("steps.traces", [None, [DIGEST], [[]], [LAYER.digest], [STATES.digest] * 65]),
        ("steps.basis", [None, "/etc", "0" * 70_000, "\ud800"]),
        ("steps.layer", [-1, 1, 0.0, True, "0", 10**400]),
        ("steps.seconds", [-1, float("nan"), float("inf"), 10**400, True, "1"]),
        ("steps.created", [-1, 1e300, 253402300800]),
        ("layers.diffID", ["sha256:1", "sha512:" + "1" * 128, "md5:1", None]),
        ("layers.size", [-1, 1 << 63, 1.5, "1"]),
        ("mounts", [None, [{}]]),
        ("mounts.name", ["..", "../../x", "C" * 64, ""]),
        ("mounts.size", [-1, None]),
        ("mounts.blob", [LAYER.digest, "", None, []]),
        ("layers.created", [-1, 1e300, None]),
    ],
)
def test_malformed_configs_are_refused(place: str, values: list[Any]) -> None:
    name, _, member = place.partition(".")
    for value in values:
        document = config()
        if member:
            document[name][0][member] = value
        else:
            document[name] = value
        with pytest.raises(SourceError):
            read(document)


def test_blobs_of_other_kinds_are_refused() -> None:
    with pytest.raises(SourceError):
        read(config(), STATES, LAYER, MOUNTED)
    with pytest.raises(SourceError):
        read(config(), LAYER, STATES.with_(size=1 << 40), MOUNTED)
    with pytest.raises(SourceError):
        read({**config(), "steps": config()["steps"] * 2})


ENTRIES = st.builds(
    Entry,
    st.just(""),
    st.sampled_from(["file", "directory", "symlink", "character", "block", "fifo"]),
    st.integers(0, 0o7777),
    st.integers(0, 2**32 - 1),
    st.integers(0, 2**32 - 1),
    target=st.text(),
    device=st.tuples(st.integers(0, 4095), st.integers(0, 2**20 - 1)),
    digest=st.text(),
    xattrs=st.lists(st.tuples(st.text(), st.binary())).map(tuple),
).map(lambda entry: entry._replace(size=0, mtime_ns=0, link="", opaque=False, implied=False))
SEEN = st.builds(Seen, st.integers(1, 63), st.none() | ENTRIES, st.text(), st.text()).map(
    lambda seen: Seen(seen.event, None) if seen.entry is None else seen
)


@given(st.lists(st.dictionaries(st.text() | st.just("\udcff"), SEEN, max_size=4), max_size=3))
def test_states_survive(views: list[dict[str, Seen]]) -> None:
    data = dump_states(views)
    assert data is not None
    assert load_states(data) == views
    assert dump_states(load_states(data)) == data


ROWS = [
    b'["a"]',
    b'["a", 0.5]',
    b'["a", 64]',
    b'["a", 1, "whiteout", 0, 0, 0, "", [0, 0], "", [], "", ""]',
    b'["a", 1, "file", 9999999, 0, 0, "", [0, 0], "", [], "", ""]',
    b'["a", 1, "file", 0, 0, 0, "", [0, 0], "", [["x", "zz"]], "", ""]',
    b'["a", 1, "file", 0, 0, 0, "", [0], "", [], "", ""]',
    b"[" * 100_000,
    b'["a", 16], "b"',
]


@pytest.mark.parametrize("row", ROWS)
def test_malformed_states_are_refused(row: bytes) -> None:
    with pytest.raises(ValueError, match=r"row|hexadecimal"):
        load_states(zlib.compress(b"layerc-states 1\n1\n" + row + b"\n"))


@pytest.mark.parametrize(
    "text",
    [b"", b"layerc-states 2\n", b"layerc-states 1\n2\n", b"layerc-states 1\nx\n", b"layerc-states 1\n0"],
)
def test_states_that_are_cut_off_are_refused(text: bytes) -> None:
    with pytest.raises(ValueError, match=r"."):
        load_states(zlib.compress(text))
    with pytest.raises(ValueError, match="twice"):
        load_states(zlib.compress(b'layerc-states 1\n2\n["a",16]\n["a",16]\n'))


def test_events_are_those_of_traces() -> None:
    seen = Seen(LOOKED_UP | READ | LISTED, Entry("", "file"))
    assert load_states(dump_states([{"a": seen, "b": Seen(ABSENT, None)}]) or b"")[0]["a"] == seen


@pytest.mark.parametrize(
    "text",
    [
        "",
        "user/app:cache",
        "type=registry,ref=user/app",
        "type=local",
        "type=local,src=",
        "src=x",
        "type=local,src=x,y",
        "type=local,src=x,dest=y",
        "type=local,src=x,digest=1",
        'type=local,"src=x',
        "type=local,src=x\ntype=local,src=y",
        "type=local,src=x,mounts=perhaps",
    ],
)
def test_wrong_sources_are_told(text: str) -> None:
    with pytest.raises(UsageError, match="--cache-from"):
        parse_source(text)


@pytest.mark.parametrize(
    "more",
    [
        "mode=most",
        "compression=rar",
        "compression-level=x",
        "compression-level=77",
        "ignore-error=2",
        "src=a",
    ],
)
def test_wrong_targets_are_told(more: str) -> None:
    assert parse_target("type=local,dest=/x").path == "/x"
    with pytest.raises(UsageError, match="--cache-to"):
        parse_target(f"type=local,dest=/x,{more}")


@pytest.mark.parametrize("option", ["--cache-to", "--cache-from"])
def test_the_command_tells_wrong_words(
    option: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "Dockerfile").write_text("FROM scratch\nCOPY Dockerfile /\n")
    words = ["build", "--store", str(tmp_path / "store"), option, "type=gha", str(tmp_path)]
    assert main(words) == 2
    assert f"error: {option} 'type=gha': unknown type 'gha'" in capsys.readouterr().err
