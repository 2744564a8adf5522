"""Test that compressed streams and files are read to their end, and that every checksum counts."""

from __future__ import annotations

import bz2
import gzip
import lzma
import zipfile
import zlib

import pytest
from urllib3.exceptions import DecodeError

from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.store.streams import check_compressed, decompressed, decompressed_parts, is_compressed
from sunpy_helio_plugins.transport.compression import Decoder

TEXT = b"".join(b"%d,%d\n" % (number, number * number) for number in range(60))
HALVES = TEXT[:300], TEXT[300:]


def _gzip(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)


COMPRESS = {"gzip": _gzip, "bzip2": bz2.compress, "xz": lzma.compress}
FILES = {
    "gzip": gzip.compress(TEXT, mtime=0),
    "two of gzip": b"".join(gzip.compress(half, mtime=0) for half in HALVES),
    "bzip2": bz2.compress(TEXT),
    "two of bzip2": b"".join(map(bz2.compress, HALVES)),
    "xz": lzma.compress(TEXT),
    "two of xz": b"".join(map(lzma.compress, HALVES)),
}
BODIES = {
    "gzip": ("gzip", FILES["gzip"]),
    "two of gzip": ("gzip", FILES["two of gzip"]),
    "deflate": ("deflate", zlib.compress(TEXT)),
    "twice": ("deflate, gzip", gzip.compress(zlib.compress(TEXT), mtime=0)),
}


def flipped(content: bytes, bit: int) -> bytes:
    found = bytearray(content)
    found[bit // 8] ^= 1 << bit % 8
    return bytes(found)


def decoded(encoding: str, body: bytes) -> bytes:
    decoder = Decoder(encoding)
    content = b"".join(decoder.feed(body))
    decoder.check_end()
    return content


@pytest.mark.parametrize("kind", FILES)
def test_a_flipped_bit_is_an_error_or_changes_nothing(kind, tmp_path):
    path, content = tmp_path / "file", FILES[kind]
    assert decompressed(content, 10**6) == TEXT
    found = 0
    for bit in range(48, len(content) * 8):
        damaged = flipped(content, bit)
        path.write_bytes(damaged)
        try:
            assert decompressed(damaged, 10**6) == TEXT
            check_compressed(path)
        except FileError:
            found += 1
            with pytest.raises(FileError):
                check_compressed(path)
    assert found > 0.9 * 8 * len(content) - 200


@pytest.mark.parametrize("kind", FILES)
def test_a_truncated_file_is_an_error(kind, tmp_path):
    path, content = tmp_path / "file", FILES[kind]
    # A file that ends between two streams is not different from a complete one.
    between = {len(COMPRESS[kind.removeprefix("two of ")](HALVES[0]))} if kind.startswith("two") else set()
    for length in range(7, len(content)):
        if length in between:
            continue
        path.write_bytes(content[:length])
        with pytest.raises(FileError, match=r"truncated|damaged"):
            check_compressed(path)
        with pytest.raises(FileError):
            decompressed(content[:length], 10**6)


@pytest.mark.parametrize("kind", FILES)
def test_only_zeros_may_follow(kind, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(FILES[kind] + b"\0" * 512)
    check_compressed(path)
    assert decompressed(FILES[kind] + b"\0" * 512, 10**6) == TEXT
    for more in (b"x", b"<html>", FILES[kind][:20], b"\0\0x"):
        path.write_bytes(FILES[kind] + more)
        with pytest.raises(FileError):
            check_compressed(path)


@pytest.mark.parametrize("kind", FILES)
def test_a_limit_of_the_size_holds(kind):
    assert decompressed(FILES[kind], len(TEXT)) == TEXT
    with pytest.raises(FileError, match=f"larger than {len(TEXT) - 1} bytes"):
        decompressed(FILES[kind], len(TEXT) - 1)


def test_other_files_are_not_compressed(tmp_path):
    (tmp_path / "x").write_bytes(TEXT)
    check_compressed(tmp_path / "x")
    assert not is_compressed(TEXT)
    assert all(map(is_compressed, FILES.values()))


def test_a_checksum_in_a_zip_archive_counts(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as made:
        made.writestr("a", b"abcdefgh" * 40)
    whole = (tmp_path / "x.zip").read_bytes()
    check_compressed(tmp_path / "x.zip")
    for damaged in (whole.replace(b"abcd", b"abce", 1), whole[:-30], whole[:100]):
        (tmp_path / "x.zip").write_bytes(damaged)
        with pytest.raises(FileError, match="zip archive is damaged"):
            check_compressed(tmp_path / "x.zip")


def test_an_encrypted_zip_archive_is_not_checked(tmp_path):
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as made:
        made.writestr("a", b"abcdefgh" * 40)
    content = bytearray((tmp_path / "x.zip").read_bytes().replace(b"abcd", b"abce", 1))
    for entry in (content.index(b"PK\3\4") + 6, content.index(b"PK\1\2") + 8):
        content[entry] |= 1  # the flag of an encrypted file
    (tmp_path / "x.zip").write_bytes(content)
    check_compressed(tmp_path / "x.zip")


@pytest.mark.parametrize("kind", BODIES)
def test_a_flipped_bit_in_a_body_is_an_error_or_changes_nothing(kind):
    encoding, body = BODIES[kind]
    assert decoded(encoding, body) == TEXT
    found = 0
    for bit in range(len(body) * 8):
        try:
            assert decoded(encoding, flipped(body, bit)) == TEXT
        except DecodeError:
            found += 1
    assert found > 0.9 * 8 * len(body)


@pytest.mark.parametrize("kind", BODIES)
def test_a_truncated_body_is_an_error(kind):
    encoding, body = BODIES[kind]
    between = {len(_gzip(HALVES[0]))} if kind == "two of gzip" else set()
    for length in set(range(1, len(body))) - between:
        with pytest.raises(DecodeError):
            decoded(encoding, body[:length])
    assert decoded(encoding, b"") == b""


@pytest.mark.parametrize("header", [None, "", "identity", "aws-chunked", "UTF-8"])
def test_other_encodings_are_no_compressions(header):
    assert decoded(header, TEXT) == TEXT


@pytest.mark.parametrize("header", ["br", "gzip, zstd", "compress", "gzip, gzip, gzip, gzip"])
def test_compressions_that_were_not_requested_are_refused(header):
    with pytest.raises(DecodeError, match=r"not requested|compressed 4 times"):
        Decoder(header)


@pytest.mark.parametrize("kind", FILES)
def test_the_limit_of_the_size_is_the_largest_one(kind):
    assert decompressed(FILES[kind], len(TEXT)) == TEXT
    with pytest.raises(FileError, match=f"larger than {len(TEXT) - 1} bytes when it is decompressed"):
        decompressed(FILES[kind], len(TEXT) - 1)


def test_nothing_is_decompressed_to_nothing():
    assert list(decompressed_parts((), 100)) == []
