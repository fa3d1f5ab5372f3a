"""What goes wrong in the field: proxies, odd gateways, files that end between two cells, tokens that nobody can renew."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from loadplan.clock import SystemClock
from loadplan.emulator.server import EmbeddedOrg
from loadplan.errors import OrgError
from loadplan.plan.load import load_plan
from loadplan.salesforce import http as door
from loadplan.salesforce import info
from loadplan.salesforce.auth.base import AuthConfig
from loadplan.salesforce.bulk2 import Bulk2Org
from loadplan.salesforce.download import EDGE, Counter
from loadplan.salesforce.http import Http, Timeouts, new_session
from loadplan.salesforce.orgs import OrgProfile, connect, connect_with_token, same_org
from loadplan.salesforce.port import (
    AuthRefused,
    Identity,
    IngestSpec,
    OrgFault,
    Page,
    QuotaExceeded,
    Refused,
    Truncated,
    Unavailable,
)
from loadplan.salesforce.secret import Secret

from support.raw_server import RawServer, http

JOB = "750000000000001AAA"
V = "66.0"
CANARY = "00D000000000001!canary.token"
JSON = "Content-Type: application/json;charset=UTF-8"
COUNTED = ("Sforce-NumberOfRecords: 2", "Sforce-Locator: null")


def org_at(url: str, token: str = CANARY) -> Bulk2Org:
    """A client with one token."""
    return Bulk2Org(Http(url, lambda _: token, timeouts=Timeouts(5.0, 5.0)))


def page(body: bytes, to: Path, *headers: str, delimiter: str = "COMMA", status: str = "200 OK") -> Page:
    """Fetch a page that is answered so, with headers that promise two rows."""
    with RawServer(http(status, body, *COUNTED, *headers)) as server:
        return org_at(server.url).fetch_page(JOB, None, None, to, delimiter=delimiter, api_version=V)


def fault(answer: bytes) -> OrgFault:
    """What a create makes of an answer."""
    with RawServer(answer) as server, pytest.raises(OrgFault) as caught:
        org_at(server.url).create_ingest(IngestSpec("Account", "insert"), api_version=V)
    return caught.value


@pytest.mark.parametrize(
    ("body", "delimiter"),
    [
        (b'"Id","Name","City"\n"1","a","x"\n"2","b"', "COMMA"),
        (b'"Id","Name"\n"1","a"\n"2"', "COMMA"),
        (b'"Id";"Name, all"\n"1";"a\nb"\n"2"', "SEMICOLON"),
    ],
)
def test_a_file_that_ends_between_two_cells_is_truncated(body: bytes, delimiter: str, tmp_path: Path) -> None:
    """Length, quotes and count agree; only the cells of the last record tell."""
    with pytest.raises(Truncated, match="in the middle of a record"):
        page(body, tmp_path / "1.csv", delimiter=delimiter)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "body",
    [b'"Id","N"\n"1","a"\n"2","b"', b'"Id","N"\n"1","a"\n"2","b"\n\n', b'"Id","N"\r\n"1","a"\r\n"2","b\nc"\r\n\r\n'],
)
def test_a_missing_last_newline_and_a_blank_last_line_are_legal(body: bytes, tmp_path: Path) -> None:
    """Recordings of Salesforce show both."""
    assert page(body, tmp_path / "1.csv").received.rows == 2


def test_the_last_record_is_found_across_quotes_and_blocks() -> None:
    """Line breaks inside its cells belong to it, however long the file before it is."""
    counter = Counter()
    for block in (b'a,b\n"x","y"\n' * (EDGE // 8), b'"1', b'\n2",', b'"say ""hi""\n"'):
        counter.feed(block)
    assert counter.last_record() == b'"1\n2","say ""hi""\n"'
    assert not counter.ends_inside_quotes


def test_a_page_of_html_is_no_result_file(tmp_path: Path) -> None:
    """A maintenance page with status 200 never becomes rows."""
    with pytest.raises(Unavailable, match="text/html, not CSV"):
        page(b"<html>\n<p>\n", tmp_path / "1.csv", "Content-Type: text/html; charset=UTF-8")
    assert list(tmp_path.iterdir()) == []


def test_a_part_of_a_file_that_nobody_asked_for_is_not_taken(tmp_path: Path) -> None:
    """206 is an answer to another question."""
    with pytest.raises(Unavailable, match="206"):
        page(b"Id\n1\n2\n", tmp_path / "1.csv", status="206 Partial Content")


@pytest.mark.parametrize("status", ["413 Payload Too Large", "414 URI Too Long", "415 Unsupported Media Type"])
def test_a_gateway_that_lets_nothing_through_has_refused(status: str) -> None:
    """The request did not reach the org, so nothing was applied: asking again would be no use."""
    found = fault(http(status, b"<html><title>no</title></html>"))
    assert isinstance(found, Refused)
    assert found.error_code == f"HTTP_{status[:3]}"


def test_too_many_requests_at_once_pass_and_a_used_up_day_does_not() -> None:
    """Both are REQUEST_LIMIT_EXCEEDED; the words tell them apart."""
    answers = {
        "TotalRequests Limit exceeded.": QuotaExceeded,
        "ConcurrentRequests (Concurrent API Requests) Limit exceeded.": Unavailable,
    }
    for words, kind in answers.items():
        body = json.dumps([{"errorCode": "REQUEST_LIMIT_EXCEEDED", "message": words}]).encode()
        assert type(fault(http("403 Forbidden", body, JSON))) is kind


def test_a_location_that_is_not_text_is_a_fault_and_not_a_crash() -> None:
    """The library trips over such a header by itself."""
    found = fault(b"HTTP/1.1 302 Found\r\nConnection: close\r\nLocation: https://\xff\xfe\r\nContent-Length: 0\r\n\r\n")
    assert isinstance(found, Unavailable)


def test_an_answer_that_does_not_end_fills_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """JSON is held in memory, so it has a cap."""
    monkeypatch.setattr(door, "MAX_BODY", 1000)
    assert "does not end" in fault(http("200 OK", b'{"id":"' + b"7" * 100_000 + b'"}', JSON)).detail


def test_words_of_the_org_cannot_carry_escapes_or_a_token() -> None:
    """What is shown is Salesforce's message without control characters and without what looks like a token."""
    body = json.dumps([{"errorCode": "INVALIDJOB", "message": f"\x1b[2J{CANARY} bad"}]).encode()
    found = fault(http("400 Bad Request", body, JSON))
    assert isinstance(found, Refused)
    assert found.message == "?[2J*** bad"


