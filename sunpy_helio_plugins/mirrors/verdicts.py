"""
The verdicts of checks, which are kept in the folder that was checked.

A check skips files that have not changed since their verdict, and a mirror downloads those again that were found
damaged or changed.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any

from sunpy_helio_plugins.quantities.exact import kept_json
from sunpy_helio_plugins.store.manifest import Entry
from sunpy_helio_plugins.store.publish import write_whole

__all__ = ["VERDICTS", "Checks", "Verdicts"]

VERDICTS = ".sunpy-helio-verdicts.jsonl"
"""The file with the verdicts in the folder that was checked: one line of JSON for each file."""

_RECENT = 2.0
"""Seconds after its last change in which a file may change again without another time of modification."""


class Verdicts:
    """The verdicts of earlier checks of a folder, and the file to which those of the next one are appended."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.known: dict[str, dict[str, Any]] = {}
        self._stream: IO[str] | None = None
        self._lines = 0
        # A pipe would wait for ever, and a link may lead to a file of another folder.
        self._is_usable = not os.path.lexists(path) or (path.is_file() and not path.is_symlink())
        try:
            text = path.read_text(encoding="utf-8", errors="replace") if self._is_usable else ""
        except OSError:
            return
        # A line that was cut by a kill is judged again.
        for line in text.splitlines():
            self._lines += 1
            self._take(line)

    def _take(self, line: str) -> None:
        try:
            one = kept_json(line)
            self.known[str(one["key"])] = dict(one)
        except (ValueError, TypeError, KeyError):
            return

    def of(self, key: str, state: os.stat_result) -> dict[str, Any]:
        """Return the last verdict on a file, or an empty dict if the file has changed since."""
        found = self.known.get(key, {})
        return found if _mark(state).items() <= found.items() else {}

    def add(self, key: str, state: os.stat_result, verdict: Mapping[str, Any]) -> None:
        """Append a verdict; in a folder that cannot be written, the next check begins again."""
        made = self.known[key] = {"key": key, **_mark(state), **verdict}
        if time.time() - state.st_mtime <= _RECENT:
            made["recent"] = True
        if not self._is_usable:
            return
        try:
            if self._stream is None:
                is_cut = self.path.is_file() and not self.path.read_bytes().endswith(b"\n")
                self._stream = self.path.open("a", encoding="utf-8")
                self._stream.write("\n" if is_cut else "")
            self._stream.write(json.dumps(made) + "\n")
            self._stream.flush()
            self._lines += 1
        except OSError:
            self._stream = None

    def close(self) -> None:
        """Close the file, and shorten it if most of its lines are out of date."""
        if self._stream is not None:
            self._stream.close()
            if self._lines > 2 * len(self.known) + 100:
                lines = "".join(json.dumps(one) + "\n" for one in self.known.values())
                write_whole(self.path, lines.encode())


def _mark(state: os.stat_result) -> dict[str, Any]:
    return {"size": state.st_size, "mtime_ns": state.st_mtime_ns}


class Checks:
    """The last verdicts on the files of a folder, by checks of the folder or of one that contains it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._real = Path(os.path.realpath(folder))
        tops = [top for top in (self._real, *self._real.parents) if (top / VERDICTS).is_file()]
        self._verdicts = {top: Verdicts(top / VERDICTS) for top in tops}

    def is_lost(self, place: Path, known: Entry) -> bool:
        """Return whether a file of a manifest was removed or cut, or found damaged or changed by the last check."""
        if not place.is_file():
            return True
        state = place.stat()
        return state.st_size != known.get("size") or self._reject(place, state, known)

    def _reject(self, place: Path, state: os.stat_result, known: Entry) -> bool:
        real = self._real / place.relative_to(self.folder)
        for top, verdicts in self._verdicts.items():
            found = verdicts.of(real.relative_to(top).as_posix(), state)
            if found.get("verdict") in ("damaged", "changed") and found.get("sha256") == known.get("sha256"):
                return True
        return False
