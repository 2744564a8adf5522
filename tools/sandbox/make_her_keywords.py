"""
Write the registry's descriptions of its keywords to ``sunpy_helio_plugins/her/keywords.json``.

``python tools/sandbox/make_her_keywords.py`` adds to each keyword of the registry's list
(http://www.lmsal.com/hek/VOEvent_Spec.html) its description (``text``), its spelling (``as``) and the event types that
require it (``required``: a list, or ``true`` for all), as tabulated by the installed sunpy. Types, units and keywords
that only occur in responses are kept as they are in the file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import sunpy.net.hek
from sunpy.net.hek import attrs as hek

TARGET = Path(__file__).parents[2] / "sunpy_helio_plugins" / "her" / "keywords.json"


def tables() -> tuple[dict[str, str], dict[str, dict[str, Any]]]:
    """Return the event types and the entries of the registry's list, as shipped with sunpy."""
    folder = Path(sunpy.net.hek.__file__).parent / "data"
    files = [json.loads((folder / f"{name}_properties.json").read_text()) for name in ("unit", "coord")]
    return files[0]["keys"], {entry["name"]: entry for file in files for entry in file["attributes"]}


def spellings() -> dict[str, str]:
    """Return the registry's spelling of each keyword for which sunpy has an attr, by the name in lower case."""
    wrappers = [getattr(group, name) for group in vars(hek).values() for name in dir(group) if name[0].isupper()]
    names = [wrapper.name for wrapper in wrappers if isinstance(wrapper, hek.HEKComparisonParamAttrWrapper)]
    return {name.lower(): name for name in names}


def described(name: str, entry: dict[str, Any], listed: dict[str, Any], types: dict[str, str]) -> dict[str, Any]:
    """Return one keyword's entry with the information in the list."""
    required = [code for code in types if listed.get(code) == "req"]
    own = {key: value for key, value in entry.items() if key not in ("as", "required", "text")}
    spelt = spellings().get(name, name)
    if spelt != name:
        own["as"] = spelt
    if required:
        own["required"] = True if len(required) == len(types) else required
    return own | {"text": " ".join(listed["desc"].split())}


def build() -> str:
    """Return the file's new content."""
    shipped = json.loads(TARGET.read_text(encoding="utf-8"))
    types, listed = tables()
    keywords = {
        name: described(name, entry, listed[name], types) if name in listed else entry
        for name, entry in shipped["keywords"].items()
    }
    line = lambda name, value: f"{json.dumps(name)}: {json.dumps(value, ensure_ascii=False)}"  # noqa: E731
    parts = []
    for section, value in (shipped | {"keywords": keywords}).items():
        if isinstance(value, dict):
            inner = ",\n".join(line(name, entry) for name, entry in value.items())
            parts.append(f"{json.dumps(section)}: {{\n{inner}\n}}")
        else:
            parts.append(line(section, value))
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    TARGET.write_text(build(), encoding="utf-8")
