"""
Let glymur use the OpenJPEG library in Pillow's wheels, if it does not find another one.

`sunpy.map.Map` reads JPEG 2000 files through glymur, whose wheels do not contain OpenJPEG; without an installed one it
refuses to decode ("The minimum supported version of OpenJPEG is 2.4.0. Your version is 0.0.0."). Pillow's wheels for
Linux and macOS contain one. This module is imported right after glymur; only if glymur did not find a library, it gets
Pillow's. ``conf.helioviewer.pillow_openjpeg = False``, set before glymur is imported, leaves glymur unchanged.

Pillow's wheels for Windows have OpenJPEG built into an extension module, where glymur cannot use it: there, install
OpenJPEG (``conda install openjpeg``) and name it in glymur's configuration file.
"""

from __future__ import annotations

import ctypes
import importlib
import re
from importlib import metadata, util
from pathlib import Path

from astropy.utils.exceptions import AstropyUserWarning

from sunpy_helio_plugins.config import conf
from sunpy_helio_plugins.errors import warn

__all__ = ["install", "pillow_library"]

_NAME = re.compile(r"(lib)?openjp2.*\.(so|dylib|dll)(\.[\d.]+)?$")
_FOLDERS = ("../pillow.libs", "../Pillow.libs", ".dylibs", "../pillow.dylibs")


def pillow_library() -> Path | None:
    """Return the OpenJPEG library in Pillow's installation, or `None` if it is missing or not a separate file."""
    return next((path for path in [*_recorded(), *_beside()] if path.is_file()), None)


def _recorded() -> list[Path]:
    """Return the libraries in the record of Pillow's installation."""
    try:
        files = metadata.files("pillow") or []
    except metadata.PackageNotFoundError:
        return []
    return [Path(str(file.locate())) for file in files if _NAME.fullmatch(file.name)]


def _beside() -> list[Path]:
    """Return the libraries in the usual folders of wheels, for an installation without a record."""
    spec = util.find_spec("PIL")
    package = Path(spec.origin).parent if spec is not None and spec.origin else None
    if package is None:
        return []
    folders = (package / folder for folder in _FOLDERS)
    return [
        path for folder in folders if folder.is_dir() for path in sorted(folder.iterdir()) if _NAME.fullmatch(path.name)
    ]


def install() -> bool:
    """Let glymur use Pillow's OpenJPEG if it has none and the configuration allows it; return whether it does."""
    from glymur.lib import openjp2

    if openjp2.OPENJP2 is not None or not conf.helioviewer.pillow_openjpeg:
        return False
    library = _loaded()
    if library is None:
        warn(
            "Neither glymur nor Pillow has an OpenJPEG library: JPEG 2000 images cannot be opened. Install OpenJPEG "
            "(apt: libopenjp2-7, brew and conda: openjpeg).",
            AstropyUserWarning,
        )
        return False
    return _hand_over(library)


def _hand_over(library: ctypes.CDLL) -> bool:
    """
    Repeat the initialization of glymur such that it finds the library.

    Setting only the handle and the version would be sufficient for reading a grey image, and wrong for everything else:
    when glymur is imported, it defines the C structures for the version that it finds, and without a library it leaves
    out fields for encoding and for several components. OpenJPEG would then write past their end.
    """
    from glymur import config, version
    from glymur.lib import openjp2

    search = config.glymur_config
    config.glymur_config = lambda name: library if name == "openjp2" else search(name)
    try:
        importlib.reload(openjp2)
    finally:
        config.glymur_config = search
    # jp2k and options compare with the version that glymur.version found when it was imported.
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
        warn(f"Pillow's OpenJPEG {path} cannot be loaded: {error}", AstropyUserWarning)
        return None


install()
