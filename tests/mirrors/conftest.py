"""Plans of mirrors on the embedded archive."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parent))
from plans import QUERIES, THREE_DAYS


@pytest.fixture
def plan(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """Return a function that makes a plan of some queries, with keys for all of them; `None` omits one."""

    def make(*names: str, **keys: Any) -> dict[str, Any]:
        every = THREE_DAYS | keys
        chosen = {key: value for key, value in every.items() if value is not None}
        queries = {name: QUERIES[name] | chosen for name in names or QUERIES}
        return {"mirror": {"folder": str(tmp_path / "mirror")}, "queries": queries}

    return make
