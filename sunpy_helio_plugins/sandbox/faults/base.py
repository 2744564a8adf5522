"""What every fault has: the requests that meet it, how often, and options that a request header can set."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar

from aiohttp import web

from sunpy_helio_plugins.sandbox.faults.wire import Exchange

if TYPE_CHECKING:
    from sunpy_helio_plugins.sandbox.request import Request

__all__ = ["Fault", "flag", "option"]

_T = TypeVar("_T")


def option(default: _T, read: Callable[[str], Any]) -> _T:
    """
    Make a field of a fault that a request header can set.

    Parameters
    ----------
    default : object
        The field's value unless it is set.
    read : callable
        Turns the header's text into the value.
    """
    value: _T = dataclasses.field(default=default, metadata={"read": read})
    return value


def flag(text: str) -> bool:
    """Read a yes or no; a name without a value is a yes."""
    return text.lower() in ("", "1", "true", "yes")


@dataclass(frozen=True, kw_only=True)
class Fault(abc.ABC):
    """
    A way to misbehave, and the requests that meet it.

    Parameters
    ----------
    path : str, optional
        How the paths of these requests begin. Defaults to all.
    method : str, optional
        Their method. Defaults to all.
    where : callable, optional
        Tells from the logged request whether it is one of them.
    skip : int, optional
        How many of them are served well before the first fault.
    times : int, optional
        How many of them meet the fault. Defaults to all.
    """

    kind: ClassVar[str]
    path: str = ""
    method: str | None = None
    where: Callable[[Request], bool] | None = None
    skip: int = 0
    times: int | None = None

    def __post_init__(self) -> None:
        if self.skip < 0 or (self.times is not None and self.times < 1):
            raise ValueError(f"skip must be 0 or more and times 1 or more, not {self.skip} and {self.times}.")

    def meets(self, request: Request) -> bool:
        """Tell whether this fault is meant for a request."""
        return (
            request.path.startswith(self.path)
            and self.method in (None, request.method)
            and (self.where is None or self.where(request))
        )

    @abc.abstractmethod
    async def play(self, exchange: Exchange) -> web.StreamResponse:
        """Misbehave."""
