"""
Import modules of this package as soon as a module of another package has been imported.

`sunpy.net`, `astropy.table`, `sunpy.timeseries`, `sunpy.map`, `asdf` and `glymur` take long to import, and most
programs need few of them. Once a program has imported one, before this package or after it, our clients, formats,
TimeSeries sources, ASDF converters, OpenJPEG library and treatment of Helioviewer's files are registered with it.
"""

from __future__ import annotations

import contextlib
import importlib
import logging
import sys
import threading
from functools import partial
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from typing import TYPE_CHECKING, Any

from sunpy_helio_plugins import lazy

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType

__all__ = ["install", "when_imported"]

_log = logging.getLogger(__name__)

_PACKAGE = __name__.partition(".")[0]

COMPANIONS = {
    "sunpy.net": (
        "sunpy_helio_plugins.hapi.client", "sunpy_helio_plugins.imap.client",
        "sunpy_helio_plugins.helioviewer.client", "sunpy_helio_plugins.her.client",
    ),
    "astropy.table": ("sunpy_helio_plugins.fido.formats",),
    "sunpy.timeseries": ("sunpy_helio_plugins.hapi.views.timeseries", "sunpy_helio_plugins.imap.views.timeseries"),
    "asdf": ("sunpy_helio_plugins.io.asdf_extension",),
    "glymur": ("sunpy_helio_plugins.helioviewer.jp2.openjpeg",),
    "sunpy.io._jp2": ("sunpy_helio_plugins.helioviewer.jp2.palette",),
    "sunpy.map.sources.source_type": ("sunpy_helio_plugins.helioviewer.maps.stretch",),
}  # fmt: skip
"""Modules of other packages, and those of this package that are imported after each."""


class _Waiting(threading.local):
    """The companions that wait until this thread has completely imported a module of this package."""

    def __init__(self) -> None:
        self.depth = 0
        self.imports: list[tuple[str, str]] = []

    def __enter__(self) -> None:
        self.depth += 1

    def __exit__(self, *args: object) -> None:
        self.depth -= 1
        while not self.depth and self.imports:
            _import(*self.imports.pop(0))

    def add(self, companion: str, module: str) -> None:
        """Import a companion, now or as soon as no module that it may need is partially imported."""
        if self.depth:
            self.imports.append((companion, module))
        else:
            _import(companion, module)


class _Wrapped(Loader):
    """Load a module with its own loader, and run code before or after."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        return self._loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        # Other code (importlib.resources, pickling, reloads) must find the module's own loader, not this wrapper.
        module.__loader__ = self._loader
        if module.__spec__ is not None:
            module.__spec__.loader = self._loader
        self._load(module)

    def _load(self, module: ModuleType) -> None:
        raise NotImplementedError  # pragma: no cover - each subclass has its own

    def __getattr__(self, name: str) -> Any:
        """Return an attribute of the module's own loader, so that its source and data files can be found."""
        if name.startswith("__") or name == "_loader":
            raise AttributeError(name)
        return getattr(self._loader, name)


class _ThenImport(_Wrapped):
    """Load a module of another package, then import its companions."""

    def __init__(self, loader: Any, done: Callable[[], None]) -> None:
        super().__init__(loader)
        self._done = done

    def _load(self, module: ModuleType) -> None:
        with lazy.importing:
            self._loader.exec_module(module)
            self._done()


class _First(_Wrapped):
    """Load a module of this package; companions that need it wait until it is completely imported."""

    def _load(self, module: ModuleType) -> None:
        with lazy.importing, _waiting:
            self._loader.exec_module(module)


class _Watcher(MetaPathFinder):
    """Find the watched modules with the finders after this one, until they have been imported."""

    def __init__(self) -> None:
        self.companions: dict[str, list[str]] = {}

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        is_ours = fullname.startswith(f"{_PACKAGE}.")
        if not is_ours and fullname not in self.companions:
            return None
        spec = self._found(fullname, path, target)
        if spec is not None and hasattr(spec.loader, "exec_module"):
            done = partial(self._import_companions, fullname)
            spec.loader = _First(spec.loader) if is_ours else _ThenImport(spec.loader, done)
        return spec

    def _found(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None) -> ModuleSpec | None:
        """Query the finders after this one, as the import system does."""
        finders = list(sys.meta_path)
        for finder in finders[finders.index(self) + 1 :] if self in finders else finders:
            find = getattr(finder, "find_spec", None)
            spec = None if find is None else find(fullname, path, target)
            if spec is not None:
                return spec
        return None

    def _import_companions(self, fullname: str) -> None:
        for name in self.companions.pop(fullname, ()):
            _waiting.add(name, fullname)


def _import(companion: str, module: str) -> None:
    """Import a companion; if this fails, the module that the user imported works as without this package."""
    try:
        with lazy.importing:
            importlib.import_module(companion)
    except Exception as error:  # noqa: BLE001 - an error of a companion must not break the import of the user's module
        _log.debug("%s could not be imported after %s.", companion, module, exc_info=True)
        _warn(f"{companion} could not be imported after {module}: {type(error).__name__}: {error}")


def _warn(text: str) -> None:
    """Emit a warning, which is not raised even if the filters of the program say so."""
    # Not at the top: it imports astropy.
    from astropy.utils.exceptions import AstropyUserWarning

    from sunpy_helio_plugins.errors import warn

    with contextlib.suppress(Warning):
        warn(text, AstropyUserWarning)


_waiting = _Waiting()

_watcher = _Watcher()


def when_imported(module: str, companion: str) -> None:
    """Import ``companion`` as soon as ``module`` has been imported, or now if it already is; both are full names."""
    lazy.import_before[companion] = module
    if module in sys.modules:
        # Another thread may be importing it: this returns when the import is complete.
        importlib.import_module(module)
        _waiting.add(companion, module)
        return
    if _watcher not in sys.meta_path:
        sys.meta_path.insert(0, _watcher)
    waiting = _watcher.companions.setdefault(module, [])
    if companion not in waiting:
        waiting.append(companion)


def install() -> None:
    """Register every companion of `COMPANIONS`, and import those whose module is already imported."""
    for module, companions in COMPANIONS.items():
        for companion in companions:
            when_imported(module, companion)