@pytest.mark.parametrize("token", ["", "two words", "line\r\nX-Evil: 1"])
def test_a_token_that_is_none_is_never_sent(token: str) -> None:
    """It could otherwise write headers, or appear in the exception of a library."""
    with RawServer(http("200 OK", b"{}", JSON)) as server, pytest.raises(AuthRefused) as caught:
        org_at(server.url, token).job("ingest", JOB, api_version=V)
    assert server.asked == []
    assert "words" not in repr(caught.value)


def test_a_fault_does_not_carry_the_request_of_the_library() -> None:
    """Exceptions of requests hold the prepared request, and with it the token."""
    with pytest.raises(Unavailable) as caught:
        org_at("http://127.0.0.1:9").job("ingest", JOB, api_version=V)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


def test_a_loopback_org_is_never_asked_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A company's proxy would get the token, and could not reach the org."""
    with RawServer(http("200 OK", b"{}", JSON)) as proxy, EmbeddedOrg() as server:
        for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
            monkeypatch.setenv(name, proxy.url)
        for name in ("no_proxy", "NO_PROXY"):
            monkeypatch.delenv(name, raising=False)
        org = connect_with_token(server.instance_url, server.access_token, clock=SystemClock())
        assert info.identity(org).organization_id == server.org.settings.org_id
        assert proxy.asked == []
        assert new_session("https://acme.my.salesforce.com").trust_env


