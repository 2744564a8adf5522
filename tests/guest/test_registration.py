"""Test that readers registered with astropy and sunpy take any keywords, never raise, and keep stream positions."""

from __future__ import annotations

import bz2
import gzip
import io
import os
import tempfile
import zipfile

import pytest
from astropy.io import registry
from astropy.table import QTable, Table
from sunpy.net import Fido
from sunpy.net import attrs as a
from sunpy.timeseries import TimeSeries

import sunpy_helio_plugins
from sunpy_helio_plugins.her import HERTable
from sunpy_helio_plugins.io import registration

RECORDS = (
    b'#{"HAPI":"3.0","format":"csv","parameters":[{"name":"Time","type":"isotime","length":24},'
    b'{"name":"B","type":"double","units":"nT","fill":"-1e31"}]}\n2026-01-10T00:00:00.000Z,5.5\n'
)
FOREIGN = {
    "path": "t", "origin": 1, "fileobj": 2, "name": 3, "source": "other", "cls": 4, "self": 5, "data_class": 6,
    "recognizes": 7, "peek": 8, "args": 9, "kwargs": 10,
}  # fmt: skip


def is_ours(one: object) -> bool:
    return str(getattr(one, "__module__", "")).startswith("sunpy_helio_plugins")


def identifiers() -> dict[str, object]:
    found = registry.compat.default_registry._identifiers
    return {name: function for (name, _), function in found.items() if is_ours(function)}


class TestAllOfThem:
    def test_every_format_is_registered_by_one_function(self):
        readers = registry.compat.default_registry._readers
        ours = {name for (name, _), entry in readers.items() if is_ours(entry[0])}
        assert ours == identifiers().keys() >= {"hapi", "cdf"}
        assert {function.__module__ for function in identifiers().values()} == {registration.__name__}

    def test_every_source_of_timeseries_is_registered_by_one_function(self):
        ours = [one for one in TimeSeries.registry if is_ours(one)]
        assert ours
        assert {one.is_datasource_for.__func__.__module__ for one in ours} == {registration.__name__}

    @pytest.mark.parametrize("origin", ["read", "write"])
    @pytest.mark.parametrize("path", [None, "", "x.fits", "no/such.hapi", b"x", os.curdir, 3, object()])
    @pytest.mark.parametrize("stream", [None, io.BytesIO(b"abc"), io.StringIO("abc"), 3, object()])
    def test_a_format_takes_anything(self, origin, path, stream):
        for identify in identifiers().values():
            assert identify(origin, path, stream, path, 1, **FOREIGN) is False

    @pytest.mark.parametrize("path", [None, "", "x.fits", "no/such.hapi", b"x", os.curdir, 3, object(), ["x"]])
    def test_a_source_takes_anything(self, path):
        ours = [source for source in TimeSeries.registry if is_ours(source)]
        assert len(ours) >= 2
        for source in ours:
            assert source.is_datasource_for(**FOREIGN, filepath=path, meta={}, data=3) is False
            assert source.is_datasource_for(filepath=path) is False
            assert source.is_datasource_for(source=object()) is False

    def test_clients_answer_for_nothing_that_is_not_theirs(self):
        ours = [client for client in Fido.registry if is_ours(client)]
        assert len(ours) == 4
        for client in ours:
            assert not client._can_handle_query()
            assert not client._can_handle_query(a.Time("2026-01-10", "2026-01-11"), a.Instrument.aia)
            assert not client._can_handle_query(object(), 3, None, int)


class TestStreams:
    """The position is kept for any kind of stream."""

    @pytest.mark.parametrize("place", [0, 7])
    @pytest.mark.parametrize("kind", ["bytes", "file", "raw", "gzip", "bz2", "temporary", "spooled", "text", "zip"])
    def test_the_position_stays(self, kind, place, tmp_path):
        with opened(kind, b"0123456789" * 1000, tmp_path) as stream:
            stream.read(place)
            before = stream.tell()
            for identify in identifiers().values():
                assert not identify("read", None, stream, stream)
            assert stream.tell() == before
            assert stream.read(3) in (b"0123456789012"[place : place + 3], "0123456789012"[place : place + 3])

    def test_what_cannot_go_back_is_not_read(self):
        reader, writer = os.pipe()
        os.write(writer, RECORDS)
        os.close(writer)
        with os.fdopen(reader, "rb") as stream:
            assert not any(identify("read", None, stream, stream) for identify in identifiers().values())
            assert stream.read() == RECORDS

    def test_a_named_pipe_is_not_opened(self, tmp_path):
        os.mkfifo(tmp_path / "x.hapi")
        assert registration.peek(tmp_path / "x.hapi", 10) == b""
        assert not any(identify("read", tmp_path / "x.hapi", None) for identify in identifiers().values())

    def test_of_a_large_file_a_bounded_part_is_read(self):
        class Endless(io.RawIOBase):
            asked = 0

            def readable(self):
                return True

            def seekable(self):
                return True

            def seek(self, offset, whence=0):
                return offset

            def tell(self):
                return 0

            def readinto(self, buffer):
                self.asked += len(buffer)
                buffer[:] = b"#" * len(buffer)
                return len(buffer)

        stream = Endless()
        for identify in identifiers().values():
            identify("read", None, stream, stream)
        assert len(registration.peek(stream, 10**12)) <= registration.MOST_PEEKED
        assert stream.asked <= 4 * registration.MOST_PEEKED


