"""Warnings are ignored or raised in one thread only, and the user's filters stay as they are."""

from __future__ import annotations

import threading
import warnings
from concurrent.futures import ThreadPoolExecutor

import pytest
from astropy import units as u
from astropy.time import Time

from sunpy_helio_plugins.quantities import days, silence, times


def test_a_block_ignores_what_its_own_thread_warns_of(recwarn: pytest.WarningsRecorder) -> None:
    warnings.simplefilter("always")
    with silence.ignored(UserWarning, "known"):
        warnings.warn("Known, and more", UserWarning, stacklevel=1)
        warnings.warn("another", UserWarning, stacklevel=1)
        warnings.warn("known", RuntimeWarning, stacklevel=1)
    warnings.warn("known again", UserWarning, stacklevel=1)
    assert [str(one.message) for one in recwarn] == ["another", "known", "known again"]


@pytest.mark.filterwarnings("error")
def test_other_threads_warn_as_before() -> None:
    def elsewhere() -> str:
        with pytest.raises(UserWarning) as caught:
            warnings.warn("known", UserWarning, stacklevel=1)
        return str(caught.value)

    with silence.ignored(UserWarning), ThreadPoolExecutor(1) as pool:
        assert pool.submit(elsewhere).result() == "known"


def test_filters_that_change_meanwhile_are_kept() -> None:
    with warnings.catch_warnings():
        before = list(warnings.filters)
        with silence.far_years():
            warnings.simplefilter("ignore", EncodingWarning)
        assert warnings.filters[0][2] is EncodingWarning
        assert warnings.filters[1:] == before
        with silence.far_years():
            block = warnings.catch_warnings()
            block.__enter__()
        assert not any(isinstance(one[1], silence._HereOnly) for one in warnings.filters)
        block.__exit__(None, None, None)
        assert not any(isinstance(one[1], silence._HereOnly) for one in warnings.filters)


def test_many_threads_leave_the_filters_as_they_were() -> None:
    before, kept = warnings.filters, list(warnings.filters)
    start = threading.Barrier(8)

    def work(_: int) -> str:
        start.wait()
        for _ in range(200):
            with silence.far_years():
                text = str(Time("2150-01-01T00:00:00", scale="utc").tai)
        return text

    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(work, range(8)))) == 1
    assert warnings.filters is before
    assert warnings.filters == kept


def test_a_warning_that_was_shown_before_is_still_seen() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("default")
        for _ in range(2):
            assert not silence.has_name(u.erg, "vounit")
            assert silence.has_name(u.m, "vounit")
            with pytest.warns(u.UnitsWarning):
                u.erg.to_string("vounit")


def test_times_of_far_years_do_not_warn() -> None:
    (far,) = times.from_iso(["2300-01-01T00:00:00.5"])
    terrestrial = Time(far.jd1, far.jd2, format="jd", scale="tt")
    whole, nanos = days.split_time(terrestrial)
    assert (int(whole), int(nanos)) == (120529, 86_400_000_000_000 - 68_684_000_000)
