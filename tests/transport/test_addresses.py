"""An address that a server gives is judged by what it resolves to, where it is connected, in both cores."""

from __future__ import annotations

import asyncio
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import aiohttp
import parfive
import pytest

from sunpy_helio_plugins import conf
from sunpy_helio_plugins.errors import HelioPluginsError, QueryError
from sunpy_helio_plugins.transport import connections, metadata, urls
from sunpy_helio_plugins.transport.connections import NOWHERE, judge, judged, new_session
from sunpy_helio_plugins.transport.files.job import Download, _unchanged
from sunpy_helio_plugins.transport.files.queue import enqueue
from sunpy_helio_plugins.transport.submit import put
from sunpy_helio_plugins.transport.urls import NearError, literal_addresses, nearness, next_hop, quote_unsafe

sys.path.insert(0, str(Path(__file__).parent))
from test_one_core import CORE, answer
from wire import wire

FOLLOWING = {name: caller for name, caller in CORE.items() if caller.follows}
following = pytest.mark.parametrize("caller", FOLLOWING.values(), ids=FOLLOWING)

INTERNET = ("8.8.8.8", "2606:4700::1", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1")
PRIVATE = (
    "10.0.0.5", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "192.0.2.1", "198.18.0.1", "fc00::1",
    "fd12::1", "fec0::1", "2001:db8::1", "::ffff:10.0.0.5", "64:ff9b::a00:5", "64:ff9b:1::a00:5", "2002:a00:5::1",
    "::10.0.0.5",
)  # fmt: skip
LINK = ("169.254.169.254", "169.254.0.1", "fe80::1", "fe80::1%eth0", "::ffff:169.254.169.254", "64:ff9b::a9fe:a9fe")
MACHINE = (
    "127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "::1", "::", "::ffff:127.0.0.1", "::ffff:0.0.0.0",
    "64:ff9b::7f00:1", "2001:0:4136:e378:8000:63bf:80ff:fffe", "2002:7f00:1::1", "::127.0.0.1", "::ffff:7f00:1",
)  # fmt: skip
NOBODY = ("224.0.0.1", "239.1.1.1", "255.255.255.255", "240.0.0.1", "ff02::1", "ff0e::1", "::ffff:224.0.0.1")

SPELLINGS = {
    "127.1": "127.0.0.1", "127.0.1": "127.0.0.1", "2130706433": "127.0.0.1", "0x7f000001": "127.0.0.1",
    "0x7F.0.0.1": "127.0.0.1", "017700000001": "127.0.0.1", "0177.0.0.01": "127.0.0.1", "0x7f.1": "127.0.0.1",
    "0": "0.0.0.0", "0x0": "0.0.0.0", "010.0.0.5": "8.0.0.5", "10.5": "10.0.0.5", "167772165": "10.0.0.5",
    "0xa9fea9fe": "169.254.169.254", "0251.0376.0251.0376": "169.254.169.254", "4294967295": "255.255.255.255",
    "localhost": "127.0.0.1", "::1": "::1", "fe80::1%25lo": "fe80::1",
}  # fmt: skip

NAMES = ("a.example", "256.1.1.1", "1.2.3.4.5", "0x", "08.1.1.1", "127.0.0.1.a", "4294967296", "1.2.3.256", "", "1..2")


@pytest.mark.parametrize(
    ("address", "near"),
    [(one, near) for near, group in enumerate((INTERNET, PRIVATE, LINK, MACHINE, NOBODY)) for one in group],
)
def test_each_address_has_its_place(address: str, near: int):
    assert nearness(address) == near


@pytest.mark.parametrize(("spelled", "address"), SPELLINGS.items())
def test_spellings_of_an_address_are_read(spelled: str, address: str):
    assert literal_addresses(spelled) == (address,)


@pytest.mark.parametrize("name", NAMES)
def test_names_are_not_taken_for_addresses(name: str):
    assert literal_addresses(name) == ()


@pytest.mark.parametrize("spelled", [one for one in SPELLINGS if ":" not in one and one != "localhost"])
def test_the_system_reads_the_same_spellings(spelled: str):
    assert literal_addresses(spelled) == (socket.inet_ntoa(socket.inet_aton(spelled)),)


@pytest.mark.parametrize(
    "host",
    ["localhost", "localhost.", "LOCALHOST", "127.1", "2130706433", "0x7f000001", "127.0.0.1.", "[::1]", "0.0.0.0", "0",
     "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "me@127.0.0.1", "a.example@127.0.0.1", "224.0.0.1",
     "a.example:1@127.0.0.1", "017700000001", "[::]"],
)  # fmt: skip
def test_this_machine_is_refused_in_any_spelling_before_anything_is_resolved(host: str):
    with conf.set_temp("allow_http", True):
        for scheme in ("http", "https"):
            with pytest.raises(QueryError, match=r"and the server that gave the address is not|not a valid address"):
                next_hop("https://archive.example/x", f"{scheme}://{host}/y")


# Both cores, with names that resolve to addresses of a table


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, list[str]]]:
    """Return the addresses of names, each of which is used until one is left; requests without TLS are allowed."""
    table: dict[str, list[str]] = {}
    real = socket.getaddrinfo

    def look_up(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        name = (host.decode() if isinstance(host, bytes) else str(host)).rstrip(".")
        if name in table:
            host = table[name].pop(0) if len(table[name]) > 1 else table[name][0]
        elif not literal_addresses(name):
            raise socket.gaierror(socket.EAI_NONAME, "unknown")
        return real(host, port, *args, **kwargs)

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    with conf.set_temp("allow_http", True), conf.set_temp("retries", 0), conf.set_temp("connect_timeout", 2.0):
        yield table


@pytest.fixture
def places(monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """Return the places of addresses that differ from the true ones, so that a test's server can be anywhere."""
    table: dict[str, int] = {}

    def place(address: str) -> int:
        return table.get(address, nearness(address))

    monkeypatch.setattr(urls, "nearness", place)
    monkeypatch.setattr(connections, "nearness", place)
    return table


def at(url: str, host: str) -> str:
    return url.replace("127.0.0.1", host)


INSIDE = ("10.0.0.5", "192.168.1.1", "169.254.169.254", "fe80::1", "fd00::1", "127.0.0.3", "0.0.0.0", "224.0.0.1")


@following
@pytest.mark.parametrize("address", INSIDE)
@pytest.mark.parametrize("form", ["name", "dotted", "literal"])
def test_a_server_of_the_internet_leads_to_no_inner_address(
    caller: Any, address: str, form: str, names: dict, places: dict, tmp_path: Path
):
    places["127.0.0.1"] = 0
    names |= {"public.test": ["127.0.0.1"], "inner.test": [address]}
    literal = f"[{address}]" if ":" in address else address
    host = {"name": "inner.test", "dotted": "inner.test.", "literal": literal}[form]
    with wire(answer("302 Found", b"", Location=f"http://{host}:9/")) as (url, heads):
        with pytest.raises(HelioPluginsError, match="and the server that gave the address is not") as caught:
            caller.send(at(url, "public.test"), tmp_path)
    assert len(heads) == 1
    assert "Test" in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@following
def test_a_private_server_may_lead_within_its_network_and_not_to_this_machine(
    caller: Any, names: dict, places: dict, tmp_path: Path
):
    places["127.0.0.1"] = 1
    names |= {"own.test": ["127.0.0.1"], "other.test": ["127.0.0.1"], "machine.test": ["127.0.0.2"]}
    with wire(answer()) as (there, others):
        with wire(answer("302 Found", b"", Location=at(there, "other.test"))) as (url, _):
            caller.send(at(url, "own.test"), tmp_path)
        with wire(answer("302 Found", b"", Location=at(there, "machine.test"))) as (url, _):
            with pytest.raises(HelioPluginsError, match="on this machine"):
                caller.send(at(url, "own.test"), tmp_path / "x")
    assert len(others) == 1


@following
def test_a_server_may_lead_back_to_the_users_own_by_way_of_the_internet(
    caller: Any, names: dict, places: dict, tmp_path: Path
):
    """As a service that signs in does: what the user has chosen may be requested again."""
    places |= {"127.0.0.1": 1}
    names |= {"own.test": ["127.0.0.1"], "sso.test": ["127.0.0.1"]}
    state: dict[str, str] = {}

    def first(connection: socket.socket, head: bytes) -> None:
        answer("302 Found", b"", Location=state["sso"])(connection, head)

    def back(connection: socket.socket, head: bytes) -> None:
        answer("302 Found", b"", Location=state["own"])(connection, head)

    with wire(first, answer()) as (url, heads), wire(back) as (sso, _):
        state |= {"sso": at(sso, "sso.test"), "own": at(url, "own.test") + "/again"}
        caller.send(at(url, "own.test"), tmp_path)
    assert len(heads) == 2


def fetch(download: Download) -> list[Exception]:
    downloader = parfive.Downloader(progress=False)
    enqueue(downloader, [download])
    return [one.exception for one in downloader.download().errors]


@pytest.mark.parametrize("given_by", [NOWHERE, "https://public.test/hapi"])
@pytest.mark.parametrize("address", ["10.0.0.5", "169.254.169.254", "127.0.0.1", "::1"])
def test_a_cell_with_a_name_that_is_within_is_refused(given_by: str, address: str, names: dict, tmp_path: Path):
    names |= {"public.test": ["8.8.8.8"], "inner.test": [address]}
    with wire(answer()) as (url, heads):
        errors = fetch(Download(at(url, "inner.test"), tmp_path / "x", "Test", given_by=given_by))
    assert len(errors) == 1
    assert "and the server that gave the address is not" in str(errors[0])
    assert heads == []


def test_a_cell_of_the_users_own_host_or_network_is_followed(names: dict, tmp_path: Path):
    names |= {"own.test": ["127.0.0.1"]}
    with wire(answer()) as (url, heads):
        there = at(url, "own.test")
        assert fetch(Download(there, tmp_path / "x", "Test", given_by=f"{there}/hapi")) == []
        assert fetch(Download(there, tmp_path / "y", "Test", given_by="http://localhost:1/hapi")) == []
    assert len(heads) == 2


@pytest.mark.parametrize("address", ["10.0.0.5", "127.0.0.1"])
def test_a_link_for_an_upload_is_judged(address: str, names: dict, tmp_path: Path):
    names |= {"public.test": ["8.8.8.8"], "inner.test": [address]}
    path = tmp_path / "file"
    path.write_bytes(b"data")
    with wire(answer()) as (url, heads):
        with pytest.raises(HelioPluginsError, match="the address that it gave is not followed"):
            put(at(url, "inner.test"), path, archive="Test", given_by="https://public.test/api")
    assert heads == []


def test_a_name_that_changes_between_is_refused_before_the_first_byte(names: dict):
    """The name is on the internet when it is judged first, and on this machine when it is connected to."""
    names["flips.test"] = ["8.8.8.8", "127.0.0.1"]
    with wire(answer()) as (url, heads), new_session() as session, judged(0):
        with pytest.raises(NearError, match=r"flips\.test:\d+ is on this machine"):
            session.get(at(url, "flips.test"), timeout=2)
    assert heads == []


def test_a_connection_that_is_kept_is_judged_again(names: dict):
    def keeps(connection: socket.socket, head: bytes) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        head = connection.recv(65536)
        if head:
            heads.append(head)

    names["own.test"] = ["127.0.0.1"]
    with wire(keeps) as (url, heads), new_session() as session:
        assert session.get(at(url, "own.test"), timeout=2).content == b"ok"
        with judged(1), pytest.raises(NearError):
            session.get(at(url, "own.test"), timeout=2)
    assert len(heads) == 1


def within_a_session(run: Callable[[aiohttp.ClientSession], Any]) -> Any:
    async def main() -> Any:
        async with aiohttp.ClientSession() as session:
            return await run(session)

    return asyncio.run(main())


ODD = (
    "①②⑦.⓪.⓪.①", "127。0。0。1", "\u24dbocalhost",
    "localhost%2e", "127.0.0.1%2e", "127.0.0.1%00", "%31%32%37.0.0.1", "0x7f.1",
    "[::ffff:127.0.0.1%25lo]", "127.0.0.1.", "a@127.0.0.1", "a%40127.0.0.1", "127.0.0.1%23.a.example", "x.localhost",
    "127.0.0.1\u00ad", "lo\u00adcalhost", "\uff11\uff12\uff17.0.0.1", "0177.1", "127.00000.0.1",
    "[0:0:0:0:0:ffff:7f00:1]",
)  # fmt: skip


@pytest.mark.parametrize("host", ODD)
def test_no_odd_spelling_reaches_this_machine_by_either_library(host: str, names: dict):
    async def run(session: aiohttp.ClientSession) -> None:
        await judge(session, hop, "https://8.8.8.8/", None)
        await session.get(_unchanged(hop))

    with wire(answer()) as (url, heads):
        try:
            hop = next_hop("https://a.example/", at(url, host))
        except QueryError:
            hop = quote_unsafe(at(url, host))
        with new_session() as session, judged(0), pytest.raises((OSError, ValueError)):
            session.get(hop, timeout=2)
        with pytest.raises((OSError, ValueError)):
            within_a_session(run)
    assert heads == []


def test_the_address_that_was_judged_is_the_one_that_aiohttp_connects_to(names: dict):
    names["flips.test"] = ["127.0.0.1"]

    async def run(session: aiohttp.ClientSession) -> None:
        await judge(session, url.replace("127.0.0.1", "flips.test"), "https://8.8.8.8/", None)
        await session.get(url.replace("127.0.0.1", "flips.test"))

    with wire(answer()) as (url, heads), pytest.raises(NearError):
        within_a_session(run)
    assert heads == []


def test_hosts_of_other_clients_in_the_same_session_are_not_judged(names: dict):
    names |= {"theirs.test": ["127.0.0.1"], "public.test": ["8.8.8.8"]}

    async def run(session: aiohttp.ClientSession) -> int:
        await judge(session, "https://public.test/", "https://8.8.4.4/", None)
        async with session.get(at(url, "theirs.test")) as response:
            status = response.status
        with pytest.raises(NearError):
            await judge(session, at(url, "theirs.test"), "https://8.8.4.4/", None)
        return status

    with wire(answer()) as (url, heads):
        assert within_a_session(run) == 200
    assert len(heads) == 1


def test_a_users_own_server_may_be_anywhere(names: dict, tmp_path: Path):
    names["own.test"] = ["127.0.0.1"]
    with wire(answer()) as (url, heads):
        assert metadata.get(at(url, "own.test"), archive="Test").status == 200
        assert fetch(Download(at(url, "own.test"), tmp_path / "x", "Test")) == []
    assert len(heads) == 2


def test_a_proxy_is_not_judged_and_addresses_behind_it_are(names: dict, tmp_path: Path, monkeypatch):
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.setenv(name, "")
    with wire(answer("302 Found", b"", Location="http://10.0.0.5/")) as (proxy, heads):
        monkeypatch.setenv("http_proxy", proxy)
        with pytest.raises(HelioPluginsError, match="in a private network"):
            metadata.get("http://public.test/", archive="Test")
        assert "in a private network" in str(fetch(Download("http://public.test/", tmp_path / "x", "Test"))[0])
    with wire(answer("302 Found", b"", Location="http://other.test/"), answer()) as (proxy, more):
        monkeypatch.setenv("http_proxy", proxy)
        assert metadata.get("http://public.test/", archive="Test").status == 200
    assert (len(heads), len(more)) == (2, 2)


TO_THIS_MACHINE = "http://inner.example/x"


def session_with(resolver: object) -> SimpleNamespace:
    """Return a session whose connector has a resolver, or none, as that for SOCKS."""
    return SimpleNamespace(connector=SimpleNamespace(_resolver=resolver, clear_dns_cache=lambda: None))


def test_a_connector_that_resolves_nothing_is_judged_by_the_addresses_of_the_system(monkeypatch: pytest.MonkeyPatch):
    asked: list[str] = []

    def resolve(host: str) -> tuple[str, ...]:
        asked.append(host)
        return ("127.0.0.1",)

    monkeypatch.setattr(connections, "addresses_of", resolve)
    made = judge(session_with(None), TO_THIS_MACHINE, "http://8.8.8.8/", None)
    with pytest.raises(NearError):
        asyncio.run(made)
    assert asked == ["inner.example"]


@pytest.mark.parametrize("giver", ["", "http://8.8.8.8/"])
def test_a_name_behind_a_proxy_or_of_the_user_is_not_resolved(giver: str, monkeypatch: pytest.MonkeyPatch):
    def resolve(host: str) -> tuple[str, ...]:
        raise AssertionError(host)

    monkeypatch.setattr(connections, "addresses_of", resolve)
    asyncio.run(judge(session_with(None), TO_THIS_MACHINE, giver, "socks5://127.0.0.1:1080"))


def test_an_address_behind_a_proxy_is_judged_without_a_resolver():
    made = judge(session_with(None), "http://10.0.0.1/", "http://8.8.8.8/", "socks5://127.0.0.1:1080")
    with pytest.raises(NearError):
        asyncio.run(made)


def test_connections_through_socks_are_those_of_its_package():
    adapter = connections.DeadlineAdapter()
    through = adapter.proxy_manager_for("socks5://127.0.0.1:1080").pool_classes_by_scheme
    assert through is not connections._POOLS
    assert adapter.proxy_manager_for("http://127.0.0.1:1080").pool_classes_by_scheme is connections._POOLS


def test_a_forked_process_makes_connections_of_its_own(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(connections, "_threads", connections._threads)
    of_parent = connections.thread_session()
    assert connections.thread_session() is of_parent
    connections._new_process()
    assert connections.thread_session() is not of_parent
