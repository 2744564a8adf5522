"""
User settings: URLs, timeouts, limits.

Values are read from ``sunpy_helio_plugins.cfg`` in astropy's configuration folder, and can be changed at run time
(``conf.read_timeout = 120``) or within a block (``with conf.her.set_temp("url", ...)``). A value that is not allowed
raises `~sunpy_helio_plugins.errors.SettingError` where it is set; one in the file, where it is first read.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np
from astropy.config import ConfigItem, ConfigNamespace, get_config

from sunpy_helio_plugins import lazy
from sunpy_helio_plugins.errors import SettingError

__all__ = ["Conf", "Isolation", "Snapshot", "conf", "isolation"]

__dir__ = lazy.listing(__all__)

_PACKAGE = "sunpy_helio_plugins"


_snapshot: ContextVar[dict[str, Any] | None] = ContextVar("snapshot", default=None)
"""The settings of another process, which replace those of this one within a task."""


_Check = Callable[[Any], Any]
"""A function that returns a value in the form in which it is stored; it raises `ValueError` for any other value."""


class _Setting(ConfigItem):
    """A setting that is validated when it is set, and when it is read from the configuration file."""

    def __init__(self, default: object, description: str, section: str, check: _Check, allowed: str) -> None:
        module = f"{_PACKAGE}.{section}" if section else _PACKAGE
        # Without a type, astropy would take a list for the options of one value.
        super().__init__(
            default, description, cfgtype="string_list" if isinstance(default, list) else None, module=module
        )
        self._check, self._allowed = check, allowed
        self._place = f"conf.{section}." if section else "conf."

    if TYPE_CHECKING:  # a setting is its value

        def __get__(self, instance: object, owner: type | None = None) -> Any: ...

    @property
    def place(self) -> str:
        """The name with that of its section, such as ``hapi.connections``."""
        return f"{self._place}{self.name}".removeprefix("conf.")

    def set(self, value: Any) -> None:
        """Set the value for this session, or for this task; raise `SettingError` unless it is allowed."""
        inside = _snapshot.get()
        if inside is not None and self.place in inside:
            inside[self.place] = self._checked(value, "")
        else:
            super().set(self._checked(value, ""))

    def __call__(self) -> Any:
        """Return the value; raise `SettingError` if that in the configuration file is not allowed."""
        inside = _snapshot.get()
        if inside is not None and self.place in inside:
            return inside[self.place]
        try:
            value = super().__call__()
        except TypeError:
            value = get_config(self.module, rootname=self.rootname)[self.name]
            raise self._error(value, _IN_FILE) from None
        return self._checked(value, _IN_FILE)

    def _checked(self, value: Any, where: str) -> Any:
        try:
            return self._check(value)
        except (TypeError, ValueError):
            raise self._error(value, where) from None

    def _error(self, value: Any, where: str) -> SettingError:
        shown = _without_secrets(value)
        return SettingError(f"{self._place}{self.name} is {self._allowed}, not {shown}{where}.")


_IN_FILE = f" in {_PACKAGE}.cfg"

_LONGEST = 200
"""Characters of the longest value in a message."""

_USERINFO = re.compile(r"//[^/@]*@")
_FIELDS = re.compile(r"(://[^\s?'\"]*\?)[^\s'\"]+")
"""The fields at the end of an address, of which one may be a key."""


def _without_secrets(value: object) -> str:
    """Return a value for a message, without passwords and keys in addresses."""
    return _FIELDS.sub(r"\1***", _USERINFO.sub("//***@", repr(value)))[:_LONGEST]


def _number(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | np.integer | np.floating):
        raise TypeError
    return float(value)


def _seconds(default: float, description: str, section: str = "") -> _Setting:
    """Make the setting of a duration; `None` means 0."""

    def check(value: Any) -> float:
        number = 0.0 if value is None else _number(value)
        return _within(number, 0.0, 1e9)

    return _Setting(default, description, section, check, "a number of seconds, at least 0")


def _timeout(default: float, description: str) -> _Setting:
    """Make the setting of a timeout: 0 would mean no timeout for one library, and none at all for another."""

    def check(value: Any) -> float:
        return _within(_number(value), 1e-3, 1e9)

    return _Setting(default, description, "", check, "a number of seconds, at least 0.001")


def _within(value: Any, least: float, most: float) -> Any:
    """Return a number; raise `ValueError` if it is not in a range, as NaN."""
    if not least <= value <= most:
        raise ValueError
    return value


def _integer(default: int, description: str, least: int, most: int, section: str = "") -> _Setting:
    def check(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int | np.integer):
            raise TypeError
        return int(_within(value, least, most))

    allowed = f"an integer, at least {least}" + (f" and at most {most}" if most < _MOST_BYTES else "")
    return _Setting(default, description, section, check, allowed)


_MOST_BYTES = 2**62


def _days(default: float, description: str, section: str = "") -> _Setting:
    def check(value: Any) -> float:
        return _within(_number(value), 0.0, 1e6)

    return _Setting(default, description, section, check, "a number of days, at least 0")


def _flag(default: bool, description: str, section: str = "") -> _Setting:
    def check(value: Any) -> bool:
        if not isinstance(value, bool | np.bool_):
            raise TypeError
        return bool(value)

    return _Setting(default, description, section, check, "True or False")


def _folder(default: str, description: str, section: str = "") -> _Setting:
    def check(value: Any) -> str:
        path = os.fspath(value)
        if not isinstance(path, str) or "\0" in path:
            raise TypeError
        return path

    return _Setting(default, description, section, check, "the path of a folder, or empty")


def _url(default: str, description: str, section: str) -> _Setting:
    def check(value: Any) -> str:
        if not _is_address(value):
            raise ValueError
        return str(value)

    return _Setting(
        default, description, section, check, "an address that begins with https:// (or http://) and a host"
    )


def _entries(
    default: list[str], description: str, pattern: re.Pattern[str], form: str, section: str = "hapi"
) -> _Setting:
    """Make the setting of a list of texts in one form, with an address."""

    def check(value: Any) -> list[str]:
        if not isinstance(value, list | tuple) or not all(map(is_entry, value)):
            raise TypeError
        return [str(one) for one in value]

    def is_entry(one: Any) -> bool:
        found = pattern.fullmatch(one) if isinstance(one, str) else None
        return found is not None and _is_address(found[1])

    return _Setting(default, description, section, check, f"a list of texts, each {form}")


_SERVER = re.compile(r"\s*[^=\s]+\s*=\s*(\S+)\s*")

_TOKEN = re.compile(r"\s*[^=\s]+\s*=\s*(\S+)(?:\s+\S.*)?")


def _is_address(value: Any) -> bool:
    """Return whether a value is an address of a server: http or https, and a host."""
    if not isinstance(value, str) or _AMBIGUOUS.search(value):
        return False
    try:
        parts = urlsplit(value)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


_AMBIGUOUS = re.compile(r"[\\\x00-\x20\x7f]")
"""Characters that an address must not contain: some parsers end the host at a backslash, others at the slash after."""


class _Section(ConfigNamespace):
    """A group of settings, which are the only attributes that can be set."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not isinstance(getattr(type(self), name, None), ConfigItem):
            known = sorted(one for one in dir(type(self)) if isinstance(getattr(type(self), one), ConfigItem))
            raise SettingError(f"There is no setting {name!r} here; the settings are: {', '.join(known)}.")
        super().__setattr__(name, value)

    def __repr__(self) -> str:
        name = f"conf.{section}" if (section := next(_items(self)).place.rpartition(".")[0]) else "conf"
        return f"<{name}: {', '.join(_changes(self)) or 'the defaults'}>"


