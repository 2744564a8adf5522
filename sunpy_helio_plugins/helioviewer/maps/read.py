"""Read images of Helioviewer as maps: repaired, at a smaller size, a region of them, or in physical values."""

from __future__ import annotations

import contextlib
import io
import struct
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np

from sunpy_helio_plugins.arguments import FLAG, taking
from sunpy_helio_plugins.errors import FileError, HelioPluginsError, QueryError, local, warn_incomplete
from sunpy_helio_plugins.fido import inputs
from sunpy_helio_plugins.helioviewer.jp2 import boxes, header, jpx, reduce
from sunpy_helio_plugins.helioviewer.maps import header_repairs, sources
from sunpy_helio_plugins.helioviewer.maps import physical as values
from sunpy_helio_plugins.helioviewer.maps.regions import Region, cut_of, region_of

if TYPE_CHECKING:
    from sunpy.map import GenericMap

__all__ = ["clipped", "file_beginning", "file_bytes", "named", "picture_of", "read", "read_file", "values_of"]


@taking("helioviewer.read", physical=FLAG)
def read(
    images: Any, size: int | None = None, physical: bool = False, region: Any = None
) -> GenericMap | list[GenericMap]:
    """
    Read images as maps.

    Parameters
    ----------
    images : str, pathlib.Path, HelioviewerTable, row, UnifiedResponse, or list of these
        JPEG 2000 files of Helioviewer, their addresses, or rows of a search, which are downloaded to a temporary
        folder; rows without an image are left out. A JPX file contains several images, or refers to images, which are
        opened beside it or downloaded from ``conf.helioviewer.jp2_url``.
    size : int, optional
        The minimum number of pixels of the longer side. The file can be reduced by powers of two; only the part of the
        file that is needed is downloaded, read and decoded, and the coordinates are those of the reduced image.
    physical : bool, optional
        Whether to convert display bytes to DN/s (AIA, SWAP, the continuum of HMI) or gauss (magnetograms of HMI). The
        values are quantized, clipped and compressed with loss. Outside of the disk, whose radius is RSUN_OBS of the
        header, HMI's values are NaN. Values that were clipped are those of the limit: `clipped` returns where.
        Therefore the sum over a magnetogram is not a magnetic flux.
    region : SkyCoord, sunpy.map.GenericMap, astropy.units.Quantity, row of an event, or pair of coordinates, optional
        A part of the image: two corners, as a `~astropy.coordinates.SkyCoord` of shape (2,) or a pair; the vertices of
        an outline, such as ``event["hpc_boundcc"]`` of an event of the registry, as a coordinate of shape (v,), or the
        event itself; a map; or the lower left and the upper right corner [x, y] in pixels of the complete image, shape
        (2, 2). The map contains all pixels of the box around it, as ``Map.submap`` would return them, and ``size`` is
        that of the box. Coordinates without an observer are taken as those of each image; the rotation of the Sun is
        not applied.

    Returns
    -------
    sunpy.map.GenericMap or list of sunpy.map.GenericMap
        The map of one file, address or row; a list for several of them, and for a JPX. Frames of a JPX that are not
        maps are left out, with a warning. Unless ``physical``, the unit is ``byte``: the header's own BUNIT, now in
        HV_BUNIT, is that of the data from which the bytes were made. Repairs are listed in HISTORY, which ``Map.save``
        keeps.
        With ``physical``, the values at or beyond a limit and those off the disk are masked, since only a bound of them
        is known, and ``uncertainty`` is the standard deviation of the values by the steps of the bytes, to which the
        compression adds. The header contains the step between two neighbouring bytes at the median (QSTEP), the limits
        at which the data were clipped and the number of pixels there (CLIPLOW, NCLIPLOW, CLIPHIGH, NCLIPHI), and the
        ratio of the mean of the map to that of the data (MEANRAT), which is not used for scaling.
        Maps of HMI also state the fraction of the disk's area that has values (DISKFRAC) and the number of pixels off
        the disk (NOFFDISK). Reduced images have no values
        within two pixels of the limb, where pixels are averages with the background: with 64 pixels 84 %, with 32
        pixels 72 %, and with 16 pixels 48 % of the disk is left. Sums of reduced maps are sums over that part.

    Raises
    ------
    FileError
        A file does not exist, is not an image of Helioviewer or is damaged; or its physical values would not agree
        with the header's statistics.
    TransferError
        An image could not be downloaded.
    QueryError
        The size is not a number of pixels, or the region is not one.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> from sunpy_helio_plugins import helioviewer
    >>> noon = a.Time("2026-01-10 11:59", "2026-01-10 12:01")
    >>> images = Fido.search(noon, a.helioviewer.SourceID(13))["helioviewer"]
    >>> small = helioviewer.read(images[0], size=256)
    >>> small.data.shape, small.unit
    ((256, 256), Unit("byte"))
    """
    pixels, place = reduce.checked(size), region_of("helioviewer.read", region)
    with sources.local_images("helioviewer.read", images, pixels, place) as found:
        made: list[Any] = []
        for path, is_cut in found:
            told = (None, None) if is_cut else (pixels, place)
            if _is_jpx(path):
                made.append(_frames(path, physical, pixels, place))
            else:
                made.append(read_file(path, physical, *told))
    if sources.is_single(images):
        return made[0]
    return [map_ for one in made for map_ in (one if isinstance(one, list) else [one])]


