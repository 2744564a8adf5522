"""Test that the page of failures is that of the classes, and that the tree of errors is complete."""

from __future__ import annotations

import importlib.util
import inspect
import pickle
import re
from pathlib import Path

import pytest

from sunpy_helio_plugins import errors

ROOT = Path(__file__).parents[1]

spec = importlib.util.spec_from_file_location("document_failures", ROOT / "tools" / "document_failures.py")
tool = importlib.util.module_from_spec(spec)
spec.loader.exec_module(tool)

CLASSES = {name: one for name in errors.__all__ if inspect.isclass(one := getattr(errors, name))}
EXCEPTIONS = {name: one for name, one in CLASSES.items() if issubclass(one, BaseException)}

TREE = {
    "HelioPluginsError": ("Exception",),
    "QueryError": ("HelioPluginsError", "ValueError"),
    "CoverageError": ("QueryError",),
    "IsolationError": ("QueryError",),
    "SettingError": ("HelioPluginsError", "TypeError", "ValueError"),
    "ServiceError": ("HelioPluginsError", "OSError"),
    "ServiceUnreachable": ("ServiceError",),
    "ServiceRefused": ("ServiceError",),
    "ServerError": ("ServiceError",),
    "AnswerError": ("ServiceError",),
    "TransferError": ("HelioPluginsError", "OSError"),
    "LockedError": ("HelioPluginsError", "OSError"),
    "FileError": ("HelioPluginsError", "ValueError"),
    "DiskError": ("FileError", "OSError"),
    "MissingDependencyError": ("HelioPluginsError", "ImportError"),
    "WorkerError": ("HelioPluginsError", "RuntimeError"),
}
"""The tree on which programs depend; see docs/dev/support.rst before a change."""


def test_the_page_is_that_of_the_classes():
    assert tool.page() == tool.PAGE.read_text(encoding="utf-8"), "run: python tools/document_failures.py"


def test_the_tree_of_errors_is_stable():
    found = {name: tuple(base.__name__ for base in one.__bases__) for name, one in EXCEPTIONS.items()
             if not issubclass(one, Warning)}  # fmt: skip
    assert found == TREE


def test_the_tree_in_the_module_names_every_class():
    tree = (errors.__doc__ or "").partition("::\n")[2]
    assert set(re.findall(r"\b[A-Z]\w+(?:Error|Warning|Unreachable|Refused)\b", tree)) - {
        "ValueError", "TypeError", "OSError", "ImportError", "RuntimeError"
    } == set(EXCEPTIONS)  # fmt: skip


def test_what_to_do_is_said_of_each_class():
    assert set(tool.TODO) == set(EXCEPTIONS)


def test_what_to_do_is_said_of_each_kind_of_problem():
    assert set(tool.KINDS) == set(tool.kinds()) == {*errors._KINDS.values(), "limit", "data"}


@pytest.mark.parametrize(
    "name", sorted(name for name, one in EXCEPTIONS.items() if issubclass(one, errors.ServiceError))
)
def test_errors_of_services_keep_their_attributes_in_other_processes(name):
    error = pickle.loads(pickle.dumps(EXCEPTIONS[name]("HER", "https://example.org/", "busy", 503)))
    assert (error.archive, error.url, error.words, error.status) == ("HER", "https://example.org/", "busy", 503)
