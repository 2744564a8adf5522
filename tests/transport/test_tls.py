"""Test TLS: a server is trusted according to the environment's bundle, by searches and by downloads."""

from __future__ import annotations

import datetime as dt
import http.server
import ipaddress
import ssl
import threading
from collections.abc import Iterator

import parfive
import pytest

from sunpy_helio_plugins import conf
from sunpy_helio_plugins.errors import ServiceUnreachable
from sunpy_helio_plugins.transport import metadata
from sunpy_helio_plugins.transport.files.job import Download
from sunpy_helio_plugins.transport.files.queue import enqueue


class Quiet(http.server.BaseHTTPRequestHandler):
    """Respond to every GET, without output to the terminal."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "4")
        self.end_headers()
        self.wfile.write(b"data")

    def log_message(self, *args: object) -> None:
        """Do not log."""


def certificate(folder) -> tuple[str, str]:
    """Make a self-signed certificate for 127.0.0.1."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "test")])
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    plain = serialization.NoEncryption()
    pem, own = folder / "certificate.pem", folder / "key.pem"
    pem.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    own.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain))
    return str(pem), str(own)


@pytest.fixture(scope="module")
def secure(tmp_path_factory) -> Iterator[tuple[str, str]]:
    """Return the URL of a server over TLS, and the bundle that trusts it."""
    pem, key = certificate(tmp_path_factory.mktemp("tls"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem, key)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.handle_error = lambda *args: None
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"https://127.0.0.1:{server.server_port}", pem
        server.shutdown()
        thread.join()


def fetch(url, folder) -> parfive.Results:
    downloader = parfive.Downloader(progress=False)
    enqueue(downloader, [Download(url, folder / "x", "Test")])
    return downloader.download()


@pytest.fixture(autouse=True)
def _one_attempt(monkeypatch):
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    with conf.set_temp("retries", 0):
        yield


def test_a_stranger_is_not_trusted(secure, tmp_path):
    url, _ = secure
    with pytest.raises(ServiceUnreachable, match="no secure connection"):
        metadata.get(url, archive="Test")
    assert "no secure connection" in str(fetch(url, tmp_path).errors[0].exception)


@pytest.mark.parametrize("variable", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_the_environments_bundle_is_trusted(secure, tmp_path, monkeypatch, variable):
    url, bundle = secure
    monkeypatch.setenv(variable, bundle)
    assert metadata.get(url, archive="Test").content == b"data"
    assert len(fetch(url, tmp_path)) == 1
