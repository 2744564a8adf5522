"""Sequences of images as arrays, cubes, maps and Zarr folders."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from astropy import units as u
from astropy.table import QTable
from numpy.typing import NDArray

from sunpy_helio_plugins.arguments import FLAG, one_path, shown, taking
from sunpy_helio_plugins.cluster.tasks import Task, completed
from sunpy_helio_plugins.cluster.workers import Need, check_workers, client_of
from sunpy_helio_plugins.errors import (
    HelioPluginsError,
    MissingDependencyError,
    Problem,
    QueryError,
    WorkerError,
    warn_incomplete,
)
from sunpy_helio_plugins.fido.partial import run_all, text_of
from sunpy_helio_plugins.helioviewer.jp2 import reduce
from sunpy_helio_plugins.helioviewer.maps.regions import region_of
from sunpy_helio_plugins.helioviewer.sequences import exposures, zarr_folder
from sunpy_helio_plugins.helioviewer.sequences.frames import FrameDecoder, SequenceFrame
from sunpy_helio_plugins.helioviewer.sequences.pictures import Picture, pictures_of
from sunpy_helio_plugins.helioviewer.sequences.zarr_folder import ZarrFolder
from sunpy_helio_plugins.quantities import times
from sunpy_helio_plugins.quantities.datetimes import from_datetime64
from sunpy_helio_plugins.store.publish import locked, make_folder

if TYPE_CHECKING:
    import dask.array
    from astropy.time import Time
    from distributed import Client
    from ndcube import NDCube
    from sunpy.map import MapSequence

__all__ = ["ImageSequence", "sequence"]

AT_ONCE = max(4, os.cpu_count() or 1)
"""Pictures that are fetched and decoded at the same time: the decoder does not hold Python's lock."""

_FUNCTION = "helioviewer.sequence"


