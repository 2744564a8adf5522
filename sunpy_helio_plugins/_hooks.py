"""
Modules of ours that are imported when a heavy module of somebody else's is.

`sunpy.timeseries`, `asdf` and `glymur` cost too much to be imported for everyone; still, once a user has imported them,
our TimeSeries sources, ASDF converters and OpenJPEG fallback must be there without a further word. `when_imported` sees
to that, whether the heavy module is imported before this package or after it.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

__all__ = ["install", "when_imported"]

COMPANIONS = {
    "sunpy.timeseries": ("sunpy_helio_plugins.hapi.timeseries", "sunpy_helio_plugins.imap.timeseries"),
    "asdf": ("sunpy_helio_plugins.storage.asdf_extension",),
    "glymur": ("sunpy_helio_plugins.helioviewer.openjpeg",),
}


class _ThenImport(Loader):
    """Load a module as its own loader would, then import its companions."""

    def __init__(self, loader: Loader, companions: list[str]) -> None:
        self._loader = loader
        self._companions = companions

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        # Others (importlib.resources, pickling, reloads) must find the module's own loader, not this wrapper.
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        for name in self._companions:
            importlib.import_module(name)


class _Watcher(MetaPathFinder):
    """Find the watched modules once, by way of the finders that stand behind this one."""

    def __init__(self) -> None:
        self.companions: dict[str, list[str]] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in self.companions:
            return None
        companions = self.companions.pop(fullname)
        spec = importlib.util.find_spec(fullname)
        if spec is None or spec.loader is None:
            self.companions[fullname] = companions
            return None
        spec.loader = _ThenImport(spec.loader, companions)
        return spec


_watcher = _Watcher()


def when_imported(module: str, companion: str) -> None:
    """
    Import ``companion`` as soon as ``module`` has been imported.

    Parameters
    ----------
    module : str
        Full name of the module to wait for. Where it is imported already, ``companion`` is imported at once.
    companion : str
        Full name of the module to import then.
    """
    if module in sys.modules:
        importlib.import_module(companion)
        return
    if _watcher not in sys.meta_path:
        sys.meta_path.insert(0, _watcher)
    waiting = _watcher.companions.setdefault(module, [])
    if companion not in waiting:
        waiting.append(companion)


def install() -> None:
    """Ask for every companion of `COMPANIONS`."""
    for module, companions in COMPANIONS.items():
        for companion in companions:
            when_imported(module, companion)
