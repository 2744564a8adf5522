"""
Ignore or raise warnings within a block, in the current thread only.

`warnings.catch_warnings` replaces the filters of the complete process until its block ends: in a worker thread it hides
the warnings of other threads, and restores filters that the user has changed meanwhile.
"""

from __future__ import annotations

import contextlib
import re
import threading
import warnings
from collections.abc import Iterator
from typing import Any, cast

import erfa
from astropy.units import UnitsWarning

__all__ = ["far_years", "has_name", "ignored", "raised"]


class _HereOnly:
    """A pattern for the text of a warning that only matches in the thread that created it."""

    def __init__(self, pattern: str) -> None:
        self._pattern = re.compile(pattern, re.IGNORECASE)
        self._thread = threading.get_ident()

    def match(self, text: str) -> bool:
        """Return whether a warning was issued by the same thread and its text begins with the pattern."""
        return threading.get_ident() == self._thread and self._pattern.match(text) is not None


@contextlib.contextmanager
def _filtered(action: str, category: type[Warning], pattern: str) -> Iterator[None]:
    entry: Any = (action, _HereOnly(pattern), category, None, 0)
    filters = cast("list[Any]", warnings.filters)
    filters.insert(0, entry)
    _forget_shown()
    try:
        yield
    finally:
        # Another thread may have entered or left a block of `catch_warnings`, which replaces the list.
        for held in (filters, cast("list[Any]", warnings.filters)):
            with contextlib.suppress(ValueError):
                held.remove(entry)
        _forget_shown()


def _forget_shown() -> None:
    """Make Python apply the filters again to warnings that were already shown."""
    getattr(warnings, "_filters_mutated", getattr(warnings, "_filters_mutated_lock_held", lambda: None))()


def ignored(category: type[Warning], pattern: str = "") -> contextlib.AbstractContextManager[None]:
    """Ignore warnings of a category whose text begins with a pattern."""
    return _filtered("ignore", category, pattern)


def raised(category: type[Warning]) -> contextlib.AbstractContextManager[None]:
    """Raise warnings of a category as errors."""
    return _filtered("error", category, "")


def far_years() -> contextlib.AbstractContextManager[None]:
    """Ignore warnings about years whose leap seconds are not yet announced: a reader of the data cannot change them."""
    return _filtered("ignore", erfa.ErfaWarning, ".*dubious year")


def has_name(unit: Any, form: str | None = None) -> bool:
    """Return whether a format of astropy has a name for a unit that is not deprecated."""
    try:
        with raised(UnitsWarning):
            unit.to_string(form) if form else unit.to_string()
    except (ValueError, UnitsWarning):
        return False
    return True
