"""Send a query to the TAP service."""

from sunpy_helio_plugins.errors import AnswerError
from sunpy_helio_plugins.transport import metadata

from .query import ARCHIVE

__all__ = ["URL", "rows"]

URL = "https://soar.esac.esa.int/soar-sl-tap/tap"


def rows(query):
    """Return the rows of the answer, each a dict by the names of the columns."""
    conditions = [f"begin_time <= '{query.end[:-1]}'", f"end_time >= '{query.start[:-1]}'"]
    if query.products:
        names = ", ".join(f"'{one}'" for one in query.products)
        conditions.append(f"descriptor IN ({names})")
    adql = f"SELECT * FROM v_sc_data_item WHERE {' AND '.join(conditions)}"
    fields = {"REQUEST": "doQuery", "LANG": "ADQL", "FORMAT": "json", "QUERY": adql}
    answer = metadata.get(f"{URL}/sync", fields, archive=ARCHIVE)
    body = answer.json()
    try:
        names = [column["name"] for column in body["metadata"]]
        return [dict(zip(names, values, strict=True)) for values in body["data"]]
    except (KeyError, TypeError, ValueError) as error:
        raise AnswerError(ARCHIVE, answer.url, f"the answer is not a table ({error!r})", answer.status) from error