def from_environment(name: str) -> str | None:
    """Return the address in an environment variable; raise `SettingError` if it is not an address."""
    inside = _snapshot.get()
    value = os.environ.get(name) if inside is None else inside.get(name)
    if value and not _is_address(value):
        shown = _without_secrets(value)
        raise SettingError(f"The environment variable {name} is an address that begins with https://, not {shown}.")
    return value or None


class _HAPIConf(_Section):
    """Settings of the HAPI client."""

    servers = _entries(
        [],
        "Additional servers, or other URLs of listed servers, each as 'name=url'.",
        _SERVER,
        "'name=https://host/path/hapi'",
    )
    oauth2 = _entries(
        ["swe=https://sso.s2p.esa.int/realms/swe/protocol/openid-connect/token swe_hapiserver"],
        "Servers that require a token, each as 'name=url-of-the-token-endpoint scope'.",
        _TOKEN,
        "'name=https://url-of-the-token-endpoint scope'",
    )
    connections = _integer(8, "Maximum number of simultaneous requests for records to one server.", 1, 100, "hapi")
    index_days = _days(7.0, "Number of days after which the index of a server's parameters is refreshed.", "hapi")
    index_url = _url(
        "https://hapi-server.org/meta/catalogs-all.json",
        "URL of the file with the catalogues and descriptions of all servers.",
        "hapi",
    )
    cache = _flag(True, "Keep the records that were loaded or downloaded, and request only the others.", "hapi")
    cache_size = _integer(2_000_000_000, "Maximum size of the kept records in bytes.", 0, _MOST_BYTES, "hapi")
    cache_days = _days(
        30.0, "Number of days for which they are kept if the server does not tell when they were modified.", "hapi"
    )
    grace_days = _days(3.0, "Records of the last days are requested again, since they may still change.", "hapi")


