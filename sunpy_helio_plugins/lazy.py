"""Names of a module that are imported when they are first used, and the names that it lists (PEP 562)."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from importlib import import_module
from types import ModuleType
from typing import Any

__all__ = ["attach", "import_before", "importing", "listing"]

_lock = threading.RLock()

import_before: dict[str, str] = {}
"""Modules of this package, and the module of another package that is imported before each."""


class _Importing(threading.local):
    """Enter while this thread imports a module, so that it does not wait for the imports of other threads."""

    def __init__(self) -> None:
        self.depth = 0

    def __enter__(self) -> None:
        self.depth += 1

    def __exit__(self, *args: object) -> None:
        self.depth -= 1


importing = _Importing()


def attach(
    package: str, origins: Mapping[str, Sequence[str]], submodules: Sequence[str] = (), first: Sequence[str] = ()
) -> Callable[[str], Any]:
    """
    Return ``__getattr__`` for a package; ``origins`` maps full names of modules to the names that they define.

    The modules ``first`` of other packages are imported before any of these.
    """
    home = {name: module for module, names in origins.items() for name in names}

    def __getattr__(name: str) -> Any:  # noqa: N807
        if name in submodules:
            return _import(f"{package}.{name}", first)
        if name not in home:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module = _import(home[name], first)
        value = getattr(module, name) if hasattr(module, name) else _import(f"{home[name]}.{name}", first)
        setattr(sys.modules[package], name, value)
        return value

    return __getattr__


def _import(module: str, first: Sequence[str]) -> ModuleType:
    """Import a module, in one thread at a time: Python raises an error if two threads import in a circle."""
    if importing.depth:
        return import_module(module)
    with _lock:
        # These import modules of this package (see `fido.import_hooks`), so none of those may be half imported.
        for name in (*first, *filter(None, [import_before.get(module)])):
            import_module(name)
        return import_module(module)


def listing(names: Sequence[str]) -> Callable[[], list[str]]:
    """Return ``__dir__`` for a module that lists these names and nothing else."""

    def __dir__() -> list[str]:  # noqa: N807
        return sorted(names)

    return __dir__
