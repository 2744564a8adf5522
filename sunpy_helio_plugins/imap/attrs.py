"""Attrs of the IMAP archive, ``a.imap``."""

from __future__ import annotations

import re
from typing import Any

from astropy import units as u
from sunpy.net.attr import Attr, Range
from sunpy.time import parse_time

from sunpy_helio_plugins import lazy
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.fido.attrs import ArchiveAttr, MarkerAttr, name_of
from sunpy_helio_plugins.imap.mission import DESCRIPTORS, EXTENSIONS, KERNELS, TABLES
from sunpy_helio_plugins.quantities import times

__all__ = [
    "CarringtonRotation",
    "Descriptor",
    "Extension",
    "File",
    "FileName",
    "Ingested",
    "Kernel",
    "Recent",
    "Released",
    "Repointing",
    "Table",
    "Version",
]

_BEGINNING, _END = "0001-01-01T00:00:00.000000000Z", "9999-12-31T23:59:59.999999999Z"
__dir__ = lazy.listing(__all__)


class Released(ArchiveAttr):
    """
    Only files that are released, or only those that are not (which needs an API key).

    Parameters
    ----------
    value : bool, optional
        Whether they are released.
    """

    query_field, column = "released", "Released"

    def __init__(self, value: Any = True) -> None:
        super().__init__(value)

    @classmethod
    def check(cls, value: Any) -> bool:
        """
        Return a truth value.

        Parameters
        ----------
        value : bool
            What the user gave.

        Raises
        ------
        QueryError
            It is none.
        """
        if not isinstance(value, bool) and str(value).lower() not in ("true", "false"):
            raise QueryError(f"a.imap.Released({value!r}): True or False is needed.")
        return str(value).lower() == "true"


class Recent(ArchiveAttr):
    """
    Data of the last days, until now, in place of a time range.

    Parameters
    ----------
    days : float, astropy.units.Quantity or "today", optional
        How many days; ``"today"`` are the last 24 hours.
    """

    def __init__(self, days: Any = 1) -> None:
        super().__init__(days)

    @classmethod
    def check(cls, value: Any) -> float:
        """
        Return a number of days.

        Parameters
        ----------
        value : float, astropy.units.Quantity or "today"
            What the user gave.

        Raises
        ------
        QueryError
            It is no positive number, or beyond a century.
        """
        try:
            days = 1.0 if value == "today" else float(u.Quantity(value, u.day).to_value(u.day))
        except (TypeError, ValueError):
            days = -1.0
        if isinstance(value, bool) or not 0 < days <= 36525:
            raise QueryError(f"a.imap.Recent({value!r}): a positive number of days is needed, or 'today'.")
        return days

    @classmethod
    def offered(cls) -> list[tuple[str, str]]:
        """Return the word for one day."""
        return [("today", "Data of the last 24 hours.")]


class Ingested(Range):
    """
    Files that came into the archive within a time range; no range of the data is needed beside it.

    Parameters
    ----------
    since : str, datetime.datetime, astropy.time.Time, optional
        From when on.
    until : str, datetime.datetime, astropy.time.Time, optional
        Until when.

    Raises
    ------
    QueryError
        Neither is given, one of them is no time, or the end comes first.
    """

    def __init__(self, since: Any = None, until: Any = None) -> None:
        self._kind = "imap.Ingested"
        try:
            self.since, self.until = (None if time is None else parse_time(time).utc for time in (since, until))
        except (TypeError, ValueError) as error:
            raise QueryError(
                f"a.imap.Ingested({since!r}, {until!r}): this cannot be read as times ({error})."
            ) from None
        if self.since is None and self.until is None:
            raise QueryError("a.imap.Ingested needs a time since when, or until when.")
        if self.since is not None and self.until is not None and self.since > self.until:
            raise QueryError(f"a.imap.Ingested({since!r}, {until!r}): the end comes before the start.")
        super().__init__(self.since, self.until)

    def asked(self) -> dict[str, str]:
        """Return the fields of the query that this attr sets."""
        since = _BEGINNING if self.since is None else times.iso(self.since, 9)
        return {"since": since, "until": _END if self.until is None else times.iso(self.until, 9)}

    def collides(self, other: Attr) -> bool:
        """Tell whether both cannot stand side by side."""
        return isinstance(other, Ingested)

    def __xor__(self, other: Attr) -> Attr:
        raise TypeError("Time ranges of a.imap.Ingested cannot be taken from one another.")

    def __contains__(self, other: Any) -> bool:
        return isinstance(other, Ingested) and (
            (self.since is None or (other.since is not None and self.since <= other.since))
            and (self.until is None or (other.until is not None and other.until <= self.until))
        )

    def __hash__(self) -> int:
        return hash((self._kind, str(self.since), str(self.until)))

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and hash(self) == hash(other)

    def __repr__(self) -> str:
        return f"a.imap.Ingested({self.since and self.since.isot!r}, {self.until and self.until.isot!r})"


