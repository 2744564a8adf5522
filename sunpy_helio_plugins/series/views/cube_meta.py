"""Metadata along the axes of cubes."""

from __future__ import annotations

from typing import Any

from ndcube.meta import NDMeta

__all__ = ["CubeMeta"]


class CubeMeta(NDMeta):
    """Metadata along the axes of a cube, which are sliced with it, and which can be pickled, unlike those of ndcube."""

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (dict(self), dict(self.key_comments), dict(self.axes), self.data_shape)