def _is_jpx(path: Path) -> bool:
    with local(path, "read"):
        return path.is_file() and jpx.is_jpx(path)


def read_file(path: Path, physical: bool = False, size: int | None = None, region: Region | None = None) -> GenericMap:
    """Return the map of a file; see `read`."""
    if region is None:
        data = file_bytes(path, size)
        with named(path.name):
            return _map(reduce.decoded(data), header.text_of(data), path.name, physical)
    with local(path, "read"), path.open("rb") as stream, named(path.name):
        picture, text = cut_of(region, size, physical).pixels(stream)
        return _map(picture, text, path.name, physical)


def _frames(path: Path, physical: bool, size: int | None, region: Region | None) -> list[GenericMap]:
    """Return the maps of the frames of a JPX file."""
    with named(path.name):
        frames = jpx.frames(path)
    made: list[GenericMap] = []
    problems: list[FileError] = []
    with TemporaryDirectory() as folder:
        linked = [frame for frame in frames if frame.link]
        files = dict(zip(linked, sources.linked_images(path, linked, Path(folder), size, region), strict=True))
        for frame in frames:
            try:
                made.append(_frame(path, frame, files.get(frame), physical, size, region))
            except FileError as error:
                problems.append(error)
    if problems and not made:
        raise problems[0]
    if problems:
        warn_incomplete(f"{len(problems)} of {len(frames)} frames are not maps; the first: {problems[0]}")
    return made


def _frame(
    path: Path, frame: jpx.Frame, file: sources.LocalImage | None, physical: bool, size: int | None,
    region: Region | None,
) -> GenericMap:  # fmt: skip
    if file is not None:
        told = (None, None) if file.is_cut else (size, region)
        return read_file(file.path, physical, *told)
    name = f"{path.name}, frame {frame.number}"
    with local(path, "read"), path.open("rb") as stream, named(name):
        data = frame.file(stream)
        if region is not None:
            picture, text = cut_of(region, size, physical).pixels(io.BytesIO(data))
        else:
            data = data if size is None else reduce.reduce(data, size)
            picture, text = reduce.decoded(data), header.text_of(data)
        return _map(picture, text, name, physical)


def _map(samples: np.ndarray, text: str, name: str, physical: bool) -> GenericMap:
    """Return the map of samples, whose first row is the upper one, and the text of a header."""
    import sunpy.map

    picture, own, more = values_of(samples, text, name, physical)
    try:
        # The first row of an image is its upper one, that of a map is the lower one.
        made = sunpy.map.Map(picture[::-1], own, **more)
    except (Warning, HelioPluginsError):
        raise
    except Exception as error:
        words = f"{name}: sunpy cannot make a map with its header: {type(error).__name__}: {error}"
        raise FileError(words) from error
    if more and "DISKFRAC" not in own:
        # Masked pixels would be holes in the dark sky.
        made.plot_settings["cmap"] = made.cmap.with_extremes(bad=made.cmap(0.0))
    return made


def picture_of(data: bytes, name: str, physical: bool) -> tuple[Any, dict[str, Any]]:
    """Return the pixels of a file, the upper row first, and the header of its map."""
    return values_of(reduce.decoded(data), header.text_of(data), name, physical)[:2]


