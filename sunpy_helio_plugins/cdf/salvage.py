"""
Recover what is left of a truncated or damaged CDF file.

The records of a file follow each other without gaps, each with its size, and a value of an attribute contains the
number of its attribute and of its variable: most records can be found without the lists that connect them, one link of
which may be damaged or behind the end of the file.
"""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sunpy_helio_plugins.cdf.records import (
    ADR,
    AGREDR,
    AZEDR,
    CVVR,
    RVDR,
    VVR,
    ZVDR,
    RecordReader,
    check_checksum,
    expanded,
    unpacked,
)
from sunpy_helio_plugins.cdf.structure import (
    HAS_MD5,
    AttributeEntry,
    Block,
    Directory,
    Structure,
    VariableLayout,
    blocks_of,
    directory_of,
    entry_of,
    is_global_scope,
    mapped,
    overlaps,
    spare_bytes,
    variable_of,
)
from sunpy_helio_plugins.errors import FileError

__all__ = ["recover"]

_KINDS = (RVDR, ZVDR, ADR, AGREDR, AZEDR)

Records = dict[int, dict[int, tuple[int, ...]]]
"""The fields of records, by their kind and their offset."""

_GROWTH = 1100
"""The largest ratio of the sizes of a block before and after it is compressed by deflate."""


def recover(path: Path) -> Structure:
    """
    Read what is left of the structure of a CDF file, with a description of what is lost in ``problems``.

    The blocks of all variables are decompressed once, so that damaged ones are known. `FileError` is raised if the
    first two records, which describe the file, are damaged.
    """
    with mapped(path) as content:
        found = Structure(path, spare=spare_bytes(len(content)))
        records = unpacked(content, is_whole=False)
        if records is not content:
            found.content = records
        web = RecordReader(records)
        web.lost = []
        directory, flags = directory_of(web, found)
        if directory.end > len(records):
            found.problems.append(f"The file is truncated: {len(records)} of {directory.end} bytes are left.")
        elif flags & HAS_MD5 == HAS_MD5:
            found.problems.extend(_checked(content))
        left = _records(web, directory)
        _recover_variables(web, left, directory, found)
        _recover_attributes(web, left, directory, found)
    return found


def _checked(content: Any) -> list[str]:
    try:
        check_checksum(content)
    except FileError:
        return ["The checksum of the file is wrong: values without compression may be damaged."]
    return []


def _records(web: RecordReader, directory: Directory) -> Records:
    """Return the records of variables and attributes: those in the order of the file, and those of the lists."""
    found: Records = {kind: {} for kind in _KINDS}
    for place, kind, _ in _in_order(web):
        _add(web, found, place, kind)
    for kind, (head, _) in ((RVDR, directory.rvariables), (ZVDR, directory.zvariables), (ADR, directory.attributes)):
        _follow(web, found, head, kind)
    for fields in list(found[ADR].values()):
        _follow(web, found, fields[3], AGREDR)
        _follow(web, found, fields[9], AZEDR)
    return found


def _in_order(web: RecordReader) -> Iterator[tuple[int, int, int]]:
    """Yield the offset, the kind and the size of the records in the order of the file, up to one with a wrong size."""
    begin, place = struct.Struct(">qi" if web.word == 8 else ">ii"), 8
    while place + begin.size <= len(web.content):
        size, kind = begin.unpack_from(web.content, place)
        yield place, kind, size
        if size < begin.size:
            break
        place += size


def _add(web: RecordReader, found: Records, place: int, kind: int) -> bool:
    """Add a record if it is intact, and return whether it is."""
    if kind in found and place not in found[kind]:
        try:
            found[kind][place] = web.record(place, kind)
        except (FileError, struct.error):
            return False
    return True


def _follow(web: RecordReader, found: Records, place: int, kind: int) -> None:
    """Add the records of a list up to the first one that is damaged."""
    seen: set[int] = set()
    while place and place not in seen and _add(web, found, place, kind):
        seen.add(place)
        place = found[kind][place][2]