@dataclass(frozen=True)
class ImageSequence:
    """
    Images of one source in the order of time, which are fetched and decoded when they are used.

    `sequence` makes it. A slice, a mask or the numbers of images select a part: ``images[::2]``.

    Attributes
    ----------
    dropped : astropy.table.QTable
        The images that were dropped, with the columns ``Time``, ``Name`` and ``Reason``.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> from sunpy_helio_plugins import helioviewer
    >>> noon = a.Time("2026-01-10 11:59", "2026-01-10 12:01")
    >>> images = Fido.search(noon, a.helioviewer.SourceID(13))["helioviewer"]
    >>> helioviewer.sequence(images, size=128)
    <ImageSequence of 3 images of 128 x 128 pixels, 2026-01-10T11:59:29 to 2026-01-10T12:00:41>
    """

    _pictures: tuple[Picture, ...]
    _decoder: FrameDecoder
    dropped: QTable = field(repr=False, compare=False)

    @property
    def shape(self) -> tuple[int, int, int]:
        """The number of images, of rows and of columns."""
        return (len(self._pictures), *self._decoder.shape)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the pixels: bytes, or floats if they are physical or normalized."""
        return self._first.data.dtype

    @property
    def unit(self) -> u.UnitBase | None:
        """The unit of the pixels; ``byte`` for display bytes."""
        return self._first.to_map().unit

    @property
    def times(self) -> Time:
        """The time of each image, as in its name."""
        stamps = np.array([one.time for one in self._pictures], "M8[us]")
        return times.as_column(from_datetime64(stamps), "Time of the image")

    @property
    def names(self) -> list[str]:
        """The name of the file of each image."""
        return [one.name for one in self._pictures]

    @property
    def _first(self) -> SequenceFrame:
        assert self._decoder.first is not None  # noqa: S101 - for the type checker
        return self._decoder.first

    def __len__(self) -> int:
        return len(self._pictures)

    def __repr__(self) -> str:
        count, rows, columns = self.shape
        span = " to ".join(dict.fromkeys(str(self._pictures[at].time)[:19] for at in (0, -1)))
        dropped = f", {len(self.dropped)} dropped" if len(self.dropped) else ""
        return f"<ImageSequence of {count} images of {columns} x {rows} pixels, {span}{dropped}>"

    def __getitem__(self, chosen: Any) -> ImageSequence:
        """Return a part of the sequence: a slice, a mask, or the numbers of images."""
        numbers = np.atleast_1d(np.arange(len(self))[chosen])
        if not len(numbers):
            raise QueryError("A part of helioviewer.sequence(...) needs at least one image: give other numbers.")
        return replace(self, _pictures=tuple(self._pictures[number] for number in numbers))

    def to_array(self) -> np.ma.MaskedArray[Any, Any]:
        """
        Fetch and decode all images.

        Returns
        -------
        numpy.ma.MaskedArray
            Shape (images, rows, columns), the lower row of each image first, as in the data of a map. An image that
            cannot be fetched or decoded is masked; one warning names the first of these.

        Raises
        ------
        ServiceError, FileError
            None of the images could be fetched or decoded.
        """
        return self._decoded()[0]

    def to_dask(self) -> dask.array.Array:
        """
        Return a lazy array, whose images are fetched and decoded when they are computed.

        Returns
        -------
        dask.array.Array
            Shape (images, rows, columns) with one chunk for each image. An image that cannot be fetched or decoded is
            an error when it is computed.

        Raises
        ------
        MissingDependencyError
            dask is not installed.
        """
        try:
            import dask.array
        except ImportError:
            raise MissingDependencyError("A lazy array", "dask") from None
        chunks = ((1,) * len(self), *((side,) for side in self.shape[1:]))
        return dask.array.map_blocks(self._block, chunks=chunks, dtype=self.dtype, meta=np.empty((0, 0, 0), self.dtype))

    def _block(self, block_info: Any = None) -> NDArray[Any]:
        number = block_info[None]["chunk-location"][0]
        return self._decoder.frame(self._pictures[number]).data[None]

    def to_maps(self) -> MapSequence:
        """
        Fetch and decode all images.

        Returns
        -------
        sunpy.map.MapSequence
            A map for each image, with its own coordinates. Images that cannot be fetched or decoded are left out; one
            warning names the first of these.

        Raises
        ------
        ServiceError, FileError
            None of the images could be fetched or decoded.
        """
        import sunpy.map

        frames: dict[int, SequenceFrame] = {}
        self._each(range(len(self)), frames.__setitem__)
        return sunpy.map.Map([frames[number].to_map() for number in sorted(frames)], sequence=True)

    def to_ndcube(self) -> NDCube:
        """
        Fetch and decode all images.

        Returns
        -------
        ndcube.NDCube
            Shape (images, rows, columns), with time and the coordinates of the first image, to which the others agree
            within half a pixel. ``meta`` is the header of the first image; images that cannot be fetched or decoded are
            masked.

        Raises
        ------
        QueryError
            The pointing of an image differs by more than half a pixel, or two images have the same time.
        MissingDependencyError
            ndcube is not installed.
        ServiceError, FileError
            None of the images could be fetched or decoded.
        """
        try:
            from ndcube import NDCube
            from ndcube.extra_coords import TimeTableCoordinate
            from ndcube.wcs.wrappers import CompoundLowLevelWCS
        except ImportError:
            raise MissingDependencyError("Making an NDCube", "ndcube") from None
        if len(self) < 2:
            raise QueryError("ImageSequence.to_ndcube() needs at least two images: use to_maps for a single one.")
        values, offsets = self._decoded()
        far = np.abs(offsets).max(axis=1)
        if far.max() > 0.5 + 1e-6:
            worst = int(far.argmax())
            raise QueryError(
                f"The pointing of {self.names[worst]} differs by {far[worst]:.1f} pixels from that of the first image: "
                "give a region, in which images are aligned to half a pixel, or use to_maps."
            )
        image = self._decoder.cut_first().to_map()
        time = TimeTableCoordinate(self.times, names="time", physical_types="time")
        wcs = CompoundLowLevelWCS(image.wcs, time.wcs)
        mask = np.ma.getmask(values)
        shown_mask = None if mask is np.ma.nomask else np.ma.getmaskarray(values)
        return NDCube(values.data, wcs=wcs, mask=shown_mask, unit=image.unit, meta=dict(image.meta))

    def to_zarr(self, path: str | Path, *, client: Client | bool | None = None) -> Path:
        """
        Fetch, decode and write all images to a Zarr folder, of which one image is in memory at a time.

        If the folder contains a part of the same sequence, as after an interruption, only the missing images are
        fetched; images that are later than those in the folder are added.

        Parameters
        ----------
        path : str or pathlib.Path
            The folder. It has the arrays ``images`` (one chunk for each image), ``time`` and ``written`` (whether the
            image was fetched), with the names of dimensions and units that xarray reads. Attributes contain the names
            of the files and the header of the first image.
        client : distributed.Client or bool, optional
            The cluster whose workers fetch, decode and write the images, with the current settings; they see the folder
            under the same path. Defaults to the current client, if there is one; `False` means threads of this process.

        Returns
        -------
        pathlib.Path
            The folder. A warning names the first of the images that could not be fetched; call it again to try those.

        Raises
        ------
        QueryError
            The folder contains another sequence.
        MissingDependencyError
            zarr is not installed.
        ServiceError, FileError
            None of the missing images could be fetched or decoded, or the folder cannot be written.
        LockedError
            Another process writes to the folder.
        WorkerError
            A worker does not have this version of the package, or the folder.
        """
        cluster = client_of("ImageSequence.to_zarr", client)
        target = one_path("ImageSequence.to_zarr", path, folder=True)
        first = self._decoder.cut_first()
        zarr_folder.library()
        make_folder(target.parent)
        with locked(target, wait=False):
            folder = zarr_folder.opened(target, self.shape, self.dtype, self._pictures, first.header)
            if cluster is None:
                self._each(folder.missing(), lambda number, frame: folder.write(number, frame.data), folder.flush)
            else:
                check_workers("ImageSequence.to_zarr", cluster, Need(folder=folder.path))
                self._on(cluster, folder)
        return folder.path

    def _on(self, cluster: Client, folder: ZarrFolder) -> None:
        """Write the missing images on the workers of a cluster."""
        numbers, failed = folder.missing(), dict[int, HelioPluginsError]()
        task = Task(_ImageWriter(self._decoder.without_pixels(), folder.path.absolute()), AT_ONCE)
        items = [(number, self._pictures[number]) for number in numbers]
        try:
            with contextlib.closing(completed(cluster, task, items)) as found:
                for at, error in found:
                    if isinstance(error, QueryError | WorkerError):
                        raise error
                    if error is None:
                        folder.note(numbers[at])
                    else:
                        failed[numbers[at]] = error
        finally:
            folder.flush()
        self._tell(failed, len(numbers))

    def _decoded(self) -> tuple[np.ma.MaskedArray[Any, Any], NDArray[np.float64]]:
        """Return the pixels, and the offset of each image from the grid of the first."""
        values = np.ma.MaskedArray(np.zeros(self.shape, self.dtype))
        offsets = np.zeros((len(self), 2))

        def keep(number: int, frame: SequenceFrame) -> None:
            values.data[number] = frame.data
            offsets[number] = frame.offset

        for number in self._each(range(len(self)), keep):
            values[number] = np.ma.masked
        return values, offsets

    def _each(
        self, numbers: Sequence[int], use: Callable[[int, SequenceFrame], Any], end: Callable[[], Any] = lambda: None
    ) -> list[int]:
        """Fetch and decode images side by side; return and warn of those that failed; raise if all of them did."""

        def load(number: int) -> HelioPluginsError | None:
            try:
                frame = self._decoder.frame(self._pictures[number])
            except QueryError:
                raise
            except HelioPluginsError as error:
                return error
            use(number, frame)
            return None

        try:
            found = run_all(numbers, load, AT_ONCE)
        finally:
            end()
        failed = {number: error for number, error in zip(numbers, found, strict=True) if error is not None}
        self._tell(failed, len(found))
        return list(failed)

    def _tell(self, failed: Mapping[int, HelioPluginsError], count: int) -> None:
        """Warn of images that failed; raise the first error if all of them did."""
        if failed and len(failed) == count:
            raise next(iter(failed.values()))
        if failed:
            told = [Problem.of_error(failed[at], f"{self.names[at]} is missing: {failed[at]}") for at in sorted(failed)]
            warn_incomplete(f"{len(failed)} of {count} images are missing. {text_of(told)}")


@dataclass(frozen=True)
class _ImageWriter:
    """Fetches, decodes and writes one image on a worker."""

    decoder: FrameDecoder
    path: Path

    def __call__(self, item: tuple[int, Picture]) -> None:
        number, picture = item
        zarr_folder.write_image(self.path, number, self.decoder.frame(picture).data)


@taking(_FUNCTION, physical=FLAG, normalize=FLAG)
def sequence(
    images: Any,
    size: int | None = None,
    region: Any = None,
    *,
    physical: bool = False,
    normalize: bool = False,
    quality: bool | int | None = None,
    exposure: Any = None,
) -> ImageSequence:
    """
    Return many images of one source as one sequence.

    Only the first image is fetched now, for the size of all. The others are fetched and decoded side by side when the
    sequence is converted: ``to_array``, ``to_dask``, ``to_maps``, ``to_ndcube`` or ``to_zarr``. Of each file, only the
    bytes that ``size`` needs are requested and decoded.

    Parameters
    ----------
    images : HelioviewerTable, row, UnifiedResponse, or paths of files
        The images of one source, in any order. Images of rows are fetched to memory each time they are used: download
        them with ``Fido.fetch(rows, size=...)`` to use them many times, and give the files.
    size : int, optional
        The minimum number of pixels of the longer side of an image or, if it is given, of the region. Images are
        reduced by powers of two. Defaults to the full size.
    region : SkyCoord, sunpy.map.GenericMap, astropy.units.Quantity, row of an event, or pair of coordinates, optional
        A region as in `sunpy_helio_plugins.helioviewer.read`, of which the box in the first image is used. The region
        of each image has the same helioprojective coordinates, to half a pixel; it does not rotate with the Sun.
    physical : bool, optional
        Whether to convert display bytes to physical values, see `sunpy_helio_plugins.helioviewer.read`.
    normalize : bool, optional
        Whether to divide bytes by the exposure time in the header. Physical values are not changed, since those of
        intensities are per second already.
    quality : bool or int, optional
        Drop images whose header has other bits of QUALITY than these; `True` allows those of near-real-time data.
    exposure : astropy.units.Quantity, optional
        Drop images with a shorter exposure time than this or, of two, outside of these.

    Returns
    -------
    ImageSequence
        The images in the order of time. With ``quality`` or ``exposure``, the header of each image is read now, unless
        the rows contain them (``a.helioviewer.Header``), and ``dropped`` names the images that were dropped.

    Raises
    ------
    QueryError
        The images are neither rows nor files, or of several sources, or all are dropped; or another argument is not
        valid.
    ServiceError, FileError
        The first image, or a header, could not be fetched or decoded; or the region is outside of the first image.

    Examples
    --------
    >>> from sunpy.net import Fido, attrs as a
    >>> from sunpy_helio_plugins import helioviewer
    >>> noon = a.Time("2026-01-10 11:59", "2026-01-10 12:01")
    >>> images = Fido.search(noon, a.helioviewer.SourceID(13))["helioviewer"]
    >>> helioviewer.sequence(images, size=128).to_array().shape
    (3, 128, 128)
    """
    pixels, place = reduce.checked(size), region_of(_FUNCTION, region)
    allowed, limits = exposures.allowed_bits(quality), exposures.limits(exposure)
    pictures = pictures_of(_FUNCTION, images)
    kept, dropped = exposures.selected(pictures, allowed, limits)
    if not kept:
        raise QueryError(
            f"All {len(pictures)} images are dropped by quality or exposure, the first since {dropped['Reason'][0]}: "
            f"allow more than quality={shown(quality)} and exposure={shown(exposure)}."
        )
    decoder = FrameDecoder(pixels, physical, normalize).located(place, kept[0])
    return ImageSequence(tuple(kept), decoder, dropped)
