"""
Physical observables, where the registry can tell them: by the instrument in which an event was found.

The registry has no keyword for the observable (`VOEvent_Spec <http://www.lmsal.com/hek/VOEvent_Spec.html>`__); its
channels are texts such as ``"AIA 193"``, ``"XRA"``, ``"SDO/HMI"``. What an instrument measures is known: the pairs here
are those of sunpy's and the VSO's own clients.
"""

from __future__ import annotations

from sunpy_helio_plugins.errors import QueryError

__all__ = ["INSTRUMENTS", "instruments"]

INSTRUMENTS = {
    "irradiance": ("GOES", "EVE", "LYRA"),
    "los_magnetic_field": ("HMI", "MDI", "GONG", "SOLIS"),
    "los_velocity": ("HMI", "MDI", "GONG"),
    "vector_magnetic_field": ("HMI", "SOLIS"),
}
"""The instruments that measure each observable, as the registry abbreviates them."""


def instruments(observable: str) -> tuple[str, ...]:
    """
    Return the instruments whose events a physical observable means.

    Parameters
    ----------
    observable : str
        What ``a.Physobs`` holds, in any case.

    Raises
    ------
    QueryError
        The registry cannot tell these events from others: nearly all come from images of intensity.
    """
    found = INSTRUMENTS.get(observable.lower())
    if found is None:
        raise QueryError(
            f"The registry does not know a.Physobs({observable!r}) of its events; it can tell {', '.join(INSTRUMENTS)} "
            "by the instrument. Leave it out, or name a.Instrument or a.Wavelength."
        )
    return found