class _IMAPConf(_Section):
    """Settings of the IMAP client. Environment variables of the official client override them."""

    url = _url("https://api.imap-mission.com", "URL of the Data Access API.", "imap")
    ialirt_url = _url("https://ialirt.imap-mission.com", "URL of I-ALiRT, the real-time stream.", "imap")
    webpoda_url = _url(
        "https://lasp.colorado.edu/ops/imap/poda/dap2/apids/SID1", "URL of the mission's packet server.", "imap"
    )
    data_dir = _folder("", "Folder that contains the SDC's tree ('imap/...'); empty: sunpy's download folder.", "imap")


HELIOVIEWER_API = "https://api.helioviewer.org/v2"

HELIOVIEWER_MIRRORS = [
    "IAS=https://helioviewer-api.ias.u-psud.fr/v2",
    "ROB=https://api.swhv.oma.be/hv_docpage/v2",
]
"""The mirrors that JHelioviewer offers besides the main server."""


class _HelioviewerConf(_Section):
    """Settings of the Helioviewer client."""

    api_url = _url(HELIOVIEWER_API, "URL of the API, version 2.", "helioviewer")
    mirrors = _entries(
        HELIOVIEWER_MIRRORS,
        "Servers to use if the API does not respond, in this order, each as 'name=url'; the default ones belong to the "
        "default api_url.",
        _SERVER,
        "'name=https://host/path/v2'",
        "helioviewer",
    )
    hapi_url = _url(
        "https://api.helioviewer.org/hapi/Helioviewer/hapi", "URL of Helioviewer's HAPI server.", "helioviewer"
    )
    jp2_url = _url("https://helioviewer.org/jp2", "URL of the directory tree of JPEG 2000 files.", "helioviewer")
    rate_limit_wait = _seconds(
        20.0, "Seconds to wait before each retry when Helioviewer's rate limit is reached.", "helioviewer"
    )
    pillow_openjpeg = _flag(
        True, "Let glymur use the OpenJPEG in Pillow's wheels if OpenJPEG is not installed.", "helioviewer"
    )


class _HERConf(_Section):
    """Settings of the client of the Heliophysics Events Registry (HEK)."""

    url = _url("https://www.lmsal.com/hek/her", "URL of the registry.", "her")
    cache = _flag(True, "Keep the events of searches, and request only the others.", "her")
    cache_size = _integer(1_000_000_000, "Maximum size of the kept events in bytes.", 0, _MOST_BYTES, "her")
    cache_days = _days(30.0, "Number of days for which they are kept.", "her")
    grace_days = _days(
        10.0, "Events of the last days, or archived in these, are requested again, since they may still change.", "her"
    )
    progress = _flag(True, "Show a progress bar on a terminal for searches that take many pages.", "her")


class Conf(_Section):
    """
    Settings of all clients; ``conf.hapi``, ``conf.imap``, ``conf.helioviewer``, ``conf.her`` are for one archive.

    Examples
    --------
    >>> from sunpy_helio_plugins import conf
    >>> with conf.set_temp("retries", 1), conf.her.set_temp("cache_days", 7):
    ...     print(conf.retries, conf.her.cache_days)
    1 7.0
    """

    connect_timeout = _timeout(10.0, "Seconds to wait for a connection.")
    read_timeout = _timeout(60.0, "Seconds to wait for the next byte of a response.")
    deadline = _seconds(
        300.0, "Maximum total time in seconds for one metadata response, including retries; 0: no limit."
    )
    search_deadline = _seconds(
        600.0, "Maximum total time in seconds for all requests of one search, including retries; 0: no limit."
    )
    retries = _integer(3, "Number of retries after a lost connection, 429, 502, 503 or 504.", 0, 100)
    max_answer = _integer(
        256_000_000, "Maximum size of a metadata response, in bytes after decompression.", 1, _MOST_BYTES
    )
    max_file = _integer(
        20_000_000_000, "Maximum size of a downloaded file, in bytes after decompression.", 1, _MOST_BYTES
    )
    allow_http = _flag(False, "Allow servers without TLS; credentials are never sent to them.")
    cache = _flag(True, "Cache metadata that change rarely, such as catalogues, on disk.")
    cache_days = _days(1.0, "Number of days for which they are cached.")
    cache_size = _integer(100_000_000, "Maximum size of the cache in bytes.", 0, _MOST_BYTES)
    cache_dir = _folder("", "Folder of the cache; empty: in astropy's cache folder of this package.")
    offline = _flag(False, "Send no requests: use what was cached, whatever its age.")

    hapi = _HAPIConf()
    imap = _IMAPConf()
    helioviewer = _HelioviewerConf()
    her = _HERConf()