class File(MarkerAttr):
    """
    Ask for files of the IMAP Science Data Center.

    Examples
    --------
    >>> from sunpy.net import attrs as a
    >>> query = a.Time("2026-01-10", "2026-01-12"), a.imap.File(), a.Instrument("mag"), a.Level("l2")
    """


class Descriptor(ArchiveAttr):
    """
    The product, by the descriptor in its file names: ``"norm-gse"``, ``"sci"``, ``"proton-sw"``.

    Parameters
    ----------
    *values : str
        One or more descriptors. ``*`` and ``?`` stand for any text and any character. Case does not matter.

    Raises
    ------
    QueryError
        The text cannot be a descriptor.
    """

    query_field, parameter, column = "descriptor", "descriptor", "Descriptor"

    @classmethod
    def check(cls, value: Any) -> str:
        """
        Return a descriptor in lower case, as all file names have it.

        Parameters
        ----------
        value : str
            What the user gave.

        Raises
        ------
        QueryError
            The text cannot be a descriptor: an underscore would end it within a file name.
        """
        text = super().check(value).lower()
        if not re.fullmatch(r"[a-z0-9*?.+-]+", text):
            raise QueryError(
                f"a.imap.Descriptor({value!r}): a descriptor is made of letters, digits and hyphens, as in 'norm-gse', "
                "with * and ? as wildcards."
            )
        return text

    @classmethod
    def offered(cls) -> list[tuple[str, str]]:
        """Return the products of the mission."""
        return list(DESCRIPTORS.items())


class Version(ArchiveAttr):
    """
    Which versions of each file; without this attr the latest.

    Parameters
    ----------
    *values : str or int
        ``"latest"``; ``"all"``; ``"v001.0002"`` for one major and one minor version; a number such as ``2`` for a major
        version with all its minor ones; ``"v001"``, which is the minor version in the service's older convention and
        takes the highest major version that has it.

    Raises
    ------
    QueryError
        The text is no version.

    Notes
    -----
    The latest version is the latest that the caller may see: without an API key nothing unreleased counts.
    """

    query_field, parameter, column = "version", "version", "Version"

    @classmethod
    def check(cls, value: Any) -> str:
        """
        Return a version in lower case; a major version as its digits alone.

        Parameters
        ----------
        value : str or int
            What the user gave.

        Raises
        ------
        QueryError
            It is no version.
        """
        text = str(value).strip().lower()
        if isinstance(value, bool) or not re.fullmatch(r"latest|all|\d{1,3}|v\d{3}(\.\d{4})?", text):
            raise QueryError(
                f"a.imap.Version({value!r}): a version is 'latest', 'all', 'v001.0002', 'v001', or a number for a "
                "major version with all its minor ones."
            )
        return str(int(text)) if text.isdigit() else text

    @classmethod
    def offered(cls) -> list[tuple[str, str]]:
        """Return the words for versions."""
        return [("latest", "The latest version of each file."), ("all", "All versions of each file.")]


class _Numbered(ArchiveAttr):
    """A number that file names write after a word: no time range is needed beside it."""

    prefix = ""
    example = ""

    @classmethod
    def check(cls, value: Any) -> int:
        """
        Return a number that may be written as file names write it.

        Parameters
        ----------
        value : int or str
            What the user gave.

        Raises
        ------
        QueryError
            It is no such number; the service itself answers ``"repoint00120"`` with an internal error.
        """
        found = re.fullmatch(rf"(?:{cls.prefix})?(\d{{1,5}})", str(value).strip().lower(), re.ASCII)
        if isinstance(value, bool) or not isinstance(value, str | int) or found is None:
            raise QueryError(
                f"{name_of(cls)}({value!r}): a number of at most five digits is needed, as in {cls.example}."
            )
        return int(found[1])


