"""
Newer versions that the public does not see.

With an API key the service lists them, and a search says which they are. Without one its lists hold nothing that is not
released, and do not tell that something is left out. One sign is left: a download of what is there and not released is
refused (403), and of what is not there too, but otherwise (404). So the names that a newer version would have can be
asked for, one by one; a version further on, or under another name, stays unseen.
"""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from pathlib import PurePosixPath

from sunpy_helio_plugins.errors import ServiceError
from sunpy_helio_plugins.imap import filenames, service
from sunpy_helio_plugins.imap.access import Access
from sunpy_helio_plugins.imap.tables import IMAPTable
from sunpy_helio_plugins.transport import metadata

__all__ = ["withheld"]

_AT_A_TIME = 4
_ANSWERS = (403, 404, 429, 500, 502, 503, 504)
"""Statuses that end the question: what it asks is not worth asking again."""

_FEW_BYTES = 4096


def withheld(table: IMAPTable) -> list[str]:
    """
    Ask which files of a search have newer versions that are not released yet.

    It takes two requests for each file: for the next minor version, and for the first of the next major one.

    Parameters
    ----------
    table : IMAPTable
        What a search found. A sentence is added to its ``problems`` where there are such versions.

    Returns
    -------
    list of str
        Names of files that are in the archive, and that only members of the mission can have.

    Examples
    --------
    >>> from sunpy_helio_plugins import imap
    >>> found = Fido.search(a.Time("2026-01-12", "2026-01-13"), a.Instrument("mag"), a.imap.File())  # doctest: +SKIP
    >>> imap.withheld(found[0])  # doctest: +SKIP
    ['imap_mag_l2_norm-gse_20260112_v001.0002.cdf']
    """
    asked = [
        (str(row["url"]).partition("/download/")[0], path)
        for row in table
        if "/download/" in row["url"]
        for path in _next(str(row["file_path"]))
    ]
    with ThreadPoolExecutor(_AT_A_TIME) as pool:
        there = list(pool.map(_is_withheld, *zip(*asked, strict=True))) if asked else []
    names = [PurePosixPath(path).name for (_, path), is_there in zip(asked, there, strict=True) if is_there]
    if names:
        table.problems = [*table.problems, f"Newer versions are in the archive and not released: {', '.join(names)}."]
    return names


def _next(path: str) -> list[str]:
    """Return the paths of the versions that may follow; none where a file's versions are not counted so."""
    found = filenames.parse(PurePosixPath(path).name)
    if found is None or found.level is None or found.major is None:
        return []
    following = (found.major, found.minor + 1), (found.major + 1, 1)
    return [re.sub(r"_v\d{3}\.\d{4}(?=\.\w+$)", f"_v{major:03}.{minor:04}", path) for major, minor in following]


def _is_withheld(base: str, path: str) -> bool:
    """Tell whether the archive has a file and does not give it to the public; a silent archive has not."""
    url, _ = service.download_url(path, Access(base))
    try:
        answer = metadata.get(url, archive=service.ARCHIVE, accept=_ANSWERS, max_bytes=_FEW_BYTES)
    except ServiceError:  # it is there and released meanwhile, or nobody answers
        return False
    return answer.status == 403 and "release" in answer.text()
