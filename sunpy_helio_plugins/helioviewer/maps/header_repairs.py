"""
Repair known faults in the headers of Helioviewer's files.

A repair changes keywords of at most eight characters, to values that do not depend on other keywords. Therefore it is
kept when the map is saved as FITS, JPEG 2000 or ASDF and opened again by any program. Repairing a header twice gives
the same result.
"""

from __future__ import annotations

import re
from typing import Any

import astropy.units as u
import numpy as np

from sunpy_helio_plugins.errors import FileError

__all__ = ["MARK", "display_unit", "repaired"]

MARK = "HV_BYTES"
"""The keyword for maps of bytes that are stretched for display."""

_TOO_NEAR = 1e9
"""Metres from the Sun's centre that are not possible for an observer: inside of the Sun, or a kilometre above."""

_L1 = 1.5e9
"""Metres from the Earth to the first Lagrange point, near which SOHO is."""

_OBSERVER = ("DSUN_OBS", "HGLN_OBS", "HGLT_OBS", "CRLN_OBS", "CRLT_OBS", "RSUN_OBS", "R_SUN")


def repaired(header: dict[str, Any], name: str = "") -> dict[str, Any]:
    """
    Return a header with known faults repaired, each of which is described in HISTORY.

    ``name`` is the name of the file, which tells the kind of an image of MDI.
    """
    own = dict(header)
    keys = {key.upper(): key for key in own}
    instrument = str(own.get(keys.get("INSTRUME", ""), ""))
    done = _time_system(own, keys)
    done += _whole_date(own, keys)
    if instrument.startswith("HMI"):
        done += _hmi_observer(own, keys)
    if instrument == "LASCO":
        done += _soho(own, keys) + _turned(own, keys)
    if instrument == "MDI" or own.get(keys.get("CAMERA", "")) == "MDI":
        done += _mdi(own, keys, name)
    done += _stretched(own, keys)
    if done:
        told = "; ".join(done)
        own["HISTORY"] = "\n".join(one for one in (own.get("HISTORY", ""), f"sunpy_helio_plugins: {told}") if one)
    return own


def display_unit(header: dict[str, Any], dtype: Any = np.uint8) -> dict[str, Any]:
    """
    Return a header with the unit of display bytes; the data's own unit becomes HV_BUNIT.

    If ``dtype``, that of the image, is not a byte, the map does not have a unit.
    """
    own = {key: value for key, value in header.items() if key.upper() != "BUNIT"}
    given = next((value for key, value in header.items() if key.upper() == "BUNIT"), None)
    is_done = MARK in {key.upper() for key in own}
    if given is not None and not is_done:
        own["HV_BUNIT"] = str(given)
    if np.dtype(dtype) == np.uint8:
        own |= {"BUNIT": "byte"} if is_done else {"BUNIT": "byte", MARK: 1}
    return own


def _stretched(own: dict[str, Any], keys: dict[str, str]) -> list[str]:
    """Mark an image as already stretched, with the keyword that sunpy checks and that files of EUI do not have."""
    given = own.get(keys.get("HELIOVIEWER", ""))
    if given not in (None, ""):
        return []
    # An empty value would be lost in a JPEG 2000 file.
    own[keys.get("HELIOVIEWER", "helioviewer")] = 1
    return ["marked as stretched already"] if given is None else []


def _whole_date(own: dict[str, Any], keys: dict[str, str]) -> list[str]:
    """Add the time of the day to DATE-OBS, which sunpy uses as the reference date, if it has a separate keyword."""
    when, given = _date(own, keys), own.get(keys.get("DATE-OBS", ""))
    if when is None or not re.match(r"\d{4}-\d\d-\d\dT\d", when) or (isinstance(given, str) and "T" in given):
        return []
    if "T" in str(own.get(keys.get("DATE_OBS", ""), "")):
        return []  # complete in the other spelling, which sunpy uses
    own[keys.get("DATE-OBS", "DATE-OBS")] = when
    return ["date and time put together"]


