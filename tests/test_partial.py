"""Answers of which a part is missing have one form, whichever archive they are from."""

from __future__ import annotations

import contextvars
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from sunpy.net import attrs as a

import sunpy_helio_plugins as helio
from sunpy_helio_plugins import conf
from sunpy_helio_plugins.errors import (
    HelioPluginsError,
    IncompleteAnswerWarning,
    QueryError,
    ServerError,
    ServiceError,
)
from sunpy_helio_plugins.fido import partial
from sunpy_helio_plugins.fido.partial import Partial, Slots, gather, merge, outcomes, run_all
from sunpy_helio_plugins.hapi import search as hapi_search
from sunpy_helio_plugins.helioviewer import search as helioviewer_search
from sunpy_helio_plugins.her import search as her_search
from sunpy_helio_plugins.imap import search as imap_search
from sunpy_helio_plugins.transport import limits
from sunpy_helio_plugins.transport.exchange import Exchange

DAY = a.Time("2026-01-10", "2026-01-11")
NOON = a.Time("2026-01-10 11:55", "2026-01-10 12:05")
LATER = a.Time("2026-01-11", "2026-01-12")


def broken(text: object) -> ServerError:
    return ServerError("X", "http://x", f"no {text}", 500)


@dataclass(frozen=True)
class Search:
    """A search of two parts, the second of which is known by a text in its requests."""

    client: type
    query: tuple[Any, ...]
    second: str
    module: Any
    one: str
    """The name of the function that answers one query."""

    def run(self) -> Any:
        return self.client().search(*self.query)

    @property
    def queries(self) -> tuple[Any, ...]:
        translator = __import__(f"{self.module.__package__}.translator", fromlist=["queries"])
        return tuple(translator.queries(*self.query))

    def many(self, queries: list[Any]) -> Any:
        names = {"hapi": "find_all", "imap": "find", "helioviewer": "list_images", "her": "search"}
        return getattr(self.module, names[self.module.__package__.rpartition(".")[2]])(queries)


SEARCHES = {
    "hapi": Search(
        helio.HAPIClient,
        (DAY, a.hapi.Server("cdaweb"), a.hapi.Dataset("AC_H0_MFI", "OMNI_HRO2_1MIN")),
        "OMNI_HRO2_1MIN", hapi_search, "find",
    ),
    "imap": Search(
        helio.IMAPClient,
        (DAY, a.Instrument("mag"), a.imap.Descriptor("norm-gse", "norm-rtn")),
        "norm-rtn", imap_search, "request_rows",
    ),
    "helioviewer": Search(
        helio.HelioviewerClient,
        (NOON, a.helioviewer.SourceID(13) | a.helioviewer.SourceID(11), a.helioviewer.Backend("HAPI")),
        "AIA_193", helioviewer_search, "_answer",
    ),
    "her": Search(
        helio.HERClient, ((DAY & a.her.CH) | (LATER & a.her.FL),), "2026-01-12", her_search, "_search_one"
    ),
}  # fmt: skip


@pytest.fixture(params=SEARCHES)
def search(request: pytest.FixtureRequest, archive: Any) -> Iterator[Search]:
    with conf.set_temp("retries", 0), conf.set_temp("cache", False):
        yield SEARCHES[request.param]