conf = Conf()
"""The current settings."""


class Isolation:
    """
    Whether requests are restricted to the local machine: true while the embedded archive is running.

    This is not a setting, so that neither ``conf.reload()`` nor changing a setting ends it.

    Examples
    --------
    >>> from sunpy_helio_plugins import sandbox
    >>> from sunpy_helio_plugins.config import isolation
    >>> with sandbox.serve():
    ...     print(bool(isolation))
    True
    """

    def __init__(self) -> None:
        self._holders = 0

    def __bool__(self) -> bool:
        return self._holders > 0 or _ISOLATED in (_snapshot.get() or ())

    def __repr__(self) -> str:
        return f"<Isolation: requests to other machines are {'refused' if self else 'allowed'}>"

    def begin(self) -> None:
        """Refuse all other machines until `end` has been called as often as this method."""
        self._holders += 1

    def end(self) -> None:
        """Undo one call of `begin`."""
        self._holders -= 1


isolation = Isolation()
"""Whether requests to other machines are refused."""


_ISOLATED = "isolation"

_OF_THIS_MACHINE = frozenset({"cache_dir", "imap.data_dir"})
"""Settings that are paths: they do not hold on another machine."""

_ADDRESSES = ("IMAP_DATA_ACCESS_URL", "IALIRT_DATA_ACCESS_URL")
"""Environment variables that override settings."""


@dataclass(frozen=True)
class Snapshot:
    """
    The settings of a process at one time, to be used by tasks in others; without paths, passwords, keys and tokens.

    Attributes
    ----------
    values : mapping of str to object
        The values by the names of the settings and environment variables.

    Examples
    --------
    >>> from sunpy_helio_plugins import conf
    >>> from sunpy_helio_plugins.config import Snapshot
    >>> with conf.set_temp("retries", 1):
    ...     taken = Snapshot.taken()
    >>> with taken.applied():
    ...     print(conf.retries)
    1
    """

    values: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"<Snapshot of {len(self.values)} settings>"

    @classmethod
    def taken(cls) -> Snapshot:
        """Return the current settings."""
        sections = (conf, conf.hapi, conf.imap, conf.helioviewer, conf.her)
        items = [item for section in sections for item in _items(section)]
        values = {item.place: item() for item in items if item.place not in _OF_THIS_MACHINE}
        values |= {name: address for name in _ADDRESSES if (address := from_environment(name))}
        values |= {_ISOLATED: True} if isolation else {}
        return cls({name: _without_passwords(value) for name, value in values.items()})

    @contextlib.contextmanager
    def applied(self) -> Iterator[None]:
        """Use these settings within a block, in this context only: other threads keep theirs."""
        token = _snapshot.set(dict(self.values))
        try:
            yield
        finally:
            _snapshot.reset(token)


def _without_passwords(value: Any) -> Any:
    """Return a value without users and passwords in addresses."""
    if isinstance(value, list):
        return list(map(_without_passwords, value))
    return _USERINFO.sub("//", value) if isinstance(value, str) else value


def _changes(section: _Section) -> Iterator[str]:
    """Yield the settings that differ from the defaults, as text."""
    for item in _items(section):
        try:
            value = _without_passwords(item())
        except SettingError:
            value = "(not valid)"
        if value != item.defaultvalue:
            yield f"{item.name}={f'{len(value)} entries' if isinstance(value, list) else repr(value)}"


def _items(section: _Section) -> Iterator[_Setting]:
    """Yield the settings of a section."""
    for name in dir(type(section)):
        item = getattr(type(section), name)
        if isinstance(item, _Setting):
            yield item
