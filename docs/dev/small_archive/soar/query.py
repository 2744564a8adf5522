"""One query of the archive."""

from dataclasses import dataclass

__all__ = ["ARCHIVE", "Query"]

ARCHIVE = "SOAR"


@dataclass(frozen=True)
class Query:
    """A time range (UTC, ISO 8601) and the descriptors of the products."""

    start: str
    end: str
    products: tuple[str, ...] = ()
