"""Test the commands that need no archive: demonstration, embedded archive, cache, settings, credentials."""

from __future__ import annotations

import json
import socket
import sys
import types

import numpy as np
import pytest
from keyring.errors import KeyringError

from sunpy_helio_plugins import conf, demo, hapi, sandbox
from sunpy_helio_plugins.sandbox import __main__ as sandbox_main
from sunpy_helio_plugins.store import answers, ranges
from sunpy_helio_plugins.store.intervals import FOREVER, Entry, State


class TestCache:
    @pytest.fixture
    def filled(self, archive, tmp_path):
        with conf.set_temp("cache", True), conf.set_temp("cache_dir", str(tmp_path / "cache")):
            hapi.catalog("cdaweb")
            yield tmp_path / "cache"

    def test_the_cache_is_described(self, filled, run):
        found = json.loads(run("cache info --json").stdout)
        assert (found["version"], found["folder"], found["in_use"]) == (1, str(filled), True)
        assert found["entries"] == answers.count() > 0
        assert 0 < found["bytes"] <= found["limit_bytes"]
        assert f"folder: {filled}" in run("cache info").stdout

    def test_it_is_cleared(self, filled, run):
        count = answers.count()
        text = f"{count} entries, 0 bytes of records and 0 bytes of events."
        assert run("cache clear --dry-run").stdout == f"Would remove {text}\n"
        assert answers.count() == count
        assert run("cache clear").stdout == f"Removed {text}\n"
        assert answers.count() == 0

    def test_its_path_is_printed(self, filled, run):
        assert run("cache path").stdout == f"{filled}\n"

    def test_kept_records_and_events_are_removed_unless_it_is_a_dry_run(self, filled, run):
        stores = [ranges.Ranges(ranges.folder(name), 10**7) for name in ("records", "events")]
        for one in stores:
            one.put("g", {"k": [Entry(0, 3, State.PRESENT, 1.7e9, FOREVER)]}, {"x": np.arange(3.0)}, "{}")
        sizes = [one.size() for one in stores]
        assert min(sizes) > 0
        text = f"{sizes[0]} bytes of records and {sizes[1]} bytes of events.\n"
        assert run("cache clear --dry-run").stdout.endswith(text)
        assert [one.size() for one in stores] == sizes
        assert run("cache clear").stdout.endswith(text)
        assert [(one.size(), one.groups()) for one in stores] == [(0, [])] * 2
        for one in stores:
            one.close()

    def test_a_cache_that_does_not_exist_is_empty(self, run, tmp_path):
        with conf.set_temp("cache_dir", str(tmp_path / "absent")):
            assert json.loads(run("cache info --json").stdout)["entries"] == 0
            assert run("cache clear").stdout == "Removed 0 entries, 0 bytes of records and 0 bytes of events.\n"
        assert not (tmp_path / "absent").exists()


class TestConfig:
    def test_settings_and_their_defaults(self, run):
        with conf.set_temp("retries", 7):
            found = {row["name"]: row for row in json.loads(run("config show --json").stdout)["rows"]}
        assert found["retries"] == {"name": "retries", "value": "7", "default": "3"}
        assert found["imap.url"]["value"] == conf.imap.url
        assert set(found) >= {"hapi.servers", "helioviewer.api_url", "her.url"}

    def test_secrets_are_not_shown(self, run, monkeypatch):
        monkeypatch.setenv("IMAP_API_KEY", "canary-1")
        servers = ["mine=https://user:canary-2@example.org/hapi", "other=https://example.org/hapi?key=canary-3"]
        with conf.hapi.set_temp("servers", servers):
            said = run("config show --csv").output
        assert "canary" not in said
        assert "$IMAP_API_KEY,(set),(not set)" in said
        assert "example.org/hapi" in said

    def test_a_setting_that_is_not_allowed_is_told(self, run, monkeypatch):
        monkeypatch.setattr(type(conf).retries, "__call__", lambda self: 1, raising=False)
        monkeypatch.setenv("IMAP_DATA_ACCESS_URL", "not an address")
        result = run("imap query --instrument mag")
        assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
        assert "IMAP_DATA_ACCESS_URL" in result.stderr


class Keyring(types.ModuleType):
    """A keyring in memory, with the functions of the package keyring."""

    def __init__(self):
        super().__init__("keyring")
        self.kept = {}

    def set_password(self, service, user, secret):
        self.kept[service] = user, secret

    def get_credential(self, service, user):
        found = self.kept.get(service)
        return None if found is None else types.SimpleNamespace(username=found[0], password=found[1])

    def delete_password(self, service, user):
        assert self.kept.pop(service)[0] == user