def _recover_variables(web: RecordReader, left: Records, directory: Directory, found: Structure) -> None:
    by_number: dict[tuple[bool, int], VariableLayout] = {}
    places: dict[int, VariableLayout] = {}
    cut: list[int] = []
    for kind in (RVDR, ZVDR):
        for place, fields in left[kind].items():
            layout, index = _variable(web, place, fields, directory.shape)
            if layout is not None:
                by_number.setdefault((layout.is_z, layout.number), layout)
                places[place] = layout
                cut += [place] if index >= len(web.content) and not layout.sparse else []
    for layout in _by_position(web, places, cut):
        by_number[layout.is_z, layout.number] = layout
        found.problems.append(f"{layout.name}: its index is lost; the blocks that follow its description are used.")
    found.variables = [by_number[key] for key in sorted(by_number)]
    while shared := {place for pair in overlaps(found.variables) for place in pair}:
        found.variables = [_without(layout, shared) for layout in found.variables]
    expected = directory.rvariables[1] + directory.zvariables[1]
    if len(by_number) < expected:
        found.problems.append(_share(expected - len(by_number), f"{expected} variables"))
    found.problems.extend(filter(None, map(_loss, found.variables)))


def _variable(
    web: RecordReader, place: int, fields: tuple[int, ...], shape: tuple[int, ...]
) -> tuple[VariableLayout | None, int]:
    """Return a variable with the blocks that can be read and the offset of its index; none if it is damaged."""
    try:
        layout, index = variable_of(web, place, fields, shape)
    except (FileError, struct.error):
        return None, 0
    web.lost = []
    blocks = list(_intact(web, index, layout))
    last = max((block.last for block in blocks), default=-1)
    lost = [(first, min(other, layout.records - 1)) for first, other in web.lost if 0 <= first < layout.records]
    if not layout.sparse:
        lost = _gaps(blocks, layout.records)
    elif (-1, -1) in web.lost and last + 1 < layout.records:
        lost.append((last + 1, layout.records - 1))
    return layout._replace(blocks=tuple(blocks), lost=tuple(sorted(lost))), index


def _by_position(web: RecordReader, variables: dict[int, VariableLayout], cut: list[int]) -> Iterator[VariableLayout]:
    """
    Yield variables whose index is behind the end of the file, with the blocks between their description and the next.

    cdflib writes the description of a variable, its blocks and then its index; NASA's library writes indices first.
    Only if the blocks of all other variables of the file follow their descriptions are these positions used.
    """
    following: dict[int, list[tuple[int, int, int]]] = defaultdict(list)
    owner = 0
    for place, kind, size in _in_order(web) if cut else ():
        owner = place if kind in (RVDR, ZVDR) else owner
        if kind in (VVR, CVVR):
            following[owner].append((place, kind, size))
    starts = {place: {at + web.length(kind) for at, kind, _ in found} for place, found in following.items()}
    if any(one.place not in starts.get(place, ()) for place, layout in variables.items() for one in layout.blocks):
        return
    for place in cut:
        layout = variables[place]
        blocks = list(_placed(web, layout, following[place]))
        if blocks and blocks[-1].last < layout.records:
            yield layout._replace(blocks=tuple(blocks), lost=tuple(_gaps(blocks, layout.records)))


def _placed(web: RecordReader, layout: VariableLayout, found: list[tuple[int, int, int]]) -> Iterator[Block]:
    """Yield blocks of successive records, up to the first one that is not complete."""
    after, record = 0, max(layout.record, 1)
    for place, kind, size in found:
        start, stored = place + web.length(kind), size - web.length(kind)
        if kind == CVVR:
            try:
                stored = web.record(place, CVVR)[3]
                packed = bytes(web.content[start : start + max(stored, 0)])
                # A stream of gzip ends with the size of what it contains.
                length = struct.unpack("<I", packed[-4:])[0]
                if not 0 < length <= _GROWTH * stored:
                    return
                expanded(packed, layout.compression, length)
            except (FileError, struct.error):
                return
        else:
            length = min(stored, len(web.content) - start) // record * record
        count, rest = divmod(length, record)
        if rest or not count:
            return
        yield Block(after, after + count - 1, start, stored if kind == CVVR else length, kind == CVVR)
        after += count
        if kind == VVR and length < stored:
            return


