"""Blobs: what goes in comes out, or does not go in."""

from __future__ import annotations

import hashlib
import os
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store_helpers import fake_digest

from layerc.runtime.errors import IntegrityError, StoreError
from layerc.runtime.store import Store


def _leftovers(store: Store) -> list[str]:
    session = os.path.dirname(store.temporary())
    return os.listdir(session)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(st.lists(st.binary(max_size=200), max_size=5))
def test_round_trip(store: Store, pieces: list[bytes]) -> None:
    data = b"".join(pieces)
    with store.blobs.writer() as writer:
        for piece in pieces:
            writer.write(piece)
        digest = writer.commit()
    assert digest == f"sha256:{hashlib.sha256(data).hexdigest()}"
    assert store.blobs.read(digest) == data
    assert store.blobs.size(digest) == len(data)
    with store.blobs.open(digest) as file:
        assert file.read() == data
    assert _leftovers(store) == []


def test_layout_is_that_of_oci(store: Store) -> None:
    digest = store.blobs.put(b"abc")
    digits = hashlib.sha256(b"abc").hexdigest()
    assert store.blobs.path(digest) == os.path.join(store.root, "blobs", "sha256", digits)
    assert os.stat(store.blobs.path(digest)).st_mode & 0o777 == 0o644


def test_other_algorithm(store: Store) -> None:
    digest = f"sha512:{hashlib.sha512(b'abc').hexdigest()}"
    with store.blobs.writer(digest) as writer:
        writer.write(b"abc")
        assert writer.commit() == digest
    assert store.blobs.read(digest) == b"abc"


@pytest.mark.parametrize(
    ("digest", "size", "message"),
    [
        (fake_digest(1), None, "does not match its digest"),
        (None, 2, "larger than the 2 bytes"),
        (None, 4, "3 bytes instead of 4"),
    ],
)
def test_unexpected_bytes_are_refused(
    store: Store, digest: str | None, size: int | None, message: str
) -> None:
    def write() -> None:
        with store.blobs.writer(digest, size) as writer:
            writer.write(b"abc")
            writer.commit()

    with pytest.raises(IntegrityError, match=message):
        write()
    assert store.usage().blobs == 0
    assert _leftovers(store) == []


def test_without_commit_nothing_is_kept(store: Store) -> None:
    with store.blobs.writer() as writer:
        writer.write(b"abc")
    assert store.usage().blobs == 0
    assert _leftovers(store) == []


def test_missing_and_malformed(store: Store) -> None:
    assert not store.blobs.has(fake_digest(1))
    with pytest.raises(StoreError, match="no blob"):
        store.blobs.open(fake_digest(1))
    with pytest.raises(ValueError, match="digest"):
        store.blobs.path("sha256:../../etc/passwd")


def test_damage_is_noticed(store: Store) -> None:
    digest = store.blobs.put(b"abc")
    with open(store.blobs.path(digest), "wb") as file:
        file.write(b"abd")
    with pytest.raises(IntegrityError, match="damaged"):
        store.blobs.read(digest)


def test_writers_of_the_same_blob(store: Store) -> None:
    def put(_: int) -> str:
        return store.blobs.put(b"x" * 100_000)

    with ThreadPoolExecutor(8) as pool:
        digests = set(pool.map(put, range(40)))
    assert len(digests) == 1
    assert store.usage().blobs == 1
    assert _leftovers(store) == []