def values_of(samples: np.ndarray, text: str, name: str, physical: bool) -> tuple[Any, dict[str, Any], dict[str, Any]]:
    """Return the pixels, the header of their map, and its mask and uncertainty, if it has any."""
    own = header.keywords(text)
    if samples.ndim != 2:
        raise FileError(
            f"The image has {samples.shape[2]} components, like a colour image, but a map needs exactly one."
        )
    own = header_repairs.repaired(own, name)
    return _physical(samples, own) if physical else (samples, header_repairs.display_unit(own, samples.dtype), {})


def file_bytes(path: Path, size: int | None) -> bytes:
    """Return the file, or a smaller one that is made from its beginning."""
    data = file_beginning(path, size)
    with named(path.name):
        return data if size is None else reduce.reduce(data, size)


def file_beginning(path: Path, size: int | None) -> bytes:
    """Return the file, or the first bytes of it that a size needs."""
    with local(path, "read"), path.open("rb") as stream, named(path.name):
        return _whole(stream) if size is None else _beginning(stream, size)


@contextlib.contextmanager
def named(name: str) -> Iterator[None]:
    """Put the name of a file before the messages of errors within a block."""
    try:
        yield
    except FileError as error:
        words = str(error)
        raise error if words.startswith(name) else FileError(f"{name}: {words}") from error
    except HelioPluginsError:
        raise
    except (struct.error, ValueError, IndexError) as error:
        raise FileError(f"{name}: the file cannot be read: {error}") from error


_MOVIE = (
    "This is Motion JPEG 2000 (MJ2), a movie whose frames do not have headers with coordinates. Fetch the images as "
    "JPEG 2000 files, or as a JPX with helioviewer.jpx."
)


def _whole(stream: Any) -> bytes:
    data: bytes = stream.read()
    if jpx.brand_of(data) == "mjp2":
        raise FileError(_MOVIE)
    if data[: len(boxes.SIGNATURE)] != boxes.SIGNATURE:
        raise boxes.classified(data[:4096], len(data))
    return data


def _beginning(stream: Any, size: int) -> bytes:
    data = stream.read(reduce.FIRST_BYTES)
    if jpx.brand_of(data) == "mjp2":
        raise FileError(_MOVIE)
    if data[: len(boxes.SIGNATURE)] != boxes.SIGNATURE:
        raise boxes.classified(data[:4096], len(data))
    while (want := reduce.needed(size, data)) is None or want > len(data):
        more = stream.read() if want is None else stream.read(want - len(data))
        if not more:
            break
        data += more
    return data


def _physical(picture: Any, own: dict[str, Any]) -> tuple[Any, dict[str, Any], dict[str, Any]]:
    from astropy.nddata import StdDevUncertainty

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
        told |= {"DISKFRAC": found.coverage, "NOFFDISK": int(np.count_nonzero(np.isnan(found.values)))}
    comments = {key: _COMMENTS[key] for key in told if key in _COMMENTS}
    more = {"mask": found.mask[::-1], "uncertainty": StdDevUncertainty(found.uncertainty[::-1], copy=False)}
    return found.values, {**own, **told, "KEYCOMMENTS": {**own.get("KEYCOMMENTS", {}), **comments}}, more


_COMMENTS = {
    "QSTEP": "between neighbouring bytes at the median",
    "CLIPLOW": "pixels of this value are at it or below",
    "CLIPHIGH": "pixels of this value are at it or above",
    "NCLIPLOW": "number of pixels at CLIPLOW",
    "NCLIPHI": "number of pixels at CLIPHIGH",
    "MEANRAT": "mean of the map over DATAMEAN of the FITS",
    "DISKFRAC": "fraction of the disk's area with values",
    "NOFFDISK": "number of pixels off the disk, without value",
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

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> from sunpy_helio_plugins import helioviewer
    >>> noon = a.Time("2026-01-10 11:59", "2026-01-10 12:01")
    >>> images = Fido.search(noon, a.helioviewer.SourceID(13))["helioviewer"]
    >>> intensity = helioviewer.read(images[0], size=256, physical=True)
    >>> helioviewer.clipped(intensity).shape
    (256, 256)
    """
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