def opened(kind: str, content: bytes, folder):
    path = folder / "x"
    path.write_bytes({"gzip": gzip.compress, "bz2": bz2.compress}.get(kind, bytes)(content))
    if kind == "bytes":
        return io.BytesIO(content)
    if kind == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("x", content)
        return zipfile.ZipFile(path).open("x")
    if kind in ("temporary", "spooled"):
        make = tempfile.NamedTemporaryFile if kind == "temporary" else tempfile.SpooledTemporaryFile
        stream = make()
        stream.write(content)
        stream.seek(0)
        return stream
    kinds = {"raw": lambda: path.open("rb", buffering=0), "text": path.open, "file": lambda: path.open("rb")}
    packed = {"gzip": gzip.GzipFile, "bz2": bz2.BZ2File}
    return packed[kind](path) if kind in packed else kinds[kind]()


class TestOwnFormats:
    @pytest.mark.parametrize("kind", [Table, QTable])
    @pytest.mark.parametrize("name", ["x.hapi", "x.hapi.gz", "x.hapi.bz2", "x.HAPI"])
    def test_they_are_still_recognized(self, kind, name, tmp_path):
        path = tmp_path / name
        pack = {".gz": gzip.compress, ".bz2": bz2.compress}.get(path.suffix, bytes)
        path.write_bytes(pack(RECORDS))
        for source in (path, str(path), io.BytesIO(RECORDS)):
            assert list(kind.read(source)["B"].value) == [5.5]

    @pytest.mark.parametrize("kind", [Table, QTable])
    def test_a_named_format_is_read_from_a_stream(self, kind, tmp_path):
        path = tmp_path / "x.hapi"
        path.write_bytes(RECORDS)
        with path.open("rb") as stream:
            assert list(kind.read(stream, format="hapi")["B"].value) == [5.5]

    def test_a_format_of_others_is_preferred(self, tmp_path):
        path = tmp_path / "x.hapi"
        path.write_bytes(RECORDS)
        registry.register_reader("others", Table, lambda *args, **kwargs: Table({"others": [1]}))
        registry.register_identifier("others", Table, lambda origin, path, *args, **kwargs: str(path).endswith(".hapi"))
        try:
            assert Table.read(path).colnames == ["others"]
        finally:
            registry.unregister_reader("others", Table)
            registry.unregister_identifier("others", Table)
        assert Table.read(path).colnames == ["Time", "B"]

    def test_a_format_of_others_with_the_same_name_is_left_alone(self):
        def theirs(*args, **kwargs):
            return Table({"theirs": [1]})

        registry.register_reader("taken", Table, theirs)
        try:
            assert registration.register_format("taken", Table, lambda name, peek: True) is False
            assert registry.get_reader("taken", Table) is theirs
        finally:
            registry.unregister_reader("taken", Table)

    def test_registering_again_is_no_error(self):
        sunpy_helio_plugins.hapi.records.read.register()
        assert "hapi" in identifiers()


def test_a_table_of_the_registry_takes_the_keywords_of_a_format(tmp_path):
    table = HERTable.from_records([{"kb_archivid": "ivo://x", "event_type": "CH"}])
    table.write(tmp_path / "x.h5", path="t", serialize_meta=True)
    assert Table.read(tmp_path / "x.h5", path="t")["kb_archivid"][0] in ("ivo://x", b"ivo://x")


class TestNames:
    """A file is identified by its name and its first bytes."""

    @pytest.mark.parametrize(
        ("name", "content", "formats"),
        [
            ("x.hapi", RECORDS, {"hapi"}),
            ("X.HAPI", RECORDS, {"hapi"}),
            ("x.txt", RECORDS, set()),
            ("hapi", RECORDS, set()),
            ("x.cdf", b"\x00\x00\xff\xff\x00\x00\xff\xff", {"cdf"}),
            ("x.CDF", b"\x00\x00\xff\xff\x00\x00\xff\xff", {"cdf"}),
            ("x.dat", b"\x00\x00\xff\xff\x00\x00\xff\xff", set()),
            ("x.cdf", b"anything", set()),
            ("x.dat", b"\xcd\xf3\x00\x01\x00\x00\xff\xff", {"cdf"}),
            ("x.dat", b"\xcd\xf2\x60\x02\x00\x00\xff\xff", {"cdf"}),
            ("x.dat", b"anything", set()),
        ],
    )
    def test_the_format_of_a_file(self, tmp_path, name, content, formats):
        path = tmp_path / name
        path.write_bytes(content)
        found = set(registry.identify_format("read", QTable, str(path), None, [str(path)], {}))
        assert found & {"hapi", "cdf"} == formats
