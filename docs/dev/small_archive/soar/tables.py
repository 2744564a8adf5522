"""Convert rows to a table."""

import numpy as np
from astropy import units as u

from sunpy_helio_plugins.fido.fields import common_columns
from sunpy_helio_plugins.fido.table import ArchiveTable
from sunpy_helio_plugins.quantities import times

from .query import ARCHIVE

__all__ = ["SOARTable", "from_answer"]


class SOARTable(ArchiveTable):
    """Files of SOAR, one in each row."""

    hide_keys = ["url"]
    size_column = "Size"


def from_answer(answer, client, base):
    """Return the table of an answer."""
    rows = answer.items
    start, end = (times.from_iso(np.array([row[f"{name}_time"] for row in rows], "S29")) for name in ("begin", "end"))
    instruments, products, files, items = (
        np.array([row[name] for row in rows], dtype=str)
        for name in ("instrument", "descriptor", "filename", "data_item_id")
    )
    columns = {
        **common_columns(start, end, instruments, ["Solar Orbiter"] * len(rows), ARCHIVE),
        "Product": products,
        "Size": np.array([row["filesize"] for row in rows], dtype=float) * u.byte,
        "File": files,
        "url": np.char.add(f"{base}/data?retrieval_type=PRODUCT&data_item_id=", items),
    }
    table = SOARTable(columns, client=client)
    table.problems = list(answer.problems)
    return table
