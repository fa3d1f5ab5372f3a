"""Over https, for programs that speak nothing else: the same answers, bodies of files and broken connections too."""

from __future__ import annotations

import shutil
import socket
import subprocess
import warnings
from collections.abc import Iterator
from contextlib import closing
from math import inf
from pathlib import Path
from typing import Any

import pytest
import requests
from loadplan.emulator.server import EmbeddedOrg
from loadplan.emulator.settings import Settings
from simple_salesforce.api import Salesforce

from emulator.test_serve import served

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "offline.md"
PAGE_NAMES = next(part for part in PAGE.read_text(encoding="utf-8").split('"') if part.startswith("subjectAltName="))


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A key and its certificate, made as the documentation says."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    path = tmp_path_factory.mktemp("tls") / "org.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "30", "-subj", "/CN=embedded org",
         "-addext", PAGE_NAMES, "-keyout", str(path), "-out", str(path)],
        check=True, capture_output=True,
    )  # fmt: skip
    return path


@pytest.fixture
def org(pem: Path) -> Iterator[EmbeddedOrg]:
    """An org behind TLS."""
    with EmbeddedOrg(settings=Settings(latency=0.0, rows_per_second=inf), tls=pem) as running:
        yield running


def test_a_client_that_speaks_https_alone_needs_nothing_but_the_certificate(
    org: EmbeddedOrg, pem: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """simple-salesforce as it is: a load of several jobs, result files, pages of a query."""
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(pem))
    assert org.instance_url.startswith("https://127.0.0.1:")
    with requests.Session() as session:
        sf: Any = Salesforce(
            instance_url=org.instance_url, session_id=org.access_token(), version="60.0", session=session
        )
        rows = [{"Name": f"Account {n}", "Legacy_Id__c": f"A{n}"} for n in range(3_000)]
        done = sf.bulk2.Account.insert(records=rows, batch_size=1_500, wait=0)
        assert [job["numberRecordsProcessed"] for job in done] == [1_500, 1_500]
        pages = list(sf.bulk2.Account.query("SELECT Name FROM Account", max_records=2_000, wait=0))
        assert [page.count("\n") - 1 for page in pages] == [2_000, 1_000]
    assert org.org.ledger.applied("Account") == {f"A{n}": 1 for n in range(3_000)}


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_client_without_tls_is_told_that_the_port_speaks_https(org: EmbeddedOrg, method: str) -> None:
    """Whatever it sends, and however much of it; a reset would tell it nothing."""
    url = f"{org.instance_url.replace('https', 'http')}/services/data"
    answer = requests.request(method, url, data=b"x" * 1_000_000 if method == "PUT" else None, timeout=10)
    assert (answer.status_code, answer.headers["Content-Type"]) == (400, "text/plain; charset=UTF-8")
    assert "This port speaks https" in answer.text


def test_a_client_that_connects_and_says_nothing_holds_nobody_up(org: EmbeddedOrg, pem: Path) -> None:
    """Before its greeting, in the middle of it, and after a plain request that it never ends."""
    address = ("127.0.0.1", int(org.instance_url.rpartition(":")[2]))
    with closing(socket.create_connection(address)) as silent, closing(socket.create_connection(address)) as slow:
        slow.sendall(b"\x16\x03")
        silent.sendall(b"")
        with closing(socket.create_connection(address)) as half:
            half.sendall(b"GET /services")
            assert half.recv(100).startswith(b"HTTP/1.1 400")
        assert requests.get(f"{org.instance_url}/services/data", timeout=10, verify=str(pem)).status_code == 200


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_the_certificate_of_the_page_holds_for_every_name_of_this_machine(
    org: EmbeddedOrg, pem: Path, host: str
) -> None:
    """Programs are told `localhost` as often as the number."""
    url = org.instance_url.replace("127.0.0.1", host)
    assert requests.get(f"{url}/services/data", timeout=10, verify=str(pem)).status_code == 200
    shown = subprocess.run(
        ["openssl", "x509", "-in", str(pem), "-noout", "-text"], check=True, capture_output=True, text=True
    ).stdout
    assert "DNS:localhost, IP Address:127.0.0.1, IP Address:0:0:0:0:0:0:0:1" in shown


def test_a_client_without_the_certificate_gets_nothing(org: EmbeddedOrg) -> None:
    """And the org goes on."""
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(f"{org.instance_url}/services/data", timeout=10)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert requests.get(f"{org.instance_url}/services/data", timeout=10, verify=False).status_code == 200


def test_faults_break_connections_over_tls_too(org: EmbeddedOrg, pem: Path) -> None:
    """A lost answer and a reset are errors of the connection; the next request is served."""
    for effect in ("drop after", "reset"):
        org.faults.add("other", effect, nth=None)
        with pytest.raises(requests.exceptions.ConnectionError):
            requests.get(f"{org.instance_url}/services/data", timeout=10, verify=str(pem))
        org.faults.clear()
        assert requests.get(f"{org.instance_url}/services/data", timeout=10, verify=str(pem)).status_code == 200


@pytest.mark.parametrize("mode", [0o600, 0o644])
def test_a_key_that_others_may_read_is_told(pem: Path, tmp_path: Path, mode: int) -> None:
    """The org is served all the same."""
    own = tmp_path / "org.pem"
    shutil.copy(pem, own)
    own.chmod(mode)
    with served("--tls", str(own)) as (_, _, said):
        pass
    note = f"note: others may read the private key in {own}: chmod 600 {own}"
    assert said == ([note] if mode == 0o644 else [])


def test_a_file_without_a_key_is_refused(tmp_path: Path) -> None:
    """Before anything is served."""
    (tmp_path / "no.pem").write_text("nothing", encoding="utf-8")
    with pytest.raises(ValueError, match="must hold a private key and its certificate"):
        EmbeddedOrg(tmp_path / "org", tls=tmp_path / "no.pem")
