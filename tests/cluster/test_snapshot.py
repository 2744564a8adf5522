"""Test that settings travel with a task, and that nothing else does."""

from __future__ import annotations

import pickle
import threading
from pathlib import Path

import pytest

from sunpy_helio_plugins import conf, sandbox
from sunpy_helio_plugins.config import Snapshot, isolation
from sunpy_helio_plugins.errors import SettingError
from sunpy_helio_plugins.fido.partial import run_all
from sunpy_helio_plugins.imap import service


def test_settings_hold_within_the_block_only() -> None:
    with conf.set_temp("retries", 7), conf.hapi.set_temp("connections", 2):
        taken = Snapshot.taken()
    before = conf.retries, conf.hapi.connections
    with pickle.loads(pickle.dumps(taken)).applied():
        assert (conf.retries, conf.hapi.connections) == (7, 2)
    assert (conf.retries, conf.hapi.connections) == before != (7, 2)


def test_threads_of_a_task_have_its_settings_and_other_threads_do_not() -> None:
    with conf.set_temp("retries", 7):
        taken = Snapshot.taken()
    seen = []
    with taken.applied():
        assert run_all(range(3), lambda _: conf.retries, 3) == [7, 7, 7]
        other = threading.Thread(target=lambda: seen.append(conf.retries))
        other.start()
        other.join()
    assert seen == [3]


def test_a_task_that_changes_a_setting_changes_its_own() -> None:
    with Snapshot.taken().applied():
        conf.retries = 9
        with conf.set_temp("retries", 1):
            assert conf.retries == 1
        assert conf.retries == 9
        with pytest.raises(SettingError, match=r"conf\.retries is an integer"):
            conf.retries = -1
    assert conf.retries == 3


def test_paths_stay_on_their_machine(tmp_path: Path) -> None:
    with conf.set_temp("cache_dir", str(tmp_path)), conf.imap.set_temp("data_dir", str(tmp_path)):
        taken = Snapshot.taken()
        assert not any(str(tmp_path) in str(value) for value in taken.values.values())
        with taken.applied():
            assert (conf.cache_dir, conf.imap.data_dir) == (str(tmp_path), str(tmp_path))


def test_environment_variables_with_addresses_travel_and_keys_do_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAP_DATA_ACCESS_URL", "https://here.example.org")
    monkeypatch.setenv("IMAP_API_KEY", "k3y-canary")
    taken = Snapshot.taken()
    monkeypatch.setenv("IMAP_DATA_ACCESS_URL", "https://there.example.org")
    with taken.applied():
        assert service._address() == "https://here.example.org"
    assert service._address() == "https://there.example.org"
    monkeypatch.delenv("IMAP_DATA_ACCESS_URL")
    plain = Snapshot.taken()
    monkeypatch.setenv("IMAP_DATA_ACCESS_URL", "https://there.example.org")
    with plain.applied():
        assert service._address() == conf.imap.url
    assert b"canary" not in pickle.dumps((taken, plain))


def test_passwords_in_addresses_do_not_travel() -> None:
    servers = ["own=https://user:s3cret-canary@own.example.org/hapi"]
    with conf.hapi.set_temp("servers", servers):
        taken = Snapshot.taken()
    assert b"canary" not in pickle.dumps(taken)
    assert "canary" not in repr(taken)
    with taken.applied():
        assert conf.hapi.servers == ["own=https://own.example.org/hapi"]


def test_the_restriction_to_this_machine_travels() -> None:
    with sandbox.serve():
        taken = Snapshot.taken()
        assert isolation
    assert not isolation
    with taken.applied():
        assert isolation
        assert conf.her.url.startswith("http://127.0.0.1")
    assert not isolation
