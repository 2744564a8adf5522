"""
Requests for members of the mission that change the archive: releases of files, and reprocessing.

They are sent once and never repeated; ``dry_run`` shows them instead. The service's function for releases requires the
number and the range of a release (sds-data-manager, ``release_api``), while imap-data-access 1.3 only sends the name of
the manifest, which contains both: they are sent if the service asks for them.
"""

from __future__ import annotations

import json
import re
import time as clock
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sunpy.net import attrs as a

from sunpy_helio_plugins.arguments import FLAG, TEXT, close_names, optional, shown, taking
from sunpy_helio_plugins.errors import FileError, QueryError, ServiceRefused, TransferError, local
from sunpy_helio_plugins.fido import inputs
from sunpy_helio_plugins.imap import filenames, service
from sunpy_helio_plugins.imap.files.upload import upload
from sunpy_helio_plugins.imap.mission import INSTRUMENTS, LEVELS
from sunpy_helio_plugins.imap.service import Access, current_access
from sunpy_helio_plugins.quantities import times
from sunpy_helio_plugins.quantities.exact import kept_json
from sunpy_helio_plugins.transport.exchange import Response
from sunpy_helio_plugins.transport.submit import order

__all__ = ["ServiceRequest", "release", "reprocess"]

_KINDS = ("release", "early-release", "unrelease")

_NUMBER = re.compile(r"(?:withhold-)?data-release-(\d{1,5})", re.ASCII)

_NAME = "imap_<instrument>_data-release-<number>_<yyyymmdd>_<yyyymmdd>_v001.txt"


@dataclass(frozen=True)
class ServiceRequest:
    """
    A request that changes the archive, or that would change it.

    Attributes
    ----------
    method : str
        The HTTP method.
    url : str
        The address of the endpoint.
    parameters : dict
        The query parameters.
    sent : bool
        Whether it was sent; `False` after a dry run.
    answer : str
        What the service answered.

    Examples
    --------
    >>> from sunpy_helio_plugins import imap
    >>> request = imap.reprocess(("2026-01-10", "2026-01-12"), "mag", dry_run=True)
    >>> request.parameters["instrument"]
    'mag'
    """

    method: str
    url: str
    parameters: Mapping[str, str] = field(default_factory=dict)
    sent: bool = False
    answer: str = ""

    def __repr__(self) -> str:
        fields = ", ".join(f"{name}={value}" for name, value in self.parameters.items())
        return f"<ServiceRequest {self.method} {self.url} {fields}: {self.answer if self.sent else 'not sent'}>"


@taking("imap.reprocess", instrument=optional(TEXT), level=optional(TEXT), descriptor=optional(TEXT), dry_run=FLAG)
def reprocess(
    time: a.Time,
    instrument: str | None = None,
    *,
    level: str | None = None,
    descriptor: str | None = None,
    dry_run: bool = False,
) -> ServiceRequest:
    """
    Start the reprocessing of files at the Science Data Center.

    Parameters
    ----------
    time : sunpy.net.attrs.Time, sunpy.time.TimeRange, or pair of times
        The time range; the days of its start and of its end are included.
    instrument : str, optional
        The instrument; all instruments by default.
    level : str, optional
        The level, such as ``"l1a"``, which needs an instrument and a descriptor; all levels by default.
    descriptor : str, optional
        The descriptor of the product, which needs an instrument; all products by default.
    dry_run : bool, optional
        Whether to return the request without sending it.

    Returns
    -------
    ServiceRequest
        The request, with the answer of the service.

    Raises
    ------
    QueryError
        An argument is not valid, or an API key is missing. Nothing was sent.
    ServiceError
        The request was refused, or there was no answer. It was sent once, and may have been received.

    Examples
    --------
    >>> from sunpy_helio_plugins import imap
    >>> imap.reprocess(("2026-01-10", "2026-01-12"), "mag", dry_run=True).parameters
    {'start_date': '20260110', 'end_date': '20260112', 'instrument': 'mag', 'reprocessing': 'True'}
    """
    span = inputs.span("imap.reprocess", time)
    days = [times.iso(one)[:10].replace("-", "") for one in (span.start, span.end)]
    _check_word("instrument", instrument, INSTRUMENTS)
    _check_word("level", level, LEVELS)
    if descriptor is not None and not re.fullmatch(r"[\w.+-]+", descriptor, re.ASCII):
        raise QueryError(
            "imap.reprocess: a descriptor contains letters, digits and hyphens, as in 'norm-gse', not "
            f"{shown(descriptor)}."
        )
    if level is not None and (instrument is None or descriptor is None):
        raise QueryError("imap.reprocess: a level needs an instrument and a descriptor; add them, or omit the level.")
    if descriptor is not None and instrument is None:
        raise QueryError("imap.reprocess: a descriptor needs an instrument; add it, or omit the descriptor.")
    chosen = {"instrument": instrument, "data_level": level, "descriptor": descriptor}
    fields = {"start_date": days[0], "end_date": days[1]}
    fields |= {name: value for name, value in chosen.items() if value is not None} | {"reprocessing": "True"}
    access = _access("A reprocessing", dry_run=dry_run)
    return _sent(access, ServiceRequest("POST", access.url("reprocess"), fields), dry_run=dry_run)


