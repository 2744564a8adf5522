"""
Together: one figure and one question for several archives.

`stack` plots series of any archive in panels on one time axis, with events, intervals and pictures; `closeup` plots
pictures before, at and after an event with its outline. `context` returns the searches that lead from an event, an
image or a time to the archives, `arrival` and `departure` the times between the Sun and the Earth. `intervals` reads
the starts and ends in any table, `search_times` searches at them, and `superpose` averages a series around them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from sunpy_helio_plugins import lazy

if TYPE_CHECKING:
    from sunpy_helio_plugins.together.ballistics import arrival, departure
    from sunpy_helio_plugins.together.cutouts import closeup
    from sunpy_helio_plugins.together.figure import stack
    from sunpy_helio_plugins.together.searches import Context, context
    from sunpy_helio_plugins.together.spans import intervals, search_times
    from sunpy_helio_plugins.together.superposition import superpose

__all__ = ["Context", "arrival", "closeup", "context", "departure", "intervals", "search_times", "stack", "superpose"]

__getattr__ = lazy.attach(
    __name__,
    {
        "sunpy_helio_plugins.together.ballistics": ("arrival", "departure"),
        "sunpy_helio_plugins.together.cutouts": ("closeup",),
        "sunpy_helio_plugins.together.searches": ("Context", "context"),
        "sunpy_helio_plugins.together.spans": ("intervals", "search_times"),
        "sunpy_helio_plugins.together.superposition": ("superpose",),
        "sunpy_helio_plugins.together.figure": ("stack",),
    },
    first=("sunpy.net",),
)

__dir__ = lazy.listing(__all__)
