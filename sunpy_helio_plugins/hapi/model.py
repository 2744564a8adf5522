"""The info object of a dataset: parameters, units, fills and bins."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from math import prod
from typing import Any

import numpy as np

from sunpy_helio_plugins.arguments import MAPPING, TEXT, one_of, shown, taking
from sunpy_helio_plugins.errors import FileError
from sunpy_helio_plugins.hapi.query import PARAMETERS
from sunpy_helio_plugins.hapi.status import OK, status_of
from sunpy_helio_plugins.quantities.spans import seconds

__all__ = ["NUMBERS", "Info", "Parameter"]

NUMBERS = ("double", "integer", "long")
"""Types of numbers. ``long`` is from a later version of HAPI; its binary layout is not defined yet."""

_LAYOUTS = {"double": "<f8", "integer": "<i4"}

_TEXTS = ("string", "isotime")

_SPELLINGS = {"int": "integer", "float": "double"}
"""Alternative names of types, which examples in the specification use."""

_LARGEST = 10_000_000
"""The largest accepted number of values of one parameter in one record."""


@dataclass(frozen=True)
class Parameter:
    """
    One parameter of a dataset, as described by the server.

    Parameters
    ----------
    raw : mapping
        The member of ``parameters``, unchanged.

    Attributes
    ----------
    raw : mapping
        The member of ``parameters``, unchanged.

    Examples
    --------
    >>> from sunpy_helio_plugins import hapi
    >>> magnitude = hapi.info("cdaweb", "AC_H0_MFI").parameters[1]
    >>> magnitude.name, magnitude.description
    ('Magnitude', 'B-field magnitude')
    """

    raw: Mapping[str, Any]

    @cached_property
    def name(self) -> str:
        """The name as the server spells it; a list with one name, as sent by CDAWeb's prototypes, is accepted."""
        return str(_alone(self.raw["name"]))

    @cached_property
    def type(self) -> str:
        """``double``, ``integer``, ``string`` or ``isotime``; empty if the server does not give a type."""
        said = str(self.raw.get("type") or "").lower()
        return _SPELLINGS.get(said, said)

    @property
    def is_text(self) -> bool:
        """Whether the values are strings or times."""
        return self.type in _TEXTS

    @cached_property
    def size(self) -> tuple[int, ...]:
        """The shape of one value as declared by the server; empty for a scalar."""
        size = self.raw.get("size")
        try:
            given = size if isinstance(size, list) else [size] if size else []
            lengths = tuple(int(length) for length in given)
        except (TypeError, ValueError):
            raise FileError(f"The size {size!r} of the parameter {self.name!r} is not a list of integers.") from None
        if any(length < 1 for length in lengths) or prod(lengths) > _LARGEST:
            raise FileError(f"The size {size!r} of the parameter {self.name!r} is not positive, or exceeds the limit.")
        return lengths

    @property
    def shape(self) -> tuple[int, ...]:
        """The shape of one value in a table; a size of [1] (legal, discouraged, and used by ESA) is a scalar."""
        return () if self.size == (1,) else self.size

    @cached_property
    def width(self) -> int:
        """The number of values in one record, which is the number of the parameter's fields in CSV."""
        return prod(self.size)

    @property
    def length(self) -> int | None:
        """The number of bytes of one string in binary records; `None` if the server does not give it."""
        length = self.raw.get("length")
        try:
            return int(length) if length is not None and 0 < int(length) <= _LARGEST else None
        except (TypeError, ValueError):
            return None

    @property
    def units(self) -> str | list[str | None] | None:
        """The text of the unit; a list if the elements have different units; `None` if there is none."""
        given = self.raw.get("units")
        spread = _spread(given, self.size)
        units = flat(given) if spread is None and isinstance(given, list) else spread or [given]
        # A reference that cannot be resolved is not a unit.
        texts = [None if unit is None or isinstance(unit, dict) else str(unit) for unit in units]
        distinct = list(dict.fromkeys(texts))
        return distinct[0] if len(distinct) == 1 else texts or None

    @property
    def labels(self) -> list[str] | None:
        """One label for each element; `None` if the server does not give one for each."""
        labels = flat(self.raw.get("label"))
        return [str(label) for label in labels] if isinstance(labels, list) and len(labels) == self.width else None

    @property
    def title(self) -> str:
        """The name of the parameter in a plot: its label if there is only one, else its name."""
        label = flat(self.raw.get("label"))
        one = label[0] if isinstance(label, list) and len(label) == 1 else label
        return one if isinstance(one, str) and one else self.name

    @property
    def components(self) -> list[str]:
        """The names of the elements: the labels if they are unique, else ``vectorComponents``, else numbers."""
        labels = self.labels
        if labels is not None and len(set(labels)) == len(labels):
            return labels
        vector = self.vector_components
        if vector is not None and len(set(vector)) == self.width:
            return vector
        numbers = [""] if not self.shape else [str(i) for i in range(self.shape[0])]
        for length in self.shape[1:]:
            numbers = [f"{before}_{i}" for before in numbers for i in range(length)]
        return numbers

    @property
    def vector_components(self) -> list[str] | None:
        """``vectorComponents``; x, y, z (the default in HAPI) for a size of 3 with a coordinate system; else `None`."""
        given = self.raw.get("vectorComponents")
        if isinstance(given, str):
            return [given]
        if isinstance(given, list) and given:
            return [str(one) for one in given]
        return ["x", "y", "z"] if self.coordinate_system and self.size == (3,) else None

    @property
    def coordinate_system(self) -> str | None:
        """``coordinateSystemName``; `None` if the server does not give it."""
        name = self.raw.get("coordinateSystemName")
        return str(name) if name else None

    @property
    def bins(self) -> list[Mapping[str, Any]]:
        """One description for each dimension with bins, in order; empty without bins."""
        bins = self.raw.get("bins")
        bins = [bins] if isinstance(bins, dict) else bins
        return [one for one in bins if isinstance(one, dict)] if isinstance(bins, list) else []

    @property
    def references(self) -> set[str]:
        """The names of the parameters that contain time-varying bins of this one."""
        named = (one.get(key) for one in self.bins for key in ("centers", "ranges"))
        return {name for name in named if isinstance(name, str)}

    @property
    def fill(self) -> str | float | None:
        """The fill value: text according to the specification; some servers send a number, or one for each element."""
        fill = _alone(self.raw.get("fill"))
        return fill if _is_fill(fill) else None

    @property
    def fills(self) -> list[str | float | None] | None:
        """The fill value of each element in the order of a record; `None` if all elements have the same one."""
        given = self.raw.get("fill")
        if not isinstance(given, list) or not isinstance(_alone(given), list):
            return None
        spread = _spread(given, self.size)
        return None if spread is None else [one if _is_fill(one) else None for one in spread]

    @property
    def may_be_missing(self) -> bool:
        """Whether values can be missing: always true for numbers, since fields in CSV and JSON can be empty."""
        return not self.is_text or self.fill is not None or self.fills is not None

    @property
    def link(self) -> dict[str, str] | None:
        """``mediaType``, ``scheme`` and ``base`` of URIs as far as ``stringType`` has them; `None` for other values."""
        said = self.raw.get("stringType")
        if said != "uri" and not isinstance(said, Mapping):
            return None
        # The test server of HAPI 3.2 has the members beside {"type": "uri"}.
        inside = said.get("uri", said) if isinstance(said, Mapping) else None
        members = inside if isinstance(inside, Mapping) else {}
        return {key: str(members[key]) for key in ("mediaType", "scheme", "base") if members.get(key)}

    @property
    def description(self) -> str | None:
        """The description of the parameter; `None` if the server does not give it."""
        description = self.raw.get("description")
        return str(description) if description else None

    def dtype(self) -> str:
        """
        Return the numpy type of one value in binary records (little-endian, not aligned; strings padded with nulls).

        Returns
        -------
        str
            The type, such as ``"<f8"`` or ``"S24"``.

        Raises
        ------
        FileError
            If the type is unknown, or the length of a string is not given.
        """
        if self.type in _LAYOUTS:
            return _LAYOUTS[self.type]
        if self.is_text and self.length:
            return f"S{self.length}"
        what = "an unknown length" if self.is_text else f"the type {self.type or '(none)'!r}"
        raise FileError(f"The parameter {self.name!r} has {what}: its binary records cannot be read.")

    def __repr__(self) -> str:
        shape = f"[{', '.join(map(str, self.size))}]" if self.shape else ""
        unit = self.units
        unit_text = f" ({', '.join(map(str, unit)) if isinstance(unit, list) else unit})" if unit else ""
        return f"<{self.name}: {self.type or 'unknown'}{shape}{unit_text}>"


