"""Read a file of Helioviewer as a map: repaired, at a smaller size, or in physical values."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sunpy_helio_plugins.arguments import FLAG, taking
from sunpy_helio_plugins.errors import FileError, HelioPluginsError, QueryError, local
from sunpy_helio_plugins.fido import inputs
from sunpy_helio_plugins.helioviewer.jp2 import boxes, header, reduce
from sunpy_helio_plugins.helioviewer.jp2.region import RegionCut
from sunpy_helio_plugins.helioviewer.maps import header_repairs
from sunpy_helio_plugins.helioviewer.maps import physical as values
from sunpy_helio_plugins.helioviewer.maps.regions import Region, region_of

if TYPE_CHECKING:
    import numpy as np
    from sunpy.map import GenericMap

__all__ = ["clipped", "read"]


@taking("helioviewer.read", physical=FLAG)
def read(file: str | Path, size: int | None = None, physical: bool = False, region: Any = None) -> GenericMap:
    """
    Read an image as a map.

    Parameters
    ----------
    file : str or pathlib.Path
        A JPEG 2000 file of Helioviewer.
    size : int, optional
        The minimum number of pixels of the longer side. The file can be reduced by powers of two; only the part of the
        file that is needed is read and decoded, and the coordinates are those of the reduced image.
    physical : bool, optional
        Whether to convert display bytes to DN/s (AIA, the continuum of HMI) or gauss (magnetograms of HMI). The values
        are quantized, clipped and compressed with loss. Outside of the disk, whose radius is RSUN_OBS of the header,
        HMI's values are NaN. Values that were clipped are those of the limit: `clipped` returns where. Therefore the
        sum over a magnetogram is not a magnetic flux.
    region : SkyCoord, sunpy.map.GenericMap, astropy.units.Quantity, or pair of coordinates, optional
        A part of the image: two corners, as a `~astropy.coordinates.SkyCoord` of shape (2,) or a pair; the vertices of
        an outline, such as ``event["hpc_boundcc"]`` of an event of the registry, as a coordinate of shape (v,); a map;
        or the lower left and the upper right corner [x, y] in pixels of the complete image, shape (2, 2). The map
        contains all pixels of the box around it, as ``Map.submap`` would return them, and ``size`` is that of the box.
        Coordinates without an observer are taken as those of each image; the rotation of the Sun is not applied.

    Returns
    -------
    sunpy.map.GenericMap
        The map. Unless ``physical``, its unit is ``byte``: the header's own BUNIT, now in HV_BUNIT, is that of the data
        from which the bytes were made. Repairs are listed in HISTORY, which ``Map.save`` keeps.
        With ``physical``, the header contains the step between two neighbouring bytes at the median (QSTEP), the limits
        at which the data were clipped and the number of pixels there (CLIPLOW, NCLIPLOW, CLIPHIGH, NCLIPHI), and the
        ratio of the mean of the map to that of the data (MEANRAT), which is not used for scaling.
        Maps of HMI also state the fraction of the disk's area that has values (DISKFRAC). Reduced images have no values
        within two pixels of the limb, where pixels are averages with the background: with 64 pixels 84 %, with 32
        pixels 72 %, and with 16 pixels 48 % of the disk is left. Sums of reduced maps are sums over that part.

    Raises
    ------
    FileError
        The file does not exist, is not an image of Helioviewer or is damaged; or its physical values would not agree
        with the header's statistics.
    QueryError
        The size is not a number of pixels, or the region is not one.
    """
    import sunpy.map

    path = inputs.one_path("helioviewer.read", file)
    pixels, place = reduce.checked(size), region_of("helioviewer.read", region)
    picture, text = _decoded(path, pixels, place)
    try:
        picture, own = _parts(picture, text, path.name, physical)
        # The first row of an image is its upper one, that of a map is the lower one.
        return sunpy.map.Map(picture[::-1], own)
    except FileError as error:
        raise FileError(f"{path.name}: {error}") from error
    except (Warning, HelioPluginsError):
        raise
    except Exception as error:
        words = f"{path.name}: sunpy cannot make a map with its header: {type(error).__name__}: {error}"
        raise FileError(words) from error


def _parts(picture: np.ndarray, text: str, name: str, physical: bool) -> tuple[Any, dict[str, Any]]:
    """Return image and header of a map."""
    own = header.keywords(text)
    if picture.ndim != 2:
        raise FileError(
            f"The image has {picture.shape[2]} components, like a colour image, but a map needs exactly one."
        )
    own = header_repairs.repaired(own, name)
    return _physical(picture, own) if physical else (picture, header_repairs.display_unit(own, picture.dtype))


def _decoded(path: Path, size: int | None, region: Region | None) -> tuple[np.ndarray, str]:
    """Return the samples and the header of a file, of a smaller one that is made from its beginning, or of a region."""
    with local(path, "read"), path.open("rb") as stream:
        try:
            if region is not None:
                return RegionCut(region, size).pixels(stream)
            data = _whole(stream) if size is None else _smaller(stream, size)
            return reduce.decoded(data), header.text_of(data)
        except FileError as error:
            raise FileError(f"{path.name}: {error}") from error
        except (struct.error, ValueError, IndexError) as error:
            raise FileError(f"{path.name}: the file cannot be read: {error}") from error


def _whole(stream: Any) -> bytes:
    data: bytes = stream.read()
    if data[: len(boxes.SIGNATURE)] != boxes.SIGNATURE:
        raise boxes.classified(data[:4096], len(data))
    return data


def _smaller(stream: Any, size: int) -> bytes:
    data = stream.read(reduce.FIRST_BYTES)
    if data[: len(boxes.SIGNATURE)] != boxes.SIGNATURE:
        raise boxes.classified(data[:4096], len(data))
    while (want := reduce.needed(size, data)) is None or want > len(data):
        more = stream.read() if want is None else stream.read(want - len(data))
        if not more:
            break
        data += more
    return reduce.reduce(data, size)


def _physical(picture: Any, own: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
    found = values.invert(picture, own)
    # The values are not stretched any more: plots should use the stretch that sunpy uses for data.
    own = {key: value for key, value in own.items() if key.upper() not in ("BUNIT", "HELIOVIEWER", header_repairs.MARK)}
    told = {"BUNIT": found.unit, "QSTEP": found.step}
    if found.limits is not None:
        told |= {"CLIPLOW": found.limits[0], "CLIPHIGH": found.limits[1]}
        told |= {"NCLIPLOW": found.clipped[0], "NCLIPHI": found.clipped[1]}
    if found.ratio is not None:
        told["MEANRAT"] = found.ratio
    if found.coverage is not None:
        told["DISKFRAC"] = found.coverage
    comments = {key: _COMMENTS[key] for key in told if key in _COMMENTS}
    return found.values, {**own, **told, "KEYCOMMENTS": {**own.get("KEYCOMMENTS", {}), **comments}}


_COMMENTS = {
    "QSTEP": "between neighbouring bytes at the median",
    "CLIPLOW": "pixels of this value are at it or below",
    "CLIPHIGH": "pixels of this value are at it or above",
    "NCLIPLOW": "number of pixels at CLIPLOW",
    "NCLIPHI": "number of pixels at CLIPHIGH",
    "MEANRAT": "mean of the map over DATAMEAN of the FITS",
    "DISKFRAC": "fraction of the disk's area with values",
}
"""Comments on the keywords of physical values, short enough for a card of a FITS header."""


def clipped(image: GenericMap) -> np.ndarray:
    """
    Return which pixels of a map were clipped when its image was made.

    Parameters
    ----------
    image : sunpy.map.GenericMap
        A map from `read`, or a part of one, also after it was saved and opened again.

    Returns
    -------
    numpy.ndarray of int8
        The shape of the map's data: -1 if the value is at or below the lower limit (``CLIPLOW`` in the map's header, or
        the lowest byte), 1 if it is at or above the upper one (``CLIPHIGH``, or the highest byte), 0 elsewhere. Since
        files are compressed with loss, a pixel next to a clipped one may differ from its limit by a byte or two.

    Raises
    ------
    QueryError
        The map's header does not contain the limits.
    """
    import numpy as np
    from sunpy.map import GenericMap

    if not isinstance(image, GenericMap):
        raise inputs.refused("helioviewer.clipped", image, "a map, such as helioviewer.read returns")
    limits = [image.meta.get(key) for key in ("CLIPLOW", "CLIPHIGH")]
    if limits == [None, None]:
        if image.meta.get(header_repairs.MARK):
            limits = [np.iinfo(np.uint8).min, np.iinfo(np.uint8).max]
        elif "QSTEP" not in image.meta:
            raise QueryError(
                "Clipped pixels are only known for maps of helioviewer.read: the header of this map contains neither "
                f"CLIPLOW and CLIPHIGH nor {header_repairs.MARK}."
            )
    flags = np.zeros(image.data.shape, np.int8)
    if None not in limits:
        low, high = (np.asarray(limit, image.data.dtype) for limit in limits)
        flags[image.data <= low] = -1
        flags[image.data >= high] = 1
    return flags
