"""
Telemetry packets from the mission's packet server, as the files of level 0 that the archive contains.

The server selects the packets of a kind (an APID) by the time of the spacecraft or of their reception. A file of level
0 contains all packets of an instrument for a day of the spacecraft, or for a pointing. A file is compared with the
newest one in the archive, and gets the next version if it contains more (imap-data-access 1.3, ``webpoda``).
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

import numpy as np
from astropy.time import Time
from sunpy.net import attrs as a
from sunpy.time import TimeRange

from sunpy_helio_plugins.arguments import FLAG, TEXT, close_names, shown, taking
from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import AnswerError, DiskError, FileError, QueryError, TransferError
from sunpy_helio_plugins.fido import inputs
from sunpy_helio_plugins.fido.partial import run_all
from sunpy_helio_plugins.imap import filenames, integrity, search
from sunpy_helio_plugins.imap.files.download import download_all, tree_folder
from sunpy_helio_plugins.imap.files.kernels import repoint_table
from sunpy_helio_plugins.imap.files.upload import Uploaded, upload
from sunpy_helio_plugins.imap.query import Query
from sunpy_helio_plugins.quantities.datetimes import to_datetime64
from sunpy_helio_plugins.store.publish import make_folder, whole_file
from sunpy_helio_plugins.transport import metadata
from sunpy_helio_plugins.transport.credentials import Login
from sunpy_helio_plugins.transport.files import queue
from sunpy_helio_plugins.transport.files.job import Download

__all__ = ["APIDS", "MARGINS", "PacketFile", "packets"]

ARCHIVE = "IMAP packet server"

APIDS: dict[str, tuple[int, ...]] = {
    "codice": (1136, 1152, 1153, *range(1155, 1163), *range(1168, 1175)),
    "glows": (1480, 1481),
    "hi": (740, 754, 769, 770, 772, 804, 818, 833, 834, 836),
    "hit": (1251, 1252, 1253),
    "ialirt": (478,),
    "idex": (1418, 1419, 1424),
    "lo": (673, 676, 677, *range(705, 709)),
    "mag": (1052, 1068),
    "spacecraft": (594,),
    "swapi": (1184, 1188),
    "swe": (1330, 1334, 1344),
    "ultra": (
        *range(865, 878), *range(880, 890), *range(896, 902), *range(929, 942), *range(944, 954), *range(960, 966),
    ),
}  # fmt: skip
"""The kinds of packets in the files of each instrument."""

MARGINS = {"codice": 7, "hit": 20, "mag": 30, "swapi": 1, "swe": 1}
"""Minutes before and after a day of which the file of an instrument contains packets."""

_POINTED = ("glows", "hi", "lo", "ultra")
"""Instruments with a file for each pointing."""

_STAMP = "%Y-%m-%dT%H:%M:%S.%f"
_SAFE = "!$&'()*+,/:;=?@~"
_AT_A_TIME = 4


@dataclass(frozen=True)
class PacketFile:
    """
    The packets of a day or of a pointing.

    Attributes
    ----------
    path : pathlib.Path
        The file; it exists if it is ``"new"`` or ``"changed"``.
    time_range : sunpy.time.TimeRange
        The range of the spacecraft's time; its end is not included.
    state : str
        ``"new"`` if the archive does not contain such a file; ``"changed"`` if this one contains more than that of the
        archive; ``"unchanged"``; ``"smaller"`` if that of the archive contains more; ``"empty"`` if there are no
        packets; ``"planned"`` after a dry run.
    uploaded : Uploaded or None
        The result of the upload; `None` if it was not uploaded.

    Examples
    --------
    >>> from sunpy_helio_plugins import imap, sign_in
    >>> sign_in("imap-webpoda", "sandbox-poda-user", "sandbox-poda-password")
    >>> file = imap.packets("mag", ("2026-01-10", "2026-01-11"))[0]
    >>> file.path.name, file.state
    ('imap_mag_l0_raw_20260109_v001.0001.pkts', 'new')
    """

    path: Path
    time_range: TimeRange
    state: str = "planned"
    uploaded: Uploaded | None = None

    def __repr__(self) -> str:
        return f"<PacketFile {self.path.name}: {self.state}>"


class _Part(NamedTuple):
    """A day, or a pointing with its number: the ends of its time, and the day in the name of its file."""

    begin: datetime
    end: datetime
    start: datetime
    pointing: int | None = None


@taking("imap.packets", instrument=TEXT, by_reception=FLAG, send=FLAG, dry_run=FLAG, progress=FLAG)
def packets(
    instrument: str,
    time: a.Time,
    path: str | Path | None = None,
    *,
    by_reception: bool = True,
    send: bool = False,
    dry_run: bool = False,
    progress: bool = False,
) -> list[PacketFile]:
    """
    Download the packets of an instrument, and write files of level 0.

    Members of the mission sign in with ``IMAP_WEBPODA_TOKEN``, as for imap-data-access, or with
    ``sunpy_helio_plugins.sign_in("imap-webpoda", user, password)``. Without ``IMAP_API_KEY``, files of the archive that
    are not released are not known, and the files are not compared with them.

    Parameters
    ----------
    instrument : str
        The instrument, such as ``"mag"``.
    time : sunpy.net.attrs.Time, sunpy.time.TimeRange, or pair of times
        The time range.
    path : str or pathlib.Path, optional
        The folder above the tree of the SDC. Defaults to ``IMAP_DATA_DIR``, ``conf.imap.data_dir`` or the download
        folder of sunpy.
    by_reception : bool, optional
        Whether the range is the time of reception on Earth: the files are those of all days or pointings of which
        packets were received. Otherwise the range is the time of the spacecraft.
    send : bool, optional
        Whether to upload new and changed files.
    dry_run : bool, optional
        Whether to return the files that would be requested. Only the times of packets and of pointings are requested,
        and nothing is written.
    progress : bool, optional
        Whether to show progress bars.

    Returns
    -------
    list of PacketFile
        The files in order of time.

    Raises
    ------
    QueryError
        An argument is not valid, or the login is missing. Nothing was sent.
    ServiceError
        The packet server or the archive did not respond, or refused the request.
    TransferError
        Packets could not be downloaded. Files that were complete before are kept.

    Examples
    --------
    >>> from sunpy_helio_plugins import imap, sign_in
    >>> sign_in("imap-webpoda", "sandbox-poda-user", "sandbox-poda-password")
    >>> imap.packets("mag", ("2026-01-10", "2026-01-11"), dry_run=True)
    [<PacketFile imap_mag_l0_raw_20260109_v001.0001.pkts: planned>]
    """
    folder = tree_folder("imap.packets", path)
    span = inputs.span("imap.packets", time)
    if instrument not in APIDS:
        raise QueryError(
            f"imap.packets: the instrument is one of {', '.join(APIDS)}, not {shown(instrument)}."
            f"{close_names(instrument, APIDS)}"
        )
    login = Login("imap-webpoda", _address(), "basic", (("IMAP_WEBPODA_TOKEN",),))
    if not login.known():
        raise QueryError(
            "The packet server needs a login: set IMAP_WEBPODA_TOKEN to the base64 of user:password, or "
            "sunpy_helio_plugins.sign_in('imap-webpoda', user, password)."
        )
    begin, end = (to_datetime64(one).astype("M8[us]").item() for one in (span.start, span.end))
    arrived = _received(instrument, begin, end, login) if by_reception else None
    parts = list(_pointings(span, folder, arrived, dry_run) if instrument in _POINTED else _days(begin, end, arrived))
    parts = [_widened(part, instrument) for part in parts]
    if dry_run:
        return [_file(folder, instrument, part, 1, 1) for part in parts]
    found = [_written(folder, instrument, part, login, progress) for part in parts]
    return [_sent(one, progress) for one in found] if send else found


def _address() -> str:
    return str(conf.imap.webpoda_url).rstrip("/")


def _url(apid: int, form: str, field: str, begin: datetime, end: datetime, more: str) -> str:
    query = f"{field}>={begin.strftime(_STAMP)}&{field}<{end.strftime(_STAMP)}&{more}"
    return f"{_address()}/apid_{apid}.{form}?{quote(query, safe=_SAFE)}"


def _received(instrument: str, begin: datetime, end: datetime, login: Login) -> list[datetime]:
    """Return the times of all packets that were received within a range, sorted."""

    def times_of(apid: int) -> list[datetime]:
        form = "project(time)&formatTime(\"yyyy-MM-dd'T'HH:mm:ss\")"
        answer = metadata.get(_url(apid, "txt", "ert", begin, end, form), archive=ARCHIVE, login=login)
        try:
            return [datetime.fromisoformat(line.strip()) for line in answer.text().splitlines() if line.strip()]
        except ValueError:
            raise AnswerError(
                ARCHIVE, answer.url, "a list of times was expected in the response", answer.status
            ) from None

    return sorted(time for found in run_all(list(APIDS[instrument]), times_of, _AT_A_TIME) for time in found)


def _days(begin: datetime, end: datetime, arrived: Sequence[datetime] | None) -> Iterator[_Part]:
    """Yield the days of the received packets, or those of a range, with its last day."""
    first, last = begin.date(), end.date()
    every = [first + timedelta(days=number) for number in range((last - first).days + 1)]
    for day in every if arrived is None else sorted({time.date() for time in arrived}):
        start = datetime(day.year, day.month, day.day)
        yield _Part(start, start + timedelta(days=1), start)


def _pointings(span: a.Time, folder: Path, arrived: Sequence[datetime] | None, dry_run: bool) -> Iterator[_Part]:
    """Yield the complete pointings of the received packets, or those that overlap with a range."""
    if arrived is not None and not arrived:
        return
    asked = span if arrived is None else a.Time(Time(arrived[0]), Time(arrived[-1]))
    with tempfile.TemporaryDirectory() as other:
        table = repoint_table(asked, other if dry_run else folder)
    table = table[~np.asarray(table["pointing_end_utc"].mask) & ~np.asarray(table["repoint_end_utc"].mask)]
    ends = [to_datetime64(table[name]).astype("M8[us]").tolist() for name in ("repoint_end_utc", "pointing_end_utc")]
    for number, begin, end in zip(table["repoint_id"].tolist(), *ends, strict=True):
        if arrived is None or any(begin <= time < end for time in arrived):
            yield _Part(begin, end, begin, number)


def _widened(part: _Part, instrument: str) -> _Part:
    """Return a day with the margins of an instrument."""
    margin = timedelta(minutes=0 if part.pointing is not None else MARGINS.get(instrument, 0))
    return part._replace(begin=part.begin - margin, end=part.end + margin)


def _file(folder: Path, instrument: str, part: _Part, major: int, minor: int, state: str = "planned") -> PacketFile:
    pointing = "" if part.pointing is None else f"-repoint{part.pointing:05}"
    name = f"imap_{instrument}_l0_raw_{part.start:%Y%m%d}{pointing}_v{major:03}.{minor:04}.pkts"
    return PacketFile(folder / (filenames.key_of(name) or name), TimeRange(part.begin, part.end), state)


def _written(folder: Path, instrument: str, part: _Part, login: Login, progress: bool) -> PacketFile:
    """Download the packets of a part, and write them to a file if the archive does not contain them."""
    latest = _latest(instrument, part)
    version = (1, 1) if latest is None else (latest[0], latest[1] + 1)
    made = _file(folder, instrument, part, *version)
    with tempfile.TemporaryDirectory() as other:
        joined = Path(other, "packets")
        with joined.open("wb") as stream:
            for one in _downloaded(Path(other), instrument, part, login, progress):
                with one.open("rb") as opened:
                    shutil.copyfileobj(opened, stream)
        if not joined.stat().st_size:
            return replace(made, state="empty")
        state = "new" if latest is None else _compared(joined, download_all([latest[2]], folder)[0])
        if state in ("new", "changed"):
            make_folder(made.path.parent)
            with whole_file(made.path) as stream, joined.open("rb") as opened:
                shutil.copyfileobj(opened, stream)
    return replace(made, state=state)


def _downloaded(folder: Path, instrument: str, part: _Part, login: Login, progress: bool) -> list[Path]:
    """Download the packets of each kind to a file."""
    files = [
        Download(
            _url(apid, "bin", "time", part.begin, part.end, "project(packet)"), folder / f"{apid}.pkts", ARCHIVE,
            partial(_check, apid=apid), login=login,
        )
        for apid in APIDS[instrument]
    ]  # fmt: skip
    downloader = queue.Downloader(progress=progress)
    queue.enqueue(downloader, files, True)
    with queue.downloaded(downloader) as results:
        errors = [error.exception for error in results.errors]
    for error in errors:
        raise error if isinstance(error, DiskError) else TransferError(f"{error}")
    return [file.target for file in files]


def _check(part: Path, apid: int) -> None:
    """Raise a `FileError` for packets of which the last one is cut; no packets are no error."""
    if part.stat().st_size and not integrity.looks_complete(part, "imap_x_l0_raw_20260101_v001.0001.pkts"):
        raise FileError(f"The packets of APID {apid} are cut: the last one is not complete.")


def _latest(instrument: str, part: _Part) -> tuple[int, int, str] | None:
    """Return the highest version of a file in the archive, and its name; `None` if there is not any."""
    day = f"{part.start:%Y-%m-%d}T00:00:00.000000000Z"
    asked = Query(day, day, instrument, "l0", "raw", "all", repointing=part.pointing)
    rows = search.request_rows(asked).items
    names = [name for row in rows if (name := row["file_path"].rpartition("/")[2]).endswith(".pkts")]
    found = [(parsed, name) for name in names if (parsed := filenames.parse(name)) is not None]
    return max(
        (
            (1 if one.major is None else one.major, one.minor, name)
            for one, name in found
            if one.start == part.start.date() and one.repointing == part.pointing
        ),
        default=None,
    )


def _compared(new: Path, old: Path) -> str:
    """Return how new packets differ from those of the archive."""
    sizes = new.stat().st_size, old.stat().st_size
    if sizes[0] != sizes[1]:
        return "changed" if sizes[0] > sizes[1] else "smaller"
    return "unchanged" if new.read_bytes() == old.read_bytes() else "changed"


def _sent(one: PacketFile, progress: bool) -> PacketFile:
    """Upload a file that the archive does not contain; a failure is told by the result, and the others are sent."""
    if one.state not in ("new", "changed"):
        return one
    return replace(one, uploaded=upload(one.path, progress=progress)[0])
