"""Fixtures for all tests: the embedded archive, real files if available, and an empty home folder."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings

# Set before sunpy, astropy and matplotlib are imported: tests must not read or write the settings of the user.
_home = tempfile.TemporaryDirectory(prefix="sunpy-helio-tests-")
for _name in ("SUNPY_CONFIGDIR", "SUNPY_DOWNLOADDIR", "XDG_CONFIG_HOME", "XDG_CACHE_HOME", "MPLCONFIGDIR"):
    _folder = Path(_home.name, _name.lower())
    (_folder / "astropy").mkdir(parents=True)
    os.environ[_name] = str(_folder)
os.environ["MPLBACKEND"] = "agg"
os.environ["PARFIVE_HIDE_PROGRESS"] = "1"
os.environ["COLUMNS"] = "180"
for _name in ("IMAP_API_KEY", "IMAP_ACCESS_TOKEN", "IMAP_DATA_ACCESS_URL", "IMAP_DATA_DIR"):
    os.environ.pop(_name, None)

# Use the same examples in every run, so that results depend on changes only; HYPOTHESIS_WIDE=1 uses more examples.
settings.register_profile("steady", derandomize=True, deadline=None)
settings.register_profile("wide", deadline=None, max_examples=1000)
settings.register_profile("brief", derandomize=True, deadline=None, max_examples=20)
settings.register_profile("long", deadline=None, max_examples=20_000)
settings.load_profile("wide" if os.environ.get("HYPOTHESIS_WIDE") else os.environ.get("HYPOTHESIS_PROFILE", "steady"))

# Set once: pytest's log_level sets it three times a test, after which Python looks up the levels of all loggers again.
logging.getLogger().setLevel(logging.INFO)

if TYPE_CHECKING:
    from sunpy_helio_plugins.sandbox import Archive


def pytest_collection_finish(session: pytest.Session) -> None:
    """Keep the modules and the collected tests out of the garbage collector's work, which they would make slow."""
    if changing := [one.nodeid for one in session.items if " at 0x" in one.nodeid or " at\\n0x" in one.nodeid]:
        raise pytest.UsageError(
            f"The names of tests must not contain addresses, which differ in workers: {changing[0]}"
        )
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def _no_downloads_behind_our_back() -> Iterator[None]:
    """Keep astropy from fetching Earth orientation data."""
    from astropy.utils import iers

    with iers.conf.set_temp("auto_download", False):
        yield


@pytest.fixture(autouse=True)
def _no_kept_records() -> Iterator[None]:
    """Request all records, except in the tests of the cache: other tests count requests."""
    from sunpy_helio_plugins import conf

    with conf.hapi.set_temp("cache", False), conf.her.set_temp("cache", False):
        yield


@pytest.fixture(autouse=True)
def _close_loops(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """
    Close the event loops that parfive leaves open.

    They have signal handlers, which only the main thread can remove; collected in another thread they raise there. They
    are kept until the end of the test, since a second fetch may make the archive's thread collect the first one's loop.
    """
    made: list[asyncio.AbstractEventLoop] = []
    new_event_loop = asyncio.new_event_loop

    def remember() -> asyncio.AbstractEventLoop:
        loop = new_event_loop()
        made.append(loop)
        return loop

    monkeypatch.setattr(asyncio, "new_event_loop", remember)
    yield
    for loop in made:
        if not loop.is_running():
            loop.close()


@pytest.fixture
def ctrl_c() -> Iterator[Callable[[], None]]:
    """Return a function that interrupts the main thread, also where the test runs in the background of a shell."""
    main = threading.main_thread().ident
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield lambda: signal.pthread_kill(main, signal.SIGINT)  # type: ignore[arg-type]
    signal.signal(signal.SIGINT, before)


@pytest.fixture(scope="session")
def interpreters(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    """Return an object whose ``run`` runs a program in a new interpreter."""
    sys.path.insert(0, str(Path(__file__).parent))
    from interpreters import Interpreters

    sys.path.pop(0)
    made = Interpreters(tmp_path_factory.mktemp("interpreters"))
    yield made
    made.close()


@pytest.fixture(scope="session")
def _running_archive() -> Iterator[Archive]:
    from sunpy_helio_plugins import sandbox

    # Do not use sandbox.serve(), which would change this package's settings for the complete session.
    with sandbox.Archive(0, sandbox.SERVICES) as running:
        yield running


@pytest.fixture
def archive(_running_archive: Archive) -> Iterator[Archive]:
    """Return the embedded archive, with an empty log and with this package directed to it."""
    from sunpy_helio_plugins import sandbox

    _running_archive.log.clear()
    with sandbox.use(_running_archive.url):
        yield _running_archive


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Return the folder of real responses and files; tests that need it are skipped if it is not available."""
    folder = os.environ.get("HELIO_TEST_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip('HELIO_TEST_DATA names no folder of real files; "python tools/real_files.py fetch" downloads one')
    return Path(folder)


@pytest.fixture
def make_cdf(tmp_path: Path) -> Callable[..., Path]:
    """
    Return a function that writes a CDF file: name -> (CDF type, values, attributes).

    ``static`` variables do not vary; ``spec`` and ``of_file`` are options of cdflib for a variable and the file.
    """
    import numpy as np
    from cdflib.cdfwrite import CDF

    def make(
        variables: dict[str, tuple[int, Any, dict[str, Any]]],
        static: tuple[str, ...] = (),
        spec: dict[str, dict[str, Any]] | None = None,
        **of_file: Any,
    ) -> Path:
        path = tmp_path / "made.cdf"
        cdf = CDF(path, cdf_spec={"Majority": "row_major", "Encoding": 6, "Compressed": 0} | of_file, delete=True)
        cdf.write_globalattrs({"Project": {0: "STP>Solar Terrestrial Probes"}})
        for name, (kind, values, attributes) in variables.items():
            array = np.asarray(values)
            varies = name not in static
            told = {
                "Variable": name,
                "Data_Type": kind,
                "Num_Elements": array.dtype.itemsize // 4 if array.dtype.kind == "U" else 1,
                "Rec_Vary": varies,
                "Dim_Sizes": list(array.shape[1:] if varies else array.shape),
            } | (spec or {}).get(name, {})
            data = array if "Records" not in told else [told.pop("Records"), array]
            cdf.write_var(told, var_attrs=attributes, var_data=data if array.size else None)
        cdf.close()
        return path

    return make
