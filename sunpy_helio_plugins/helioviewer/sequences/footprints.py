"""The outlines of images on the sky, from their headers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, overload

import numpy as np
from astropy.coordinates import BaseCoordinateFrame, SkyCoord

from sunpy_helio_plugins.arguments import refused
from sunpy_helio_plugins.errors import FileError, Problem, QueryError, warn_incomplete
from sunpy_helio_plugins.fido.partial import text_of
from sunpy_helio_plugins.helioviewer.maps import regions
from sunpy_helio_plugins.helioviewer.sequences.pictures import Picture, all_pictures_of, headers_of

__all__ = ["Footprints", "footprints"]

_FUNCTION = "helioviewer.footprints"


class Footprints(Sequence[SkyCoord]):
    """
    The outlines of images on the sky, each of which is made when it is used.

    `footprints` makes it. The headers of all images are read when the first outline is used. An outline is a closed
    line along the edges of an image: a `~astropy.coordinates.SkyCoord` of shape (n,) in the frame of the image, with
    its time and its observer. It can be used as a region of other images.

    Examples
    --------
    >>> from sunpy_helio_plugins import helioviewer
    >>> shown = helioviewer.footprints(helioviewer.near("2026-01-10 12:00"))
    >>> len(shown), shown[0].frame.name
    (3, 'helioprojective')
    """

    def __init__(self, pictures: Sequence[Picture | None]) -> None:
        self._pictures = list(pictures)

    def __len__(self) -> int:
        return len(self._pictures)

    def __repr__(self) -> str:
        return f"<Footprints of {len(self)} images>"

    @overload
    def __getitem__(self, chosen: int) -> SkyCoord: ...

    @overload
    def __getitem__(self, chosen: slice) -> Footprints: ...

    def __getitem__(self, chosen: int | slice) -> SkyCoord | Footprints:
        """
        Return the outline of an image, or those of a part of the images.

        Raises
        ------
        QueryError
            The row does not have an image.
        FileError
            The header of the image cannot be read, or does not contain its coordinates.
        """
        if isinstance(chosen, slice):
            return Footprints(self._pictures[chosen])
        picture, keys = self._pictures[chosen], self._headers[chosen]
        if picture is None or keys is None:
            raise QueryError(f"Row {chosen} does not have an image: select rows with an image.")
        with picture.named():
            if isinstance(keys, Problem):
                raise FileError(str(keys))
            return regions.outline_of(keys, _shape(keys))

    def contain(self, point: SkyCoord | BaseCoordinateFrame) -> np.ma.MaskedArray[Any, Any]:
        """
        Return which images contain a point.

        Parameters
        ----------
        point : astropy.coordinates.SkyCoord
            A single coordinate, in any frame. Without an observer, it is that of each image. The rotation of the Sun
            between the time of the coordinate and that of an image is not applied.

        Returns
        -------
        numpy.ma.MaskedArray of bool, shape (n,)
            Whether the point is in the field of view of each image, and not on the far side of the Sun. It is masked if
            there is no image, or if its header cannot be used; a warning gives the reason.

        Raises
        ------
        QueryError
            The point is not a single finite coordinate.
        """
        if not isinstance(point, SkyCoord | BaseCoordinateFrame) or not point.isscalar:
            raise refused("Footprints.contain", point, "a single coordinate as a SkyCoord")
        place = SkyCoord(point).reshape(1)
        if not np.isfinite(place.spherical.lon) or not np.isfinite(place.spherical.lat):
            raise refused("Footprints.contain", point, "a finite coordinate")
        found = np.ma.MaskedArray(np.zeros(len(self), bool), mask=np.zeros(len(self), bool))
        problems = []
        for number, picture in enumerate(self._pictures):
            try:
                found[number] = np.ma.masked if picture is None else self._contains(number, picture, place)
            except FileError as error:
                problems.append(Problem.of_error(error))
                found[number] = np.ma.masked
        if problems:
            warn_incomplete(f"{len(problems)} of {len(self)} footprints are missing. {text_of(problems)}")
        return found

    def _contains(self, number: int, picture: Picture, place: SkyCoord) -> bool:
        keys = self._headers[number]
        with picture.named():
            if not isinstance(keys, dict):
                raise FileError(str(keys))
            rows, columns = _shape(keys)
            ((x,), (y,)) = regions.pixels_of(place, keys, (rows, columns))
        return bool(-0.5 <= x < columns - 0.5 and -0.5 <= y < rows - 0.5)

    @cached_property
    def _headers(self) -> list[dict[str, Any] | Problem | None]:
        """The keywords of each image, or why they cannot be read; `None` without an image."""
        known: Iterator[dict[str, Any] | Problem] = iter(headers_of([one for one in self._pictures if one is not None]))
        return [None if one is None else next(known) for one in self._pictures]


def _shape(keys: dict[str, Any]) -> tuple[int, int]:
    rows, columns = keys.get("NAXIS2"), keys.get("NAXIS1")
    if not isinstance(rows, int) or not isinstance(columns, int) or rows < 1 or columns < 1:
        raise FileError(f"The header does not contain the size of the image: NAXIS1 is {columns}, NAXIS2 is {rows}.")
    return rows, columns


def footprints(images: Any) -> Footprints:
    """
    Return the outline of each image on the sky, from its header.

    Parameters
    ----------
    images : HelioviewerTable, row, UnifiedResponse, or paths of files
        The images, of one or several sources. Of the files on Helioviewer's server, only the first 16 kB are requested,
        when the first outline is used.

    Returns
    -------
    Footprints
        The outlines, in the order of the rows or files; ``footprints(images).contain(point)`` selects the images that
        contain a point.

    Raises
    ------
    QueryError
        The images are neither rows nor files.

    Examples
    --------
    >>> import astropy.units as u
    >>> from astropy.coordinates import SkyCoord
    >>> from sunpy_helio_plugins import helioviewer
    >>> shown = helioviewer.footprints(helioviewer.near("2026-01-10 12:00"))
    >>> spot = SkyCoord(-300 * u.arcsec, 250 * u.arcsec, frame="helioprojective")
    >>> shown.contain(spot).tolist()
    [True, True, True]
    """
    return Footprints([None if one is None else one._replace(told=None) for one in all_pictures_of(_FUNCTION, images)])
