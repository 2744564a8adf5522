"""Attrs of the IMAP archive, ``a.imap``."""

from __future__ import annotations

import re
from typing import Any

from astropy import units as u
from sunpy.net.attr import Attr, Range

from sunpy_helio_plugins import lazy
from sunpy_helio_plugins.arguments import close_names, shown
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.fido.attrs import ArchiveAttr, MarkerAttr, name_of, suggesting
from sunpy_helio_plugins.imap.mission import DESCRIPTORS, EXTENSIONS, KERNELS, TABLES, checked_map_name, map_patterns
from sunpy_helio_plugins.imap.query import ingestion_ends
from sunpy_helio_plugins.quantities import times

__all__ = [
    "CarringtonRotation",
    "Descriptor",
    "Extension",
    "File",
    "FileName",
    "Ingested",
    "Kernel",
    "Map",
    "MapName",
    "Recent",
    "Released",
    "Repointing",
    "Table",
    "Version",
]

_BEGINNING, _END = "0001-01-01T00:00:00.000000000Z", "9999-12-31T23:59:59.999999999Z"
__dir__ = lazy.listing(__all__)

__getattr__ = suggesting(__name__, __all__)


class Released(ArchiveAttr):
    """
    Only files that are released, or only those that are not (which requires an API key).

    Parameters
    ----------
    value : bool, optional
        Whether the files are released.
    """

    query_field, column = "released", "Released"

    def __init__(self, value: Any = True) -> None:
        super().__init__(value)

    @classmethod
    def check(cls, value: Any) -> bool:
        """
        Return the value if it is a boolean.

        Parameters
        ----------
        value : bool
            The given value.

        Returns
        -------
        bool
            The value.

        Raises
        ------
        QueryError
            The value is not a boolean.
        """
        if not isinstance(value, bool) and str(value).lower() not in ("true", "false"):
            raise QueryError(f"a.imap.Released({shown(value)}): the value must be True or False.")
        return str(value).lower() == "true"


class Recent(ArchiveAttr):
    """
    Data of the last days, until now, instead of a time range.

    Parameters
    ----------
    days : float, astropy.units.Quantity or "today", optional
        The number of days; ``"today"`` means the last 24 hours.
    """

    def __init__(self, days: Any = 1) -> None:
        super().__init__(days)

    @classmethod
    def check(cls, value: Any) -> float:
        """
        Return the number of days.

        Parameters
        ----------
        value : float, astropy.units.Quantity or "today"
            The given value.

        Returns
        -------
        float
            The number of days.

        Raises
        ------
        QueryError
            The value is not a positive number, or is more than a century.
        """
        try:
            days = 1.0 if value == "today" else float(u.Quantity(value, u.day).to_value(u.day))
        except (TypeError, ValueError):
            days = -1.0
        if isinstance(value, bool) or not 0 < days <= 36525:
            raise QueryError(f"a.imap.Recent({shown(value)}): the value must be a positive number of days, or 'today'.")
        return days

    @classmethod
    def offered(cls) -> list[tuple[str, str]]:
        """Return the value for one day."""
        return [("today", "Data of the last 24 hours.")]


