"""The line to an org: proxies, certificates and CA files of the environment, no netrc, no cookies, blocks for slow lines."""

from __future__ import annotations

import datetime as dt
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from loadplan.clock import SystemClock
from loadplan.emulator.server import EmbeddedOrg
from loadplan.salesforce import info
from loadplan.salesforce.bulk2 import Bulk2Org
from loadplan.salesforce.http import new_session
from loadplan.salesforce.orgs import connect_with_token
from loadplan.salesforce.port import Unavailable

from support.client import CANARY, JOB, OPEN, V, org_at
from support.raw_server import RawServer, http

ACME = "https://acme.my.salesforce.com"
PROXIES = ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY")
CA_FILES = ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE")


@pytest.fixture(autouse=True)
def plain_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """No proxy and no CA file of whoever runs the tests."""
    for name in (*PROXIES, *CA_FILES):
        monkeypatch.delenv(name, raising=False)


def why(org: Bulk2Org) -> str:
    """Why a request came to nothing."""
    with pytest.raises(Unavailable) as fault:
        org.job("ingest", JOB, api_version=V)
    return fault.value.detail


# -- what the session leaves alone ---------------------------------------------------------------------------------


def test_netrc_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A password for the host in ~/.netrc does not take the place of the token; loopback would not show it."""
    netrc = tmp_path / "netrc"
    netrc.write_text("machine acme.my.salesforce.com login someone password canary\n")
    monkeypatch.setenv("NETRC", str(netrc))
    asked = requests.Request("GET", ACME + "/services/data", headers={"Authorization": f"Bearer {CANARY}"})
    assert new_session(ACME).prepare_request(asked).headers["Authorization"] == f"Bearer {CANARY}"


def test_cookies_of_the_org_are_not_kept() -> None:
    """A request depends on what is asked, never on what was answered before."""
    answer = http("200 OK", OPEN.partition(b"\r\n\r\n")[2], "Set-Cookie: BrowserId=abc; path=/")
    with RawServer(answer) as server:
        org = org_at(server.url)
        org.job("ingest", JOB, api_version=V)
        org.job("ingest", JOB, api_version=V)
    assert [("cookie" in asked.headers) for asked in server.asked] == [False, False]


class Rows:
    """A body that notes in which pieces it is taken."""

    def __init__(self, size: int) -> None:
        self.left, self.size, self.taken = size, size, [0]

    def __len__(self) -> int:
        return self.size

    def read(self, size: int = -1, /) -> bytes:
        self.taken.append(size)
        now = self.left if size < 0 else min(size, self.left)
        self.left -= now
        return b"x" * now

    def seek(self, offset: int, whence: int = 0, /) -> int:
        self.left = self.size
        return 0


def test_an_upload_goes_in_blocks_that_a_slow_line_can_take() -> None:
    """Each block must be gone within the ten seconds of a connect: at 1 MB a block, a line of 800 kbit/s could not upload."""
    rows = Rows(1_000_000)
    with RawServer(http("201 Created")) as server:
        assert org_at(server.url).upload(JOB, rows, api_version=V) == 201
    assert 0 < max(rows.taken) <= 131_072
    assert len(server.asked[0].body) == 1_000_000


# -- proxies -------------------------------------------------------------------------------------------------------


def test_a_loopback_org_is_never_asked_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A company's proxy would get the token, and could not reach the org."""
    with RawServer(http("200 OK", b"{}")) as proxy, EmbeddedOrg() as server:
        for name in PROXIES[:6]:
            monkeypatch.setenv(name, proxy.url)
        org = connect_with_token(server.instance_url, server.access_token, clock=SystemClock())
        assert info.identity(org).organization_id == server.org.settings.org_id
        assert proxy.asked == []


def test_a_proxy_that_refuses_is_named_and_never_sees_the_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is asked for a tunnel, with its own password and nothing else; neither reaches the message."""
    with RawServer(http("407 Proxy Authentication Required")) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url.replace("http://", "http://me:s3cret@"))
        said = why(org_at(ACME))
    assert said == "the proxy refused: 407"
    assert [(a.method, a.target) for a in proxy.asked] == [("CONNECT", "acme.my.salesforce.com:443")]
    assert "authorization" not in proxy.asked[0].headers
    assert CANARY not in repr(proxy.asked)


@pytest.mark.parametrize(
    ("proxy", "words"),
    [
        ("http://127.0.0.1:9", "the proxy of the environment cannot be reached"),
        ("socks5://127.0.0.1:9", "HTTPS_PROXY must be http://host:port"),
        ("http:///nowhere", "HTTPS_PROXY must be http://host:port"),
    ],
)
def test_a_proxy_that_is_none_is_told(proxy: str, words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not by the class name of an exception."""
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    assert words in why(org_at(ACME))


