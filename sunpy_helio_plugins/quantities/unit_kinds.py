"""What a unit string can turn out to be."""

from __future__ import annotations

from dataclasses import dataclass

from astropy import units as u

__all__ = ["NotAUnit", "Unit", "Unknown"]


@dataclass(frozen=True, slots=True)
class Unit:
    """
    A string that means a unit.

    Parameters
    ----------
    unit : astropy.units.UnitBase
        The unit; ``dimensionless_unscaled`` for a pure number.
    words : tuple of str
        What the string says beside the unit: what was counted (``"electrons"``), per what that has no unit
        (``"per nucleon"``, ``"per charge"``, ``"per sample"``), or a remark (``"from fits"``).
    """

    unit: u.UnitBase
    words: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class NotAUnit:
    """
    A string that stands where a unit should, and is none.

    Parameters
    ----------
    reason : str
        What it is instead.
    """

    reason: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """A string whose meaning is not certain."""
