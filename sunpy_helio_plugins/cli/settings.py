"""The commands that need no archive: the demonstration, the embedded archive, the cache, settings and credentials."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sunpy_helio_plugins.cli import queries
from sunpy_helio_plugins.cli.command import Command, Group, WrongUse, current_run
from sunpy_helio_plugins.cli.output import Output, output_options, show, show_value, value_options

if TYPE_CHECKING:
    from sunpy_helio_plugins.store.ranges import Ranges

__all__ = ["cache", "config", "demo", "sandbox", "sign_in"]


@click.command(
    "demo", cls=Command, examples=("sunpy-helio demo", "sunpy-helio demo figures --live"),
)  # fmt: skip
@click.argument("folder", default="helio-demo")
@click.option("--live", is_flag=True, help="Use the real archives, for which a network is needed.")
def demo(folder: str, live: bool) -> None:
    """Search and download from all four archives, and save figures to FOLDER; without a network by default."""
    from sunpy_helio_plugins import demo as demonstration

    demonstration.main([folder, *(["--live"] if live else [])])


@click.command("sandbox", cls=Command, examples=("sunpy-helio sandbox --port 8000",))
@click.option("--port", type=click.IntRange(0, 65535), default=0, help="The port; by default the system chooses one.")
def sandbox(port: int) -> None:
    """Run the embedded archive until Ctrl-C."""
    from sunpy_helio_plugins.sandbox.__main__ import run

    try:
        run(port)
    except OSError as error:
        raise WrongUse(f"The port {port} cannot be used: {error.strerror or error}") from error


@click.group("cache", cls=Group, examples=("sunpy-helio cache info",))
def cache() -> None:
    """Show or clear the caches: of metadata, such as catalogues, of the records of HAPI servers, and of events."""


@cache.command(examples=("sunpy-helio cache info --json",))
@value_options
def info(output: Output) -> None:
    """Print the folders, sizes and limits of the caches."""
    from sunpy_helio_plugins import conf
    from sunpy_helio_plugins.store import answers, ranges

    folder = answers.folder()
    sizes = [path.stat().st_size for path in folder.glob(f"{answers.NAME}*") if path.is_file()]
    value = {
        "folder": str(folder), "entries": answers.count(), "bytes": sum(sizes), "limit_bytes": int(conf.cache_size),
        "days": float(conf.cache_days), "in_use": bool(conf.cache), "records_folder": str(ranges.folder()),
        "records_bytes": _records().size(), "records_limit_bytes": int(conf.hapi.cache_size),
        "records_in_use": bool(conf.hapi.cache), "events_folder": str(ranges.folder("events")),
        "events_bytes": _events().size(), "events_limit_bytes": int(conf.her.cache_size),
        "events_in_use": bool(conf.her.cache),
    }  # fmt: skip
    show_value(value, "\n".join(f"{name}: {one}" for name, one in value.items()), output)


def _records() -> Ranges:
    """Return the store of records, without the import of their client."""
    from sunpy_helio_plugins import conf
    from sunpy_helio_plugins.store import ranges

    return ranges.Ranges(ranges.folder(), int(conf.hapi.cache_size))


def _events() -> Ranges:
    """Return the store of events."""
    from sunpy_helio_plugins import conf
    from sunpy_helio_plugins.store import ranges

    return ranges.Ranges(ranges.folder("events"), int(conf.her.cache_size))


@cache.command(examples=("sunpy-helio cache clear --dry-run",))
@click.option("--dry-run", is_flag=True, help="Print the number of entries, without removing them.")
@value_options
def clear(dry_run: bool, output: Output) -> None:
    """Remove all entries of the caches; files that were downloaded are kept."""
    from sunpy_helio_plugins.store import answers

    records, events = _records(), _events()
    value = {"entries": answers.count(), "records_bytes": records.size(), "events_bytes": events.size()}
    if not dry_run:
        answers.clear()
        records.clear()
        events.clear()
    text = (
        f"{'Would remove' if dry_run else 'Removed'} {value['entries']} entries, {value['records_bytes']} bytes of "
        f"records and {value['events_bytes']} bytes of events."
    )
    show_value({**value, "dry_run": dry_run}, text, output)


@cache.command(examples=("ls -l $(sunpy-helio cache path)",))
def path() -> None:
    """Print the folder of the cache."""
    from sunpy_helio_plugins.store import answers

    click.echo(answers.folder())


@click.group("config", cls=Group, examples=("sunpy-helio config show",))
def config() -> None:
    """Show the settings."""


@config.command("show", examples=("sunpy-helio config show", "sunpy-helio config show --json"))
@output_options
def show_settings(output: Output) -> None:
    """Print all settings and their defaults; of credentials only whether environment variables set them."""
    import numpy as np
    from astropy.table import QTable

    from sunpy_helio_plugins.config import conf

    sections: list[tuple[str, Any]] = [("", conf)]
    sections += [(f"{name}.", getattr(conf, name)) for name in ("hapi", "imap", "helioviewer", "her")]
    rows = [row for prefix, section in sections for row in _settings(prefix, section)]
    rows += [(f"${name}", "(set)", "(not set)") for name in _variables() if os.environ.get(name)]
    names = ("name", "value", "default")
    current_run().notes += [f"Settings are read from {_file()}."]
    show(QTable([np.array([row[index] for row in rows], dtype=str) for index in range(3)], names=names), output)


def _settings(prefix: str, section: Any) -> list[tuple[str, str, str]]:
    """Return the name, value and default of each setting, without secrets in URLs."""
    from astropy.config import ConfigItem

    items = {name: one for name in dir(type(section)) if isinstance(one := getattr(type(section), name), ConfigItem)}
    return [(f"{prefix}{name}", _said(getattr(section, name)), _said(one.defaultvalue)) for name, one in items.items()]


def _said(value: Any) -> str:
    from sunpy_helio_plugins.io.text import without_secrets

    if isinstance(value, list | tuple):
        return "; ".join(map(_said, value))
    name, sign, url = str(value).partition("=http")
    return f"{name}={without_secrets(f'http{url}')}" if sign else without_secrets(name)


def _variables() -> tuple[str, ...]:
    from sunpy_helio_plugins.sandbox.settings import OFFICIAL_VARIABLES

    return OFFICIAL_VARIABLES


def _file() -> Path:
    from astropy.config import get_config_dir

    return Path(get_config_dir("astropy")) / "sunpy_helio_plugins.cfg"


@click.command(
    "sign-in",
    cls=Command,
    examples=(
        "sunpy-helio sign-in imap",
        'printf "%s\\n%s\\n" "$CLIENT_ID" "$CLIENT_SECRET" | sunpy-helio sign-in swe',
        "sunpy-helio sign-in imap --forget",
    ),
)
@click.argument("name")
@click.option("--forget", is_flag=True, help="Remove the credentials from the keyring.")
def sign_in(name: str, forget: bool) -> None:
    """Store the credentials of an archive (imap, her, swe, ...) in the system's keyring.

    They are typed without being shown, or read from the lines of standard input: a key or token, or a user (or client
    id) and a password (or client secret).
    """
    from sunpy_helio_plugins.transport import credentials

    count = _count(name, credentials.known_names())
    keyring = _keyring()
    entry = f"sunpy_helio_plugins:{name}"
    with _keyring_errors():
        if forget:
            user = getattr(keyring.get_credential(entry, None), "username", None)
            if user is None:
                raise WrongUse(f"The keyring has no credentials for {name!r}.")
            keyring.delete_password(entry, user)
            current_run().say(f"Removed the credentials for {name} from the keyring.")
            return
        labels = ["Key or token"] if count == 1 else ["User or client id", "Password or client secret"]
        secrets = [queries.secret(label, is_hidden=label == labels[-1]) for label in labels]
        with credentials.signed_in(name, *secrets):  # it checks them
            keyring.set_password(entry, *(secrets if count == 2 else ["key", *secrets]))
    current_run().say(f"Stored the credentials for {name} in the keyring.")


def _count(name: str, known: dict[str, int]) -> int:
    """Return the number of secrets of an archive."""
    from sunpy_helio_plugins.arguments import close_names

    if name not in known:
        raise WrongUse(
            f"There is no archive {name!r} that one signs in to; names: {', '.join(known)}.{close_names(name, known)}"
        )
    return known[name]


def _keyring() -> Any:
    from sunpy_helio_plugins.errors import MissingDependencyError

    try:
        import keyring
    except ImportError as error:
        raise MissingDependencyError("Storing credentials", "keyring") from error
    return keyring


@contextlib.contextmanager
def _keyring_errors() -> Iterator[None]:
    """Turn the errors of the keyring into one sentence."""
    from keyring.errors import KeyringError

    try:
        yield
    except KeyringError as error:
        raise WrongUse(
            f"The system's keyring cannot be used ({error}); use environment variables or the netrc file."
        ) from error
