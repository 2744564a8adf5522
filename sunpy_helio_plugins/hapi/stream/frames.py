"""Records of servers and files as frames of dask, which are requested or read when they are computed."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import pandas as pd

from sunpy_helio_plugins.arguments import MAPPING, TEXT, optional, shown, taking
from sunpy_helio_plugins.cluster.tasks import Task
from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import MissingDependencyError, QueryError
from sunpy_helio_plugins.fido.partial import Partial, warn
from sunpy_helio_plugins.hapi.model import Info
from sunpy_helio_plugins.hapi.plan import DataRequest
from sunpy_helio_plugins.hapi.query import PARAMETERS
from sunpy_helio_plugins.hapi.records.file import TAIL, HAPIDocument
from sunpy_helio_plugins.hapi.records.load import Selection, gathered
from sunpy_helio_plugins.hapi.records.read import INFO, Source, common_info, parse_source, read, sources_of
from sunpy_helio_plugins.hapi.stream.chunks import is_of_files, requests_in_parts
from sunpy_helio_plugins.hapi.stream.parts import empty_table, in_nanoseconds
from sunpy_helio_plugins.quantities.spans import Moment, Span, moment
from sunpy_helio_plugins.series.export import to_pandas

if TYPE_CHECKING:
    import dask.dataframe as dd

__all__ = ["dask_frames", "to_dask"]

_SIZE = 1 << 24
"""Estimated bytes of the response for one partition."""


def dask_frames() -> Any:
    """Return ``dask.dataframe``, or raise an error if dask is not installed."""
    try:
        import dask.dataframe
    except ImportError:
        raise MissingDependencyError("Converting records to dask", "dask") from None
    return dask.dataframe


@taking(
    "hapi.to_dask", dataset=optional(TEXT), parameters=optional(PARAMETERS), format=optional(TEXT), info=optional(INFO),
    context=optional(MAPPING),
)  # fmt: skip
def to_dask(
    source: Any,
    dataset: str | None = None,
    start: Any = None,
    stop: Any = None,
    parameters: Sequence[str] | str | None = None,
    *,
    chunk: Any = None,
    format: str | None = None,  # noqa: A002 - HAPI's own word
    info: Mapping[str, Any] | Info | None = None,
    context: Mapping[str, str] | None = None,
) -> dd.DataFrame:
    """
    Return records as a frame of dask, whose partitions are requested or read when they are computed.

    Parameters
    ----------
    source : str, HAPITable, QueryResponseRow, UnifiedResponse, path, bytes or binary file, or list of these
        Short name or address of a server; or rows of a search, all of one dataset; or downloaded files, as in
        `sunpy_helio_plugins.hapi.read`.
    dataset, start, stop, parameters, chunk, format
        As of `sunpy_helio_plugins.hapi.load`, for a server. By default, a request covers about 16 MB of records, or a
        day if the server does not give the cadence.
    info, context
        As of `sunpy_helio_plugins.hapi.read`, for files.

    Returns
    -------
    dask.dataframe.DataFrame
        One partition for each request, with known divisions, or for each file. The partitions are those of
        `sunpy_helio_plugins.series.to_pandas`; their times have microseconds if the range, or one of the files, begins
        before 1678 or ends after 2261. They are requested with the current settings, whatever these are when they are
        computed, and on a cluster with at most ``conf.hapi.connections`` at a time. Each computation
        requests or reads the records again: write them with `sunpy_helio_plugins.hapi.to_parquet` to compute several
        results.

    Raises
    ------
    QueryError
        As of `sunpy_helio_plugins.hapi.load`.
    MissingDependencyError
        If dask is not installed.
    FileError
        If files have different parameters.

    Warns
    -----
    IncompleteAnswerWarning
        The range was limited to that of the dataset. A request that fails is an error when it is computed.

    Examples
    --------
    >>> from sunpy_helio_plugins import hapi
    >>> frame = hapi.to_dask("cdaweb", "AC_H0_MFI", "2026-01-10", "2026-01-12", "Magnitude")
    >>> print(frame["Magnitude"].max().compute())
    23.768
    """
    dd = dask_frames()
    selection = Selection(dataset, start, stop, parameters, chunk, format)
    if is_of_files(source, dataset):
        if any(one is not None for one in selection):
            raise QueryError(
                f"hapi.to_dask takes either files or a range of a dataset, not {shown(source)} and a range."
            )
        files = list(sources_of("hapi.to_dask", [source]))
        own, unit = _common(files, info)
        meta = _with_unit(to_pandas(empty_table(own, context or own.origin)), unit)
        return dd.from_map(_frame_of_file, files, info=info, context=context, unit=unit, meta=meta)
    if info is not None or context is not None:
        raise QueryError("hapi.to_dask takes info and context for files only; a server sends them itself.")
    found = requests_in_parts("hapi.to_dask", source, selection, _SIZE)
    warn(Partial(problems=found.problems + found.notes))
    first, unit = found.items[0], _unit_of_times(one.span for one in found.items)
    meta = to_pandas(empty_table(first.info, {"server": first.server.name, "dataset": first.dataset}))
    request = Task(_frame_of_request, max(1, int(conf.hapi.connections)))
    return dd.from_map(
        request, list(found.items), unit=unit, meta=_with_unit(meta, unit), divisions=_divisions(found.items)
    )


def _common(files: Sequence[Source], info: Mapping[str, Any] | Info | None) -> tuple[Info, str]:
    """Return the header of files, of which one is open at a time, and the unit of their times."""
    documents, ends = list[HAPIDocument](), list[Moment]()
    for one in files:
        documents.append(parse_source(one, info))
        ends += _ends(documents[-1])
        documents[-1].release()
    return common_info(documents), _unit_of_times(Span(one, one) for one in ends)


def _ends(document: HAPIDocument) -> list[Moment]:
    """Return the times of the first and the last record."""
    content, start, stamps = document.content, document.start, list[Any]()
    if document.format == "json":
        stamps = [record[0] for record in (document.data or ()) if record]
    elif document.format == "binary":
        size, length = document.info.record().itemsize, document.info.time.length or 0
        records = [content[start : start + size], content[max(start, len(content) - size) :]]
        stamps = [one[:length].rstrip(b"\0").decode("ascii", "replace") for one in records]
    else:
        lines = [
            *content[start : start + TAIL].splitlines()[:2],
            *content[max(start, len(content) - TAIL) :].splitlines(),
        ]
        stamps = [line.partition(b",")[0].strip(b'" ').decode("ascii", "replace") for line in lines]
    found = [moment(stamps[0]), *map(moment, stamps[1:2]), moment(stamps[-1])] if stamps else []
    return [one for one in found if one is not None]


def _frame_of_file(source: Source, info: Any, context: Any, unit: str) -> pd.DataFrame:
    return _with_unit(to_pandas(read(source, info=info, context=context)), unit)


def _frame_of_request(one: DataRequest, unit: str) -> pd.DataFrame:
    answer = gathered((one,))
    warn(answer)
    return _with_unit(to_pandas(answer.items[0]), unit)


def _unit_of_times(spans: Iterable[Span]) -> str:
    """Return the unit that can represent the times of all partitions: dask cannot join different ones."""
    return "ns" if all(map(in_nanoseconds, spans)) else "us"


def _with_unit(frame: pd.DataFrame, unit: str) -> pd.DataFrame:
    frame.index = frame.index.as_unit(unit)  # type: ignore[attr-defined]
    return frame


def _divisions(found: Sequence[DataRequest]) -> tuple[pd.Timestamp, ...] | None:
    """Return the borders of the ranges; `None` if they overlap, or if pandas cannot represent one of them."""
    if any(one.span.before > other.span.first for one, other in itertools.pairwise(found)):
        return None
    borders = [*(one.span.first for one in found), found[-1].span.before]
    try:
        return tuple(pd.Timestamp(border.text(9)) for border in borders)
    except ValueError:
        return None
