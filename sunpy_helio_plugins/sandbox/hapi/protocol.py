"""The requests that the HAPI specification allows, and the errors of the sandbox's servers for all others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from sunpy_helio_plugins.sandbox.hapi.model import Dataset, Parameter, Server, milliseconds

__all__ = ["MESSAGES", "DataRequest", "RefusalError", "check_data", "check_info", "check_names", "check_references"]

MESSAGES = {
    1200: (200, "OK"),
    1201: (200, "OK - no data for time range"),
    1400: (400, "Bad request - user input error"),
    1401: (400, "Bad request - unknown API parameter name"),
    1402: (400, "Bad request - syntax error in start time"),
    1403: (400, "Bad request - syntax error in stop time"),
    1404: (400, "Bad request - start equal to or after stop"),
    1405: (400, "Bad request - time outside valid range"),
    1406: (404, "Bad request - unknown dataset id"),
    1407: (404, "Bad request - unknown dataset parameter"),
    1408: (400, "Bad request - too much time or data requested"),
    1409: (400, "Bad request - unsupported output format"),
    1410: (400, "Bad request - unsupported include value"),
    1411: (400, "Bad request - out-of-order or duplicate parameters"),
    1412: (400, "Bad request - unsupported resolve_references value"),
    1413: (400, "Bad request - unsupported depth value"),
}
"""HAPI status code to HTTP status and message: specification 3.3, section 4.2."""

_OLD_NAMES = {"dataset": "id", "start": "time.min", "stop": "time.max"}


class RefusalError(Exception):
    """A request that the specification forbids: its HAPI status code and a description of the error."""

    def __init__(self, code: int, detail: str = "") -> None:
        super().__init__(code, detail)
        self.code = code
        self.detail = detail


@dataclass(frozen=True)
class DataRequest:
    """A request for data that a server accepts: times in milliseconds since `EPOCH`."""

    dataset: Dataset
    parameters: tuple[Parameter, ...]
    start: int
    stop: int
    format: str
    header: bool


def check_names(server: Server, query: Mapping[str, str], known: tuple[str, ...]) -> dict[str, str]:
    """Return the query with the names of HAPI 3; refuse names that are not known with 1401."""
    allowed = {_OLD_NAMES[name]: name for name in known if name in _OLD_NAMES}
    allowed |= {name: name for name in known if not (server.old_names_only and name in _OLD_NAMES)}
    for name in query:
        if name not in allowed:
            raise RefusalError(1401, f"{name}; known here: {', '.join(sorted(allowed))}")
    return {allowed[name]: value for name, value in query.items()}


def check_references(asked: Mapping[str, str]) -> None:
    """Refuse a value of ``resolve_references`` with 1412."""
    if asked.get("resolve_references", "true") not in ("true", "false"):
        raise RefusalError(1412, asked["resolve_references"])


def check_info(server: Server, query: Mapping[str, str]) -> tuple[Dataset, tuple[Parameter, ...]]:
    """Return the dataset and the parameters of an info request; refuse it with 1400, 1401, 1406, 1407, 1411 or 1412."""
    known = ("dataset", "parameters") if server.old_names_only else ("dataset", "parameters", "resolve_references")
    asked = check_names(server, query, known)
    check_references(asked)
    dataset = _dataset(server, asked)
    return dataset, _parameters(server, dataset, asked.get("parameters"))


def check_data(server: Server, query: Mapping[str, str]) -> DataRequest:
    """Return a parsed data request; refuse it with any of `MESSAGES` from 1400 on."""
    asked = check_names(server, query, ("dataset", "parameters", "start", "stop", "format", "include"))
    dataset = _dataset(server, asked)
    parameters = _parameters(server, dataset, asked.get("parameters"))
    start, stop = _range(server, dataset, asked)
    elements = dataset.count(start, stop) * sum(_width(parameter) for parameter in parameters)
    if elements > server.max_elements:
        raise RefusalError(1408, f"the limit is {server.max_elements} data elements")
    return DataRequest(dataset, parameters, start, stop, _format(server, asked), _include(asked))


def _dataset(server: Server, asked: Mapping[str, str]) -> Dataset:
    if "dataset" not in asked:
        raise RefusalError(1400, f"missing parameter {'id' if server.old_names_only else 'dataset'}")
    for dataset in server.datasets:
        if dataset.id == asked["dataset"]:
            return dataset
    raise RefusalError(1406, asked["dataset"])


def _parameters(server: Server, dataset: Dataset, asked: str | None) -> tuple[Parameter, ...]:
    """Return the parameters in the dataset's order, always starting with the time."""
    if not asked:
        return dataset.parameters
    order = [parameter.name for parameter in dataset.parameters]
    names = asked.split(",")
    for name in names:
        if name not in order:
            raise RefusalError(1407, name)
    places = [order.index(name) for name in names]
    if server.strict_order and places != sorted(set(places)):
        raise RefusalError(1411, f"the order is {','.join(order)}")
    return tuple(parameter for index, parameter in enumerate(dataset.parameters) if index == 0 or index in places)


def _range(server: Server, dataset: Dataset, asked: Mapping[str, str]) -> tuple[int, int]:
    start, stop = _instant(asked, "start", 1402), _instant(asked, "stop", 1403)
    if start >= stop:
        raise RefusalError(1404)
    first, last = milliseconds(dataset.start), milliseconds(dataset.stop)
    outside = start < first or stop > last if server.strict_range else stop <= first or start >= last
    if outside:
        raise RefusalError(1405, f"the dataset spans {dataset.start} to {dataset.stop}")
    return start, stop


def _instant(asked: Mapping[str, str], name: str, code: int) -> int:
    if name not in asked:
        raise RefusalError(1400, f"missing parameter {name}")
    try:
        return milliseconds(asked[name])
    except ValueError:
        raise RefusalError(code, asked[name]) from None


def _format(server: Server, asked: Mapping[str, str]) -> str:
    chosen = asked.get("format", "csv")
    if chosen not in server.formats:
        raise RefusalError(1409, f"{chosen}; this server has {', '.join(server.formats)}")
    return chosen


def _include(asked: Mapping[str, str]) -> bool:
    if asked.get("include", "header") != "header":
        raise RefusalError(1410, asked["include"])
    return "include" in asked


def _width(parameter: Parameter) -> int:
    width = 1
    for length in parameter.size:
        width *= length
    return width
