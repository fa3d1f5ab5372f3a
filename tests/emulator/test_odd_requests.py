"""Bodies, addresses and methods that no client should send: every one has an answer in the org's shape, none is a fault of the org."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from typing import Any, Self
from urllib.parse import quote

import pytest

from emulator.test_http import connection, raw_answer
from support.wire import Answer, Org

DEEP = b"[" * 100_000
DEEP_OBJECT = b'{"a":' * 100_000
HALF = (
    '{"Name": "a\\ud800b", "records": [{"attributes": {"type": "\\ud800"}}], "object": "\\udfff", "advance": "\\ud800"}'
)
VALUES: tuple[Any, ...] = (
    [],
    [[]],
    {},
    7,
    -1,
    0.5,
    "x",
    "",
    None,
    True,
    10**400,
    "é",
    "\x00",
    {"a": {"b": [1]}},
    ["x"],
    [7],
    [None],
    [{}],
)
KEYS = (
    "Name", "records", "ids", "fields", "object", "operation", "query", "state", "compositeRequest", "batchRequests", "advance",
    "rules", "rows", "jobs", "queries", "aborts", "seed", "attributes", "AccountId", "allOrNone", "externalIdFieldName",
)  # fmt: skip


def each(make: Callable[[Any], Any]) -> list[bytes]:
    """A body with every odd value where the maker puts it."""
    return [json.dumps(make(value)).encode() for value in VALUES]


def call(**more: Any) -> dict[str, Any]:
    """A composite request of one call."""
    return {"compositeRequest": [{"method": "GET", "referenceId": "a", **more}]}


BODIES: tuple[bytes, ...] = (
    b"", b"null", b"[]", b"7", b'"x"', b"true", b"NaN", b'{"Name": NaN}', b'{"NumberOfEmployees": 1e400}', b"{", b"\xff\xfe", b"\x00",
    b"\xef\xbb\xbf{}", b'{"a":' + b"9" * 5_000 + b"}", DEEP, DEEP_OBJECT, HALF.encode(), b"grant_type=%ff&client_id=%ED%A0%80", b"<a/>",
    json.dumps({"Name": "x" * 1_000, "x\x00y": 1}).encode(),
    *(body for key in KEYS for body in each(lambda value, key=key: {key: value})),  # type: ignore[misc]
    *each(lambda value: {"operation": "insert", "object": value}),
    *each(lambda value: {"operation": "query", "query": value}),
    *each(lambda value: {"records": [{"attributes": {"type": "Account"}, "Name": value}]}),
    *each(lambda value: {"records": [{"attributes": value, "Name": "x"}]}),
    *each(lambda value: {"records": [{"attributes": {"type": "Account", "referenceId": value}, "Contacts": value}]}),
    *each(lambda value: {"records": [{"attributes": {"type": "Contact"}, "LastName": "x", "Account": value}]}),
    *each(lambda value: {"records": [{"attributes": {"type": "Account"}, "Legacy_Id__c": value, "id": value}]}),
    *each(lambda value: {"ids": [value, "001000000000001AAA"], "fields": ["Name", value]}),
    *each(lambda value: call(method=value, url=value, body=value)),
    *each(lambda value: call(url="/services/data/v66.0/limits", httpHeaders=value)),
    *(json.dumps(call(url=url)).encode() for url in (
        "http://[", "//[", "/services/data/v66.0/query?q=%", f"/services/data/v{'9' * 5_000}.0/limits", "/services/data/v66.0//")),
    *each(lambda value: {"batchRequests": [{"method": value, "url": value, "richInput": value}]}),
    *(body for key in ("kind", "status", "nth", "times", "seconds", "share", "headers", "body")
      for body in each(lambda value, key=key: {"rules": [{"kind": "list", "effect": "status", key: value}]})),  # type: ignore[misc]
    *each(lambda value: {"rows": [{"object": "Account", "where": value, "times": value, "fields": value}]}),
)  # fmt: skip
"""Whatever JSON can be, at the places where a route looks."""
LONG = "9" * 5_000
QUERIES = (
    "", "?", "?ids=", "?ids=,,&fields=,", "?ids=x&fields=x", "?ids=001&fields=Name", "?q=", "?q=%00", "?q=%ED%A0%80", "?q=SELECT",
    "?maxRecords=%C2%B2", "?maxRecords=-1", f"?maxRecords={LONG}", "?locator=%00", "?locator=MDp4Oi0x", "?queryLocator=x-%C2%B2",
    f"?queryLocator=-{LONG}", "?kind=x&object=x", "?id=%00", "?fields=%00", "?columns=true&q=x", "?" + "a=b&" * 2_000,
)  # fmt: skip
WRITTEN = (
    ("POST", "/jobs/ingest"), ("POST", "/jobs/query"), ("PATCH", "/jobs/ingest/{job}"), ("PATCH", "/jobs/query/{query}"),
    ("PUT", "/jobs/ingest/{job}/batches"), ("POST", "/sobjects/Account"), ("PATCH", "/sobjects/Account/{record}"),
    ("PATCH", "/sobjects/Account/Legacy_Id__c/a%2Fb"), ("POST", "/composite"), ("POST", "/composite/batch"),
    ("POST", "/composite/sobjects"), ("PATCH", "/composite/sobjects"), ("POST", "/composite/sobjects/Account"),
    ("PATCH", "/composite/sobjects/Account/Legacy_Id__c"), ("POST", "/composite/tree/Account"),
)  # fmt: skip
READ = (
    "", "/", "/limits", "/recent", "/query", "/queryAll", "/query/01g0000000000000AA-7", "/sobjects", "/sobjects/Account/describe",
    "/sobjects/%00/x/y", "/sobjects/Account/{record}", "/sobjects/Account/Legacy_Id__c/%ED%A0%80", "/composite/sobjects",
    "/composite/sobjects/Account", "/composite/sobjects/", "/jobs/ingest", "/jobs/query", "/jobs/query/{query}/results",
    "/jobs/query/{query}/resultPages", "/jobs/ingest/{job}/successfulResults", "/%2F/%2E%2E",
)  # fmt: skip


def in_shape(answer: Answer, path: str) -> bool:
    """Whether an answer is one that the org gives on purpose; errors are an array with a code, those of tokens an object."""
    if answer.status < 400 or path.startswith("/id/") or "userinfo" in path:
        return answer.status < 500
    found = answer.json
    if path.startswith(("/services/oauth2", "/__control__")):
        found = [found] if isinstance(found, dict) and ("error" in found or "calls" in found) else found
        return answer.status < 500 and isinstance(found, list)
    return (
        answer.status < 500
        and isinstance(found, list)
        and all(entry["errorCode"] and entry["message"] is not None for entry in found)
    )


class Asker:
    """Sends one request after the other on a connection that is kept, and looks whether the answers are in shape."""

    def __init__(self, org: Org) -> None:
        self.link, self.token = connection(org), org.token

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.link.close()

    def ask(self, method: str, path: str, body: bytes | None = None) -> None:
        self.link.request(
            method, path, body, {"Authorization": f"Bearer {self.token}", "Content-Type": "application/json"}
        )
        found = self.link.getresponse()
        answer = Answer(found.status, found.headers, found.read())
        assert in_shape(answer, path), (method, path[:200], (body or b"")[:200], answer.status, answer.body[:500])


@pytest.fixture
def known(org: Org) -> dict[str, str]:
    """Ids of things that there are."""
    query = org.call("POST", "/jobs/query", {"operation": "query", "query": "SELECT Id FROM Account"}).json["id"]
    return {"job": org.create()["id"], "query": query, "record": org.add("Account", Name="A")}


@pytest.mark.parametrize(("method", "path"), WRITTEN)
def test_no_body_is_a_fault_of_the_org(org: Org, known: dict[str, str], method: str, path: str) -> None:
    """Lists, numbers, deep nests, halves of characters, values of another type: an answer, or an error in the org's shape."""
    with Asker(org) as asker:
        for body in BODIES:
            asker.ask(method, f"/services/data/v66.0{path.format(**known)}", body)