class Repointing(_Numbered):
    """
    The number of the pointing; no time range is needed beside it.

    Parameters
    ----------
    *values : int or str
        Numbers, also as file names write them: ``120``, ``"repoint00120"``.
    """

    query_field, parameter, column = "repointing", "repointing", "Repointing"
    prefix = "repoint"
    example = "120 or 'repoint00120'"


class CarringtonRotation(_Numbered):
    """
    The number of the Carrington rotation that a file covers; no time range is needed beside it.

    Parameters
    ----------
    *values : int or str
        Numbers, also as file names write them: ``2306``, ``"cr02306"``.
    """

    query_field, parameter, column = "rotation", "cr", "Rotation"
    prefix = "cr"
    example = "2306 or 'cr02306'"


class _Listed(ArchiveAttr):
    """One of the values that the service knows."""

    known: tuple[str, ...] = ()

    @classmethod
    def check(cls, value: Any) -> str:
        """
        Return a value in lower case, if the service knows it.

        Parameters
        ----------
        value : str
            What the user gave.

        Raises
        ------
        QueryError
            It is none of those that the service knows: they are named.
        """
        text = value.strip().lower() if isinstance(value, str) else ""
        if text not in cls.known:
            raise QueryError(f"{name_of(cls)}({value!r}) is unknown to IMAP SDC; it knows: {', '.join(cls.known)}.")
        return text


class Extension(_Listed):
    """
    The file name's extension, such as ``"cdf"`` or ``"pkts"``.

    Parameters
    ----------
    *values : str
        One or more extensions, with their points or without.
    """

    query_field, parameter = "extension", "extension"

    known = tuple(sorted({extension for those in EXTENSIONS.values() for extension in those}))

    @classmethod
    def check(cls, value: Any) -> str:
        """
        Return an extension without its point.

        Parameters
        ----------
        value : str
            What the user gave.

        Raises
        ------
        QueryError
            No table of the service has such files.
        """
        return super().check(value.strip().lstrip(".") if isinstance(value, str) else value)

    @classmethod
    def offered(cls) -> list[tuple[str, str]]:
        """Return the extensions."""
        return [(name, f"Files .{name}.") for name in cls.known]


class FileName(ArchiveAttr):
    """
    A file by its name; no time range is needed.

    Parameters
    ----------
    *values : str
        Names of science, quicklook or ancillary files, or of SPICE kernels; a path before a name is ignored.
    """

    query_field, parameter, column = "name", "file_path", "file_path"

    @classmethod
    def check(cls, value: Any) -> str:
        """
        Return a bare file name.

        Parameters
        ----------
        value : str
            What the user gave.

        Raises
        ------
        QueryError
            The text cannot be the name of a file.
        """
        name = re.split(r"[/\\]", super().check(str(value)))[-1]
        if not re.fullmatch(r"[\w.+-]+", name, re.ASCII):
            raise QueryError(
                f"a.imap.FileName({value!r}): a whole name is needed, as in "
                "'imap_mag_l2_norm-gse_20260110_v001.0002.cdf'; for patterns see a.imap.Descriptor."
            )
        return name


class Table(_Listed):
    """
    Which of the service's tables; without this attr the one of science files.

    Parameters
    ----------
    *values : str
        ``"science"``, ``"ancillary"``, ``"quicklook"``, ``"spice"``, or ``"ialirt"`` for I-ALiRT's own archive.
    """

    known = tuple(TABLES)

    @classmethod
    def offered(cls) -> list[tuple[str, str]]:
        """Return the tables of the service."""
        return list(TABLES.items())


class Kernel(_Listed):
    """
    SPICE kernels, by their type.

    Parameters
    ----------
    *values : str
        Types as the service names them, such as ``"ephemeris_reconstructed"``; none means every type.
    """

    query_field, parameter, column = "kernel", "type", "Descriptor"

    known = KERNELS

    @classmethod
    def offered(cls) -> list[tuple[str, str]]:
        """Return the types of kernels."""
        return [(kernel, "SPICE kernels.") for kernel in KERNELS]
