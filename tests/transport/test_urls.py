"""Test which URLs are allowed, which have the same origin, and how they are redacted."""

from __future__ import annotations

import pytest

from sunpy_helio_plugins import conf
from sunpy_helio_plugins.errors import QueryError
from sunpy_helio_plugins.transport.urls import (
    check_scheme,
    host_of,
    is_loopback,
    next_hop,
    public_url,
    quote_unsafe,
    same_origin,
)

HERE = "http://127.0.0.1:8000/x"
THERE = "https://archive.example/x"


@pytest.mark.parametrize("url", ["http://localhost/", "http://127.0.0.1:9/", "http://127.9.9.9/", "http://[::1]:9/"])
def test_this_machine_is_known(url):
    assert is_loopback(url)
    check_scheme(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://127.1/",
        "http://0x7f000001/",
        "http://2130706433/",
        "http://localhost.evil.example/",
        "http://anything.localhost/",
        "http://127.0.0.1@evil.example/",
        "http://127.0.0.1:80@evil.example/",
        "http://evil.example#@127.0.0.1/",
        "http://evil.example?@127.0.0.1/",
        "http://evil.example\\@127.0.0.1/",
        "http://127.0.0.1\\@evil.example/",
        "http://127.0.0.1 /",
        "http://[fe80::1%25lo]/",
        "http://0.0.0.0/",
    ],
)
def test_odd_spellings_are_not_taken_for_this_machine(url):
    assert not is_loopback(url)
    with pytest.raises(QueryError):
        check_scheme(url)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https://",
        "https:///x",
        "https://[",
        "http://[::1",
        "https://x:99999/",
        "https://x:y/",
        "https://a b/",
        "https://evil.example\\@archive.example/",
        "file:///etc/passwd",
        "javascript:1",
        "//archive.example/",
        "https://evil.example\uff0f.archive.example/",
    ],
)
def test_what_is_no_address_is_refused_also_where_http_is_allowed(url):
    with conf.set_temp("allow_http", True), pytest.raises(QueryError, match="not a valid address"):
        check_scheme(url)
    assert not same_origin(url, THERE)
    assert isinstance(public_url(url), str)


def test_a_host_that_reads_in_two_ways_is_nobodys_origin():
    """The host ends at the slash here, but for urllib3 at the backslash: credentials would go to another host."""
    assert not same_origin("https://evil.example\\@archive.example/", "https://archive.example/")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("https://a.example/", "https://A.example:443/x", True),
        ("https://a.example/", "https://a.example:444/", False),
        ("https://a.example/", "http://a.example/", False),
        ("https://a.example/", "https://a.example./", False),
        ("https://a.example/", "https://me@a.example/", True),
    ],
)
def test_an_origin_is_scheme_host_and_port(one, other, same):
    assert same_origin(one, other) is same


@pytest.mark.parametrize(
    ("location", "there"),
    [
        ("/y?z=%2F", "https://archive.example/y?z=%2F"),
        ("//other.example/y", "https://other.example/y"),
        ("y", "https://archive.example/y"),
        ("https://me:word@other.example/y", "https://other.example/y"),
    ],
)
def test_redirects_are_followed_without_anybodys_name(location, there):
    assert next_hop(THERE, location) == there


@pytest.mark.parametrize(
    "location",
    [
        "http://archive.example/x",
        "file:///etc/passwd",
        "http://[::1",
        "//[",
        "https://x:99999/",
        "https://evil.example\\@archive.example/",
        HERE,
        "https://localhost/",
        "https://[::ffff:127.0.0.1]/" if is_loopback("https://[::ffff:127.0.0.1]/") else "https://[::1]/",
    ],
)
def test_redirects_out_of_tls_or_to_this_machine_are_refused(location):
    with pytest.raises(QueryError):
        next_hop(THERE, location)


def test_this_machine_may_redirect_to_itself():
    assert next_hop(HERE, "http://localhost:9/y") == "http://localhost:9/y"


def test_what_is_shown_can_be_shown():
    shown = public_url("https://me:word@a.example/\x1b[31m\u202e\ud800?token=\ud800&x=\x07#fragment")
    assert shown.isprintable()
    assert "word" not in shown
    shown.encode()


def test_what_is_sent_can_be_sent():
    asked = "https://a.example/a b\u00e9\udcff\r\n?x=%2f+\"'"
    assert quote_unsafe(asked) == "https://a.example/a%20b%C3%A9%FF%0D%0A?x=%2f+\"'"


@pytest.mark.parametrize(
    ("url", "host"),
    [
        ("https://A.example.:8000/x", "a.example"),
        ("http://[::1]/", "::1"),
        ("http://[::1", ""),
        ("http://[a.example]/", ""),
        ("/x", ""),
    ],
)
def test_the_host_of_an_address_is_read_and_empty_if_there_is_none(url, host):
    assert host_of(url) == host
