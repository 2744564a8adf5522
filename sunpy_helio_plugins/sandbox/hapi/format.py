"""The responses of the sandbox's HAPI servers: status, info, and records as CSV, binary or JSON."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from sunpy_helio_plugins.sandbox.hapi.model import Dataset, Parameter, Server
from sunpy_helio_plugins.sandbox.hapi.protocol import MESSAGES, DataRequest

__all__ = ["CONTENT_TYPES", "data", "dumps", "entry", "info", "status"]

CONTENT_TYPES = {"csv": "text/csv", "binary": "application/octet-stream", "json": "application/json"}


def dumps(document: Any) -> str:
    """Return JSON text as written by servers: UTF-8, without blanks; NaN, which JSON does not have, as null."""
    return json.dumps(document, ensure_ascii=False, separators=(",", ":"))


def status(server: Server, code: int, detail: str = "") -> dict[str, Any]:
    """Return the two members with which every response begins."""
    message = MESSAGES[code][1] + (f": {detail}" if detail else "")
    return {"HAPI": server.version, "status": {"code": code, "message": message}}


def info(
    server: Server, dataset: Dataset, parameters: tuple[Parameter, ...], chosen: str | None, code: int = 1200
) -> dict[str, Any]:
    """Return the info object of a dataset; without ``chosen`` it has no member ``format``."""
    answer = status(server, code)
    if chosen is not None:
        answer["format"] = chosen
    answer["parameters"] = [parameter.info() for parameter in parameters]
    answer["startDate"], answer["stopDate"] = dataset.start, dataset.stop
    return {**answer, **dataset.extra}


def entry(server: Server, dataset: Dataset, *, is_deep: bool) -> dict[str, Any]:
    """Return the entry of a dataset in the catalogue; with ``depth=all``, its info object without the first members."""
    members: dict[str, Any] = {"id": dataset.id, "title": dataset.title}
    if is_deep:
        described = info(server, dataset, dataset.parameters, None)
        members["info"] = {name: value for name, value in described.items() if name not in ("HAPI", "status")}
    return members


def data(server: Server, request: DataRequest) -> tuple[int, bytes]:
    """Return the HAPI status code (1201 if the range has no records) and the body for a data request."""
    times = request.dataset.times(request.start, request.stop)
    if not len(times):
        return 1201, _empty(server, request)
    columns = [parameter.column(times) for parameter in request.parameters]
    if request.format == "json":
        return 1200, _json(server, request, columns)
    records = _csv(request.parameters, columns) if request.format == "csv" else _binary(request.parameters, columns)
    return 1200, (_header(server, request, 1200) if request.header else b"") + records


def _empty(server: Server, request: DataRequest) -> bytes:
    """Return the body for a range without records: only the header, if requested."""
    if request.format == "json":
        return dumps({**info(server, request.dataset, request.parameters, "json", 1201), "data": []}).encode()
    return _header(server, request, 1201) if request.header else b""


def _header(server: Server, request: DataRequest, code: int) -> bytes:
    if server.label_header:
        names = ",".join(parameter.name for parameter in request.parameters)
        labels = ",".join(parameter.extra["label"][0] for parameter in request.parameters)
        return f"#{names}\n{labels}\n".encode()
    header = info(server, request.dataset, request.parameters, request.format, code)
    return f"#{dumps(header)}\n".encode()


def _json(server: Server, request: DataRequest, columns: list[np.ndarray]) -> bytes:
    answer = info(server, request.dataset, request.parameters, "json")
    # A parameter of size [1] is written as a scalar, as in the guide of ESA's server.
    lists = [_plain(column.reshape(len(column)) if column.shape[1:] == (1,) else column) for column in columns]
    answer["data"] = [list(record) for record in zip(*lists, strict=True)]
    if not server.data_last and "contactID" in answer:
        answer["contactID"] = answer.pop("contactID")
    return dumps(answer).encode()


def _plain(column: np.ndarray) -> list[Any]:
    if column.dtype.kind == "f":
        objects = column.astype(object)
        objects[np.isnan(column)] = None
        return objects.tolist()
    return column.tolist()


def _csv(parameters: tuple[Parameter, ...], columns: list[np.ndarray]) -> bytes:
    fields: list[list[str]] = []
    for parameter, column in zip(parameters, columns, strict=True):
        flat = column.reshape(len(column), -1)
        fields.extend([_text(parameter, value) for value in flat[:, index].tolist()] for index in range(flat.shape[1]))
    return "".join(",".join(record) + "\n" for record in zip(*fields, strict=True)).encode()


def _text(parameter: Parameter, value: Any) -> str:
    if parameter.type == "double":
        if value != value:
            return "NaN"
        # The fill value is written as in the info, everything else with the digits of the parameter.
        filled = parameter.fill is not None and value == float(parameter.fill)
        return parameter.fill or "" if filled else f"{value:.{max(1, parameter.decimals)}f}"
    text = str(value)
    if parameter.type == "string" and any(mark in text for mark in ',"\n'):
        return '"' + text.replace('"', '""') + '"'
    return text


def _binary(parameters: tuple[Parameter, ...], columns: list[np.ndarray]) -> bytes:
    kinds = [(parameter.name, _kind(parameter), parameter.size) for parameter in parameters]
    records = np.zeros(len(columns[0]), dtype=kinds)
    for parameter, column in zip(parameters, columns, strict=True):
        text = column.dtype.kind == "U"
        records[parameter.name] = np.char.encode(column, "utf-8") if text else column
    return records.tobytes()


def _kind(parameter: Parameter) -> str:
    return {"double": "<f8", "integer": "<i4"}.get(parameter.type, f"S{parameter.length}")
