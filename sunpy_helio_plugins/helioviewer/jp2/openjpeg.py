"""
OpenJPEG for a machine that has none: the copy inside Pillow's wheels, lent to glymur.

`sunpy.map.Map` reads JPEG 2000 files through glymur, whose wheels hold no OpenJPEG; without a system-wide one it
refuses to decode ("The minimum supported version of OpenJPEG is 2.4.0. Your version is 0.0.0."). Pillow's wheels for
Linux and macOS do hold one. This module is imported right after glymur is; when glymur found no library, and only then,
it is handed Pillow's. ``conf.helioviewer.pillow_openjpeg = False``, set before glymur is imported, leaves glymur as it
is.

Pillow's wheels for Windows have OpenJPEG built into an extension module, where glymur cannot reach it: there, install
OpenJPEG (``conda install openjpeg``) and name it in glymur's configuration file.
"""

from __future__ import annotations

import ctypes
import importlib
import logging
import re
from importlib import metadata, util
from pathlib import Path

from sunpy_helio_plugins.config import conf

__all__ = ["install", "pillow_library"]

_NAME = re.compile(r"(lib)?openjp2.*\.(so|dylib|dll)(\.[\d.]+)?$")
_FOLDERS = ("../pillow.libs", "../Pillow.libs", ".dylibs", "../pillow.dylibs")

_log = logging.getLogger(__name__)


def pillow_library() -> Path | None:
    """
    Return the OpenJPEG inside Pillow's installation.

    Returns
    -------
    pathlib.Path or None
        `None` where Pillow is missing, or has no OpenJPEG in a file of its own.
    """
    return next((path for path in [*_recorded(), *_beside()] if path.is_file()), None)


def _recorded() -> list[Path]:
    """Return the libraries that the record of Pillow's installation names."""
    try:
        files = metadata.files("pillow") or []
    except metadata.PackageNotFoundError:
        return []
    return [Path(str(file.locate())) for file in files if _NAME.fullmatch(file.name)]


def _beside() -> list[Path]:
    """Return the libraries in the folders in which wheels keep them, for an installation without a record."""
    spec = util.find_spec("PIL")
    package = Path(spec.origin).parent if spec is not None and spec.origin else None
    if package is None:
        return []
    folders = (package / folder for folder in _FOLDERS)
    return [
        path for folder in folders if folder.is_dir() for path in sorted(folder.iterdir()) if _NAME.fullmatch(path.name)
    ]


def install() -> bool:
    """
    Hand Pillow's OpenJPEG to glymur, where glymur has none and ``conf.helioviewer.pillow_openjpeg`` allows it.

    Returns
    -------
    bool
        Whether glymur uses Pillow's copy now because of this call.
    """
    from glymur.lib import openjp2

    if openjp2.OPENJP2 is not None or not conf.helioviewer.pillow_openjpeg:
        return False
    library = _loaded()
    if library is None:
        _log.warning(
            "glymur found no OpenJPEG, and Pillow has none to lend: JPEG 2000 images cannot be opened. Install "
            "OpenJPEG (apt: libopenjp2-7, brew and conda: openjpeg)."
        )
        return False
    return _hand_over(library)


def _hand_over(library: ctypes.CDLL) -> bool:
    """
    Let glymur run its start again, this time finding the library.

    Setting the handle and the version alone would do for reading a grey picture, and would be wrong for all else: while
    glymur is imported, it shapes the C structures after the version that it finds, and without a library it leaves out
    fields of those for encoding and for several components. OpenJPEG would then write past their end.
    """
    from glymur import config, version
    from glymur.lib import openjp2

    search = config.glymur_config
    config.glymur_config = lambda name: library if name == "openjp2" else search(name)
    try:
        importlib.reload(openjp2)
    finally:
        config.glymur_config = search
    # jp2k and options compare with what glymur.version saw when it was imported.
    version.openjpeg_version = openjp2.version()
    version.openjpeg_version_tuple = tuple(int(part) for part in version.openjpeg_version.split("."))
    return openjp2.OPENJP2 is library


def _loaded() -> ctypes.CDLL | None:
    path = pillow_library()
    if path is None:
        return None
    try:
        return ctypes.CDLL(str(path))
    except OSError as error:
        _log.warning("Pillow's OpenJPEG %s cannot be loaded: %s", path, error)
        return None


install()