@taking("imap.release", kind=TEXT, dry_run=FLAG, progress=FLAG)
def release(
    manifest: str | Path,
    kind: str = "release",
    *,
    dry_run: bool = False,
    wait: float = 10.0,
    progress: bool = True,
) -> ServiceRequest:
    """
    Make files public, or not public any more, by a manifest.

    Parameters
    ----------
    manifest : str or pathlib.Path
        A text file with the path of a file in the archive in each line, such as
        ``imap/mag/l2/2026/01/imap_mag_l2_norm-gse_20260110_v001.0002.cdf``. Its name is
        ``imap_<instrument>_data-release-<number>_<yyyymmdd>_<yyyymmdd>_v001.txt``.
    kind : {"release", "early-release", "unrelease"}, optional
        ``"release"`` makes the latest versions of all files of the instrument public that start within the days of the
        name, except those in the manifest; ``"early-release"`` those in the manifest; ``"unrelease"`` reverses the
        release of those in the manifest.
    dry_run : bool, optional
        As of `sunpy_helio_plugins.imap.reprocess`; the manifest is checked all the same.
    wait : float, optional
        The time in seconds between the upload of the manifest and the request, which the service may need.
    progress : bool, optional
        Whether to show a progress bar of the upload.

    Returns
    -------
    ServiceRequest
        As of `sunpy_helio_plugins.imap.reprocess`.

    Raises
    ------
    QueryError
        The name or the kind is not valid, or an API key is missing. Nothing was sent.
    FileError
        The manifest does not exist, or a line of it is not the path of a file in the archive. Nothing was sent.
    TransferError
        The manifest could not be uploaded, such as one whose name exists in the archive: raise its version. No file was
        released.
    ServiceError
        The manifest was uploaded, and the request was refused, or there was no answer.

    Examples
    --------
    >>> from pathlib import Path
    >>> from sunpy_helio_plugins import imap
    >>> manifest = Path("imap_mag_data-release-001_20260110_20260112_v001.txt")
    >>> size = manifest.write_text("imap/mag/l2/2026/01/imap_mag_l2_norm-rtn_20260112_v001.0001.cdf")
    >>> imap.release(manifest, dry_run=True).parameters
    {'release_type': 'release', 'manifest_file': 'imap_mag_data-release-001_20260110_20260112_v001.txt'}
    """
    path = inputs.one_path("imap.release", manifest)
    seconds = inputs.duration("imap.release", "wait", wait)
    if kind not in _KINDS:
        raise QueryError(
            f"imap.release: the kind is one of {', '.join(_KINDS)}, not {shown(kind)}.{close_names(kind, _KINDS)}"
        )
    more = _parts(path.name, kind)
    _check_lines(path, kind)
    access = _access("A release", dry_run=dry_run, key_only=True)
    request = ServiceRequest("GET", access.url("release"), {"release_type": kind, "manifest_file": path.name})
    if dry_run:
        return request
    (uploaded,) = upload(path, progress=progress)
    if uploaded.problem:
        raise TransferError(f"{path.name} was not uploaded, and nothing was released: {uploaded.problem}")
    clock.sleep(seconds)
    try:
        return _sent(access, request)
    except ServiceRefused as refused:
        if kind != "release" or refused.status != 400 or "release_number" not in refused.words:
            raise
    return _sent(access, replace(request, parameters={"release_type": kind, **more, "exclude_file": path.name}))


