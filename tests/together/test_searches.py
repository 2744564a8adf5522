"""Test the searches that lead from events, images and times to the archives."""

from __future__ import annotations

from typing import Any

import astropy.units as u
import pytest
from astropy.time import Time
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import helioviewer, her, together
from sunpy_helio_plugins.errors import QueryError

DAY = a.Time("2026-01-10", "2026-01-10 20:00")


@pytest.fixture
def hole(archive: Any) -> Any:
    return Fido.search(DAY, a.her.CH, a.her.frm_name == "SPoCA")["her"][0]


def test_an_event_leads_to_every_archive(hole: Any) -> None:
    around = together.context(hole, 6 * u.hour)
    assert around.time.start == hole["event_starttime"] - 6 * u.hour
    found = {name: Fido.search(getattr(around, name)) for name in ("pictures", "events", "series", "files", "wind")}
    assert {name: sum(map(len, one)) > 0 for name, one in found.items()} == dict.fromkeys(found, True)
    assert len(found["pictures"]["helioviewer"]) == 1


def test_a_context_shows_its_searches_as_code(hole: Any) -> None:
    shown = repr(together.context(hole))
    assert "Fido.search(a.Time('2026-01-09T23:50:05', '2026-01-10T00:10:05'), a.helioviewer.Image(), " in shown
    assert ".Image(), a.Instrument('AIA'), a.Wavelength(193 * u.Angstrom))" in shown
    assert "arrival" in shown


def test_no_request_is_sent_for_a_context(archive: Any) -> None:
    archive.log.clear()
    together.context("2026-01-10 17:00", 1 * u.hour)
    assert archive.log == []


def test_an_image_leads_to_its_source_and_its_events(hole: Any) -> None:
    image = Fido.search(her.picture_of(hole))["helioviewer"][0]
    around = together.context(image)
    assert "a.helioviewer.SourceID(11)" in repr(around)
    found = Fido.search(helioviewer.events_of(image))["her"]
    assert hole["kb_archivid"] in found["kb_archivid"]


def test_a_map_leads_to_its_events(hole: Any) -> None:
    sun = helioviewer.read(Fido.search(her.picture_of(hole)), size=64)[0]
    assert len(Fido.search(helioviewer.events_of(sun, 1 * u.hour))["her"]) > 0
    assert abs(together.context(sun).time.start - sun.date + 1 * u.hour) < 1 * u.ms


def test_a_time_and_the_row_of_any_table_lead_to_the_archives() -> None:
    clouds = together.intervals([("2026-01-11 03:00", "2026-01-12 01:00")])
    assert abs(together.context(clouds[0], 0 * u.s).time.end - Time("2026-01-12 01:00")) < 1 * u.ms
    assert "a.Sample(900 * u.s)" in repr(together.context("2026-01-10 17:00"))


def test_other_series_are_those_of_the_user() -> None:
    around = together.context("2026-01-10", series=a.hapi.Dataset("AC_H0_MFI"))
    assert "a.hapi.Dataset('AC_H0_MFI')" in repr(around)


@pytest.mark.parametrize(
    ("given", "more", "text"),
    [
        (["2026-01-10", "2026-01-11", "2026-01-12"], {}, "takes one event, image, time or range of time"),
        ("2026-01-10", {"radius": -1 * u.hour}, "radius"),
        ("2026-01-10", {"series": "OMNI"}, "series"),
    ],
)
def test_what_is_no_event_is_refused(given: Any, more: dict[str, Any], text: str) -> None:
    with pytest.raises(QueryError, match=text):
        together.context(given, **more)
