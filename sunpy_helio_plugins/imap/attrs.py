"""
What a user can say to the IMAP Science Data Center: ``a.imap.*``.

Values are checked as they are given. The service answers a wrong value with an internal error (HTTP 500) and no reason,
so the reason must come from here.
"""

from __future__ import annotations

import re
from typing import Any

from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.fido import Marker, Word

__all__ = ["Descriptor", "File", "Version"]


class File(Marker):
    """
    Ask for files of the IMAP Science Data Center.

    Examples
    --------
    >>> from sunpy.net import attrs as a
    >>> query = a.Time("2026-01-10", "2026-01-12"), a.imap.File(), a.Instrument("mag"), a.Level("l2")
    """


class Descriptor(Word):
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


class Version(Word):
    """
    Which version of each file; without this attr the latest.

    Parameters
    ----------
    *values : str
        ``"latest"``; ``"v001.0002"`` for one major and one minor version; ``"v001"``, which is the minor version in the
        service's older convention and takes the highest major version that has it.

    Raises
    ------
    QueryError
        The text is no version.

    Notes
    -----
    The latest version is the latest that the caller may see: without an API key nothing unreleased counts.
    """

    @classmethod
    def check(cls, value: Any) -> str:
        """
        Return a version in lower case.

        Parameters
        ----------
        value : str
            What the user gave.

        Raises
        ------
        QueryError
            The text is no version.
        """
        text = super().check(value).lower()
        if text != "latest" and not re.fullmatch(r"v\d{3}(\.\d{4})?", text):
            raise QueryError(f"a.imap.Version({value!r}): a version is 'latest', 'v001.0002' or 'v001'.")
        return text