@pytest.mark.parametrize("path", ["/services/oauth2/token", "/services/oauth2/revoke", "/services/oauth2/userinfo", "/id/x/y",
                                  "/__control__/clock", "/__control__/faults", "/__control__/tokens"])  # fmt: skip
def test_no_body_is_a_fault_beside_the_data(org: Org, path: str) -> None:
    """Tokens, identity and the control endpoint."""
    with Asker(org) as asker:
        for body in BODIES:
            asker.ask("POST", path, body)
            org.server.faults.clear()


@pytest.mark.parametrize("path", READ)
def test_no_parameter_is_a_fault_of_the_org(org: Org, known: dict[str, str], path: str) -> None:
    """Numbers that are none, texts that are no text, and what is left out."""
    with Asker(org) as asker:
        for method, query in itertools.product(("GET", "DELETE"), QUERIES):
            if method == "GET" or "jobs" not in path:
                asker.ask(method, f"/services/data/v66.0{path.format(**known)}{query}")


@pytest.mark.parametrize(
    "name", ["ledger", "ledger/entries", "requests", "faults", "jobs", "settings", "clock", "nothing", ""]
)
def test_no_parameter_is_a_fault_of_the_control_endpoint(org: Org, name: str) -> None:
    """Its errors are an object with the words."""
    with Asker(org) as asker:
        for query in QUERIES:
            asker.ask("GET", f"/__control__/{name}{query}")


