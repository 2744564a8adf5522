"""Test that the class of an attr defines its use, and that an attr with unchanged values needs nothing else."""

from __future__ import annotations

import dataclasses
import importlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
from sunpy.net import attrs as a

from sunpy_helio_plugins import IMAPClient, conf
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.fido import ArchiveAttr
from sunpy_helio_plugins.fido.attrs import own, uses
from sunpy_helio_plugins.imap import attrs, translator

ARCHIVES = ("hapi", "imap", "helioviewer", "her")
DAY = a.Time("2026-01-10", "2026-01-11")


def room(archive: str, name: str) -> Any:
    return importlib.import_module(f"sunpy_helio_plugins.{archive}.{name}")


@pytest.mark.parametrize("archive", ARCHIVES)
def test_every_field_is_one_of_the_query(archive):
    fields = {field.name for field in dataclasses.fields(room(archive, "query").Query)}
    assert {use.query_field for use in uses(room(archive, "attrs")) if use.query_field} <= fields


@pytest.mark.parametrize("archive", ARCHIVES)
def test_every_own_attr_is_understood_and_makes_the_query_one_for_the_archive(archive):
    client = next(value for name, value in vars(room(archive, "client")).items() if name.lower() == f"{archive}client")
    kinds = own(room(archive, "attrs"))
    assert kinds == room(archive, "translator").OWN
    assert set(client.register_values()) & set(kinds) == {
        kind for kind in kinds if issubclass(kind, ArchiveAttr) and kind.offered()
    }


def test_columns_are_those_of_the_table(archive):
    table = IMAPClient().search(DAY, a.imap.File())
    assert {use.column for use in uses(attrs) if use.column} <= set(table.colnames)


class Frame(ArchiveAttr):
    """The coordinate frame of a map."""

    parameter, column = "frame", "Frame"

    @classmethod
    def check(cls, value: Any) -> str:
        """Return a frame in lower case."""
        return super().check(value).lower()


@pytest.fixture
def with_frame(monkeypatch) -> Iterator[list[str]]:
    """Add the attr to IMAP's, before a server that filters by it, and return the paths that were requested."""
    Frame.__module__ = attrs.__name__
    monkeypatch.setattr(attrs, "Frame", Frame, raising=False)
    monkeypatch.setattr(attrs, "__all__", [*attrs.__all__, "Frame"])
    monkeypatch.setattr(translator, "OWN", own(attrs))
    monkeypatch.setattr(IMAPClient, "own", own(attrs))
    monkeypatch.setattr(translator, "KNOWN", (*translator.KNOWN, Frame))
    path = "imap/ultra/l2/2026/01/imap_ultra_l2_u45-ena-h-{}_20260110_v001.cdf"
    rows = [
        {"file_path": path.format(name), "ingestion_date": "20260111 00:00:00", **more}
        for name, more in (("a", {"frame": "hae"}), ("b", {"frame": "sc"}), ("c", {}))
    ]
    requested: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            requested.append(self.path)
            body = json.dumps(rows).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        with conf.imap.set_temp("url", f"http://127.0.0.1:{server.server_port}"):
            yield requested
        server.shutdown()
        thread.join()


def test_a_class_is_all_that_a_new_attr_needs(with_frame):
    query = (DAY, a.Instrument("ultra"), Frame("HAE"))
    assert IMAPClient._can_handle_query(*query)
    table = IMAPClient().search(*query)
    assert all("frame=hae" in path for path in with_frame)
    assert list(table["Frame"].filled("?")) == ["hae", "?"]
    both = IMAPClient().search(DAY, a.Instrument("ultra"), Frame("hae", "sc"))
    assert len(both) == 3
    with pytest.raises(QueryError, match=r"'spice' does not support a\.imap\.Frame"):
        IMAPClient().search(DAY, a.imap.Kernel(), Frame("hae"))


def test_the_table_of_uses_names_what_an_attr_becomes():
    found = {use.attr.__name__: use[1:] for use in uses(attrs)}
    assert found["Repointing"] == ("repointing", "repointing", "Repointing")
    assert found["Table"] == ("", "", "")
