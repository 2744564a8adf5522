"""
Write the reference of the command ``sunpy-helio``, from the commands themselves.

    python tools/document_commands.py

A test compares ``docs/reference/command_line.rst`` with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import click

from sunpy_helio_plugins.cli import command as state
from sunpy_helio_plugins.cli.main import command

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "command_line.rst"

HEAD = """\
============
Command line
============

The commands of ``sunpy-helio``, also ``python -m sunpy_helio_plugins``, see :doc:`../how_to/command_line`.

.. list-table:: Exit codes
   :header-rows: 1

   * - Code
     - Meaning
"""

CODES = {
    state.WHOLE: "The result is complete; it may be empty.",
    state.PARTLY: "A part is missing; standard error names the part and the reason.",
    state.WRONG_USE: "Wrong use: a word, a value, a setting or a file that is not allowed; nothing was changed.",
    state.NOTHING: (
        "Nothing came: the archive did not respond or refused, the dataset does not cover the time, or the output "
        "could not be written."
    ),
    state.LOCKED: "Another run holds the lock of the folder.",
    state.INTERRUPTED: "Interrupted by Ctrl-C.",
    state.CLOSED: "The reader of a pipe closed it.",
}

LEVELS = ("--quiet", "--verbose", "--debug", "--help")
"""Options of every command, which are described once."""


def page() -> str:
    """Return the page."""
    codes = "".join(f"   * - {code}\n     - {text}\n" for code, text in CODES.items())
    levels, others = ("\n".join(_options(command, one)) for one in (_is_level, lambda name: not _is_level(name)))
    every = f"\nEvery command has these options:\n\n{levels}\n\nBefore the command:\n\n{others}\n"
    return f"{HEAD}{codes}{every}" + "".join(_section(path, one) for path, one in _commands(command, "sunpy-helio"))


def _commands(group: click.Group, path: str) -> Iterator[tuple[str, click.Command]]:
    for name in sorted(group.commands):
        one = group.commands[name]
        yield f"{path} {name}", one
        if isinstance(one, click.Group):
            yield from _commands(one, f"{path} {name}")


def _section(path: str, one: click.Command) -> str:
    """Return the section of a command."""
    is_nested = len(path.split()) > 2
    context = click.Context(one, info_name=path)
    words = [" ".join(paragraph.split()) for paragraph in (one.help or "").split("\n\n")]
    usage = f"{path} {' '.join(one.collect_usage_pieces(context))}"
    examples = "\n".join(f"    $ {line}" for line in getattr(one, "examples", ()))
    return "\n".join([
        "", path, ("-" if is_nested else "=") * len(path), "", *_joined(words), f"Usage: ``{usage}``", "",
        *_options(one, lambda name: not _is_level(name)), "",
        ".. code-block:: console", "", examples, "",
    ])  # fmt: skip


def _joined(paragraphs: list[str]) -> Iterator[str]:
    for text in paragraphs:
        yield from (_literal(text), "")


def _is_level(name: str) -> bool:
    return name in LEVELS


def _options(one: click.Command, is_chosen: Callable[[str], bool]) -> list[str]:
    """Return the options of a command as a definition list."""
    context = click.Context(one, info_name="x", **one.context_settings)
    lines: list[str] = []
    for option in one.get_params(context):
        record = option.get_help_record(context) if isinstance(option, click.Option) else None
        if record is not None and is_chosen(max(option.opts, key=len)):
            lines += [f"``{record[0]}``", f"    {_literal(record[1])}"]
    return lines


def _literal(text: str) -> str:
    """Return a help text as reStructuredText: the characters of markup are those of the text."""
    return text.replace("\\", "\\\\").replace("*", "\\*").replace("`", "\\`").replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
