"""Test that a companion module is imported once, with the module for which it waits, before or after this package."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from sunpy_helio_plugins.fido.import_hooks import _Wrapped

PREPARE = """
import sys, pathlib
sys.path.insert(0, sys.argv[1])
from sunpy_helio_plugins.fido import import_hooks as _hooks
"""


@pytest.fixture
def run(tmp_path, interpreters):
    (tmp_path / "heavy").mkdir()
    (tmp_path / "heavy" / "__init__.py").write_text("import heavy.inner\nready = True\n")
    (tmp_path / "heavy" / "inner.py").write_text("")
    (tmp_path / "companion.py").write_text("import heavy\nassert heavy.ready\nprint('companion')\n")

    def call(code: str) -> str:
        done = interpreters.run(PREPARE + code, tmp_path)
        assert done.returncode == 0, done.stderr
        return done.stdout

    return call


def test_nothing_is_imported_before_it_is_needed(run):
    assert run("_hooks.when_imported('heavy', 'companion')\nprint('heavy' in sys.modules)") == "False\n"


def test_the_companion_follows_its_module(run):
    assert run("_hooks.when_imported('heavy', 'companion')\nimport heavy\nimport heavy") == "companion\n"


def test_the_companion_of_a_module_that_is_there_comes_at_once(run):
    assert run("import heavy\n_hooks.when_imported('heavy', 'companion')\nprint('after')") == "companion\nafter\n"


def test_the_module_keeps_its_own_loader(run):
    said = run("_hooks.when_imported('heavy', 'companion')\nimport heavy\nprint(type(heavy.__spec__.loader).__name__)")
    assert said == "companion\nSourceFileLoader\n"


def test_a_module_that_is_missing_stays_missing(run):
    said = run(
        "_hooks.when_imported('no_such_thing', 'companion')\n"
        "for _ in range(2):\n"
        "    try:\n        import no_such_thing\n    except ModuleNotFoundError as error:\n        print(error)\n"
    )
    assert said == "No module named 'no_such_thing'\n" * 2


def test_asking_where_a_module_is_imports_nothing_and_uses_nothing_up(run):
    said = run(
        "import importlib.util\n_hooks.when_imported('heavy', 'companion')\n"
        "spec = importlib.util.find_spec('heavy')\n"
        "print(spec.loader.get_filename() == spec.origin)\n"
        "print('inner' in spec.loader.get_source('heavy'), 'heavy' in sys.modules)\nimport heavy\n"
    )
    assert said == "True\nTrue False\ncompanion\n"


def test_a_companion_that_fails_costs_nothing_but_itself(run):
    said = run("_hooks.when_imported('heavy', 'no_such_companion')\nimport heavy\nprint(heavy.ready)")
    assert said == "True\n"
    assert run("import heavy\n_hooks.when_imported('heavy', 'no_such_companion')\nprint(heavy.ready)") == "True\n"


def test_a_finder_of_others_gets_the_path_and_the_target(run):
    said = run(
        "import importlib.abc\n"
        "class Other(importlib.abc.MetaPathFinder):\n"
        "    def find_spec(self, name, path, target=None):\n"
        "        if name == 'heavy':\n            print('asked', path, target)\n"
        "sys.meta_path.insert(0, Other())\n_hooks.when_imported('heavy', 'companion')\nimport heavy\n"
    )
    assert said == "asked None None\ncompanion\n"


def test_a_module_that_was_imported_may_be_loaded_again(run):
    said = run(
        "import importlib\n_hooks.when_imported('heavy', 'companion')\nimport heavy\n"
        "again = importlib.reload(heavy)\nprint(again is heavy, type(heavy.__spec__.loader).__name__)"
    )
    assert said == "companion\nTrue SourceFileLoader\n"


def test_a_module_may_be_loaded_lazily(run):
    said = run(
        "import importlib.util\n_hooks.when_imported('heavy', 'companion')\n"
        "spec = importlib.util.find_spec('heavy')\nspec.loader = importlib.util.LazyLoader(spec.loader)\n"
        "module = importlib.util.module_from_spec(spec)\nsys.modules['heavy'] = module\n"
        "spec.loader.exec_module(module)\nprint('lazy')\nprint(module.ready)"
    )
    assert said == "lazy\ncompanion\nTrue\n"


ASDF_LOADED = "import asdf\nasdf.get_config().extensions\nimport sunpy_helio_plugins\n"
ASDF_WAITS = (
    "import astropy.table, asdf, sunpy_helio_plugins\nassert 'asdf._core._extensions' not in sys.modules\n"
    "asdf.get_config().reset_extensions()\n"
)


@pytest.mark.parametrize("order", [ASDF_WAITS, ASDF_LOADED], ids=["first", "afterwards"])
def test_asdf_loads_its_extensions_when_it_needs_them_and_ours_is_among_them_once(run, order):
    pytest.importorskip("asdf")
    uris = "[one.extension_uri for one in asdf.get_config().extensions]"
    assert run(f"{order}print(sum('sunpy_helio_plugins' in str(uri) for uri in {uris}))") == "1\n"


REPORT = """
import io as stdio, json
from sunpy.net import Fido, attrs as a
from sunpy_helio_plugins import HAPIClient
clients = [c.__name__ for c in Fido.registry if c.__module__.startswith("sunpy_helio_plugins.")]
spaces = [name for name in ("hapi", "imap", "helioviewer", "her") if getattr(a, name, None) is None]
from astropy.table import QTable
text = b'#{"HAPI":"3.0","parameters":[{"name":"Time","type":"isotime","length":24},'
text += b'{"name":"B","type":"double","units":"nT","fill":null}]}\\n2026-01-10T00:00:00.000Z,5.5\\n'
read = [str(QTable.read(stdio.BytesIO(text), **more)["B"][0]) for more in ({"format": "hapi"}, {})]
print(json.dumps([sorted(clients), spaces, read, a.Provider.hapi.value]))
"""
FOUND = '[["HAPIClient", "HERClient", "HelioviewerClient", "IMAPClient"], [], ["5.5 nT", "5.5 nT"], "HAPI"]\n'
# Two threads that import ``importlib`` and one of its parts for the first time can break Python 3.11's own importlib (a
# second copy of ``importlib._bootstrap`` that was never set up), without any other package.
WHOLE_IMPORTLIB = "import importlib.util\n"
ORDERS = {
    "us first": "import sunpy_helio_plugins",
    "sunpy.net first": "import sunpy.net, sunpy_helio_plugins",
    "its attrs first": "from sunpy.net import attrs\nimport sunpy_helio_plugins",
    "tables first": "import astropy.table, sunpy_helio_plugins",
    "tables afterwards": "import sunpy_helio_plugins, astropy.table",
    "maps first": "import sunpy.map, sunpy_helio_plugins",
    "maps afterwards": "import sunpy_helio_plugins, sunpy.map",
    "series first": "import sunpy.timeseries, sunpy_helio_plugins",
    "series afterwards": "import sunpy_helio_plugins, sunpy.timeseries",
    "a name of ours": "import sunpy_helio_plugins\nsunpy_helio_plugins.HERClient",
    "attrs of ours": "from sunpy_helio_plugins.her import attrs",
    "a part of a client": "from sunpy_helio_plugins.fido import ArchiveAttr",
    "a function of ours": "from sunpy_helio_plugins.helioviewer import near",
    "a table of ours": "import sunpy_helio_plugins.io.results",
    "units": "import sunpy_helio_plugins.quantities.units",
    "a thread that imports us": (
        f"{WHOLE_IMPORTLIB}import threading\n"
        "thread = threading.Thread(target=__import__, args=['sunpy_helio_plugins'])\n"
        "thread.start()\nimport sunpy.net\nthread.join()"
    ),
    "a thread that imports sunpy.net": (
        f"{WHOLE_IMPORTLIB}import threading\nthread = threading.Thread(target=__import__, args=['sunpy.net'])\n"
        "thread.start()\nimport sunpy_helio_plugins\nthread.join()"
    ),
    "a thread that imports sunpy.net beside a function of ours": (
        "import threading, sunpy_helio_plugins\nthread = threading.Thread(target=__import__, args=['sunpy.net'])\n"
        "thread.start()\nsunpy_helio_plugins.hapi.load\nthread.join()"
    ),
    "functions of ours in several threads": (
        "import concurrent.futures, operator, sunpy_helio_plugins\n"
        "names = ['hapi.load', 'imap.read', 'her.overlay', 'helioviewer.near', 'cdf.read', 'HERClient', 'io.write']\n"
        "with concurrent.futures.ThreadPoolExecutor(7) as pool:\n"
        "    list(pool.map(lambda name: operator.attrgetter(name)(sunpy_helio_plugins), names))"
    ),
}


@pytest.mark.parametrize("order", ORDERS.values(), ids=ORDERS.keys())
def test_clients_and_formats_are_registered_in_every_order_of_imports(order, interpreters):
    done = interpreters.run(f"{order}\n{REPORT}")
    assert (done.stdout, done.stderr) == (FOUND, "")


def test_a_companion_waits_until_a_module_of_ours_is_complete(run):
    said = run(
        "_hooks._PACKAGE = 'ours'\n_hooks.when_imported('heavy', 'ours.late')\n"
        "home = pathlib.Path(sys.argv[1], 'ours')\nhome.mkdir()\n"
        "(home / '__init__.py').write_text('')\n"
        "(home / 'early.py').write_text('import heavy\\nprint(\"early\")\\nready = True\\n')\n"
        "(home / 'late.py').write_text('from ours.early import ready\\nprint(\"late\")\\n')\n"
        "import ours.early\nprint(type(ours.early.__spec__.loader).__name__)\n"
    )
    assert said == "early\nlate\nSourceFileLoader\n"


TRANSPARENT = """
import importlib, importlib.util
import sunpy_helio_plugins
spec = importlib.util.find_spec("sunpy.net")
assert spec.loader.get_filename() == spec.origin and "Fido" in spec.loader.get_source("sunpy.net")
assert not [name for name in sys.modules if name.startswith("sunpy.net")]
import sunpy.net, astropy.table
again = importlib.reload(sunpy.net)
assert again is sunpy.net and importlib.reload(astropy.table) is astropy.table
kinds = {type(sys.modules[name].__spec__.loader).__name__ for name in list(sys.modules) if "sunpy" in name}
print(sorted(kinds - {"NoneType"}))
names = [c.__name__ for c in sunpy.net.Fido.registry]
assert len(set(names)) == len(names)
"""


def test_the_hooks_leave_no_trace_in_the_modules_that_they_watch(interpreters):
    done = interpreters.run(f"import sys\n{TRANSPARENT}")
    assert (done.stdout, done.stderr) == ("['SourceFileLoader']\n", "")


def test_a_wrapped_loader_gives_the_attributes_of_its_own():
    wrapped = _Wrapped(SimpleNamespace(path="a.py"))
    assert wrapped.path == "a.py"
    for name in ("__nothing__", "absent"):
        with pytest.raises(AttributeError, match=name):
            getattr(wrapped, name)