def test_a_host_without_an_address_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """The usual cause is a misspelt My Domain."""

    def unknown(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert why(org_at(ACME)) == "the name of the host cannot be resolved"


# -- TLS -----------------------------------------------------------------------------------------------------------


def certificate(folder: Path, *, of_host: bool = True) -> Path:
    """A self-signed certificate with its key, for 127.0.0.1 or for another host."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Company CA")])
    alternative: x509.GeneralName = (
        x509.IPAddress(ipaddress.ip_address("127.0.0.1")) if of_host else x509.DNSName("other.example")
    )
    now = dt.datetime.now(dt.UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    file = folder / "ca.pem"
    file.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + made.public_bytes(serialization.Encoding.PEM)
    )
    return file


@contextmanager
def tls_server(pem: Path, newest: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3) -> Iterator[tuple[str, list[bytes]]]:
    """A TLS server that answers one open job; its URL and what reached it in clear text."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pem)
    if newest < ssl.TLSVersion.TLSv1_2:
        context.set_ciphers("ALL:@SECLEVEL=0")
    context.minimum_version = min(newest, ssl.TLSVersion.TLSv1_2)
    context.maximum_version = newest
    heard: list[bytes] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with listener:
            plain, _ = listener.accept()
            with plain:
                plain.settimeout(5)
                try:
                    with context.wrap_socket(plain, server_side=True) as connection:
                        heard.append(connection.recv(65536))
                        connection.sendall(OPEN)
                except OSError as error:
                    heard.append(f"refused: {error}".encode())

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield f"https://127.0.0.1:{listener.getsockname()[1]}", heard
    thread.join(5)


def test_a_certificate_that_nobody_vouches_for_gets_no_token(tmp_path: Path) -> None:
    """The message says why and how a company's own CA is named."""
    with tls_server(certificate(tmp_path)) as (url, heard):
        said = why(org_at(url))
    assert "the TLS certificate is not trusted (self" in said
    assert "REQUESTS_CA_BUNDLE" in said
    assert CANARY.encode() not in b"".join(heard)


def test_the_ca_file_of_the_environment_is_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With the company's CA the same server is trusted. Verification has no off switch."""
    pem = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    with tls_server(pem) as (url, heard):
        assert org_at(url).job("ingest", JOB, api_version=V).state == "Open"
    assert CANARY.encode() in heard[0]
    monkeypatch.delenv("SSL_CERT_FILE")
    assert new_session(ACME).verify is True
    assert new_session(ACME).trust_env  # REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE and the proxies


def test_a_certificate_of_another_host_gets_no_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A CA that is trusted does not make every host the right one."""
    pem = certificate(tmp_path, of_host=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    with tls_server(pem) as (url, heard):
        assert "not trusted" in why(org_at(url))
    assert CANARY.encode() not in b"".join(heard)


def test_an_old_tls_version_gets_no_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """1.2 at least."""
    pem = certificate(tmp_path)
    monkeypatch.setenv("SSL_CERT_FILE", str(pem))
    with pytest.warns(DeprecationWarning, match="TLSv1_1"), tls_server(pem, ssl.TLSVersion.TLSv1_1) as (url, heard):
        assert "TLS handshake failed" in why(org_at(url))
    assert CANARY.encode() not in b"".join(heard)


@pytest.mark.parametrize("content", [None, b"", b"not a certificate\n"], ids=["missing", "empty", "another file"])
def test_a_ca_file_that_is_none_is_told(content: bytes | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variable is named, and not the network blamed."""
    file = tmp_path / "company.pem"
    if content is not None:
        file.write_bytes(content)
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    with RawServer(OPEN) as server:
        assert "SSL_CERT_FILE names cannot be used" in why(org_at(server.url.replace("http://", "https://")))