def second_fails(search: Search, error: BaseException, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each request of the second part fail in this package."""
    run = Exchange.run

    def failing(self: Exchange, *args: Any) -> Any:
        if search.second in self.url:
            raise error
        return run(self, *args)

    monkeypatch.setattr(Exchange, "run", failing)


def of_second(search: Search) -> Callable[[Any], bool]:
    return lambda request: search.second in f"{request.path} {request.query}"


class TestArchives:
    def test_one_of_two_parts_fails(self, search: Search, archive: Any) -> None:
        whole = search.run()
        filters = list(warnings.filters)
        with archive.fault("status", status=503, where=of_second(search)) as rule:
            with pytest.warns(IncompleteAnswerWarning) as caught:
                table = search.run()
        assert rule.played
        assert 0 < len(table) < len(whole)
        assert len(table.problems) == 1
        assert "503" in table.problems[0]
        assert [str(one.message) for one in caught] == [partial.text_of(table.problems)]
        assert (whole.problems, whole.notes, table.notes) == ([], [], [])
        assert warnings.filters == filters

    def test_all_parts_fail(self, search: Search, archive: Any) -> None:
        with archive.fault("status", status=503, path="/"), pytest.raises(ServerError, match="503"):
            search.run()

    @pytest.mark.parametrize("error", [ZeroDivisionError("a mistake"), KeyboardInterrupt()], ids=repr)
    def test_mistakes_and_interruptions_are_raised(
        self, search: Search, error: BaseException, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        second_fails(search, error, monkeypatch)
        with pytest.raises(type(error)):
            search.run()

    def test_a_thousand_questions(self, search: Search, monkeypatch: pytest.MonkeyPatch) -> None:
        queries = [replace(search.queries[0], end=f"2026-01-10T23:59:{number / 1000:06.3f}Z") for number in range(1000)]
        if search.module is helioviewer_search:  # it lists the images of one source together
            queries = [replace(one, source=replace(one.source, id=k)) for k, one in enumerate(queries)]
        asked: list[Any] = []

        def one(*given: Any) -> Any:
            (query,) = (each for one in given for each in (one if isinstance(one, list) else [one]) if each in queries)
            asked.append(query)
            if queries.index(query) % 10 == 3:
                raise broken(query.end)
            return Partial(notes=(query.end,))

        monkeypatch.setattr(search.module, search.one, one)
        if search.module is imap_search:
            with pytest.warns(IncompleteAnswerWarning, match=r"And 97 more"):
                answer = search.many(queries)
        else:
            answer = search.many(queries)
        assert len(asked) == 1000
        assert list(answer.notes) == [query.end for number, query in enumerate(queries) if number % 10 != 3]
        assert len(answer.problems) == 100
        assert "59:00.003Z" in answer.problems[0]

    def test_searches_in_threads_leave_the_filters_of_warnings(self, search: Search) -> None:
        before, kept = warnings.filters, list(warnings.filters)
        assert len({len(table) for table in run_all(range(4), lambda _: search.run(), 4)}) == 1
        assert warnings.filters is before
        assert warnings.filters == kept


def answer(number: int) -> Partial[int]:
    return Partial((number,), notes=("a note",))


def odd_ones_fail(number: int) -> Partial[int]:
    if number % 2:
        raise broken(number)
    return answer(number)


@pytest.mark.parametrize("at_once", [1, 3, Slots(2)], ids=["one", "three", "slots"])
class TestGather:
    def test_answers_keep_the_order_of_their_questions(self, at_once: Any) -> None:
        def slow_at_first(number: int) -> Partial[int]:
            time.sleep(0.01 * (5 - number))
            return answer(number)

        assert gather(range(5), slow_at_first, at_once) == Partial((0, 1, 2, 3, 4), notes=("a note",))
        assert gather([], answer, at_once) == Partial()

    def test_what_succeeds_is_kept(self, at_once: Any) -> None:
        found = gather(range(5), odd_ones_fail, at_once, lambda number, error: f"{number} is missing: {error}")
        assert found.items == (0, 2, 4)
        assert [text.partition(" [")[0] for text in found.problems] == [
            "1 is missing: X answered 500: no 1", "3 is missing: X answered 500: no 3",
        ]  # fmt: skip

    def test_the_first_error_is_raised_where_nothing_succeeds(self, at_once: Any) -> None:
        with pytest.raises(ServiceError, match="no 1"):
            gather([1, 3, 5], odd_ones_fail, at_once)

    def test_no_more_are_asked_at_a_time_than_allowed(self, at_once: Any) -> None:
        now, most, lock = 0, 0, threading.Lock()

        def count(number: int) -> Partial[int]:
            nonlocal now, most
            with lock:
                now += 1
                most = max(most, now)
            time.sleep(0.0005)
            with lock:
                now -= 1
            return Partial((number,))

        assert gather(range(1000), count, at_once).items == tuple(range(1000))
        assert most <= getattr(at_once, "number", at_once)

    def test_workers_have_the_context_of_their_caller(self, at_once: Any) -> None:
        variable = contextvars.ContextVar("variable", default=0)
        variable.set(7)
        nested = gather(range(3), lambda _: gather(range(3), lambda _: Partial((variable.get(),)), 2), at_once)
        assert nested.items == (7,) * 9


def test_a_mistake_is_raised_before_the_others_have_finished() -> None:
    gate = threading.Event()

    def ask(number: int) -> Partial[int]:
        if number == 1:
            raise ZeroDivisionError
        gate.wait(30)
        return answer(number)

    began = threading.active_count()
    with pytest.raises(ZeroDivisionError):
        gather(range(100), ask, 4)
    assert threading.active_count() > began, "others still wait"
    gate.set()


def test_after_a_mistake_no_further_question_is_asked_at_any_depth() -> None:
    gate, asked = threading.Event(), []

    def deep(number: int) -> Partial[int]:
        asked.append(number)
        gate.wait(30)
        return answer(number)

    def ask(number: int) -> Partial[int]:
        if number == 0:
            while len(asked) < 2:
                time.sleep(0.005)
            raise ZeroDivisionError
        return gather(range(50), deep, 2)

    with pytest.raises(ZeroDivisionError):
        gather([1, 0], ask, 2)
    gate.set()
    time.sleep(0.2)
    assert len(asked) == 2


def test_ctrl_c_is_raised_at_once(ctrl_c: Any) -> None:
    gate = threading.Event()

    def ask(number: int) -> Partial[int]:
        if number == 0:
            ctrl_c()
        gate.wait(30)
        return answer(number)

    with pytest.raises(KeyboardInterrupt):
        gather(range(10), ask, 2)
    gate.set()


def test_errors_of_the_package_are_returned_in_the_place_of_answers() -> None:
    found = outcomes(range(3), odd_ones_fail, 2)
    assert [type(one) for one in found] == [Partial, ServerError, Partial]
    with pytest.raises(ServerError):
        run_all(range(3), odd_ones_fail, 2)


def test_an_error_of_one_question_waits_only_for_those_that_have_begun() -> None:
    asked = []

    def ask(number: int) -> int:
        asked.append(number)
        if number == 0:
            raise QueryError("wrong")
        time.sleep(0.05)
        return number

    with pytest.raises(QueryError):
        run_all(range(100), ask, 2)
    assert len(asked) < 10


def test_partial_answers_are_joined() -> None:
    one, other = Partial((1,), ("a",), ("n",)), Partial((2,), ("a", "b"))
    assert one + other == merge([one, other]) == Partial((1, 2), ("a", "b"), ("n",))
    assert merge([]) == Partial()


@pytest.mark.parametrize(
    ("problems", "text"),
    [
        (["One."], "One."),
        (["one", "two [asked: x]", "three"], "one. two [asked: x] three."),
        ([f"{n}." for n in range(5)], "0. 1. 2. (And 2 more: see the table's problems.)"),
    ],
)
def test_a_warning_tells_the_first_problems(problems: list[str], text: str) -> None:
    with pytest.warns(IncompleteAnswerWarning) as caught:
        partial.warn(Partial(problems=tuple(problems)))
    assert [str(one.message) for one in caught] == [text]
    partial.warn(Partial(notes=("only a note",)))


def test_every_error_of_the_package_is_a_problem() -> None:
    def ask(error: Exception | None) -> Partial[int]:
        if error:
            raise error
        return answer(1)

    errors = [broken("x"), QueryError("y"), HelioPluginsError("z")]
    assert len(gather([None, *errors], ask, 2).problems) == 3


@pytest.mark.parametrize("at_once", [1, 3])
def test_all_questions_of_a_search_share_its_time(at_once: int) -> None:
    def ask(_: int) -> Partial[float]:
        inner = gather([0, 1], lambda _: Partial((limits.budget_deadline().ends,)), at_once)
        return Partial((limits.budget_deadline().ends, *inner.items))

    with conf.set_temp("search_deadline", 5):
        ends = gather([0, 1], ask, at_once).items
    assert len(set(ends)) == 1
    assert limits.budget_deadline().ends not in ends


def test_a_slot_that_is_not_used_after_a_stop_is_free_again(monkeypatch):
    def stopped():
        raise KeyboardInterrupt

    slots = partial.Slots(1)
    with monkeypatch.context() as within:
        within.setattr(partial, "_refuse_stopped", stopped)
        with pytest.raises(KeyboardInterrupt):
            slots.__enter__()
    with slots:
        assert not slots._free.acquire(blocking=False)