def _check_word(name: str, given: str | None, known: Any) -> None:
    if given is not None and given not in known:
        listed = ", ".join(known)
        raise QueryError(
            f"imap.reprocess: the {name} is one of {listed}, not {shown(given)}.{close_names(given, known)}"
        )


def _parts(name: str, kind: str) -> dict[str, str]:
    """Return the parameters that the name of a manifest contains."""
    found = filenames.parse(name)
    if found is None or filenames.table_of(name) != "release" or found.end is None:
        raise QueryError(f"imap.release: {shown(name)} is not the name of a manifest, such as {_NAME}.")
    if found.instrument not in INSTRUMENTS:
        raise QueryError(
            f"imap.release: the instrument {found.instrument!r} of {shown(name)} does not exist; allowed: "
            f"{', '.join(INSTRUMENTS)}."
        )
    number = _NUMBER.fullmatch(found.descriptor)
    if number is None and kind == "release":
        raise QueryError(f"imap.release: {shown(name)} does not contain the number of the release, as in {_NAME}.")
    return {
        "instrument": found.instrument, "start_date": f"{found.start:%Y%m%d}", "end_date": f"{found.end:%Y%m%d}",
        "release_number": str(int(number[1])) if number else "",
    }  # fmt: skip


def _check_lines(path: Path, kind: str) -> None:
    """Raise a `FileError` for a manifest with lines that are not paths of science or ancillary files."""
    # The service compares lines with the paths of files, and ignores those that do not exist: the files that a line
    # means to withhold would be released.
    with local(path, "read"):
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            raise FileError(f"{path} is not a text in UTF-8.") from None
    lines = [(number, line.strip()) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines and kind != "release":
        raise FileError(f"{path} does not contain the path of a file, which {kind!r} needs.")
    for number, line in lines:
        name = line.rpartition("/")[2]
        if filenames.table_of(name) not in ("science", "ancillary"):
            raise FileError(f"{path}, line {number}: {shown(line)} is not a science or ancillary file.")
        if line != filenames.key_of(name):
            raise FileError(f"{path}, line {number}: {shown(line)} must be the path {filenames.key_of(name)!r}.")


def _access(what: str, *, dry_run: bool, key_only: bool = False) -> Access:
    access = current_access()
    is_signed = not access.is_public and not (key_only and access.base.endswith("/authorized"))
    if not is_signed and not dry_run:
        raise QueryError(f"{what} needs an API key: set IMAP_API_KEY, or sunpy_helio_plugins.sign_in('imap', key).")
    return access


def _sent(access: Access, request: ServiceRequest, *, dry_run: bool = False) -> ServiceRequest:
    """Send a request, unless this is a dry run, and return it with the answer."""
    if dry_run or access.login is None:
        return request
    answer = order(request.method, request.url, request.parameters, archive=service.ARCHIVE, login=access.login)
    return replace(request, sent=True, answer=_text(answer))


def _text(answer: Response) -> str:
    """Return the sentence of an answer: a text in JSON, or the body as it is."""
    try:
        said = kept_json(answer.text())
    except ValueError:
        said = answer.text()
    text = said if isinstance(said, str) else json.dumps(said)
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())