class Ingested(Range):
    """
    Files that were added to the archive within a time range; a time range of the data is not required.

    Parameters
    ----------
    since : str, datetime.date, datetime.datetime, astropy.time.Time, optional
        The start of the range.
    until : str, datetime.date, datetime.datetime, astropy.time.Time, optional
        The end of the range. A day, such as ``"2026-01-22"`` or ``"20260122"``, is included as a whole.

    Raises
    ------
    QueryError
        Neither is given, one of them is not a time, or the end is before the start.

    Notes
    -----
    Both ends belong to the range. The service only supports days, so that the files of the first and the last day are
    selected by their time of ingestion, which has a resolution of one second, when the response is received.

    Examples
    --------
    >>> from sunpy.net import attrs as a
    >>> a.imap.Ingested(since="2026-01-20 12:00", until="2026-01-22")
    a.imap.Ingested('2026-01-20T12:00:00.000000000Z', '2026-01-22T23:59:59.999999999Z')
    """

    def __init__(self, since: Any = None, until: Any = None) -> None:
        self._kind = "imap.Ingested"
        try:
            self.since, self.until = ingestion_ends(since, until)
        except (TypeError, ValueError, LookupError):
            raise QueryError(
                "a.imap.Ingested takes times, such as '2026-01-20 12:00' in ISO 8601, a datetime or a Time, not "
                f"{shown(since)} and {shown(until)}."
            ) from None
        if self.since is None and self.until is None:
            raise QueryError("a.imap.Ingested requires the time since when or until when files were added.")
        if self.since is not None and self.until is not None and self.since > self.until:
            raise QueryError(f"a.imap.Ingested({since!r}, {until!r}): the end is before the start; exchange them.")
        super().__init__(self.since, self.until)

    def asked(self) -> dict[str, str]:
        """Return the fields of the query that this attr sets."""
        since = _BEGINNING if self.since is None else times.iso(self.since, 9)
        return {"since": since, "until": _END if self.until is None else times.iso(self.until, 9)}

    def collides(self, other: Attr) -> bool:
        """Return whether both attrs cannot be combined with ``&``."""
        return isinstance(other, Ingested)

    def __xor__(self, other: Attr) -> Attr:
        raise TypeError("Time ranges of a.imap.Ingested cannot be subtracted from each other.")

    def __contains__(self, other: Any) -> bool:
        return isinstance(other, Ingested) and (
            (self.since is None or (other.since is not None and self.since <= other.since))
            and (self.until is None or (other.until is not None and other.until <= self.until))
        )

    def __hash__(self) -> int:
        return hash((self._kind, *self._ends()))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ingested) and self._ends() == other._ends()

    def __repr__(self) -> str:
        return f"a.imap.Ingested({', '.join(map(repr, self._ends()))})"

    def _ends(self) -> list[str | None]:
        return [None if time is None else times.iso(time, 9) for time in (self.since, self.until)]


class File(MarkerAttr):
    """
    Select files of the IMAP Science Data Center.

    Examples
    --------
    >>> from sunpy.net import attrs as a
    >>> query = a.Time("2026-01-10", "2026-01-12"), a.imap.File(), a.Instrument("mag"), a.Level("l2")
    """


class Descriptor(ArchiveAttr):
    """
    The product, given by the descriptor in its file names: ``"norm-gse"``, ``"sci"``, ``"proton-sw"``.

    Parameters
    ----------
    *values : str
        One or more descriptors. ``*`` matches any text and ``?`` any character. They are not case-sensitive.

    Raises
    ------
    QueryError
        The text is not a valid descriptor.
    """

    query_field, parameter, column = "descriptor", "descriptor", "Descriptor"

    @classmethod
    def check(cls, value: Any) -> str:
        """
        Return a descriptor in lower case, as it is in all file names.

        Parameters
        ----------
        value : str
            The given value.

        Returns
        -------
        str
            The descriptor.

        Raises
        ------
        QueryError
            The text is not a valid descriptor; it must not contain underscores, which separate the parts of a file
            name.
        """
        text = super().check(value).lower()
        if not re.fullmatch(r"[a-z0-9*?.+-]+", text):
            raise QueryError(
                f"a.imap.Descriptor({shown(value)}): a descriptor contains letters, digits and hyphens, as in "
                "'norm-gse', with * and ? as wildcards."
            )
        return text

    @classmethod
    def offered(cls) -> list[tuple[str, str]]:
        """Return the products of the mission."""
        return list(DESCRIPTORS.items())


class Version(ArchiveAttr):
    """
    Which versions of each file; the default is the latest one.

    Parameters
    ----------
    *values : str or int
        ``"latest"``; ``"all"``; ``"v001.0002"`` for one major and one minor version; a number such as ``2`` for a major
        version with all its minor versions; ``"v001"`` for the minor version in the service's older convention, with
        the highest major version in which it exists.

    Raises
    ------
    QueryError
        The text is not a valid version.

    Notes
    -----
    The latest version is the latest one that is available to the user: without an API key, versions that are not
    released are ignored.
    """

    query_field, parameter, column = "version", "version", "Version"

    @classmethod
    def check(cls, value: Any) -> str:
        """
        Return a version in lower case; a major version as digits only.

        Parameters
        ----------
        value : str or int
            The given value.

        Returns
        -------
        str
            The version.

        Raises
        ------
        QueryError
            The value is not a valid version.
        """
        text = str(value).strip().lower()
        if isinstance(value, bool) or not re.fullmatch(r"latest|all|\d{1,3}|v\d{3}(\.\d{4})?", text):
            raise QueryError(
                f"a.imap.Version({shown(value)}): a version is 'latest', 'all', 'v001.0002', 'v001', or a number for a "
                "major version with all its minor versions."
            )
        return str(int(text)) if text.isdigit() else text

    @classmethod
    def offered(cls) -> list[tuple[str, str]]:
        """Return the special values."""
        return [("latest", "The latest version of each file."), ("all", "All versions of each file.")]


