"""Test attrs of all archives: what cannot be combined, and functions that take attrs apart."""

from __future__ import annotations

from typing import Any

import pytest
from sunpy.net import attrs as a
from sunpy.net.attr import Attr

import sunpy_helio_plugins  # noqa: F401 - registers the attrs
from sunpy_helio_plugins import fido
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.fido import attrs

DAY = a.Time("2026-01-10", "2026-01-11")
MAG, SWE = a.imap.Descriptor("mag"), a.imap.Descriptor("swe")


class Greedy(Attr):
    """An attr of another package that cannot be combined with anything."""

    def collides(self, other: Any) -> bool:
        return True


def test_an_attr_that_refuses_ours_has_the_error_of_python() -> None:
    with pytest.raises(TypeError, match=r"unsupported operand type\(s\) for &: 'Greedy' and 'Descriptor'"):
        Greedy() & MAG


@pytest.mark.parametrize("branch", [(DAY, DAY), (DAY, MAG, a.Time("2026-01-12", "2026-01-13"))])
def test_a_class_that_a_conjunction_contains_twice_is_refused(branch: Any) -> None:
    with pytest.raises(QueryError, match=r"^a\.Time is given 2 times; write alternatives with \|\.$"):
        fido.of_type(branch, a.Time)
    assert fido.of_type(branch, a.Level) is None


def test_the_attr_of_a_class_is_found() -> None:
    assert fido.of_type((DAY, MAG), a.Time) is DAY


@pytest.mark.parametrize("kind", ["a.Time", None, DAY])
def test_what_is_not_a_class_of_attrs_is_refused(kind: Any) -> None:
    with pytest.raises(QueryError, match=r"^fido\.of_type takes .* as kind, not "):
        fido.of_type((DAY,), kind)


def test_fields_that_are_set_twice_are_refused() -> None:
    with pytest.raises(QueryError, match=r"^a\.imap\.Descriptor is given 2 times; write alternatives with \|\.$"):
        attrs.asked((MAG, SWE), (type(MAG),))
    assert list(attrs.asked((DAY, MAG), (type(MAG),))) == [MAG.query_field]