@pytest.mark.parametrize("method", ["OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get", "X" * 300])
def test_a_method_that_there_is_not_is_answered_as_not_allowed(org: Org, method: str) -> None:
    """405 METHOD_NOT_ALLOWED with the ones that are, in JSON."""
    for path in ("/jobs/ingest", "/query", "/sobjects/Account", "/composite/sobjects"):
        answer = org.call(method, path)
        assert answer.error[:2] == (405, "METHOD_NOT_ALLOWED")
        assert "GET" in answer.headers["Allow"] or "POST" in answer.headers["Allow"]
        assert answer.error[2].startswith(f"HTTP Method '{method}' not allowed. Allowed are ")


@pytest.mark.parametrize(
    ("line", "status"),
    [("nonsense", 400), ("GET /x HTTP/9.9", 505), ("GET /" + "x" * 70_000 + " HTTP/1.1", 414), ("GET //[ HTTP/1.1", 404)],
)  # fmt: skip
def test_what_is_no_request_is_answered_in_json(org: Org, line: str, status: int) -> None:
    """Instead of a page of HTML, or of silence."""
    answer = raw_answer(org, f"{line}\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.split()[1] == str(status).encode()
    assert json.loads(body)[0]["errorCode"]


@pytest.mark.parametrize(
    "header", ["Content-Length: -5", "Content-Length: x", "Content-Length: 0x10", "Transfer-Encoding: chunked"]
)
def test_a_body_of_no_readable_size_is_refused(org: Org, header: str) -> None:
    """400, and the connection ends: nobody knows where the next request begins."""
    text = f"POST /services/data/v66.0/jobs/ingest HTTP/1.1\r\nHost: x\r\n{header}\r\n\r\nzz\r\n"
    answer = raw_answer(org, text.encode())
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert json.loads(body)[0]["errorCode"] == "BAD_REQUEST"
    assert org.call("GET", "/limits").status == 200


def test_json_is_read_as_the_org_reads_it(org: Org) -> None:
    """Nested without end, NaN and numbers beyond every double are no JSON; half of a character becomes a question mark."""
    path = "/sobjects/Account"
    for body in (DEEP, DEEP_OBJECT, b'{"Name": NaN}', b'{"NumberOfEmployees": 1e400}'):
        assert org.call("POST", path, body).error[:2] == (400, "JSON_PARSER_ERROR")
    made = org.call("POST", path, b'{"Name": "a\\ud800b \\ud83d\\ude00"}').json["id"]
    assert org.call("GET", f"{path}/{made}").json["Name"] == "a?b \N{GRINNING FACE}"
    soql = quote("SELECT Id FROM Account WHERE Name = 'a?b \\uD83D\\uDE00'")
    assert org.call("GET", f"/query?q={soql}").json["totalSize"] == 1


def test_a_value_that_is_a_list_or_an_object_fits_no_field(org: Org) -> None:
    """In the org's words; nothing is stored."""
    listed = org.call("POST", "/sobjects/Account", {"Name": ["x"]}).error
    assert listed == (
        400,
        "JSON_PARSER_ERROR",
        "Cannot deserialize instance of string from START_ARRAY value [line:1, column:2]",
    )
    nested = org.call("POST", "/sobjects/Account", {"Name": {"x": 1}}).error
    assert nested[2].startswith(
        "Cannot deserialize instance of string from START_OBJECT value { or request may be missing"
    )
    assert org.server.org.count("Account") == 0


def test_a_number_beyond_every_double_is_out_of_range(org: Org) -> None:
    """In a file and over REST; it would come back as no number."""
    [problem] = org.failures(f"Name,AnnualRevenue\nA,1{'0' * 400}\n")
    assert problem.startswith(
        "NUMBER_OUTSIDE_VALID_RANGE:Annual Revenue: value outside of valid range on numeric field: Infinity"
    )
    assert (
        org.call("POST", "/sobjects/Account", {"Name": "A", "AnnualRevenue": 10**400}).error[1]
        == "NUMBER_OUTSIDE_VALID_RANGE"
    )


def test_collections_want_the_ids_that_they_are_about(org: Org) -> None:
    """Without ids or fields there is nothing to do, and that is an error."""
    for method, path in (
        ("GET", "/composite/sobjects/Account"), ("GET", "/composite/sobjects/Account?ids=001"), ("DELETE", "/composite/sobjects"),
        ("DELETE", "/composite/sobjects?ids="),
    ):  # fmt: skip
        assert org.call(method, path).error[:2] == (400, "MISSING_ARGUMENT"), path
    asked = org.call("POST", "/composite/sobjects/Account", {"ids": "001", "fields": ["Name"]})
    assert asked.error == (400, "JSON_PARSER_ERROR", "The ids must be a list of texts")
    assert org.call("POST", "/composite/sobjects/Account", {"ids": ["x"], "fields": ["Name"]}).json == [None]


def test_result_pages_are_of_the_size_that_is_asked_for(org: Org) -> None:
    """A size that is none is refused, as by the results; the addresses carry it."""
    for number in range(5):
        org.add("Account", Name=str(number))
    job = org.query("SELECT Name FROM Account")
    path = f"/jobs/query/{job['id']}/resultPages"
    for text in ("x", "0", "-1", "%C2%B2", "9" * 5_000):
        assert org.call("GET", f"{path}?maxRecords={text}").error[:2] == (400, "API_ERROR")
    found = org.call("GET", f"{path}?maxRecords=2").json
    pages = [
        org.raw("GET", page["resultUrl"], headers={"Authorization": f"Bearer {org.token}"})
        for page in found["resultPages"]
    ]
    assert [page.headers["Sforce-NumberOfRecords"] for page in pages] == ["2", "2", "1"]
    assert len(org.call("GET", path).json["resultPages"]) == 1


@pytest.mark.parametrize("key", ["a/b", "a b", "ü/%", "a+b", "..", "x?y#z"])
def test_a_key_with_a_slash_is_one_step_of_an_address(org: Org, key: str) -> None:
    """Percent-encoded, as clients send it: made, read, found in a composite call, deleted."""
    path = f"/sobjects/Account/Legacy_Id__c/{quote(key, safe='')}"
    assert org.call("PATCH", path, {"Name": "A"}).status == 201
    assert org.call("GET", path).json["Legacy_Id__c"] == key
    whole = {"method": "GET", "url": f"/services/data/v66.0{path}", "referenceId": "a"}
    found = org.call("POST", "/composite", {"compositeRequest": [whole]}).json["compositeResponse"][0]
    assert (found["httpStatusCode"], found["body"]["Legacy_Id__c"]) == (200, key)
    assert org.call("DELETE", path).status == 204


@pytest.mark.parametrize(
    "version", ["\N{ARABIC-INDIC DIGIT SIX}\N{ARABIC-INDIC DIGIT SIX}.0", "9" * 5_000 + ".0", "66", "66.5", "+66.0"]
)
def test_a_version_that_is_none_is_not_found(org: Org, version: str) -> None:
    """Only the digits of the documents are digits."""
    assert org.raw("GET", f"/services/data/v{quote(version)}/limits").error[:2] == (404, "NOT_FOUND")
