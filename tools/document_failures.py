"""
Write the page of failures, from the classes of ``errors.py`` and the kinds of problems.

    python tools/document_failures.py

A test compares ``docs/how_to/failures.rst`` with it. What to do about each class is written here; the rest is theirs.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from pathlib import Path

from sunpy_helio_plugins import errors

PAGE = Path(__file__).parents[1] / "docs" / "how_to" / "failures.rst"

HEAD = """\
====================
When something fails
====================

.. Written by tools/document_failures.py.

A function raises an error if it cannot return any result.
A missing part of a result is a `~sunpy_helio_plugins.errors.Problem` in ``table.problems``, and a warning.
Messages state what was requested, what was received and what to do.
They never contain a key, password or token, so that they can be sent to others.

.. code-block:: python

    from sunpy_helio_plugins.errors import QueryError, ServiceError

    try:
        found = Fido.search(day, a.her.CH)
    except QueryError as error:
        print(error)  # the query is wrong: nothing was sent
    except ServiceError as error:
        print(error.archive, error.status, error.url)  # the archive did not answer as expected

    for problem in found["her"].problems:
        print(problem.kind, problem.archive, problem)

"""

TODO = {
    "HelioPluginsError": "Catch it to catch all errors of this package.",
    "QueryError": "Change the query as the message says. Nothing was sent.",
    "CoverageError": "Ask for a time within the coverage, which the message states.",
    "IsolationError": "End the embedded archive (``sandbox.stop()``), or set the address of the archive to it.",
    "SettingError": "Change the setting, or the line of ``sunpy_helio_plugins.cfg``, that the message names.",
    "WorkerError": (
        "Install the package, or set the credentials, on the worker that the message names; see :doc:`cluster`."
    ),
    "ServiceError": "See the four classes below; ``status`` is the status of HTTP, if there was one.",
    "ServiceUnreachable": (
        "Look at your connection and proxy, then at the state of the archive; try again later. A request was"
        " repeated ``conf.retries`` times already."
    ),
    "ServiceRefused": (
        "Read the words of the archive. 401 and 403: sign in, see :doc:`credentials`. 404: the address or the name is"
        " wrong. 429: wait."
    ),
    "ServerError": "Try again later, or ask for less at once; if it remains, report the address to the archive.",
    "AnswerError": (
        "Try again: a connection may have been cut. If it remains, the archive has changed, or is in maintenance;"
        " report it with the address."
    ),
    "TransferError": (
        "Fetch again: ``Fido.fetch(results)`` with the result of the failed fetch requests the missing files only."
    ),
    "LockedError": "Wait until the other run has ended; a lock ends with its process.",
    "FileError": (
        "Remove the file and fetch it again; ``sunpy-helio fsck FOLDER`` finds such files."
        " ``cdf.read(path, salvage=True)`` reads the intact part of a CDF file."
    ),
    "DiskError": "Change the permissions, free some space, or give another path, as the message says.",
    "MissingDependencyError": "Install the extra that the message names.",
    "IncompleteAnswerWarning": "Look at ``table.problems``; ``table.search_again()`` repeats the search.",
    "IncompleteFetchWarning": "Look at ``results.errors``; ``Fido.fetch(results)`` requests the missing files only.",
    "InexactTimeWarning": "Use `~astropy.time.Time` instead, if the difference matters: it keeps all digits.",
    "InexactValueWarning": "Use the table instead of the converted type, if the difference matters.",
    "MirrorWarning": "Search again later, if images are missing.",
    "OutdatedAnswerWarning": "Search again later; ``conf.cache = False`` raises an error instead.",
    "OutsideImageWarning": "Choose an image that contains the events, or ignore the warning.",
    "RelationWarning": "Submit another relation, unless you run an automatic method.",
    "WideColumnsWarning": "Read the columns from the table; :doc:`imap_spectra` shows them as spectra.",
}
"""What to do about each class."""

KINDS = {
    "unreachable": "Search again: ``table.search_again()``.",
    "refused": "Change the part of the query that the sentence names, or sign in.",
    "server": "Search again later, or for a shorter time.",
    "answer": "Search again; if it remains, report it to the archive.",
    "limit": "Ask for a shorter time or a narrower query, or give a larger limit.",
    "query": "Leave out the part that the archive cannot answer.",
    "data": "The other rows are right; report the value to the archive, if it matters.",
    "transfer": "Fetch again: ``Fido.fetch(results)``.",
}
"""What to do about each kind of problem."""


def classes() -> list[type[BaseException]]:
    """Return the public classes, each error below the class it is derived from."""
    every = [one for name in errors.__all__ if inspect.isclass(one := getattr(errors, name))]
    exceptions = [one for one in every if issubclass(one, BaseException)]
    return sorted(exceptions, key=lambda one: (issubclass(one, Warning), lineage(one)))


def lineage(one: type) -> tuple[int | str, ...]:
    """Return the positions in the source of a class and of the classes of this package above it."""
    ours = [kind for kind in reversed(one.__mro__) if kind.__module__ == errors.__name__]
    return tuple(inspect.getsourcelines(kind)[1] for kind in ours)


def kinds() -> dict[str, str]:
    """Return the kinds of problems, and what they mean, from the documentation of `Problem`."""
    text = re.sub(r"\s+", " ", (errors.Problem.__doc__ or "").partition("One of")[2].partition("archive :")[0])
    return dict(re.findall(r'- ``"(\w+)"``: ([^;.]+)[;.]', text))


def meaning(one: type) -> str:
    """Return the first sentences of a class."""
    first = (inspect.getdoc(one) or "").partition("\n\n")[0]
    return re.sub(r"\s+", " ", first)


def others(one: type) -> list[str]:
    """Return the classes of Python that a class is derived from as well."""
    ours = {kind for kind in one.__mro__ if kind.__module__ == errors.__name__}
    bases = {base for kind in ours for base in kind.__bases__} - ours - {Exception}
    return sorted(base.__name__ for base in bases if base.__module__ == "builtins")


def table(head: tuple[str, ...], rows: Iterator[tuple[str, ...]], widths: str) -> Iterator[str]:
    """Yield the lines of a table."""
    yield f".. list-table::\n   :header-rows: 1\n   :widths: {widths}\n"
    for row in (head, *rows):
        yield from (f"   {'* -' if not number else '  -'} {cell}" for number, cell in enumerate(row))
    yield ""


def class_rows(are_warnings: bool) -> Iterator[tuple[str, ...]]:
    """Yield a row for each error or each warning."""
    for one in classes():
        if issubclass(one, Warning) == are_warnings:
            also = f" Also ``{'``, ``'.join(others(one))}``." if others(one) and not are_warnings else ""
            yield f"`~{errors.__name__}.{one.__name__}`", f"{meaning(one)}{also}", TODO[one.__name__]


def page() -> str:
    """Return the page."""
    lines = [HEAD + "Errors\n======\n"]
    lines += table(("Error", "Meaning", "What to do"), class_rows(are_warnings=False), "20 40 40")
    lines += ["Warnings\n========\n", "``warnings.simplefilter`` can make errors of them.\n"]
    lines += table(("Warning", "Meaning", "What to do"), class_rows(are_warnings=True), "20 40 40")
    lines += ["Kinds of problems\n=================\n"]
    lines += ["A part that is missing from a result has one of these kinds:\n"]
    rows = ((f'``"{kind}"``', f"{text[0].upper()}{text[1:]}.", KINDS[kind]) for kind, text in kinds().items())
    lines += table(("Kind", "Meaning", "What to do"), rows, "20 40 40")
    lines += ["The exit codes of ``sunpy-helio`` are listed in :doc:`../reference/command_line`."]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
