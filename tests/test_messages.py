"""Messages name their subject, and contain no control characters of servers, in errors, warnings and tables."""

from __future__ import annotations

import ast
import io
import re
import ssl
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from sunpy.net import Fido
from sunpy.net import attrs as a

import sunpy_helio_plugins as helio
from sunpy_helio_plugins import cdf, hapi, helioviewer, her
from sunpy_helio_plugins.errors import (
    FileError,
    IncompleteAnswerWarning,
    QueryError,
    ServiceRefused,
    printable,
    warn_incomplete,
)
from sunpy_helio_plugins.transport import credentials
from sunpy_helio_plugins.transport.messages import connection_problem

ROOT = Path(helio.__file__).parent
OWN = re.compile(
    r"(AnswerError|DiskError|FileError|IsolationError|QueryError|ServerError|ServiceError|ServiceRefused|TransferError|"
    r"ServiceUnreachable|TransientError|RefusedError|TransientFileError|UnknownAttr|UnknownKeyword|NotMadeError)"
)
SUBJECTS = re.compile(
    r"\ba\.\w|\bconf\.\w|\w+\.\w+\(|\b(hapi|imap|her|helioviewer|io|cdf|sandbox|fido|series|together)\.\w|sign_in|\w+="
)
"""A name of an attr, a setting or a function, which says what a message is about."""


COMPLETED = {
    "cdf/": "cdf.read adds the path",
    "hapi/records/": "hapi.read and a download add the path or the address",
    "helioviewer/jp2/": "helioviewer.read and a download add the path",
    "helioviewer/maps/physical.py": "helioviewer.read adds the path",
    "io/series.py": "io.read adds the path",
    "transport/files/body.py": "a download adds the name of the file",
    "transport/files/prefix.py": "a download adds the name of the file",
}
"""Parts of messages about the content of a file, to which the function that opened it adds the name."""


def messages() -> Iterator[tuple[str, str, bool]]:
    """Yield the place and the text of each message in the source, and whether it contains a value."""
    for path in sorted(ROOT.rglob("*.py")):
        if "sandbox" in path.parts:
            continue
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call) or not node.args:
                continue
            name = ast.unparse(node.func).rpartition(".")[2]
            if OWN.fullmatch(name) or name in ("warn", "warn_incomplete"):
                place = f"{path.relative_to(ROOT).as_posix()}:{node.lineno}"
                values = [one for arg in node.args for one in ast.walk(arg) if not isinstance(one, ast.Constant)]
                has_value = any(isinstance(one, ast.FormattedValue | ast.Name) for one in values)
                texts = [one.value for arg in node.args for one in ast.walk(arg) if isinstance(one, ast.Constant)]
                yield place, " ".join(str(one) for one in texts), has_value


def test_every_message_names_its_subject() -> None:
    """A message without a value, an attr, a setting or a function leaves the user alone with many files and servers."""
    found = list(messages())
    assert len(found) > 250
    alone = [(place, text) for place, text, has_value in found if not has_value and not SUBJECTS.search(text)]
    assert [one for one in alone if not one[0].startswith(tuple(COMPLETED))] == []
    assert [start for start in COMPLETED if not any(place.startswith(start) for place, _ in alone)] == []


