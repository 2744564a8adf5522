"""
The public interface: the names of each face, and how they are called.

``public_interface.txt`` keeps it. Where a change is meant, write it again and look at the difference::

    python tests/test_public_interface.py
"""

from __future__ import annotations

import ast
import difflib
import importlib
import inspect
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = "sunpy_helio_plugins"
RECORD = Path(__file__).with_name("public_interface.txt")
ARCHIVES = ("hapi", "imap", "helioviewer", "her")
FACES = (
    PACKAGE,
    *(
        f"{PACKAGE}.{face}"
        for face in ("errors", "config", "fido", "quantities", "quantities.units", "cdf", "io", "series")
    ),
    *(f"{PACKAGE}.{face}" for face in ("sandbox", "mirrors", "cluster", "together", *ARCHIVES)),
    *(f"{PACKAGE}.{archive}.attrs" for archive in ARCHIVES),
    f"{PACKAGE}.hapi.cache",
    f"{PACKAGE}.her.cache",
)
OWN_CHECKS = """
errors.warn_incomplete cdf.epochs io.changes io.read io.write series.from_parquet series.from_votable series.to_astropy
series.to_pandas series.to_table series.to_timeseries series.to_xarray cluster.check hapi.open hapi.to_timeseries
hapi.to_xarray imap.compare imap.epochs imap.repoint_table imap.spin_table imap.to_xarray imap.unreleased
helioviewer.clipped helioviewer.compare helioviewer.coverage helioviewer.footprints helioviewer.near helioviewer.nearest
her.graph her.open her.quicklook her.tracks
"""
"""The public functions that check their arguments themselves, and not by `arguments.taking`."""

WITHOUT_EXAMPLE = {
    "fido.ArchiveClient": "The how-to page on adding an archive contains a complete client.",
    "fido.ArchiveTable": "The how-to page on adding an archive contains a complete table.",
    "her.attrs.And": "Made by &, as in the examples of searches.",
    "her.attrs.Or": "Made by |, as in the examples of searches.",
    "her.attrs.Field": "Its instances are the keywords, such as a.her.frm_name.",
    "her.attrs.Filter": "Made by a comparison with a keyword.",
}
"""The public functions and classes without an example in their docstring, and the reasons."""

PACKAGES = tuple(face for face in FACES if (ROOT / face.replace(".", "/") / "__init__.py").exists())


def described(name: str, value: Any) -> Iterator[str]:
    """Describe one name of a face in lines."""
    if isinstance(value, ModuleType):
        yield f"{name}: module"
    elif inspect.isclass(value):
        yield f"class {name}{signature(value)}"
        yield from (f"    {line}" for line in sorted(members(value)))
    elif callable(value) and not isinstance(value, type) and inspect.isroutine(value):
        yield f"def {name}{signature(value)}"
    else:
        yield f"{name}: {type(value).__name__}"


def members(kind: type) -> Iterator[str]:
    """Describe the public members that classes of this package define; those of others differ with their versions."""
    seen: set[str] = set()
    for base in kind.__mro__:
        if not base.__module__.startswith(PACKAGE):
            continue
        for name, member in vars(base).items():
            if name.startswith("_") or name in seen:
                continue
            seen.add(name)
            if isinstance(member, classmethod | staticmethod):
                yield f"{type(member).__name__} {name}{signature(member.__func__)}"
            elif inspect.isfunction(inspect.unwrap(member)) if callable(member) else False:
                yield f"def {name}{signature(member)}"
            else:
                yield name


def signature(called: Any) -> str:
    """Return a signature without annotations, which say the same in several ways; "" where it is another package's."""
    if inspect.isclass(called) and not own_constructor(called):
        return ""
    try:
        found = inspect.signature(called)
    except (TypeError, ValueError):
        return ""
    plain = [one.replace(annotation=one.empty) for one in found.parameters.values()]
    text = str(found.replace(parameters=plain, return_annotation=found.empty))
    return re.sub(r" at 0x[0-9a-f]+", "", text)


def own_constructor(kind: type) -> bool:
    """Tell whether a class of this package defines how a class is called."""
    for base in kind.__mro__:
        if {"__init__", "__new__"} & vars(base).keys():
            return base.__module__.startswith(PACKAGE)
    return False