class _Numbered(ArchiveAttr):
    """A number that file names contain after a prefix; a time range is not required."""

    prefix = ""
    example = ""

    @classmethod
    def check(cls, value: Any) -> int:
        """Return the number, which may have the prefix of file names; the service returns an error for the prefix."""
        found = re.fullmatch(rf"(?:{cls.prefix})?(\d{{1,5}})", str(value).strip().lower(), re.ASCII)
        if isinstance(value, bool) or not isinstance(value, str | int) or found is None:
            raise QueryError(
                f"{name_of(cls)}({shown(value)}): a number of at most five digits is required, as in {cls.example}."
            )
        return int(found[1])


class Repointing(_Numbered):
    """
    The number of the pointing; a time range is not required.

    Parameters
    ----------
    *values : int or str
        Numbers, or parts of file names: ``120``, ``"repoint00120"``.
    """

    query_field, parameter, column = "repointing", "repointing", "Repointing"
    prefix = "repoint"
    example = "120 or 'repoint00120'"


class CarringtonRotation(_Numbered):
    """
    The number of the Carrington rotation that a file covers; a time range is not required.

    Parameters
    ----------
    *values : int or str
        Numbers, or parts of file names: ``2306``, ``"cr02306"``.
    """

    query_field, parameter, column = "rotation", "cr", "Rotation"
    prefix = "cr"
    example = "2306 or 'cr02306'"


class _Listed(ArchiveAttr):
    """One of the values that the service supports."""

    known: tuple[str, ...] = ()

    @classmethod
    def check(cls, value: Any) -> str:
        """Return a value in lower case; one that the service does not support is a `QueryError`."""
        text = value.strip().lower() if isinstance(value, str) else ""
        if text not in cls.known:
            allowed = f"allowed: {', '.join(cls.known)}.{close_names(value, cls.known)}"
            raise QueryError(f"{name_of(cls)}({shown(value)}) is not a value of IMAP SDC; {allowed}")
        return text


class Extension(_Listed):
    """
    The extension of the file name, such as ``"cdf"`` or ``"pkts"``.

    Parameters
    ----------
    *values : str
        One or more extensions, with or without a leading dot.
    """

    query_field, parameter = "extension", "extension"

    known = tuple(sorted({extension for those in EXTENSIONS.values() for extension in those}))

    @classmethod
    def check(cls, value: Any) -> str:
        """
        Return an extension without a leading dot.

        Parameters
        ----------
        value : str
            The given value.

        Returns
        -------
        str
            The extension.

        Raises
        ------
        QueryError
            The service does not have such files.
        """
        return super().check(value.strip().lstrip(".") if isinstance(value, str) else value)

    @classmethod
    def offered(cls) -> list[tuple[str, str]]:
        """Return the extensions."""
        return [(name, f"Files .{name}.") for name in cls.known]


class FileName(ArchiveAttr):
    """
    A file with a given name; a time range is not required.

    Parameters
    ----------
    *values : str
        Names of science, quicklook or ancillary files, or of SPICE kernels; a path before the name is ignored.
    """

    query_field, parameter, column = "name", "file_path", "file_path"

    @classmethod
    def check(cls, value: Any) -> str:
        """
        Return a file name without its path.

        Parameters
        ----------
        value : str
            The given value.

        Returns
        -------
        str
            The name.

        Raises
        ------
        QueryError
            The text is not a valid file name.
        """
        name = re.split(r"[/\\]", super().check(str(value)))[-1]
        if not re.fullmatch(r"[\w.+-]+", name, re.ASCII):
            raise QueryError(
                f"a.imap.FileName({shown(value)}): the complete name is required, as in "
                "'imap_mag_l2_norm-gse_20260110_v001.0002.cdf'; for patterns see a.imap.Descriptor."
            )
        return name