@pytest.mark.parametrize("name", ["x.cdf", "x.hapi", "x.jp2", "x.ecsv", "x.xml"])
@pytest.mark.parametrize("content", [b"", b"nonsense", b"\0" * 100, b"<html>no</html>", b'{"HAPI": "3.0"}'])
def test_messages_about_files_name_the_file(name: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    readers = {"x.cdf": cdf.read, "x.hapi": hapi.read, "x.jp2": helioviewer.read, "x.ecsv": helio.io.read,
               "x.xml": her.voevent.read}  # fmt: skip
    with pytest.raises(FileError, match=re.escape(name)):
        readers[name](path)


@pytest.mark.parametrize("name", ["HAPI", "IMAP", "Helioviewer", "HER"])
@pytest.mark.parametrize("content", ["", "nonsense", "<html>no</html>"])
def test_messages_about_downloads_name_the_file(name: str, content: str, archive: Any, tmp_path: Path) -> None:
    table = getattr(helio, f"{name}Client")().search(*QUERIES[name])[:1]
    with helio.conf.set_temp("retries", 0), archive.fault("html_error", words=content):
        results = Fido.fetch(table, path=str(tmp_path / "{file}"), progress=False)
    for failure in results.errors:
        download, text = failure.filepath_partial.download, str(failure.exception)
        assert any(subject in text for subject in (download.target.name, "asked: ", f" of {download.archive}"))


BAD = "\x1b[31mred\x1b]0;title\x07\x9b2J\r"


def test_messages_have_no_control_characters() -> None:
    for error in (QueryError(f"{BAD} x"), FileError(BAD), ServiceRefused("A", "https://x.org", BAD, 400)):
        assert str(error).isprintable()
        assert "red" in str(error)
    with pytest.warns(IncompleteAnswerWarning) as caught:
        warn_incomplete(BAD)
    assert str(caught[0].message).isprintable()
    assert printable("a\n\tb") == "a\n\tb"


@pytest.mark.parametrize("kind", [QueryError, FileError])
def test_a_long_value_does_not_hide_the_sentence_around_it(kind: type[Exception]) -> None:
    text = str(kind(f"The type {'9' * 100_000} is not one of HAPI's; correct it."))
    assert text.startswith("The type 999")
    assert text.endswith("999 is not one of HAPI's; correct it.")
    assert len(text) < 300
    assert str(kind(f"{'word ' * 2000}end")) == f"{'word ' * 800}"[:3999] + "…"


QUERIES = {
    "HAPI": (a.Time("2026-01-10", "2026-01-11"), a.hapi.Server("cdaweb"), a.hapi.Dataset("AC_H0_MFI")),
    "IMAP": (a.Time("2026-01-10", "2026-01-11"), a.Instrument("mag"), a.imap.Descriptor("norm-gse")),
    "Helioviewer": (a.Time("2026-01-10 12:00", "2026-01-10 12:02"), a.helioviewer.SourceID(13)),
    "HER": (a.Time("2026-01-10", "2026-01-11"), a.her.CH),
}


@pytest.mark.parametrize("name", QUERIES)
def test_tables_are_printed_without_control_characters(
    name: str, archive: Any, capsys: pytest.CaptureFixture[str]
) -> None:
    table = getattr(helio, f"{name}Client")().search(*QUERIES[name])[:2]
    table["Provider"] = np.array([BAD] * len(table))
    column = table["Provider"]
    shown = [str(table), repr(table), table._repr_html_(), repr(table[0]), str(table[0]), table[0]._repr_html_()]
    options: list[dict[str, Any]] = [{}, {"max_lines": -1, "max_width": -1}, {"html": True}]
    shown += ["\n".join(table.pformat(**one)) for one in options]
    shown += [str(table.show("Provider")), repr(table[:1]), str(table.copy()), str(table["Provider",])]
    table.pprint()
    shown.append(capsys.readouterr().out)
    assert sum("red" in text for text in shown) >= 5
    for text in shown:
        assert all(char.isprintable() or char in "\n\t" for char in text)
    assert column[0] == BAD


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (OSError(24, "Too many open files"), "Too many open files"),
        (ConnectionError(5, "any words"), "there was no answer (ConnectionError)"),
        (RuntimeError("any words"), "there was no answer (RuntimeError)"),
    ],
)
def test_errors_of_the_system_are_in_its_words(error: Exception, words: str) -> None:
    assert connection_problem(error) == words


def test_certificates_are_told_apart() -> None:
    words = {10: "expired", 62: "another host", 64: "another host", 18: "self-signed", 19: "self-signed", 20: "issuer",
             9: "not valid yet", 23: "revoked", 99: "odd"}  # fmt: skip
    for code, word in words.items():
        error = ssl.SSLCertVerificationError("x")
        error.verify_code, error.verify_message = code, "odd"
        outer = OSError("outer")
        outer.__cause__ = error
        for given in (error, outer, OSError(SimpleNamespace(), error)):
            text = connection_problem(given)
            assert text.startswith("no secure connection could be made")
            assert word in text


