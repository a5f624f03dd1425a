"""Compression is deterministic on the way out and distrustful on the way in."""

import bz2
import gzip
import io
import lzma

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from layerc.runtime.errors import SourceError
from layerc.runtime.oci.compression import KINDS, check_level, compressed, decompressed, sniff

FOREIGN = {
    "gzip": gzip.compress,
    "zstd": zstandard.ZstdCompressor(write_checksum=True).compress,
    "xz": lzma.compress,
    "bzip2": bz2.compress,
}


def pack(pieces: list[bytes], kind: str, level: int | None = None) -> bytes:
    target = io.BytesIO()
    with compressed(target, kind, level) as stream:
        for piece in pieces:
            stream.write(piece)
    return target.getvalue()


def unpack(data: bytes, kind: str) -> bytes:
    with decompressed(io.BytesIO(data), kind) as stream:
        return b"".join(iter(lambda: stream.read(1000), b""))


@given(st.lists(st.binary(max_size=50)), st.sampled_from([*KINDS]), st.sampled_from([None, 1, 6]))
def test_what_goes_in_comes_out(pieces: list[bytes], kind: str, level: int | None) -> None:
    data = pack(pieces, kind, level)
    assert unpack(data, kind) == b"".join(pieces)
    if kind != "uncompressed":
        assert sniff(data) == kind


@pytest.mark.parametrize("kind", KINDS)
def test_how_it_was_written_leaves_no_trace(kind: str) -> None:
    data = bytes(range(256)) * 20_000
    pieces = [data[at : at + 7777] for at in range(0, len(data), 7777)]
    assert pack([data], kind) == pack(pieces, kind)


def test_a_gzip_header_has_no_time_and_no_name() -> None:
    for level in (None, 9):
        assert pack([b"x"], "gzip", level)[3:8] == bytes(5)


@pytest.mark.parametrize("kind", FOREIGN)
def test_what_others_compress_is_read(kind: str) -> None:
    assert sniff(FOREIGN[kind](b"x" * 5000)) == kind
    assert unpack(FOREIGN[kind](b"one") + FOREIGN[kind](b"two"), kind) == b"onetwo"


@pytest.mark.parametrize("kind", FOREIGN)
def test_garbage_is_a_clear_error(kind: str) -> None:
    data = FOREIGN[kind](bytes(range(256)) * 1000)
    damaged = data[: len(data) // 2] + b"garbage" + data[len(data) // 2 + 7 :]
    with pytest.raises(SourceError, match=f"damaged {kind} data"):
        unpack(damaged, kind)


@pytest.mark.parametrize("kind", ["gzip", "xz", "bzip2"])
def test_a_missing_end_is_a_clear_error(kind: str) -> None:
    with pytest.raises(SourceError, match=f"damaged {kind} data"):
        unpack(FOREIGN[kind](b"x" * 5000)[:-5], kind)


def test_a_frame_that_asks_for_gigabytes_is_refused() -> None:
    parameters = zstandard.ZstdCompressionParameters(window_log=30)
    data = zstandard.ZstdCompressor(compression_params=parameters).compressobj().compress(b"x")
    data += b"\x28\xb5\x2f\xfd\x00\xa0" + bytes(20)
    with pytest.raises(SourceError, match="damaged zstd"):
        unpack(data, "zstd")


@pytest.mark.parametrize(("kind", "level"), [("gzip", 10), ("gzip", -1), ("zstd", 23), ("uncompressed", 0)])
def test_levels_are_checked(kind: str, level: int) -> None:
    with pytest.raises(ValueError, match="levels"):
        check_level(kind, level)
