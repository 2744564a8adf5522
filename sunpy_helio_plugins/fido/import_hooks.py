"""
Modules of ours that are imported when a heavy module of somebody else's is.

`sunpy.timeseries`, `sunpy.map`, `asdf` and `glymur` cost too much to be imported for everyone; still, once a user has
imported them, our TimeSeries sources, our ASDF converters, our OpenJPEG fallback and our care for Helioviewer's files
must be there without a further word. `when_imported` sees to that, whether the heavy module is imported before this
package or after it.
"""

from __future__ import annotations

import importlib
import logging
import sys
from functools import partial
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType

__all__ = ["install", "when_imported"]

_log = logging.getLogger(__name__)

COMPANIONS = {
    "sunpy.timeseries": ("sunpy_helio_plugins.hapi.views.timeseries", "sunpy_helio_plugins.imap.views.timeseries"),
    "asdf": ("sunpy_helio_plugins.io.asdf_extension",),
    "glymur": ("sunpy_helio_plugins.helioviewer.jp2.openjpeg",),
    "sunpy.io._jp2": ("sunpy_helio_plugins.helioviewer.jp2.palette",),
    "sunpy.map.sources.source_type": ("sunpy_helio_plugins.helioviewer.maps.stretch",),
}


class _ThenImport(Loader):
    """Load a module as its own loader would, then import its companions."""

    def __init__(self, loader: Any, done: Callable[[], None]) -> None:
        self._loader = loader
        self._done = done

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        # Others (importlib.resources, pickling, reloads) must find the module's own loader, not this wrapper.
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._loader.exec_module(module)
        self._done()

    def __getattr__(self, name: str) -> Any:
        """Answer as the module's own loader: who asks where a module is gets its source and its data, too."""
        if name.startswith("__") or name == "_loader":
            raise AttributeError(name)
        return getattr(self._loader, name)


class _Watcher(MetaPathFinder):
    """Find the watched modules by way of the finders that stand behind this one, until they have been imported."""

    def __init__(self) -> None:
        self.companions: dict[str, list[str]] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname not in self.companions:
            return None
        spec = self._found(fullname, path, target)
        if spec is not None and hasattr(spec.loader, "exec_module"):
            spec.loader = _ThenImport(spec.loader, partial(self._import_companions, fullname))
        return spec

    def _found(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None) -> ModuleSpec | None:
        """Ask the finders behind this one, as the import system does."""
        finders = list(sys.meta_path)
        for finder in finders[finders.index(self) + 1 :] if self in finders else finders:
            find = getattr(finder, "find_spec", None)
            spec = None if find is None else find(fullname, path, target)
            if spec is not None:
                return spec
        return None

    def _import_companions(self, fullname: str) -> None:
        for name in self.companions.pop(fullname, ()):
            _import(name, fullname)


def _import(companion: str, module: str) -> None:
    """Import a companion; where it fails, the module that the user imported works as it did without this package."""
    try:
        importlib.import_module(companion)
    except Exception:  # noqa: BLE001 - whatever it is, it is not the fault of who imports the module
        _log.warning("%s could not be imported after %s.", companion, module, exc_info=True)


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
        _import(companion, module)
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