def test_rows_of_events_carry_their_server(archive: Any) -> None:
    table = helio.HERClient().search(*QUERIES["HER"])
    assert set(table["server_url"]) == {helio.conf.her.url}
    before = her.voevent_url(table[0])
    kept = her.HERTable.stack(table[:1], table[1:2])
    stream = io.StringIO()
    table[:2].write(stream, format="ecsv")
    with helio.conf.her.set_temp("url", "https://elsewhere.org/her"):
        assert her.voevent_url(table[0]) == before
        assert her.summary_url(table[0]).startswith(str(table["server_url"][0]))
        assert her.voevent_url(str(table[0]["kb_archivid"])).startswith("https://elsewhere.org/her")
    assert list(kept["server_url"]) == list(table["server_url"][:2])


def test_a_document_is_downloaded_from_the_server_of_its_row(archive: Any, tmp_path: Path) -> None:
    table = helio.HERClient().search(*QUERIES["HER"])[:2]
    with helio.conf.her.set_temp("url", "http://127.0.0.1:9/her"):
        results = Fido.fetch(table, path=str(tmp_path / "{file}"), progress=False)
    assert len(results) == 2
    assert results.errors == []


@pytest.mark.parametrize(
    ("query", "words"),
    [
        (lambda: a.her.EventType("AR, CH"), r"join types with \|: a\.her\.AR \| a\.her\.CH\."),
        (lambda: helio.HERClient().search(QUERIES["HER"][0], a.her.AR, a.her.CH), r"'AR'.*'CH'.*join types with \|"),
        (
            lambda: helio.IMAPClient().search(a.Instrument("mag"), a.Instrument("swe")),
            r"a\.Instrument; join .* with \|",
        ),
        (lambda: a.hapi.Parameter, r"did not|Did you mean a\.hapi\.Parameters\?"),
        (lambda: a.imap.Instrument, r"Did you mean a\.Instrument\?"),
        (lambda: a.helioviewer.Sources, r"Did you mean a\.helioviewer\.SourceID\?"),
        (lambda: a.imap.Nothing_Like_It, r"The attrs are CarringtonRotation, "),
        (lambda: a.imap.Extension("pkt"), r"Did you mean pkts\?"),
        (lambda: a.hapi.Format("binry"), r"Did you mean binary\?"),
        (lambda: helio.sign_in("iamp", "key"), r"Did you mean imap\?"),
        (lambda: helio.sign_in("imap", key="key"), r"does not take the keyword 'key'; it takes name, \*secrets"),
        (lambda: helio.sign_in("her", "only-one"), r"two texts"),
        (lambda: helio.sign_in("imap", "key", "other"), r"one key or token"),
    ],
)
def test_suggestions(query: Any, words: str, archive: Any) -> None:
    with pytest.raises(QueryError, match=words):
        query()
    assert archive.log == []
    credentials.forget()


@pytest.mark.parametrize("name", QUERIES)
def test_unknown_keywords_of_fetch_are_refused(name: str, archive: Any, tmp_path: Path) -> None:
    table = getattr(helio, f"{name}Client")().search(*QUERIES[name])[:1]
    archive.log.clear()
    for keywords, words in (
        ({"overwrit": True}, "Did you mean overwrite?"),
        ({"nonsense": 1}, "it takes downloader, overwrite"),
    ):
        with pytest.raises(QueryError, match=re.escape(words)):
            Fido.fetch(table, path=str(tmp_path / "{file}"), progress=False, **keywords)
    assert archive.log == []
    # Of another client: a response may contain rows of both.
    results = Fido.fetch(table, path=str(tmp_path / "{file}"), progress=False, site="NSO", overwrite=True)
    assert len(results) == 1


def test_a_secret_is_not_in_the_message_of_a_refused_login() -> None:
    with pytest.raises(QueryError) as caught:
        helio.sign_in("imap", b"very-secret")  # type: ignore[arg-type]
    assert "very-secret" not in str(caught.value)
