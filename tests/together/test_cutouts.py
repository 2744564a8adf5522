"""Test pictures before, at and after an event."""

from __future__ import annotations

from typing import Any

import astropy.units as u
import numpy as np
import pytest
from astropy.coordinates import SkyCoord
from sunpy.net import Fido
from sunpy.net import attrs as a

from sunpy_helio_plugins import together
from sunpy_helio_plugins.errors import FileError, IncompleteAnswerWarning, QueryError
from sunpy_helio_plugins.together import cutouts


@pytest.fixture
def hole(archive: Any) -> Any:
    found = Fido.search(a.Time("2026-01-10 11:00", "2026-01-10 12:10"), a.her.CH, a.her.frm_name == "SPoCA")["her"]
    return found[np.argmax(found["hpc_boundcc"].area)]


def test_the_outline_is_in_each_picture(hole: Any) -> None:
    figure, axes = together.closeup(hole, offsets=[-4, 0, 4] * u.hour, size=128)
    assert [one.get_title().split("\n")[2] for one in axes] == ["4 h before", "at the event", "4 h after"]
    assert figure.get_size_inches()[0] * 25.4 == pytest.approx(180)
    centers = []
    for one in axes:
        (line,) = [line for line in one.lines if len(line.get_xdata()) > 3]
        x, y = line.get_data()
        (left, right), (below, above) = one.get_xlim(), one.get_ylim()
        assert left < np.nanmin(x) < np.nanmax(x) < right
        assert below < np.nanmin(y) < np.nanmax(y) < above
        centers.append(
            one.wcs.pixel_to_world(*((np.nanmin(line) + np.nanmax(line)) / 2 for line in (x, y))).Tx.to_value("arcsec")
        )
    # The hole rotates by about 9 arcsec in an hour.
    assert np.diff(centers) == pytest.approx([36, 36], abs=8)


def test_the_time_of_a_picture_is_that_of_its_image(hole: Any) -> None:
    _, axes = together.closeup(hole, offsets=[1] * u.hour, size=64, tolerance=4 * u.hour)
    # The nearest image to 17:00, and the hole of 16:00.
    assert axes[0].get_title() == "AIA 193\n2026-01-10 16:06\n6 min after"


def test_a_time_without_an_image_is_named(hole: Any) -> None:
    with pytest.warns(IncompleteAnswerWarning, match="no image was found 30 h before; see tolerance="):
        _, axes = together.closeup(hole, offsets=[-30, 0] * u.hour, size=64)
    assert len(axes) == 1


def test_a_source_without_images_is_an_error(hole: Any) -> None:
    with pytest.raises(FileError, match="does not have any image near the event: choose another source"):
        together.closeup(hole, "AIA 131", offsets=[0] * u.hour)


@pytest.mark.parametrize(
    ("more", "text"),
    [
        ({"offsets": 1 * u.hour}, r"takes up to 12 durations, such as \[-1, 0, 1\] \* u.hour, as offsets"),
        ({"margin": 5}, "takes an angle such as 50"),
        ({"size": 3}, "takes an integer of at least 16"),
        ({"source": "AIA 1930"}, "AIA 193"),
    ],
)
def test_other_arguments_are_refused(hole: Any, more: dict[str, Any], text: str) -> None:
    with pytest.raises(QueryError, match=text):
        together.closeup(hole, **more)


def test_what_is_no_event_is_refused() -> None:
    with pytest.raises(QueryError, match="takes one event, such as table"):
        together.closeup("2026-01-10")


def test_a_margin_is_around_the_event(hole: Any) -> None:
    widths = []
    for margin in (20, 100):
        _, axes = together.closeup(hole, offsets=[0] * u.hour, size=64, margin=margin * u.arcsec)
        left, right = axes[0].get_xlim()
        places = axes[0].wcs.pixel_to_world([left, right], [0, 0])
        widths.append(float((places[1].Tx - places[0].Tx).to_value("arcsec")))
    assert widths[1] - widths[0] == pytest.approx(160, abs=60)


def test_several_sources_are_refused(hole: Any) -> None:
    with pytest.raises(QueryError, match=r"takes one source, and source=.* selects several: choose one of them"):
        together.closeup(hole, a.helioviewer.SourceID(11, 13), offsets=[0] * u.hour)


def test_a_box_or_a_position_replaces_an_outline(hole: Any) -> None:
    kept = [name for name in hole.colnames if name != "hpc_boundcc"]
    whole = cutouts._region(hole, 10 * u.arcsec)
    box = cutouts._region(hole.table[kept][hole.index], 10 * u.arcsec)
    assert abs(box.Tx.mean() - whole.Tx.mean()) < 60 * u.arcsec
    none = [name for name in kept if not name.startswith("hpc_")]
    with pytest.raises(QueryError, match="takes an event with an outline, a box or a position on the disk"):
        cutouts._region(hole.table[none][hole.index], 10 * u.arcsec)
    point = SkyCoord([np.nan] * u.arcsec, [np.nan] * u.arcsec, frame=whole.frame.replicate_without_data())
    with pytest.raises(QueryError, match="takes an event with an outline"):
        cutouts._region(SimpleRow(hpc_boundcc=SimpleRow(mask=True), hpc_coord=point), 10 * u.arcsec)


class SimpleRow(dict):  # type: ignore[type-arg]
    """A row with some columns."""

    @property
    def colnames(self) -> list[str]:
        return list(self)

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None
