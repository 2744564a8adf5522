"""Names in sunpy's core attrs, such as ``a.Provider``, that select an archive."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sunpy.net import attrs as a
from sunpy.net.attr import Attr

from sunpy_helio_plugins.arguments import TEXTS

__all__ = ["Names", "folded", "is_core"]


def folded(text: object) -> str:
    """Return a name without case, spaces and punctuation, so that ``"IMAP SDC"`` and ``"imap-sdc"`` are equal."""
    return "".join(char for char in str(text).casefold() if char.isalnum())


def is_core(attr: Attr) -> bool:
    """Return whether an attr is one of sunpy's attrs for all archives, such as ``a.Time``."""
    return type(attr).__module__ in ("sunpy.net.attrs", "sunpy.net._attrs")


@dataclass(frozen=True)
class Names:
    """
    The names of an archive, which are compared without case, spaces and punctuation.

    Attributes
    ----------
    providers : tuple of str
        Values of ``a.Provider``; the first is the one in the archive's tables.
    sources : tuple of str
        Values of ``a.Source`` whose data only this archive provides.
    instruments : tuple of str
        Values of ``a.Instrument`` whose data only this archive provides.

    Examples
    --------
    >>> from sunpy_helio_plugins.fido import Names
    >>> Names(providers=["SuperMAG"], instruments="fluxgate")
    Names(providers=('SuperMAG',), sources=(), instruments=('fluxgate',))
    """

    providers: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    instruments: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("providers", "sources", "instruments"):
            object.__setattr__(self, name, TEXTS.check("Names", name, getattr(self, name)))

    def are_in(self, query: Iterable[Attr]) -> bool:
        """
        Return whether a query of core attrs names the archive.

        A query with another provider or source, or with an attr that is not a core attr, does not.

        Parameters
        ----------
        query : iterable of sunpy.net.attr.Attr
            Single attrs that are joined with ``&``.

        Returns
        -------
        bool
            Whether the query is for this archive.
        """
        attrs = tuple(query)
        if not all(map(is_core, attrs)):
            return False
        for kind, known in ((a.Provider, self.providers), (a.Source, self.sources), (a.Instrument, self.instruments)):
            given = [attr.value for attr in attrs if isinstance(attr, kind)]
            if given:
                return all(is_one_of(value, known) for value in given)
        return False

    def has_provider(self, value: object) -> bool:
        """Return whether a value of ``a.Provider`` is a name of this archive."""
        return is_one_of(value, self.providers)

    def has_source(self, value: object) -> bool:
        """Return whether a value of ``a.Source`` is a name of this archive."""
        return is_one_of(value, self.sources)


def is_one_of(value: object, names: Iterable[str]) -> bool:
    """Return whether a value is one of some names, in any spelling."""
    return folded(value) in {folded(name) for name in names}