def interface() -> str:
    """Return the public interface as text."""
    lines = []
    for face in FACES:
        module = importlib.import_module(face)
        lines += [f"[{face}]"]
        for name in sorted(set(module.__all__)):
            lines += described(name, getattr(module, name))
        lines += [""]
    return "\n".join(lines)


def imported(source: ast.AST) -> Iterator[tuple[str, str]]:
    """Return the module and the name of each "from module import name"."""
    for node in ast.walk(source):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from ((node.module, alias.name) for alias in node.names)


def run(source: str) -> str:
    start = f"import sys; sys.path.insert(0, {str(ROOT)!r})\n"
    done = subprocess.run([sys.executable, "-c", start + source], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_public_interface_is_as_recorded():
    recorded, found = RECORD.read_text(encoding="utf-8").splitlines(), interface().splitlines()
    difference = "\n".join(difflib.unified_diff(recorded, found, "recorded", "found", n=0, lineterm=""))
    assert not difference, (
        f"The public interface has changed:\n{difference}\nIf this is meant, run `python tests/{Path(__file__).name}`, "
        "and describe the change in a changelog fragment."
    )


@pytest.mark.parametrize("face", FACES)
def test_a_face_lists_its_public_names_and_nothing_else(face):
    module = importlib.import_module(face)
    assert dir(module) == sorted(module.__all__)
    assert len(set(module.__all__)) == len(module.__all__)
    assert [name for name in module.__all__ if not hasattr(module, name)] == []
    with pytest.raises(AttributeError):
        _ = module._no_such_name


@pytest.mark.parametrize("face", FACES)
def test_a_face_has_a_description(face):
    assert len((importlib.import_module(face).__doc__ or "").split()) >= 5


def test_every_public_function_and_class_has_an_example():
    """Attrs may be shown by a how-to page instead."""
    pages = "\n".join(page.read_text(encoding="utf-8") for page in (ROOT / "docs/how_to").glob("*.rst"))
    bare = {
        f"{face.partition('.')[2]}.{name}".lstrip(".")
        for face in FACES
        for name, value in vars_of(face)
        if (inspect.isclass(value) or inspect.isroutine(value)) and not has_example(value)
        if not (face.endswith(".attrs") and re.search(rf"\ba\.{face.split('.')[1]}\.{name}\b", pages))
    }
    assert sorted(bare) == sorted(WITHOUT_EXAMPLE)


def vars_of(face: str) -> Iterator[tuple[str, Any]]:
    """Yield the public names of a face with their values."""
    module = importlib.import_module(face)
    yield from ((name, getattr(module, name)) for name in module.__all__)


def has_example(value: Any) -> bool:
    """Return whether a docstring contains an example, or an exception's base class has one; warnings need none."""
    if inspect.isclass(value) and issubclass(value, Warning):
        return True
    family = value.__mro__ if inspect.isclass(value) and issubclass(value, Exception) else (value,)
    return any(">>>" in (one.__doc__ or "") for one in family if one.__module__.startswith(PACKAGE))


def test_public_functions_have_their_arguments_checked():
    found = [
        f"{face.partition('.')[2]}.{name}"
        for face in FACES
        for name, value in public_functions(importlib.import_module(face))
        if not face.endswith("sandbox") and not hasattr(value, "__wrapped__")
    ]
    assert sorted(found) == sorted(OWN_CHECKS.split())


def public_functions(face: ModuleType) -> Iterator[tuple[str, Any]]:
    """Yield the functions of a face that take arguments."""
    for name in face.__all__:
        value = getattr(face, name)
        if inspect.isroutine(value) and inspect.signature(value).parameters:
            yield name, value


@pytest.mark.parametrize("face", PACKAGES)
def test_type_checkers_see_what_is_imported_later(face):
    """The imports under TYPE_CHECKING, the names that are attached and ``__all__`` are the same."""
    tree = ast.parse((ROOT / face.replace(".", "/") / "__init__.py").read_text(encoding="utf-8"))
    calls = [one for one in ast.walk(tree) if isinstance(one, ast.Call) and ast.unparse(one.func) == "lazy.attach"]
    attached = {}
    for call in calls:
        for module, names in ast.literal_eval(call.args[1]).items():
            attached |= {name: (module, name) for name in names}
        for one in (keyword for keyword in call.keywords if keyword.arg == "submodules"):
            attached |= {name: (face, name) for name in ast.literal_eval(one.value)}
    if calls:
        blocks = [one for one in tree.body if isinstance(one, ast.If) and ast.unparse(one.test) == "TYPE_CHECKING"]
        imports = [one for block in blocks for one in block.body if isinstance(one, ast.ImportFrom)]
        seen = {alias.name: (one.module, alias.name) for one in imports for alias in one.names}
        submodules = {name for name, (module, _) in attached.items() if module == face}
        assert seen == {**attached, **{name: (seen.get(name, (face,))[0], name) for name in submodules}}
        assert set(importlib.import_module(face).__all__) - {"__version__"} == set(attached)


@pytest.mark.exhaustive
def test_no_module_takes_the_place_of_a_public_name():
    """An import of a submodule sets it in its package, whatever was there."""
    code = (
        "import importlib, pkgutil, types, sunpy_helio_plugins as package\n"
        f"faces = [importlib.import_module(face) for face in {PACKAGES!r}]\n"
        "before = {(face.__name__, name): getattr(face, name) for face in faces for name in face.__all__}\n"
        "for one in pkgutil.walk_packages(package.__path__, 'sunpy_helio_plugins.'):\n"
        "    if not one.name.endswith('__main__'):\n        importlib.import_module(one.name)\n"
        "print([key for key, value in before.items() if getattr(sys.modules[key[0]], key[1]) is not value])\n"
    )
    assert run(code) == "[]"


def test_every_public_package_is_a_face():
    """A package that is not a face offers nothing by its own name."""
    inner = {
        one.name
        for one in pkgutil.walk_packages([str(ROOT / PACKAGE)], f"{PACKAGE}.")
        if one.ispkg and one.name not in FACES and not one.name.startswith(f"{PACKAGE}.sandbox.")
    }
    assert [name for name in inner if hasattr(importlib.import_module(name), "__all__")] == []


CHEAP = """
import sunpy_helio_plugins
from sunpy_helio_plugins.quantities.units import parse
assert str(parse("nT")) == "nT"
print(sorted({"astropy.table", "astropy.time", "pandas", "sunpy", "requests", "parfive"} & set(sys.modules)))
"""


def test_units_need_neither_tables_nor_clients():
    assert run(CHEAP) == "[]"


@pytest.mark.parametrize("folder", ["benchmarks", "tools", "docs/gallery"])
def test_scripts_import_names_that_exist(folder: str):
    wanted = {
        (path.name, module, name)
        for path in sorted((Path(__file__).parents[1] / folder).rglob("*.py"))
        for module, name in imported(ast.parse(path.read_text()))
        if module.partition(".")[0] == PACKAGE
    }
    lost = [
        one for one in wanted if not hasattr(importlib.import_module(one[1]), one[2]) and not has_module(one[1], one[2])
    ]
    assert wanted
    assert lost == []


def has_module(package: str, name: str) -> bool:
    """Return whether a package has a module of this name."""
    path = Path(importlib.import_module(package).__file__ or "")
    return path.name == "__init__.py" and path.with_name(f"{name}.py").exists()


@pytest.mark.exhaustive
def test_tests_import_public_names_from_the_faces():
    offered: dict[tuple[str, str], str] = {}
    for face in FACES:
        public = importlib.import_module(face).__all__
        origins = imported(ast.parse(Path(importlib.import_module(face).__file__).read_text()))
        offered |= {
            (module, name): face
            for module, name in origins
            if name in public
            and module.startswith(PACKAGE)
            and module not in FACES
            # The module her.submit.voevent has the name of the function in it.
            and not has_module(module, name)
        }
    internal = [
        f"{path.relative_to(ROOT)}: {name} of {module} is in {offered[module, name]}"
        for path in sorted(Path(__file__).parent.rglob("*.py"))
        for module, name in imported(ast.parse(path.read_text()))
        if (module, name) in offered
    ]
    assert internal == []


if __name__ == "__main__":
    sys.path.insert(0, str(ROOT))
    RECORD.write_text(interface(), encoding="utf-8")