def _is_fill(value: Any) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def flat(value: Any) -> Any:
    """Flatten nested lists, last index fastest; return anything else unchanged."""
    if not isinstance(value, list):
        return value
    return [leaf for part in value for leaf in (flat(part) if isinstance(part, list) else [part])]


def _alone(value: Any) -> Any:
    """Return the value that all elements of a nested list share; return anything else unchanged."""
    leaves = flat(value) if isinstance(value, list) else []
    return leaves[0] if leaves and all(leaf == leaves[0] for leaf in leaves) else value


def _spread(value: Any, shape: tuple[int, ...]) -> list[Any] | None:
    """Return one value for each element, repeating single values; `None` if the shape does not fit."""
    width = prod(shape)
    if not isinstance(value, list):
        return [value] * width
    if len(value) == 1:
        return _spread(value[0], shape)
    if shape and len(value) == shape[0]:
        parts = [_spread(part, shape[1:]) for part in value]
        return None if None in parts else [leaf for part in parts for leaf in part or ()]
    leaves = flat(value)
    return leaves if len(leaves) == width else None


_MOST_FIELDS = 20_000_000

_SHOWN = 60

_LARGEST_COORDINATE = 1e30
"""The largest accepted coordinate of a location in any unit."""

_GEODETIC = {"vectorComponents": ["longitude", "latitude", "altitude"], "units": ["deg", "deg", "m"]}
"""The description of ``geoLocation``."""

