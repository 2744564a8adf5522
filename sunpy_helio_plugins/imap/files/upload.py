"""
Upload of files to the Science Data Center.

The service returns a link to its storage for the name of a file, and the file is sent there. The service only checks
the name; therefore the name is also checked here, with a reason if it is not valid, and rejections are explained.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, quote

from sunpy_helio_plugins.arguments import FLAG, address_parts, taking
from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import AnswerError, FileError, HelioPluginsError, QueryError, ServiceRefused, local
from sunpy_helio_plugins.fido import inputs, partial
from sunpy_helio_plugins.imap import filenames, integrity, search, service
from sunpy_helio_plugins.imap.mission import EXTENSIONS, INSTRUMENTS, LEVELS
from sunpy_helio_plugins.imap.query import Query
from sunpy_helio_plugins.imap.service import Access, current_access
from sunpy_helio_plugins.transport import limits, metadata
from sunpy_helio_plugins.transport.submit import put
from sunpy_helio_plugins.transport.urls import next_hop

__all__ = ["Uploaded", "objection", "upload"]

_CONVENTION = "imap_<instrument>_<level>_<descriptor>_<yyyymmdd>[-repointNNNNN | -crNNNNN]_vMMM.mmmm.<cdf or pkts>"

_WHY = {
    403: "if the key is right, it may not upload: ask the SDC for one that may",
    404: "this service only accepts uploads with an API key: set IMAP_API_KEY",
    409: "the archive already contains a file of this name: raise its version",
}


@dataclass(frozen=True)
class Uploaded:
    """
    The result of the upload of one file.

    Attributes
    ----------
    path : pathlib.Path
        The file.
    key : str
        Its full path in the archive.
    sent : bool
        Whether it was sent.
    indexed : bool or None
        Whether the archive lists it; `None` if this was not checked.
    problem : str
        Why it was not sent; empty if it was sent, or would be.

    Examples
    --------
    >>> from sunpy_helio_plugins import imap
    >>> sent = imap.upload(imap.download("imap_mag_l2_norm-gse_20260110_v001.0002.cdf"), dry_run=True)
    >>> sent[0]
    <Uploaded imap/mag/l2/2026/01/imap_mag_l2_norm-gse_20260110_v001.0002.cdf: not sent>
    """

    path: Path
    key: str
    sent: bool = False
    indexed: bool | None = None
    problem: str = ""

    def __repr__(self) -> str:
        return f"<Uploaded {self.key or self.path}: {self.problem or ('sent' if self.sent else 'not sent')}>"


@taking("imap.upload", dry_run=FLAG, progress=FLAG)
def upload(
    paths: str | Path | Iterable[str | Path],
    *,
    dry_run: bool = False,
    wait: float = 0.0,
    progress: bool = True,
) -> list[Uploaded]:
    """
    Upload files to the Science Data Center.

    Parameters
    ----------
    paths : str, pathlib.Path or iterable of them
        Science, quicklook or ancillary files, or SPICE kernels, with names that follow the conventions.
    dry_run : bool, optional
        Whether to check the files only, without any request.
    wait : float, optional
        The time in seconds to wait until the archive lists the uploaded files. Defaults to not waiting.
    progress : bool, optional
        Whether to show a progress bar.

    Returns
    -------
    list of Uploaded
        One for each file, in the same order. A rejected file does not prevent the upload of the others.

    Raises
    ------
    QueryError
        A name does not follow a convention, or an API key is missing. Nothing was sent.
    FileError
        A file does not exist, or its content does not match its name. Nothing was sent.

    Examples
    --------
    >>> from sunpy_helio_plugins import imap
    >>> imap.upload(imap.download("imap_mag_l2_norm-gse_20260110_v001.0002.cdf"), dry_run=True)
    [<Uploaded imap/mag/l2/2026/01/imap_mag_l2_norm-gse_20260110_v001.0002.cdf: not sent>]
    """
    files = inputs.paths("imap.upload", paths)
    seconds = inputs.duration("imap.upload", "wait", wait)
    keys = [_checked(path) for path in files]
    if dry_run:
        return [Uploaded(path, key) for path, key in zip(files, keys, strict=True)]
    access = current_access()
    if access.is_public:
        raise QueryError("An upload needs an API key: set IMAP_API_KEY, or sunpy_helio_plugins.sign_in('imap', key).")
    # One question: after two failures alike the service is not asked for the links of the others.
    with limits.budget(None):
        sent = [_sent(access, path, key, progress) for path, key in zip(files, keys, strict=True)]
    partial.log(f"{one.path.name}: {one.problem}" for one in sent if one.problem)
    return _awaited(sent, seconds) if seconds > 0 else sent


def objection(name: str) -> str:
    """Return the reason why the archive would reject a file of this name; empty if the name is valid."""
    table, found = filenames.table_of(name), filenames.parse(name)
    if table == "spice":
        return ""
    if found is None or table is None:
        return f"{name!r} does not follow a convention, such as {_CONVENTION}, with valid dates."
    return _impossible(name, found) or _unversioned(name, table, found)


def _impossible(name: str, found: filenames.ParsedFileName) -> str:
    if found.instrument not in INSTRUMENTS:
        return f"{name!r}: the instrument {found.instrument!r} does not exist; allowed: {', '.join(INSTRUMENTS)}."
    if found.level is not None and found.level not in LEVELS:
        return f"{name!r}: the level {found.level!r} does not exist; allowed: {', '.join(LEVELS)}."
    return ""


def _unversioned(name: str, table: str, found: filenames.ParsedFileName) -> str:
    if table == "release":
        return "" if found.end is not None else f"{name!r}: the manifest of a release needs a start and an end day."
    if found.extension not in EXTENSIONS[table]:
        return f"{name!r}: the extension of such files must be one of: {', '.join(EXTENSIONS[table])}."
    if table == "ancillary" and found.major is not None:
        return f"{name!r}: ancillary files have versions such as v001."
    if table == "science" and found.major is None:
        return f"{name!r}: science files have versions such as v001.0001 since 2026."
    return ""


def _checked(path: Path) -> str:
    """Return the path of a file in the archive, after a check of its name and its content."""
    with local(path, "read"):
        if not path.is_file():
            raise FileError(f"{path}: this file does not exist.")
    reason = objection(path.name)
    if reason:
        raise QueryError(f"The SDC would not accept {path}: {reason}")
    with local(path, "read"):
        integrity.check(path, path.name)
    return filenames.key_of(path.name) or path.name


def _sent(access: Access, path: Path, key: str, progress: bool) -> Uploaded:
    from tqdm.auto import tqdm  # type: ignore[import-untyped]

    try:
        link = _link(access, path.name)
    except ServiceRefused as refused:
        why = _WHY.get(refused.status or 0, "")
        return Uploaded(path, key, problem=f"{refused}{'; ' if why else ''}{why}")
    except HelioPluginsError as error:
        return Uploaded(path, key, problem=str(error))
    try:
        with tqdm(total=path.stat().st_size, unit="B", unit_scale=True, desc=path.name, disable=not progress) as bar:
            put(link, path, archive=service.ARCHIVE, progress=bar.update, headers=_signed(link), given_by=access.base)
    except HelioPluginsError as error:
        return Uploaded(path, key, problem=f"the storage did not accept it: {error}")
    return Uploaded(path, key, sent=True)


def _signed(link: str) -> dict[str, str]:
    """Return the headers for which a link was signed."""
    # Some versions of the service sign the tags of the stored object, even if there are none: the storage then rejects
    # requests without the empty header.
    names = dict(parse_qsl(address_parts(link).query)).get("X-Amz-SignedHeaders", "").split(";")
    return {name: "" for name in names if name.startswith("x-amz-")}


def _link(access: Access, name: str) -> str:
    """Request a link to the storage."""
    url = access.url(f"upload/{quote(name)}")
    answer = metadata.get(url, archive=service.ARCHIVE, login=access.login)
    link = answer.json()
    if not isinstance(link, str) or not link.startswith("http"):
        raise AnswerError(service.ARCHIVE, answer.url, "a link was expected in the response", answer.status)
    try:
        return next_hop(answer.url, link)
    except QueryError as error:
        problem = f"the link cannot be used: {error}"
        raise AnswerError(service.ARCHIVE, answer.url, problem, answer.status) from None


def _awaited(sent: list[Uploaded], seconds: float) -> list[Uploaded]:
    """Wait until the archive lists every file that was sent, or the time is over."""
    ends = time.monotonic() + seconds
    pause = 0.5
    while True:
        with limits.budget(max(ends - time.monotonic(), float(conf.read_timeout)), "wait"):
            sent = [one if one.indexed or not one.sent else _looked_up(one) for one in sent]
        if all(one.indexed or not one.sent for one in sent) or time.monotonic() + pause > ends:
            return sent
        time.sleep(pause)
        pause = min(2 * pause, 10.0)


def _looked_up(one: Uploaded) -> Uploaded:
    name = one.path.name
    query = Query(name=name, table=filenames.table_of(name) or "science", version="all")
    try:
        rows = search.request_rows(query).items
    except HelioPluginsError:
        rows = ()
    listed = any(row["file_path"].rpartition("/")[2] == name for row in rows)
    return Uploaded(one.path, one.key, one.sent, listed, one.problem)
