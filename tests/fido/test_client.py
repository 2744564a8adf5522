"""Test what clients of all archives share: copies, and refusals before anything is enqueued."""

from __future__ import annotations

import copy
from types import ModuleType
from typing import Any

import parfive
import pytest
from astropy.table import QTable
from astropy.time import Time
from sunpy.net import attrs as a

from sunpy_helio_plugins import HAPIClient, HelioviewerClient, HERClient, IMAPClient, fido, lazy
from sunpy_helio_plugins.errors import AnswerError, HelioPluginsError, QueryError
from sunpy_helio_plugins.fido import import_hooks, partial
from sunpy_helio_plugins.fido.client import _asking
from sunpy_helio_plugins.fido.fetch import enqueue_rows
from sunpy_helio_plugins.hapi import HAPITable
from sunpy_helio_plugins.hapi.tables import HAPIFiles
from sunpy_helio_plugins.helioviewer import HelioviewerTable
from sunpy_helio_plugins.her import HERTable
from sunpy_helio_plugins.imap import IMAPTable


@pytest.mark.parametrize("kind", [HAPIClient, IMAPClient, HelioviewerClient, HERClient])
def test_a_client_is_equal_to_its_copies(kind: type) -> None:
    client = kind()
    assert copy.copy(client) is client
    assert copy.deepcopy([client])[0] is client
    assert client == kind()
    assert hash(client) == hash(kind())


@pytest.mark.parametrize("kind", [HAPITable, HAPIFiles, HERTable, IMAPTable, HelioviewerTable])
def test_a_column_that_a_table_does_not_have_is_named_with_similar_ones(kind: Any) -> None:
    table = kind({"Instrument": ["a"], "size": [1]})
    for wrong in ("instrument", ("size", "Instrumnt"), ["Instruments"]):
        with pytest.raises(
            KeyError, match=r"The table does not have a column '\w+'; it has Instrument, size\. Did you mean Instrument"
        ):
            table[wrong]


@pytest.mark.parametrize(
    ("downloader", "overwrite", "words"),
    [
        (None, None, "a parfive.Downloader as downloader, not None"),
        ("x", None, "a parfive.Downloader as downloader, not 'x'"),
        (parfive.Downloader(progress=False), "yes", "True, False or 'unique' as overwrite, not 'yes'"),
        (parfive.Downloader(progress=False), 5, r"True, False or 'unique' as overwrite, not 5 \(int\)"),
    ],
)
def test_options_of_a_fetch_are_refused_before_anything_is_enqueued(
    downloader: Any, overwrite: Any, words: str
) -> None:
    def files() -> Any:
        raise AssertionError
        yield

    with pytest.raises(QueryError, match=f"^fetch takes {words}"):
        enqueue_rows(HAPIFiles({"url": ["a"]}), files(), "{file}", downloader, overwrite)


@pytest.mark.parametrize("results", [None, ["x"], HAPIFiles({"url": ["a"]})])
def test_paths_are_those_of_results_of_parfive(results: Any) -> None:
    allowed = r"the parfive\.Results that Fido\.fetch returned"
    with pytest.raises(QueryError, match=rf"^HAPIFiles\.paths takes {allowed}, not "):
        HAPIFiles({"url": ["a"]}).paths(results)


DAYS = Time(["2026-01-10", "2026-01-11"])


@pytest.mark.parametrize(
    ("argument", "given"),
    [("start", DAYS[0]), ("start", "2026-01-10"), ("instrument", 5), ("source", [1, 2]), ("instrument", {"x": 1})],
)
def test_common_columns_are_refused_by_name(argument: str, given: Any) -> None:
    known: dict[str, Any] = {"start": DAYS, "end": DAYS, "instrument": ["x", None], "source": "x", "provider": "x"}
    fido.common_columns(**known)
    with pytest.raises(QueryError, match=rf"^fido\.common_columns takes .* as {argument}, not "):
        fido.common_columns(**known | {argument: given})


@pytest.mark.parametrize("error", [QueryError("too long"), AnswerError("Test", "https://a.example", "too long")])
def test_a_request_of_which_the_shortest_part_fails_is_missing_as_a_whole(error: HelioPluginsError) -> None:
    asked = []

    def ask(part: tuple[int, int]) -> None:
        asked.append(part)
        raise error

    def halves(part: tuple[int, int]) -> list[tuple[int, int]]:
        middle = sum(part) // 2
        return [(part[0], middle), (middle, part[1])] if part[1] - part[0] > 1 else []

    assert partial.in_halves((0, 16), ask, halves, lambda one: True) == [((0, 16), error)]
    assert [end - start for start, end in asked] == [16, 8, 1]


def test_a_loader_of_a_module_without_a_specification_is_kept() -> None:
    class Own:
        def exec_module(self, module: Any) -> None:
            module.loaded = True

    own: Any = Own()
    done: list[bool] = []
    module: Any = ModuleType("x")
    wrapped = import_hooks._ThenImport(own, lambda: done.append(True))
    wrapped.exec_module(module)
    assert module.__loader__ is own
    assert (module.loaded, done) == (True, [True])
    with pytest.raises(AttributeError, match="__no_such_name__"):
        wrapped.__no_such_name__  # noqa: B018


def test_a_companion_is_registered_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lazy, "import_before", dict(lazy.import_before))
    monkeypatch.setattr(import_hooks._watcher, "companions", {})
    for _ in range(2):
        import_hooks.when_imported("no_such_module", "no_such_companion")
    assert import_hooks._watcher.companions == {"no_such_module": ["no_such_companion"]}


def test_only_a_table_that_can_be_searched_again_has_its_query() -> None:
    class Client:
        @_asking
        def search(self, *query: object) -> object:
            return QTable() if query else HAPITable()

    made = Client()
    for found in (made.search(a.Time("2026-01-10", "2026-01-11")), made.search()):
        assert not getattr(found, "query", None)
