"""Names of a module that are imported when they are first used, and the names that it lists (PEP 562)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from typing import Any

__all__ = ["attach", "listing"]


def attach(package: str, origins: Mapping[str, Sequence[str]], submodules: Sequence[str] = ()) -> Callable[[str], Any]:
    """Return ``__getattr__`` for a package; ``origins`` maps full names of modules to the names that they define."""
    home = {name: module for module, names in origins.items() for name in names}

    def __getattr__(name: str) -> Any:  # noqa: N807
        if name in submodules:
            return import_module(f"{package}.{name}")
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = import_module(home[name])
        value = getattr(module, name) if hasattr(module, name) else import_module(f"{home[name]}.{name}")
        setattr(sys.modules[package], name, value)
        return value

    return __getattr__


def listing(names: Sequence[str]) -> Callable[[], list[str]]:
    """Return ``__dir__`` for a module that lists these names and nothing else."""

    def __dir__() -> list[str]:  # noqa: N807
        return sorted(names)

    return __dir__