def test_the_ca_file_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    """Both spellings are in use; that of requests wins. Verification has no off switch."""
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.delenv("SSL_CERT_FILE", raising=False)
    assert new_session("https://acme.my.salesforce.com").verify is True
    monkeypatch.setenv("SSL_CERT_FILE", "/etc/company.pem")
    assert new_session("https://acme.my.salesforce.com").verify == "/etc/company.pem"


def test_an_access_token_that_has_ended_is_not_sent_a_second_time() -> None:
    """This flow has no way to another one: the run stops and says so."""
    with RawServer(http("401 Unauthorized", b"[]", JSON)) as server:
        auth = AuthConfig("access_token", server.url, {"token": Secret(CANARY, {}, Path())}, {})
        org = connect(OrgProfile("env", server.url, auth=auth), clock=SystemClock())
        with pytest.raises(AuthRefused, match="has ended") as caught:
            org.job("ingest", JOB, api_version=V)
    assert len(server.asked) == 1
    assert CANARY not in str(caught.value)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("00D000000000001EAA", "00D000000000001EAA", True),
        ("00D000000000001", "00D000000000001EAA", True),
        ("00D000000000001EAA", "00D000000000001", True),
        ("00D000000000001EAB", "00D000000000001EAA", False),
        ("00D000000000001 and more", "00D000000000001EAA", False),
        ("00D00000000000a", "00D00000000000AEAA", False),
        ("", "", True),
    ],
)
def test_org_ids_of_15_and_18_characters_are_compared_with_case(one: str, other: str, same: bool) -> None:
    """The last three characters only repeat the case of the others."""
    assert same_org(one, other) is same


def test_an_org_that_is_no_sandbox_and_has_no_guard_is_pointed_out() -> None:
    """`org check` shows it; only `production: true` in the entry makes apply ask."""
    who = Identity("ada@acme.example", "005000000000001AAA", "00D000000000001EAA", "Acme", False, "https://acme")
    plain = info.OrgCheck(
        "acme", who, False, ("31.0", "67.0"), {}, {"API Enabled": True, "Bulk API Hard Delete": False}
    )
    text = info.describe_check(plain)
    assert "say `production: true` for `acme`" in text
    assert "permission API Enabled: yes" in text
    assert "permission Bulk API Hard Delete: no" in text


def test_the_objects_of_a_plan_include_the_parents_of_its_lookups(tmp_path: Path) -> None:
    """A relationship is followed through the description of the step's object; a type that is named is taken as it is."""
    (tmp_path / "plan.yaml").write_text(
        "version: 1\nname: t\nsteps:\n  contacts:\n    object: Contact\n    operation: insert\n    source: c.csv\n"
        "    columns: {LastName: n}\n    lookups: {Account.Legacy_Id__c: a}\n"
        "  tasks:\n    object: Task\n    operation: insert\n    source: t.csv\n    columns: {Subject: s}\n"
        '    lookups: {"Lead:Who.Legacy_Id__c": w}\n'
    )
    for name in ("c.csv", "t.csv"):
        (tmp_path / name).write_text("x\n1\n")
    plan = load_plan(tmp_path / "plan.yaml", variables={}, var_files=[])
    with EmbeddedOrg() as server:
        org = connect_with_token(server.instance_url, server.access_token, clock=SystemClock())
        assert info.objects_needed_by(org, plan) == ["Account", "Contact", "Lead", "Task"]


@pytest.mark.parametrize("versions", [b"[]", b"{}", b'[{"label":"x"}]', b'[{"version":"new"}]'])
def test_a_check_of_something_that_is_no_org_is_an_org_error(versions: bytes) -> None:
    """Odd answers end as exit 3, not as a bug."""
    with RawServer(http("200 OK", versions, JSON), http("200 OK", b"{}", JSON)) as server:
        with pytest.raises(OrgError) as caught:
            info.gather_check(org_at(server.url), OrgProfile("x", server.url))
        assert caught.value.code == "LP0405"
