"""Settings are validated where they are set, and when they are read from the configuration file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.config import ConfigItem, set_temp_config

from sunpy_helio_plugins import conf
from sunpy_helio_plugins.errors import HelioPluginsError, SettingError
from sunpy_helio_plugins.imap import service
from sunpy_helio_plugins.imap.endpoints import ialirt

NAN, INF = float("nan"), float("inf")
SECTIONS = {"": conf, "hapi": conf.hapi, "imap": conf.imap, "helioviewer": conf.helioviewer, "her": conf.her}

DURATION = (-1, NAN, INF, -0.001, "3", True, [], b"3", 1j)
TIMEOUT = (*DURATION, 0, None)
INTEGER = (None, -1, 1.5, 2.0, True, np.True_, "3", "", NAN, [], np.float64(3))
FLAG = (None, 0, 1, "yes", "False", [], 1.0)
FOLDER = (None, 3, b"/tmp", True, [], "a\0b")
URL = (
    None, "", "x", "//host/x", "ftp://host/", "https://", "https:///x", "https://a b/", "https://[", "https://x:99999/",
    "https://x:y/", "https://x:0/", "https://evil.example\\@a.example/", "https://a.example/\n", b"https://x", 3,
    Path("https://x"),
)  # fmt: skip
ENTRIES = (None, "mine=https://x", [1], ["mine"], ["=https://x"], ["mine=ftp://x"], ["a b=https://x"], {"a": 1}, [None])

WRONG = {
    "connect_timeout": TIMEOUT, "read_timeout": TIMEOUT, "deadline": DURATION, "search_deadline": DURATION,
    "retries": (*INTEGER, 101), "max_answer": (*INTEGER, 0), "max_file": (*INTEGER, 0), "allow_http": FLAG,
    "cache": FLAG, "cache_days": (*DURATION, None), "cache_size": INTEGER, "cache_dir": FOLDER,
    "offline": FLAG, "hapi.servers": ENTRIES, "hapi.oauth2": ENTRIES, "hapi.connections": (*INTEGER, 0, 101),
    "hapi.cache": FLAG, "hapi.cache_size": INTEGER, "hapi.cache_days": (*DURATION, None),
    "hapi.grace_days": (*DURATION, None), "hapi.index_days": (*DURATION, None), "hapi.index_url": URL,
    "imap.url": URL, "imap.ialirt_url": URL, "imap.webpoda_url": URL, "imap.data_dir": FOLDER,
    "helioviewer.api_url": URL, "helioviewer.hapi_url": URL, "helioviewer.jp2_url": URL, "helioviewer.mirrors": ENTRIES,
    "helioviewer.rate_limit_wait": DURATION, "helioviewer.pillow_openjpeg": FLAG, "her.url": URL,
    "her.cache": FLAG, "her.cache_size": INTEGER, "her.cache_days": (*DURATION, None),
    "her.grace_days": (*DURATION, None), "her.progress": FLAG,
}  # fmt: skip

RIGHT = {
    "connect_timeout": [(5, 5.0), (np.float32(2), 2.0)], "deadline": [(0, 0.0), (None, 0.0), (np.int64(3), 3.0)],
    "retries": [(0, 0), (100, 100), (np.int64(2), 2)], "max_answer": [(1, 1), (10**12, 10**12)],
    "cache": [(False, False), (np.False_, False)], "cache_dir": [("", ""), (Path("/a/b"), str(Path("/a/b")))],
    "cache_days": [(0, 0.0), (0.5, 0.5)], "imap.url": [("http://[::1]:8/x", "http://[::1]:8/x")],
    "hapi.servers": [([], []), (("Mine = https://x/hapi",), ["Mine = https://x/hapi"])],
    "hapi.oauth2": [(["a=https://x/token scope one"], ["a=https://x/token scope one"])],
}  # fmt: skip

SECRET = "hunter2-of-mine"


def section(name: str) -> tuple[Any, str]:
    place, _, item = name.rpartition(".")
    return SECTIONS[place], item


def test_every_setting_is_tested_here():
    known = {
        f"{place}.{name}".lstrip(".")
        for place, one in SECTIONS.items()
        for name, item in vars(type(one)).items()
        if isinstance(item, ConfigItem)
    }
    assert known == set(WRONG)


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in WRONG.items() for value in values])
def test_a_value_that_is_not_allowed_is_refused_where_it_is_set(name: str, value: Any):
    place, item = section(name)
    before = getattr(place, item)
    with pytest.raises(SettingError) as caught:
        setattr(place, item, value)
    with pytest.raises(SettingError), place.set_temp(item, value):
        pass
    text = str(caught.value)
    assert text.startswith(f"conf.{name} is ")
    has_password = "@" in repr(value)
    assert (text.endswith(f", not {value!r}."), "***@" in text) == (not has_password, has_password)
    assert getattr(place, item) == before


@pytest.mark.parametrize(
    "address", ["http://h/?api_key=hunter2", "http://u:hunter2@h/", f"http://h/{'x' * 180}?k=hunter2"]
)
def test_keys_and_passwords_in_addresses_are_not_shown(address: str):
    with pytest.raises(SettingError) as caught:
        conf.helioviewer.mirrors = [address]
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize(("name", "given", "kept"), [(name, *pair) for name, pairs in RIGHT.items() for pair in pairs])
def test_a_value_that_is_allowed_is_kept(name: str, given: Any, kept: Any):
    place, item = section(name)
    with place.set_temp(item, given):
        assert getattr(place, item) == kept
        assert type(getattr(place, item)) is type(kept)


def test_an_error_of_a_setting_is_of_this_package_and_of_astropys_kind():
    assert issubclass(SettingError, HelioPluginsError)
    assert issubclass(SettingError, TypeError)
    assert issubclass(SettingError, ValueError)


@pytest.mark.parametrize("place", SECTIONS.values(), ids=list(SECTIONS))
def test_a_setting_that_does_not_exist_is_refused(place: Any):
    with pytest.raises(SettingError, match=r"There is no setting 'retrys' here; the settings are: \w"):
        place.retrys = 5
    assert not hasattr(place, "retrys")


def test_a_group_of_settings_is_not_replaced():
    with pytest.raises(SettingError, match="'hapi'"):
        conf.hapi = "https://x"


def test_a_message_contains_no_password_and_is_short():
    with pytest.raises(SettingError) as caught:
        conf.her.url = f"htps://me:{SECRET}@a.example/" + 100_000 * "x"
    assert SECRET not in str(caught.value)
    assert len(str(caught.value)) < 400


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("retries = 1.5", "retries"),
        ("retries = -1", "retries"),
        ("retries = None", "retries"),
        ("max_answer = 0", "max_answer"),
        ("cache = maybe", "cache"),
        ("read_timeout = nan", "read_timeout"),
        ("deadline = soon", "deadline"),
        ("[hapi]\nservers = mine,", "hapi.servers"),
        ("[her]\nurl = nowhere", "her.url"),
    ],
)
def test_a_value_of_the_file_is_refused_when_it_is_read(tmp_path: Path, line: str, name: str):
    (tmp_path / "astropy").mkdir()
    (tmp_path / "sunpy_helio_plugins.cfg").write_text(line + "\n")
    (tmp_path / "astropy" / "sunpy_helio_plugins.cfg").write_text(line + "\n")
    place, item = section(name)
    with set_temp_config(tmp_path):
        with pytest.raises(SettingError, match=rf"conf\.{name} is .* in sunpy_helio_plugins\.cfg\.$"):
            getattr(place, item)
    getattr(place, item)


def test_a_good_file_is_read(tmp_path: Path):
    text = "retries = 7\ncache = False\n[hapi]\nservers = mine=https://x/hapi,\n"
    (tmp_path / "astropy").mkdir()
    (tmp_path / "sunpy_helio_plugins.cfg").write_text(text)
    (tmp_path / "astropy" / "sunpy_helio_plugins.cfg").write_text(text)
    with set_temp_config(tmp_path):
        assert (conf.retries, conf.cache, conf.hapi.servers) == (7, False, ["mine=https://x/hapi"])


@pytest.mark.parametrize(
    ("variable", "ask"), [("IMAP_DATA_ACCESS_URL", service.current_access), ("IALIRT_DATA_ACCESS_URL", ialirt.address)]
)
def test_an_address_in_the_environment_is_validated(monkeypatch: pytest.MonkeyPatch, variable: str, ask: Any):
    monkeypatch.setenv(variable, f"me:{SECRET}@host/")
    with pytest.raises(SettingError, match=f"environment variable {variable} is an address"):
        ask()
