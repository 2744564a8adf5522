"""The base class of faults: the requests to which they apply, how often, and options for a request header."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from aiohttp import web

from sunpy_helio_plugins.arguments import ANY_TEXT, FLAG, Kind, integer, number, optional
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.sandbox.faults.wire import Exchange

if TYPE_CHECKING:
    from sunpy_helio_plugins.sandbox.request import Request

__all__ = ["Fault", "flag", "option"]

_T = TypeVar("_T")


def option(default: _T, read: Callable[[str], Any]) -> _T:
    """Make a field of a fault that a request header can set; ``read`` converts the header's text to the value."""
    value: _T = dataclasses.field(default=default, metadata={"read": read})
    return value


def flag(text: str) -> bool:
    """Parse a boolean; a name without a value is true."""
    return text.lower() in ("", "1", "true", "yes")


_COUNT = integer(-(10**12), 10**12)
_SECONDS = number(0, 1e9, "a number of seconds")
_KINDS = {
    "str": ANY_TEXT, "str | None": optional(ANY_TEXT), "int": _COUNT, "int | None": optional(_COUNT),
    "float": _SECONDS, "float | None": optional(_SECONDS), "bool": FLAG,
    "Callable[[Request], bool] | None": Kind("a function or None", lambda given: _called(given)),
}  # fmt: skip


def _called(given: Any) -> Any:
    if given is not None and not callable(given):
        raise TypeError
    return given


@dataclass(frozen=True, kw_only=True, repr=False)
class Fault(abc.ABC):
    """
    A kind of misbehaviour, and the requests to which it applies.

    Parameters
    ----------
    path : str, optional
        The beginning of the paths of these requests. Defaults to all.
    method : str, optional
        Their method. Defaults to all.
    where : callable, optional
        Takes the logged request and returns whether the fault applies to it.
    skip : int, optional
        The number of these requests that are served normally before the first fault.
    times : int, optional
        The number of requests to which the fault is applied. Defaults to all.

    Examples
    --------
    >>> from sunpy_helio_plugins import sandbox
    >>> sandbox.HangUp(path="/hek", method="GET", skip=1, times=2)
    HangUp(path='/hek', method='GET', skip=1, times=2)
    """

    kind: ClassVar[str]
    path: str = ""
    method: str | None = None
    where: Callable[[Request], bool] | None = None
    skip: int = 0
    times: int | None = None

    def __post_init__(self) -> None:
        for item in dataclasses.fields(self):
            kind = _KINDS.get(str(item.type))
            if kind is not None:
                kind.check(type(self).__name__, item.name, getattr(self, item.name))
        if self.skip < 0 or (self.times is not None and self.times < 1):
            raise QueryError(f"skip must be 0 or more and times 1 or more, not {self.skip} and {self.times}.")

    def __repr__(self) -> str:
        items = [item for item in dataclasses.fields(self) if getattr(self, item.name) != item.default]
        return f"{type(self).__name__}({', '.join(f'{item.name}={getattr(self, item.name)!r}' for item in items)})"

    def meets(self, request: Request) -> bool:
        """Return whether this fault applies to a request."""
        return (
            request.path.startswith(self.path)
            and self.method in (None, request.method)
            and (self.where is None or self.where(request))
        )

    @abc.abstractmethod
    async def play(self, exchange: Exchange) -> web.StreamResponse:
        """Apply the fault."""
