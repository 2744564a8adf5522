"""
The info object of HAPI: what a dataset holds, from when to when, and how its records are laid out.

Follows the HAPI specification 3.3, section "info"
(https://github.com/hapi-server/data-specification), and forgives what real servers do: keys that are missing, and
references that were left unresolved.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.hapi.parameter import Parameter

__all__ = ["NO_DATA", "OK", "Info", "Parameter", "status_of"]

OK, NO_DATA = 1200, 1201
"""HAPI status codes of answers that are no errors: records came, and the range has none."""

_MOST_FIELDS = 20_000_000
_SHOWN = 60


@dataclass(frozen=True)
class Info:
    """
    A dataset's description, or the header of a stream of its records.

    Parameters
    ----------
    raw : mapping
        The object, with references resolved.

    Attributes
    ----------
    raw : mapping
        As given.
    """

    raw: Mapping[str, Any]

    @classmethod
    def from_json(cls, answer: Any) -> Info:
        """
        Read a decoded info answer or header.

        Parameters
        ----------
        answer : dict
            The decoded JSON; ``data`` is left out.

        Raises
        ------
        FileError
            It has no parameters.
        """
        parameters = answer.get("parameters") if isinstance(answer, dict) else None
        if not isinstance(parameters, list) or not parameters or not all(_is_named(member) for member in parameters):
            raise FileError("This is no HAPI header: it has no list of named parameters.")
        definitions = answer.get("definitions")
        kept = {key: value for key, value in answer.items() if key not in ("data", "definitions")}
        kept["parameters"] = [_tidied(member) for member in parameters]
        info = cls(_resolved(kept, definitions if isinstance(definitions, dict) else {}))
        if sum(parameter.width for parameter in info.parameters) > _MOST_FIELDS:
            raise FileError(f"This HAPI header describes records of more than {_MOST_FIELDS} values: not believed.")
        return info

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters, the primary time first."""
        first, *rest = self.raw["parameters"]
        # The first is the time by definition; some servers forget to say so, or say it in their own words.
        first = first if Parameter(first).is_text else {**first, "type": "isotime"}
        return tuple(map(Parameter, (first, *rest)))

    @property
    def time(self) -> Parameter:
        """The primary time, whatever its name."""
        return self.parameters[0]

    @property
    def code(self) -> int | None:
        """The HAPI status code, where there is one."""
        return status_of(self.raw)[0]

    @property
    def format(self) -> str | None:
        """The format of the records: csv, binary or json."""
        chosen = self.raw.get("format")
        return str(chosen).lower() if chosen else None

    @property
    def version(self) -> str:
        """The version of HAPI; empty where the server does not say."""
        return str(self.raw.get("HAPI") or "")

    @property
    def units_schema(self) -> str | None:
        """The convention of the units, where the server names one: udunits2, astropy3, cdf-cluster, vounits1.1."""
        schema = self.raw.get("unitsSchema")
        return str(schema) if schema else None

    @property
    def time_stamp_location(self) -> str:
        """Where in its interval a record's time lies: begin, center (the default), end or other."""
        return str(self.raw.get("timeStampLocation") or "center").lower()

    @property
    def start(self) -> str | None:
        """Where the dataset begins, as the server spells it."""
        return _text(self.raw.get("startDate"))

    @property
    def stop(self) -> str | None:
        """Where the dataset ends, as the server spells it; a year far ahead marks one that still grows."""
        return _text(self.raw.get("stopDate"))

    @property
    def cadence(self) -> str:
        """The nominal distance of records as an ISO duration; empty where the server does not say."""
        return str(self.raw.get("cadence") or "")

    @property
    def description(self) -> str:
        """What the dataset is; empty where the server does not say."""
        return str(self.raw.get("description") or "")

    @property
    def instrument(self) -> str | None:
        """The instrument; `None` where the server does not say, as HAPI has no keyword for it, only its own ``x_``."""
        said = self.raw.get("x_instrument") or self.raw.get("instrument")
        return said if isinstance(said, str) else None

    @property
    def origin(self) -> dict[str, str]:
        """``server`` and ``dataset``, where `of` wrote them down: HAPI's headers do not say whose they are."""
        said = self.raw.get("x_origin")
        return {str(key): str(value) for key, value in said.items()} if isinstance(said, Mapping) else {}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all parameters, the primary time's first."""
        return tuple(parameter.name for parameter in self.parameters)

    def of(self, server: str, dataset: str) -> Info:
        """
        Return the description with a note of whose it is.

        Parameters
        ----------
        server : str
            The server's name.
        dataset : str
            The dataset's id.
        """
        return Info({**self.raw, "x_origin": {"server": server, "dataset": dataset}})

    def subset(self, names: Iterable[str]) -> Info:
        """
        Return the description of some parameters, in the server's order.

        The primary time comes along, and so do parameters that hold the time-varying bins of a wanted one.

        Parameters
        ----------
        names : iterable of str
            The parameters wanted; none means all.
        """
        wanted = set(names)
        if not wanted:
            return self
        for parameter in self.parameters:
            wanted |= parameter.references if parameter.name in wanted else set()
        kept = [self.time.raw, *(other.raw for other in self.parameters[1:] if other.name in wanted)]
        return Info({**self.raw, "parameters": kept})

    def record(self) -> np.dtype[Any]:
        """
        Return the layout of one binary record; its fields are called ``f0``, ``f1``, ... since names may repeat.

        Raises
        ------
        FileError
            A parameter's layout is not known.
        """
        fields = [(f"f{index}", one.dtype(), one.shape) for index, one in enumerate(self.parameters)]
        try:
            return np.dtype(fields)
        except ValueError as error:
            raise FileError(f"These binary records cannot be laid out: {error}.") from None

    def header(self, chosen: str) -> bytes:
        """
        Return the header for a file whose server gave none: one line that begins with ``#``.

        Parameters
        ----------
        chosen : str
            The format of the records.
        """
        document = {"HAPI": "3.0", "status": {"code": OK, "message": "OK"}, **self.raw, "format": chosen}
        return b"#" + json.dumps(document, ensure_ascii=False).encode() + b"\n"

    def __repr__(self) -> str:
        lines = [self.description[:200] or "(no description)", f"{self.start or '?'} to {self.stop or '?'}"]
        lines[1] += f", every {self.cadence}" if self.cadence else ""
        lines += [f"    {parameter!r} {(parameter.description or '')[:_SHOWN]}" for parameter in self.parameters]
        return "\n".join(lines)


