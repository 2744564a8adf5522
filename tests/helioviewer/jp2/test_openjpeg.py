"""Test that glymur uses Pillow's OpenJPEG only if it does not find another and the setting allows it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from astropy.utils.exceptions import AstropyUserWarning

import sunpy_helio_plugins
from sunpy_helio_plugins import conf
from sunpy_helio_plugins.helioviewer.jp2 import openjpeg
from sunpy_helio_plugins.sandbox.helioviewer import holdings
from sunpy_helio_plugins.sandbox.helioviewer import jp2 as made

pytest.importorskip("glymur")

HIDE = """
import ctypes.util, sys
file = sys.argv[1]
find_library = ctypes.util.find_library
ctypes.util.find_library = lambda name: None if "openjp2" in name else find_library(name)
"""

OPEN = """
import sunpy.map
import glymur
map_ = sunpy.map.Map(file)
print(map_.data.shape, map_.data.max() > 200, glymur.version.openjpeg_version >= "2.4.0")
"""

REFUSED = """
import sunpy.map
try:
    sunpy.map.Map(file)
except OSError as error:
    print("version of OpenJPEG" in str(error))
"""


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    data = made.content(holdings.images(13)[-1])
    assert data is not None
    path = tmp_path_factory.mktemp("jp2") / "image.jp2"
    path.write_bytes(data)
    return path


def said(code: str, file: Path) -> list[str]:
    """Run a program in a process that does not find OpenJPEG in the system or a configuration file of glymur."""
    command = [sys.executable, "-W", "ignore", "-c", HIDE + code, str(file)]
    ours = {**os.environ, "PYTHONPATH": str(Path(sunpy_helio_plugins.__file__).parents[1])}
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False, cwd=file.parent, env=ours)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.split("\n")[:-1]


def test_without_this_package_nothing_opens(file: Path) -> None:
    assert said(REFUSED, file) == ["True"], "the hiding works"


@pytest.mark.parametrize("order", ["import sunpy_helio_plugins\n", "import glymur\nimport sunpy_helio_plugins\n"])
def test_a_map_opens_whichever_is_imported_first(file: Path, order: str) -> None:
    assert said(order + OPEN, file) == ["(1024, 1024) True True"]


def test_the_setting_forbids_it(file: Path) -> None:
    forbid = "import sunpy_helio_plugins as s\ns.conf.helioviewer.pillow_openjpeg = False\n"
    assert said(forbid + REFUSED, file) == ["True"]


def test_glymur_is_not_imported_for_it(file: Path) -> None:
    assert said("import sunpy_helio_plugins\nprint('glymur' in sys.modules, 'PIL._imaging' in sys.modules)", file) == [
        "False False"
    ]


def test_a_library_that_glymur_has_is_left_alone(file: Path) -> None:
    code = """
import ctypes
from pathlib import Path
import sunpy_helio_plugins
from sunpy_helio_plugins.helioviewer.jp2.openjpeg import pillow_library
# The system's library, played by Pillow's under another name.
ctypes.util.find_library = lambda name: str(pillow_library()) if name == "openjp2" else find_library(name)
import glymur
from glymur.lib import openjp2
mine = openjp2.OPENJP2
from sunpy_helio_plugins.helioviewer.jp2 import openjpeg
print(mine is not None, openjpeg.install(), openjp2.OPENJP2 is mine)
"""
    # Importing our module imports glymur: start from a glymur that found the library itself.
    assert said(
        code.replace("from sunpy_helio_plugins.helioviewer.jp2.openjpeg import pillow_library\n", PILLOW), file
    ) == ["True False True"]


PILLOW = """
import PIL
def pillow_library():
    return next(Path(PIL.__file__).parents[1].glob("pillow.libs/libopenjp2*"))
"""


def test_pictures_of_several_components_and_writing_work_too(file: Path) -> None:
    """The C structures must have the fields of the library in use, since OpenJPEG writes to them."""
    code = """
import sunpy_helio_plugins
import glymur, numpy as np
from PIL import Image
from glymur.lib import openjp2
data = np.random.RandomState(0).randint(0, 255, (64, 48, 3), dtype=np.uint8)
glymur.Jp2k("rgb.jp2", data=data)
print(np.array_equal(glymur.Jp2k("rgb.jp2")[:], data), np.array_equal(np.array(Image.open("rgb.jp2")), data))
fields = [name for name, _ in openjp2.CompressionParametersType._fields_]
print("rsiz" in fields)
"""
    assert said(code, file) == ["True True", "True"]


def test_a_pillow_without_openjpeg_is_said_once_and_costs_nothing(file: Path) -> None:
    code = """
import logging, warnings
warnings.simplefilter("always")
logging.basicConfig(stream=sys.stdout, format="%(levelname)s %(message).40s")
from importlib import metadata
metadata.files = lambda name: []
import pathlib
pathlib.Path.iterdir = lambda self: iter(())
import sunpy_helio_plugins
import glymur
print(glymur.version.openjpeg_version)
"""
    assert said(code, file)[-2:] == ["WARNING Neither glymur nor Pillow has an OpenJPE", "0.0.0"]


def test_the_library_is_found_with_and_without_a_record(monkeypatch: pytest.MonkeyPatch) -> None:
    found = openjpeg.pillow_library()
    if found is None:
        pytest.skip("this Pillow has no OpenJPEG in a file of its own")
    assert "openjp2" in found.name
    monkeypatch.setattr(openjpeg, "_recorded", list)
    beside = openjpeg.pillow_library()
    assert beside is not None
    assert beside.samefile(found)


def test_a_pillow_without_a_record_or_a_folder_has_no_library(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise openjpeg.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(openjpeg.metadata, "files", missing)
    monkeypatch.setattr(openjpeg.util, "find_spec", lambda name: None)
    assert openjpeg.pillow_library() is None


def test_a_library_that_cannot_be_loaded_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = tmp_path / "libopenjp2.so.7"
    library.write_bytes(b"not a library")
    monkeypatch.setattr(openjpeg, "pillow_library", lambda: library)
    monkeypatch.setattr("glymur.lib.openjp2.OPENJP2", None)
    with pytest.warns(AstropyUserWarning) as caught:
        assert openjpeg.install() is False
    assert [str(one.message).partition(":")[0] for one in caught] == [
        f"Pillow's OpenJPEG {library} cannot be loaded",
        "Neither glymur nor Pillow has an OpenJPEG library",
    ]


def test_the_setting_and_a_library_that_is_there_end_the_search(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openjpeg, "_loaded", lambda: pytest.fail("the search must not begin"))
    monkeypatch.setattr("glymur.lib.openjp2.OPENJP2", object())
    assert openjpeg.install() is False
    monkeypatch.setattr("glymur.lib.openjp2.OPENJP2", None)
    with conf.helioviewer.set_temp("pillow_openjpeg", False):
        assert openjpeg.install() is False


def test_without_any_library_there_is_one_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openjpeg, "pillow_library", lambda: None)
    monkeypatch.setattr("glymur.lib.openjp2.OPENJP2", None)
    with pytest.warns(AstropyUserWarning, match="Neither glymur nor Pillow has an OpenJPEG library") as caught:
        assert openjpeg.install() is False
    assert len(caught) == 1
