"""Names under which sunpy's core attrs, ``a.Provider`` and the like, ask for an archive."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sunpy.net import attrs as a
from sunpy.net.attr import Attr

__all__ = ["Names", "folded", "is_core"]


def folded(text: object) -> str:
    """Return a name without case, spaces and punctuation: ``"IMAP SDC"`` and ``"imap-sdc"`` are one name."""
    return "".join(char for char in str(text).casefold() if char.isalnum())


def is_core(attr: Attr) -> bool:
    """Tell whether an attr is one of sunpy's own that belong to no archive, such as ``a.Time``."""
    return type(attr).__module__ in ("sunpy.net.attrs", "sunpy.net._attrs")


@dataclass(frozen=True)
class Names:
    """
    What an archive is called; names are compared as `folded` returns them.

    Attributes
    ----------
    providers : tuple of str
        Values of ``a.Provider``; the first is the one in the archive's tables.
    sources : tuple of str
        Values of ``a.Source`` whose data nobody else has.
    instruments : tuple of str
        Values of ``a.Instrument`` whose data nobody else has.
    """

    providers: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    instruments: tuple[str, ...] = ()

    def are_in(self, query: Iterable[Attr]) -> bool:
        """
        Tell whether a query of core attrs names the archive.

        Another provider or source in the query names another archive, and so does any attr that is not a core attr.

        Parameters
        ----------
        query : iterable of sunpy.net.attr.Attr
            Single attrs that must all hold.
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
        """Tell whether a value of ``a.Provider`` means this archive."""
        return is_one_of(value, self.providers)

    def has_source(self, value: object) -> bool:
        """Tell whether a value of ``a.Source`` means this archive."""
        return is_one_of(value, self.sources)


def is_one_of(value: object, names: Iterable[str]) -> bool:
    """Tell whether a value is one of some names, in any spelling."""
    return folded(value) in {folded(name) for name in names}
