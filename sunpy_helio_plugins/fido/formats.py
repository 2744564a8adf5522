"""Register the formats of tables that this package adds; their readers and writers are imported when they are used."""

from __future__ import annotations

from sunpy_helio_plugins.io.registration import Peek, register_lazily, register_writer

__all__: list[str] = []


def _may_be_hapi(name: str, peek: Peek) -> bool:
    """Return whether a file has HAPI's suffix, or does not have a name and begins like a HAPI header."""
    if name:
        return name.lower().endswith((".hapi", ".hapi.gz", ".hapi.bz2"))
    return peek(64).lstrip()[:1] in (b"#", b"{")


def _may_be_cdf(name: str, peek: Peek) -> bool:
    """Return whether a file has CDF's suffix, or the first bytes of CDF files since version 2.6."""
    return name.lower().endswith(".cdf") or peek(4) in (b"\xcd\xf3\x00\x01", b"\xcd\xf2\x60\x02")


register_lazily("hapi", "sunpy_helio_plugins.hapi.records.read", _may_be_hapi)
register_writer("hapi", "sunpy_helio_plugins.hapi.records.write")
register_lazily("cdf", "sunpy_helio_plugins.cdf.read", _may_be_cdf)
