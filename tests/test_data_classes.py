"""Test the properties of all data classes of the package: which can be changed, and what their text shows."""

from __future__ import annotations

import dataclasses
import importlib
import pkgutil

import sunpy.net  # noqa: F401 - the package registers its clients there

import sunpy_helio_plugins

CHANGED = {
    "cdf": {"Structure"},
    "cli": {"Run"},
    "hapi": {"Assembly", "Service"},
    "helioviewer": {"Collection", "CoverageLister", "HAPILister", "IndexLister", "ZarrFolder", "_Ranges"},
    "her": {"VOEvent"},
    "imap": {"FileSelection", "Timeline"},
    "mirrors": {"Answers", "FolderCheck", "Made", "MirrorReport", "QueryReport", "QueryRun", "_Check"},
    "series": {"BinValues", "Losses"},
    "transport": {"Exchange", "SizeLimit", "_Interrupts", "_Ranges", "_Upload"},
}
"""The classes whose objects are changed after they are made; those of the sandbox are not listed."""

NOT_SHOWN = {"auth", "content", "document", "headers", "hidden", "secrets", "session"}
"""The names of fields that contain secrets, or more than fits into a message."""

HIDDEN = {
    "ColumnFile": "columns", "DecodedDocument": "content data parts", "Download": "headers",
    "DownloadSpec": "info keep",
    "EventAssembly": "associations events identities", "EventSegment": "associations records verdicts",
    "Exchange": "auth content headers hidden session", "HAPIDocument": "content data", "ImageSequence": "dropped",
    "Job": "folders hidden outages", "Observatory": "title", "Page": "block content", "PiecedDownload": "headers",
    "PiecedJob": "folders hidden outages", "PlainColumn": "column", "PrefixDownload": "headers",
    "PrefixJob": "folders hidden outages", "Response": "content headers", "Run": "secrets",
    "Segment": "columns info times", "SequenceFrame": "header", "Service": "_asking _has_sent_formats _known",
    "SourceImages": "headers", "Structure": "content", "Submission": "document", "Variable": "attributes part read",
    "_Ranges": "content", "_Upload": "auth content headers hidden progress session",
}  # fmt: skip
"""The fields that the text of an object does not show, by class."""


def data_classes() -> list[type]:
    """Return the data classes of all modules but those that run when they are imported."""
    found = []
    for one in pkgutil.walk_packages(sunpy_helio_plugins.__path__, "sunpy_helio_plugins."):
        if one.name.rpartition(".")[2] not in ("__main__", "pytest_plugin"):
            members = vars(importlib.import_module(one.name)).values()
            found += [kind for kind in members if isinstance(kind, type) and kind.__module__ == one.name]
    return [kind for kind in found if dataclasses.is_dataclass(kind)]


CLASSES = data_classes()


def test_objects_are_not_changed_after_they_are_made_but_for_known_classes() -> None:
    changed: dict[str, set[str]] = {}
    for kind in CLASSES:
        if not kind.__dataclass_params__.frozen:  # type: ignore[attr-defined]
            changed.setdefault(kind.__module__.split(".")[1], set()).add(kind.__name__)
    changed.pop("sandbox")
    assert changed == CHANGED
    assert len(CLASSES) > 150


def test_the_text_of_an_object_shows_no_secret_and_no_content() -> None:
    shown = {
        f"{kind.__module__}.{kind.__name__}.{field.name}"
        for kind in CLASSES
        for field in dataclasses.fields(kind)
        if field.name in NOT_SHOWN and field.repr and ".sandbox." not in kind.__module__
    }
    assert shown == set()


def test_the_text_of_an_object_shows_all_but_known_fields() -> None:
    hidden = {
        kind.__name__: " ".join(sorted(field.name for field in dataclasses.fields(kind) if not field.repr))
        for kind in CLASSES
        if ".sandbox." not in kind.__module__
    }
    assert {name: fields for name, fields in hidden.items() if fields} == HIDDEN