def _turned(own: dict[str, Any], keys: dict[str, str]) -> list[str]:
    """
    Mark an image of LASCO as already rotated to solar north.

    sunpy ignores the rotation of these images if the header contains ``helioviewer``, which FITS cannot store.
    """
    given = {name: own[keys[name]] for name in ("CROTA", "CROTA1", "CROTA2") if name in keys}
    if not any(given.values()):
        return []
    for name in given:
        own[keys[name]] = 0.0
    own["HV_CROTA"] = given.get("CROTA2", next(iter(given.values())))
    return ["turned already: CROTA is in HV_CROTA"]


def _time_system(own: dict[str, Any], keys: dict[str, str]) -> list[str]:
    """Repair TIMESYS of RHESSI, which contains the reference year, 1979, instead of a time scale."""
    key = keys.get("TIMESYS")
    if key is None or not isinstance(own[key], int | float):
        return []
    given, own[key] = own[key], "UTC"
    # sunpy also reads the comment.
    own["KEYCOMMENTS"] = {"TIMESYS": "Reference Time"}
    return [f"TIMESYS was {given}"]


def _date(own: dict[str, Any], keys: dict[str, str]) -> str | None:
    for name in ("DATE-OBS", "DATE_OBS"):
        value = own.get(keys.get(name, ""))
        if isinstance(value, str):
            clock = next((own[keys[key]] for key in ("TIME-OBS", "TIME_OBS") if key in keys), None)
            return f"{value.replace('/', '-')}T{clock}" if clock and "T" not in value else value
    return None


def _earth(when: str) -> Any:
    from sunpy.coordinates import get_earth

    try:
        return get_earth(when)
    except ValueError as error:
        raise FileError(f"The header's date {when!r} cannot be read.") from error


def _place(own: dict[str, Any], keys: dict[str, str], when: str, nearer: float) -> None:
    """Set the observer to a point on the line from the Sun to the Earth."""
    from sunpy.sun import constants

    earth = _earth(when)
    distance = earth.radius.to_value(u.m) - nearer
    for name in _OBSERVER:
        own.pop(keys.get(name, ""), None)
    own |= {"DSUN_OBS": distance, "HGLN_OBS": 0.0, "HGLT_OBS": float(earth.lat.to_value(u.deg))}
    limb = np.arcsin(constants.radius.to_value(u.m) / distance)
    own["RSUN_OBS"] = float(np.degrees(limb) * 3600)


def _hmi_observer(own: dict[str, Any], keys: dict[str, str]) -> list[str]:
    """Repair HMI's first files, whose observer is 0.2 mm (in AU: 2e-13) from the Sun's centre."""
    distance = own.get(keys.get("DSUN_OBS", ""))
    when = _date(own, keys)
    if not isinstance(distance, int | float) or distance > _TOO_NEAR or when is None:
        return []
    _place(own, keys, when, 0.0)
    return [f"DSUN_OBS was {distance}: the observer is assumed at the Earth"]


def _soho(own: dict[str, Any], keys: dict[str, str]) -> list[str]:
    """Add the location of SOHO to headers of LASCO, within 0.3 degrees of the line from the Sun to the Earth."""
    when = _date(own, keys)
    if when is None or {"DSUN_OBS", "HGLN_OBS", "CRLN_OBS", "HAEX_OBS"} & set(keys):
        return []
    _place(own, keys, when, _L1)
    return ["SOHO is assumed at the first Lagrange point"]


def _mdi(own: dict[str, Any], keys: dict[str, str], name: str) -> list[str]:
    shown = f"{own.get(keys.get('DPC_OBSR', ''), '')} {own.get(keys.get('HV_MEASUREMENT', ''), '')} {name}".lower()
    content = "magnetogram" if "magnetogram" in shown else "continuum" if "continuum" in shown or "_ic" in shown else ""
    added = {"DETECTOR": "MDI", "CONTENT": content}
    missing = {key: value for key, value in added.items() if value and not own.get(keys.get(key, key))}
    own |= missing
    return [f"{' and '.join(missing)} added"] if missing else []