@pytest.fixture
def keyring(monkeypatch):
    made = Keyring()
    monkeypatch.setitem(sys.modules, "keyring", made)
    return made


class TestSignIn:
    def test_a_key_is_read_from_standard_input_and_kept(self, run, keyring):
        result = run("sign-in imap", "canary-key\n")
        assert (result.exit_code, result.stdout) == (0, "")
        assert keyring.kept == {"sunpy_helio_plugins:imap": ("key", "canary-key")}
        assert "canary" not in result.output

    def test_two_secrets_are_two_lines(self, run, keyring):
        result = run("sign-in swe", "client\ncanary-secret\n")
        assert result.exit_code == 0
        assert keyring.kept == {"sunpy_helio_plugins:swe": ("client", "canary-secret")}
        assert "canary" not in result.output

    def test_a_secret_that_is_typed_is_not_shown(self, run, keyring, monkeypatch):
        asked = []
        monkeypatch.setattr(
            "click.prompt", lambda label, hide_input, err: asked.append((label, hide_input, err)) or "typed"
        )
        monkeypatch.setattr("sunpy_helio_plugins.cli.queries.sys", types.SimpleNamespace(stdin=Terminal()))
        assert run("sign-in her").exit_code == 0
        assert asked == [("User or client id", False, True), ("Password or client secret", True, True)]

    def test_the_archive_uses_what_was_kept(self, archive, run, keyring):
        from sunpy_helio_plugins.sandbox.imap import service

        run("sign-in imap", service.API_KEY)
        assert run("imap query --instrument mag").exit_code == 0
        assert archive.log[-1].path == "/imap/api-key/query"

    def test_it_is_forgotten(self, run, keyring):
        run("sign-in imap", "canary-key\n")
        assert run("sign-in imap --forget").exit_code == 0
        assert keyring.kept == {}
        assert run("sign-in imap --forget").exit_code == 2

    @pytest.mark.parametrize(
        ("line", "stdin", "said"),
        [
            ("sign-in imp", "x\n", "Did you mean imap?"),
            ("sign-in imap", "", "a line was expected on standard input"),
            ("sign-in swe", "client\n", "a line was expected on standard input"),
            ("sign-in imap", "a\x01b\n", "control characters"),
        ],
    )
    def test_wrong_use_is_one_sentence(self, run, keyring, line, stdin, said):
        result = run(line, stdin)
        assert (result.exit_code, result.stdout) == (2, "")
        assert said in result.stderr
        assert result.stderr.count("\n") == 1
        assert keyring.kept == {}

    def test_a_keyring_that_fails_is_told(self, run, keyring, monkeypatch):
        def fail(*args):
            raise KeyringError("it is locked")

        monkeypatch.setattr(keyring, "set_password", fail)
        result = run("sign-in imap", "canary-key\n")
        assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
        assert "it is locked" in result.stderr
        assert "canary" not in result.output

    def test_the_extra_is_named_if_it_is_missing(self, run, monkeypatch):
        monkeypatch.setitem(sys.modules, "keyring", None)
        result = run("sign-in imap", "key\n")
        assert result.exit_code == 2
        assert "sunpy_helio_plugins[keyring]" in result.stderr


class Terminal:
    """A standard input on which someone types."""

    def isatty(self):
        return True


class TestEmbedded:
    def test_the_demonstration(self, run, monkeypatch):
        seen = []
        monkeypatch.setattr(demo, "main", seen.append)
        assert run("demo figures --live").exit_code == 0
        assert run("demo").exit_code == 0
        assert seen == [["figures", "--live"], ["helio-demo"]]

    def test_the_embedded_archive(self, run, monkeypatch):
        seen = []
        monkeypatch.setattr(sandbox_main, "run", seen.append)
        assert run("sandbox --port 8000").exit_code == 0
        assert seen == [8000]

    def test_any_command_can_use_it(self, run):
        before = conf.imap.url
        with sandbox.Archive(0, ("imap",)) as other:
            assert run(f"--sandbox {other.url} imap query --instrument mag").exit_code == 0
        assert [request.path for request in other.log] == ["/imap/query"]
        assert conf.imap.url == before

    def test_another_address_is_refused(self, run):
        result = run("--sandbox https://example.org imap query --instrument mag")
        assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
        assert "is not the address of an embedded archive" in result.stderr

    def test_a_port_in_use_is_told(self, run):
        with socket.create_server(("127.0.0.1", 0)) as taken:
            result = run(f"sandbox --port {taken.getsockname()[1]}")
        assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
        assert "cannot be used" in result.stderr