_CREDITS = ("datasetCitation", "citation", "doi", "resourceURL", "resourceID", "licenseURL", "provenance", "contact")
"""Members of a description that say how to cite a dataset; ``citation`` is ``datasetCitation`` before HAPI 3.3."""


@dataclass(frozen=True)
class Info:
    """
    The description of a dataset: the ``info`` response of a server, or the header of a file of records.

    Parameters
    ----------
    raw : mapping
        The decoded JSON object, with references resolved.

    Attributes
    ----------
    raw : mapping
        The decoded JSON object, with references resolved.

    Examples
    --------
    >>> from sunpy_helio_plugins import hapi
    >>> described = hapi.info("cdaweb", "AC_H0_MFI")
    >>> [parameter.name for parameter in described.parameters]
    ['Time', 'Magnitude', 'BGSEc', 'SC_pos_GSE']
    """

    raw: Mapping[str, Any]

    def __post_init__(self) -> None:
        MAPPING.check("Info", "raw", self.raw)

    @classmethod
    def from_json(cls, answer: Any) -> Info:
        """
        Parse a decoded ``info`` response or header.

        Parameters
        ----------
        answer : dict
            The decoded JSON; its ``data`` is not used.

        Returns
        -------
        Info
            The description.

        Raises
        ------
        FileError
            If ``answer`` does not contain a list of named parameters, or describes records that are too large.
        """
        parameters = answer.get("parameters") if isinstance(answer, dict) else None
        if not isinstance(parameters, list) or not parameters or not all(_is_named(member) for member in parameters):
            raise FileError(
                f"This is not a HAPI header: it does not contain a list of named parameters, but is {shown(answer)}."
            )
        definitions = answer.get("definitions")
        kept = {key: value for key, value in answer.items() if key not in ("data", "definitions")}
        kept["parameters"] = [_tidied(member) for member in parameters]
        info = cls(_resolved(kept, definitions if isinstance(definitions, dict) else {}))
        if sum(parameter.width for parameter in info.parameters) > _MOST_FIELDS:
            raise FileError(f"The records of this HAPI header exceed the limit of {_MOST_FIELDS} values.")
        return info

    @cached_property
    def parameters(self) -> tuple[Parameter, ...]:
        """The parameters; the first one is the primary time."""
        first, *rest = self.raw["parameters"]
        # The first parameter is the time by definition; some servers omit its type or spell it differently.
        first = first if Parameter(first).is_text else {**first, "type": "isotime"}
        return tuple(map(Parameter, (first, *rest)))

    @property
    def time(self) -> Parameter:
        """The primary time, which can have any name."""
        return self.parameters[0]

    @property
    def code(self) -> int | None:
        """The HAPI status code; `None` if it is not given."""
        return status_of(self.raw)[0]

    @property
    def format(self) -> str | None:
        """The format of the records: csv, binary or json; `None` if it is not given."""
        chosen = self.raw.get("format")
        return str(chosen).lower() if chosen else None

    @property
    def version(self) -> str:
        """The version of HAPI; empty if the server does not give it."""
        return str(self.raw.get("HAPI") or "")

    @property
    def units_schema(self) -> str | None:
        """The convention of the units: udunits2, astropy3, cdf-cluster or vounits1.1; `None` if it is not given."""
        schema = self.raw.get("unitsSchema")
        return str(schema) if schema else None

    @property
    def time_stamp_location(self) -> str:
        """The location of a record's time in its interval: begin, center (the default), end or other."""
        return str(self.raw.get("timeStampLocation") or "center").lower()

    @property
    def start(self) -> str | None:
        """The start of the dataset as the server spells it; `None` if it is not given."""
        return _text(self.raw.get("startDate"))

    @property
    def stop(self) -> str | None:
        """The end of the dataset as the server spells it; a year in the far future if the dataset is growing."""
        return _text(self.raw.get("stopDate"))

    @property
    def cadence(self) -> str:
        """The nominal interval between records as an ISO 8601 duration; empty if the server does not give it."""
        return str(self.raw.get("cadence") or "")

    @property
    def longest_request(self) -> float | None:
        """The longest range of one request in seconds, according to the server; `None` if it does not give one."""
        limits = self.raw.get("x_requestLimits")  # of server-java
        said = (self.raw.get("maxRequestDuration"), limits.get("duration") if isinstance(limits, Mapping) else None)
        return min((length for one in said if (length := seconds(one))), default=None)

    @property
    def sample(self) -> tuple[str, str] | None:
        """Start and stop of a sample with data, as the server spells them; `None` if it does not give both."""
        start, stop = _text(self.raw.get("sampleStartDate")), _text(self.raw.get("sampleStopDate"))
        return None if start is None or stop is None else (start, stop)

    @property
    def credits(self) -> dict[str, Any]:
        """The members that say how to cite the dataset and whom to ask, by their names in HAPI."""
        return {name: self.raw[name] for name in _CREDITS if self.raw.get(name)}

    @property
    def description(self) -> str:
        """The description of the dataset; empty if the server does not give it."""
        return str(self.raw.get("description") or "")

    @property
    def location(self) -> tuple[tuple[float, ...], Parameter] | None:
        """The fixed location of the measurements, as numbers and their description; `None` if it is not given."""
        given, geodetic = self.raw.get("location"), self.raw.get("geoLocation")
        if isinstance(geodetic, list):
            given = {key: said[: len(geodetic)] for key, said in _GEODETIC.items()}
            given |= {"point": geodetic, "coordinateSystemName": "WGS84"}
        if not isinstance(given, Mapping) or given.get("point") is None:
            return None
        point = given["point"] if isinstance(given["point"], list) else [given["point"]]
        if not all(isinstance(one, int | float) and abs(one) < _LARGEST_COORDINATE for one in point):
            raise FileError(f"The location {shown(point)} of this HAPI header is not a list of numbers.")
        return tuple(map(float, point)), Parameter({"name": "location", "size": [len(point)], **given})

    @property
    def location_parameters(self) -> list[list[str]]:
        """The names of the parameters that contain the location, for each coordinate system; empty without any."""
        given = self.raw.get("location")
        groups = given.get("parameters") if isinstance(given, Mapping) else None
        return [list(map(str, flat(one) if isinstance(one, list) else [one])) for one in groups or ()]

    @property
    def instrument(self) -> str | None:
        """The instrument; `None` if not given. HAPI does not define it, but some servers add ``x_instrument``."""
        said = self.raw.get("x_instrument") or self.raw.get("instrument")
        return said if isinstance(said, str) else None

    @property
    def origin(self) -> dict[str, str]:
        """``server`` and ``dataset`` as set by `with_origin`, since headers of HAPI do not contain them; else empty."""
        said = self.raw.get("x_origin")
        return {str(key): str(value) for key, value in said.items()} if isinstance(said, Mapping) else {}

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all parameters; the first one is the primary time."""
        return tuple(parameter.name for parameter in self.parameters)

    @property
    def complete_until(self) -> str | None:
        """The time until which the records of a file can be complete, as set by `with_origin`; else `None`."""
        return _text(self.raw.get("x_complete_until"))

    @taking("Info.with_origin", server=TEXT, dataset=TEXT)
    def with_origin(self, server: str, dataset: str, complete_until: str = "") -> Info:
        """
        Return the description with the names of its server and dataset, which headers of HAPI do not contain.

        Parameters
        ----------
        server : str
            The name of the server.
        dataset : str
            The id of the dataset.
        complete_until : str, optional
            The time of the request: later records may be missing.

        Returns
        -------
        Info
            The same description with the additional members ``x_origin`` and, if given, ``x_complete_until``.
        """
        until = {"x_complete_until": complete_until} if complete_until else {}
        return Info({**self.raw, "x_origin": {"server": server, "dataset": dataset}, **until})

    @taking("Info.subset", names=PARAMETERS)
    def subset(self, names: Iterable[str] | str) -> Info:
        """
        Return the description of some of the parameters, in the order of the server.

        The primary time is always included, and so are parameters that contain time-varying bins of the given ones.

        Parameters
        ----------
        names : iterable of str or str
            Names of parameters, which may be separated by commas; if empty, all are included.

        Returns
        -------
        Info
            The description of these parameters.
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
        Return the layout of one binary record.

        Returns
        -------
        numpy.dtype
            A structured type with the fields ``f0``, ``f1``, ..., since names of parameters need not be unique.

        Raises
        ------
        FileError
            If the layout of a parameter is not known.
        """
        fields = [(f"f{index}", one.dtype(), one.shape) for index, one in enumerate(self.parameters)]
        try:
            return np.dtype(fields)
        except ValueError as error:
            raise FileError(f"These binary records cannot be laid out: {error}.") from None

    @taking("Info.header", chosen=one_of("csv", "binary", "json"))
    def header(self, chosen: str) -> bytes:
        """
        Return a header for a file of records that the server sent without one.

        Parameters
        ----------
        chosen : str
            The format of the records: ``"csv"``, ``"binary"`` or ``"json"``.

        Returns
        -------
        bytes
            One line that begins with ``#``.
        """
        document = {"HAPI": "3.0", "status": {"code": OK, "message": "OK"}, **self.raw, "format": chosen}
        return b"#" + json.dumps(document, ensure_ascii=False).encode() + b"\n"

    @taking("Info.with_format", chosen=one_of("csv", "binary", "json"))
    def with_format(self, chosen: str) -> Info:
        """
        Return the description with a format of the records, which only headers contain.

        Parameters
        ----------
        chosen : str
            The format of the records: ``"csv"``, ``"binary"`` or ``"json"``.

        Returns
        -------
        Info
            The same description if it contains the format already.
        """
        return self if self.raw.get("format") == chosen else Info({**self.raw, "format": chosen})

    def __repr__(self) -> str:
        lines = [self.description[:200] or "(no description)", f"{self.start or '?'} to {self.stop or '?'}"]
        lines[1] += f", every {self.cadence}" if self.cadence else ""
        lines += [f"    {parameter!r} {(parameter.description or '')[:_SHOWN]}" for parameter in self.parameters]
        return "\n".join(lines)


def _text(value: Any) -> str | None:
    return str(value) if value else None


def _is_named(member: Any) -> bool:
    return isinstance(member, dict) and bool(member.get("name"))


def _tidied(member: Mapping[str, Any]) -> Mapping[str, Any]:
    """Strip spaces around the keys of a member of ``parameters``; an example of the specification has them."""
    return {**{key.strip(): value for key, value in member.items()}, **member} if " " in "".join(member) else member


def _resolved(value: Any, definitions: Mapping[str, Any]) -> Any:
    """Replace ``{"$ref": "#/definitions/name"}`` by the definition; HAPI does not allow nested references."""
    if isinstance(value, dict):
        name = str(value.get("$ref", "")).removeprefix("#/definitions/")
        if name in definitions:
            return definitions[name]
        return {key: _resolved(member, definitions) for key, member in value.items()}
    if isinstance(value, list) and definitions:
        return [_resolved(member, definitions) for member in value]
    return value