class Table(_Listed):
    """
    One of the service's tables; the default is that of science files.

    Parameters
    ----------
    *values : str
        ``"science"``, ``"ancillary"``, ``"quicklook"``, ``"spice"``, or ``"ialirt"`` for the archive of I-ALiRT.
    """

    known = tuple(TABLES)

    @classmethod
    def offered(cls) -> list[tuple[str, str]]:
        """Return the tables of the service."""
        return list(TABLES.items())


class Kernel(_Listed):
    """
    SPICE kernels of given types.

    Parameters
    ----------
    *values : str
        Types in the terms of the service, such as ``"ephemeris_reconstructed"``; all types if none is given.
    """

    query_field, parameter, column = "kernel", "type", "Descriptor"

    known = KERNELS

    @classmethod
    def offered(cls) -> list[tuple[str, str]]:
        """Return the types of kernels."""
        return [(kernel, "SPICE kernels.") for kernel in KERNELS]


class Map(ArchiveAttr):
    """
    Maps of the sky, selected by the nine parts of their descriptors, such as ``h45-ena-h-hf-sp-ram-hae-6deg-3mo``.

    Each part is a word of the descriptor, or a tuple of words, any of which may match; parts that are not given may be
    anything. A time range is not required.

    Parameters
    ----------
    *given
        Not allowed; the parts have names.
    sensor : str or tuple of str, optional
        ``"h45"``, ``"h90"``, ``"hic"`` (combined); ``"u45"``, ``"u90"``, ``"ulc"`` (combined); ``"ilo"``, or ``"l090"``
        and ``"t090"`` for the modes of Lo with a pivot angle; ``"idx"``; ``"glx"``.
    quantity : str or tuple of str, optional
        ``"ena"`` (intensity), ``"spx"`` (spectral index), ``"isn"`` (interstellar neutral atoms), ``"int"``, ``"drt"``
        (dust rate), including those with a mark of their processing, such as ``"enanbs"``.
    species : str or tuple of str, optional
        ``"h"``, ``"he"``, ``"o"``, ``"uv"``, ``"dust"``, or a word such as ``"hydrogen"``.
    frame : str or tuple of str, optional
        The frame of the energies: ``"sf"`` (spacecraft), ``"hf"`` (heliospheric), ``"hk"`` (heliocentric kinetic).
    survival : bool, optional
        Whether the map is corrected for the survival probability of the atoms.
    phase : str or tuple of str, optional
        ``"full"``, ``"ram"`` or ``"anti"``.
    coordinates : str or tuple of str, optional
        ``"hae"``, ``"hre"``, ``"hnu"``, ``"gcs"`` or ``"hrc"``.
    resolution : str or tuple of str, optional
        ``"6deg"`` or ``"nside32"``.
    months : int, str or tuple of them, optional
        The duration: ``3``, ``6``, ``12`` or ``"1yr"``.

    Raises
    ------
    QueryError
        A word is not allowed; the message lists those that are.

    Examples
    --------
    >>> from sunpy.net import attrs as a
    >>> query = a.imap.Map(species="h", frame="hf", months=(6, 12)), a.Instrument("hi")
    """

    def __init__(
        self,
        *given: Any,
        sensor: Any = None,
        quantity: Any = None,
        species: Any = None,
        frame: Any = None,
        survival: Any = None,
        phase: Any = None,
        coordinates: Any = None,
        resolution: Any = None,
        months: Any = None,
    ) -> None:
        if given:
            raise QueryError(f"a.imap.Map takes words by their names, such as species='h', not {shown(given[0])}.")
        super().__init__()
        self.values = map_patterns(
            sensor=sensor, quantity=quantity, species=species, frame=frame, survival=survival, phase=phase,
            coordinates=coordinates, resolution=resolution, months=months,
        )  # fmt: skip

    def asked(self) -> dict[str, Any]:
        """Return the field of the query that this attr sets."""
        return {"maps": (self.values,)}

    def __or__(self, other: Attr) -> Attr:
        if not isinstance(other, Map):
            return super().__or__(other)
        made = Map()
        made.values = tuple(dict.fromkeys((*self.values, *other.values)))
        return made


class MapName(ArchiveAttr):
    """
    Maps with a name of the mission: of a year, of a half or of a quarter, each from 25 December on.

    Parameters
    ----------
    *values : str
        Names, such as ``"2026"``, ``"2026A"`` and ``"2026BB"``. A time range is not required.
    """

    query_field = "map_name"

    @classmethod
    def check(cls, value: Any) -> str:
        """Return the name in capital letters."""
        return checked_map_name(value)
