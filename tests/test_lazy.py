"""Test that public names are imported when they are used: in which order, and in one thread at a time."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sunpy_helio_plugins import lazy

MODULES = {
    "lazy_log": "said = []",
    "lazy_first": "import lazy_log\nlazy_log.said.append('first')",
    "lazy_own": "import lazy_log\nlazy_log.said.append('own')\nname = 5",
    "lazy_package": "",
}


@pytest.fixture
def attached(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], Any]]:
    """Return ``__getattr__`` of a package whose names are in a module that needs another one."""
    for name, code in MODULES.items():
        (tmp_path / f"{name}.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    import lazy_package  # noqa: F401

    yield lazy.attach("lazy_package", {"lazy_own": ("name",)}, first=("lazy_first",))
    for name in MODULES:
        sys.modules.pop(name, None)


def said() -> list[str]:
    return list(sys.modules["lazy_log"].said)


def test_a_name_is_imported_once_and_after_what_it_needs(attached: Callable[[str], Any]) -> None:
    assert attached("name") == 5
    assert said() == ["first", "own"]
    assert sys.modules["lazy_package"].name == 5
    with pytest.raises(AttributeError, match="module 'lazy_package' has no attribute 'other'"):
        attached("other")


def test_within_an_import_nothing_else_is_imported_before(attached: Callable[[str], Any]) -> None:
    with lazy.importing:
        assert attached("name") == 5
    assert said() == ["own"]


def test_one_thread_imports_at_a_time(attached: Callable[[str], Any], monkeypatch: pytest.MonkeyPatch) -> None:
    free: list[bool] = []

    def look() -> None:
        if lazy._lock.acquire(blocking=False):
            lazy._lock.release()
            free.append(True)
        else:
            free.append(False)

    def in_another_thread(module: str) -> Any:
        one = threading.Thread(target=look)
        one.start()
        one.join()
        return __import__(module)

    monkeypatch.setattr(lazy, "import_module", in_another_thread)
    attached("name")
    assert free == [False, False]
    with lazy.importing:
        attached("name")
    assert free == [False, False, True]


OF_TYPE_CHECKERS = """
import ast, importlib, pkgutil, types
import sunpy.net, sunpy_helio_plugins
found = []
for one in pkgutil.walk_packages(sunpy_helio_plugins.__path__, "sunpy_helio_plugins."):
    if one.name.rpartition(".")[2] in ("__main__", "pytest_plugin"):
        continue
    module = importlib.import_module(one.name)
    tree = ast.parse(open(module.__file__, encoding="utf-8").read())
    blocks = [node for node in tree.body if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)]
    imports = [inner for node in blocks for inner in node.body if isinstance(inner, ast.Import | ast.ImportFrom)]
    names = [alias.asname or alias.name.partition(".")[0] for inner in imports for alias in inner.names]
    is_here = {name: not isinstance(vars(module).get(name, module), types.ModuleType) for name in names}
    found += [f"{one.name}.{name}" for name in names if is_here[name]]
print(found)
"""


@pytest.mark.exhaustive
def test_what_is_imported_for_type_checkers_is_not_imported_otherwise(interpreters: Any) -> None:
    done = interpreters.run(OF_TYPE_CHECKERS)
    assert done.returncode == 0, done.stderr
    # Other modules use this name of the face.
    assert done.stdout == "['sunpy_helio_plugins.quantities.units.parse']\n"
