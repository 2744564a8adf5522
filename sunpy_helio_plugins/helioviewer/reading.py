"""A file of Helioviewer as a map: repaired, at a smaller size, or in physical values."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.helioviewer import header, jp2, reduced, repairs
from sunpy_helio_plugins.helioviewer import physical as values

if TYPE_CHECKING:
    from sunpy.map import GenericMap

__all__ = ["read"]


def read(file: str | Path, size: int | None = None, physical: bool = False) -> GenericMap:
    """
    Open an image.

    Parameters
    ----------
    file : str or pathlib.Path
        A JPEG 2000 file of Helioviewer.
    size : int, optional
        Pixels that the longer side is to have at least. The file's own steps are powers of two; of the file only as
        much is read and decoded as the picture needs, and the coordinates belong to its pixels.
    physical : bool, optional
        Turn display bytes into DN/s (AIA, the continuum of HMI) or gauss (magnetograms of HMI), as far as they hold
        them: quantized, clipped and compressed with loss. The keyword QSTEP has the step between two neighbouring bytes
        at the median. Off the disk, HMI's values are NaN.

    Returns
    -------
    sunpy.map.GenericMap
        The map. Unless ``physical``, its unit is ``byte``: the header's own BUNIT, now in HV_BUNIT, is that of the data
        of which the bytes were made. What was repaired stands in HISTORY.

    Raises
    ------
    FileError
        The file is none, or damaged; or there are no physical values that agree with the header's statistics.
    QueryError
        The size is no number of pixels.
    """
    import sunpy.map

    path = Path(file)
    pixels = reduced.checked(size)
    try:
        data = _bytes(path, pixels)
        own = header.keywords(header.text_of(data))
        picture = reduced.decoded(data)
        own = repairs.repaired(own, path.name)
        picture, own = _physical(picture, own) if physical else (picture, repairs.display_unit(own))
    except FileError as error:
        raise FileError(f"{path.name}: {error}") from error
    try:
        # The first row of a picture is its upper one, of a map the lower one.
        return sunpy.map.Map(picture[::-1], own)
    except Warning:
        raise
    except Exception as error:
        words = f"{path.name}: sunpy makes no map of its header: {type(error).__name__}: {error}"
        raise FileError(words) from error


def _bytes(path: Path, size: int | None) -> bytes:
    """Return the file, or a smaller one made of its beginning."""
    with path.open("rb") as stream:
        if size is not None:
            return _smaller(stream, size)
        data = stream.read()
    if data[: len(jp2.SIGNATURE)] != jp2.SIGNATURE:
        raise jp2.classified(data[:4096], len(data))
    return data


def _smaller(stream: Any, size: int) -> bytes:
    data = stream.read(reduced.FIRST_BYTES)
    if data[: len(jp2.SIGNATURE)] != jp2.SIGNATURE:
        raise jp2.classified(data[:4096], len(data))
    while (want := reduced.needed(size, data)) is None or want > len(data):
        more = stream.read() if want is None else stream.read(want - len(data))
        if not more:
            break
        data += more
    return reduced.reduce(data, size)


def _physical(picture: Any, own: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    found = values.invert(picture, own)
    # Values are no longer stretched: drawn, they are to get the stretch that sunpy gives to data.
    own = {key: value for key, value in own.items() if key.upper() not in ("BUNIT", "HELIOVIEWER")}
    own |= {"BUNIT": found.unit, "QSTEP": found.step}
    return found.values, own