def status_of(answer: Any) -> tuple[int | None, str]:
    """
    Return the HAPI status code and message of a decoded answer.

    Parameters
    ----------
    answer : object
        Any decoded JSON.

    Returns
    -------
    code : int or None
        `None` where there is none; codes that come as text are read.
    message : str
        The server's words.
    """
    status = answer.get("status") if isinstance(answer, Mapping) else None
    if not isinstance(status, Mapping):
        return None, ""
    try:
        code = int(status.get("code", ""))
    except (TypeError, ValueError):
        return None, str(status.get("message", ""))
    return code, str(status.get("message", ""))


def _text(value: Any) -> str | None:
    return str(value) if value else None


def _is_named(member: Any) -> bool:
    return isinstance(member, dict) and bool(member.get("name"))


def _tidied(member: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a member of ``parameters`` without spaces around its keys: an example of the specification has them."""
    return {**{key.strip(): value for key, value in member.items()}, **member} if " " in "".join(member) else member


def _resolved(value: Any, definitions: Mapping[str, Any]) -> Any:
    """Replace ``{"$ref": "#/definitions/name"}`` by what it names; the specification forbids references that nest."""
    if isinstance(value, dict):
        name = str(value.get("$ref", "")).removeprefix("#/definitions/")
        if name in definitions:
            return definitions[name]
        return {key: _resolved(member, definitions) for key, member in value.items()}
    if isinstance(value, list) and definitions:
        return [_resolved(member, definitions) for member in value]
    return value
