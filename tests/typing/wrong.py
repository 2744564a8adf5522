"""Mistakes that type checkers have to find: each line ends with the error of mypy."""

from __future__ import annotations

from sunpy_helio_plugins import cdf, series
from sunpy_helio_plugins.errors import Problem, ServiceError

cdf.read()  # type: ignore[call-arg]
cdf.read("a.cdf", column=["b"])  # type: ignore[call-arg]
cdf.read("a.cdf", salvage="yes")  # type: ignore[arg-type]
series.align(every="1 min", method=3)  # type: ignore[arg-type]
Problem("text", kind=3)  # type: ignore[arg-type]
ServiceError("HER")  # type: ignore[call-arg]