def _intact(web: RecordReader, index: int, layout: VariableLayout) -> Iterator[Block]:
    """Yield the blocks that can be decompressed; the others, and (-1, -1) for an index, are added to ``web.lost``."""
    lost = web.lost if web.lost is not None else []
    try:
        for block in blocks_of(web, index, layout.record):
            try:
                if block.is_compressed:
                    packed = bytes(web.content[block.place : block.place + block.size])
                    expanded(packed, layout.compression, (block.last - block.first + 1) * layout.record)
            except FileError:
                lost.append((block.first, block.last))
            else:
                yield block
    except (FileError, struct.error):
        lost.append((-1, -1))


def _without(layout: VariableLayout, places: set[int]) -> VariableLayout:
    """Return a variable without the blocks at some offsets, whose records count as lost."""
    gone = [block for block in layout.blocks if block.place in places]
    if not gone:
        return layout
    lost = {*layout.lost, *((block.first, block.last) for block in gone)}
    blocks = tuple(block for block in layout.blocks if block.place not in places)
    return layout._replace(blocks=blocks, lost=tuple(sorted(lost)))


def _gaps(blocks: list[Block], records: int) -> list[tuple[int, int]]:
    """Return the records that are not in any block."""
    found, after = [], 0
    for block in sorted(blocks):
        if block.first > after:
            found.append((after, block.first - 1))
        after = max(after, block.last + 1)
    return [*found, (after, records - 1)] if after < records else found


def _loss(layout: VariableLayout) -> str:
    """Return a sentence on the records that a variable has lost, or an empty text."""
    if not layout.lost:
        return ""
    if layout.lost == ((0, layout.records - 1),):
        return f"{layout.name}: all {layout.records} records are lost." if layout.varies else f"{layout.name} is lost."
    if len(layout.lost) == 1 and layout.lost[0][0] == layout.lost[0][1]:
        return f"{layout.name}: the record {layout.lost[0][0]} of {layout.records} is lost."
    ranges = [f"{first} to {last}" if first < last else str(first) for first, last in layout.lost]
    more = f" and {len(ranges) - 5} other ranges" if len(ranges) > 5 else ""
    return f"{layout.name}: the records {', '.join(ranges[:5])}{more} of {layout.records} are lost."


def _recover_attributes(web: RecordReader, left: Records, directory: Directory, found: Structure) -> None:
    attributes = {fields[5]: (place, fields) for place, fields in left[ADR].items()}
    entries: dict[int, list[AttributeEntry]] = defaultdict(list)
    expected = sum(fields[6] + fields[10] for _, fields in attributes.values())
    for kind in (AGREDR, AZEDR):
        for place, fields in left[kind].items():
            if fields[3] not in attributes:
                continue
            at, about = attributes[fields[3]]
            name = web.name(at + web.length(ADR))
            try:
                entries[fields[3]].append(entry_of(web, place, fields, name, is_global_scope(about[4])))
            except FileError:
                continue
    found.entries = [entry for number in sorted(entries) for entry in entries[number]]
    missing = directory.attributes[1] - len(attributes)
    if missing > 0:
        found.problems.append(_share(missing, f"{directory.attributes[1]} attributes"))
    if len(found.entries) < expected:
        found.problems.append(_share(expected - len(found.entries), f"{expected} values of the other attributes"))


def _share(count: int, of: str) -> str:
    return f"{count} of {of} {'is' if count == 1 else 'are'} lost."
