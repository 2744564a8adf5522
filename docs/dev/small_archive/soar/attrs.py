"""Attrs of the archive."""

import re

from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.fido.attrs import ArchiveAttr

__all__ = ["Product"]


class Product(ArchiveAttr):
    """
    The product, by its descriptor.

    Parameters
    ----------
    *values : str
        Such as ``"mag-rtn-normal"``; several are alternatives.
    """

    query_field, parameter, column = "products", "descriptor", "Product"

    @classmethod
    def check(cls, value):
        """Return a descriptor in lower case."""
        text = super().check(value).lower()
        if not re.fullmatch(r"[a-z0-9-]+", text):
            raise QueryError(f"Product({value!r}): a descriptor consists of letters, digits and hyphens.")
        return text
