"""Who a session is: userinfo, the identity address, revoked tokens, and login over SOAP."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import urlencode

import pytest

from support.wire import Answer, Org


def by_token(org: Org, path: str) -> Answer:
    """A GET outside of /services/data, with the token."""
    return org.raw("GET", path, headers={"Authorization": f"Bearer {org.token}"})


def address(org: Org) -> str:
    """The path of the identity address."""
    return f"/id/{org.server.org.settings.org_id}/{org.server.org.admin}"


def test_a_session_asks_who_it_is(org: Org) -> None:
    """userinfo and the identity address tell user and org, each in its own words."""
    told = by_token(org, "/services/oauth2/userinfo").json
    known = by_token(org, address(org)).json
    for found in (told, known):
        assert (found["user_id"], found["organization_id"]) == (org.server.org.admin, org.server.org.settings.org_id)
        assert found["urls"]["rest"] == f"{org.server.instance_url}/services/data/v{{version}}/"
    assert (told["preferred_username"], known["username"]) == (org.server.org.username,) * 2
    assert (told["given_name"], told["family_name"], known["display_name"]) == ("Admin", "User", "Admin User")
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", told["updated_at"])
    assert told["sub"] == known["id"] == org.server.instance_url + address(org)
    assert org.call("GET", "").json["identity"] == known["id"]


@pytest.mark.parametrize("path", ["/services/oauth2/userinfo", "identity"])
def test_without_a_live_token_nobody_is_told(org: Org, path: str) -> None:
    """403 with two words, not the 401 of the REST API; the token may be a parameter."""
    path = address(org) if path == "identity" else path
    assert (org.raw("GET", path).status, org.raw("GET", path).body) == (403, b"Missing_OAuth_Token")
    wrong = org.raw("GET", path, headers={"Authorization": "Bearer 00D!x"})
    assert (wrong.status, wrong.body) == (403, b"Bad_OAuth_Token")
    asked = urlencode({"format": "json", "oauth_token": org.token})
    assert org.raw("GET", f"{path}?{asked}").status == 200


def test_the_identity_of_another_user_or_org_is_not_here(org: Org) -> None:
    """Wrong_Org and Bad_Id."""
    user, own = org.server.org.admin, org.server.org.settings.org_id
    assert by_token(org, f"/id/00D999999999999AAA/{user}").body == b"Wrong_Org"
    assert by_token(org, f"/id/{own}/005999999999999AAA").body == b"Bad_Id"
    assert by_token(org, f"/id/{own[:15]}/{user[:15]}").status == 200


def test_a_revoked_token_is_none(org: Org) -> None:
    """200 without a body, then 401; a token that is none is 400."""
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    done = org.raw("POST", "/services/oauth2/revoke", urlencode({"token": org.token}), form)
    assert (done.status, done.body) == (200, b"")
    assert org.call("GET", "/limits").error[:2] == (401, "INVALID_SESSION_ID")
    again = org.raw("POST", "/services/oauth2/revoke", urlencode({"token": org.token}), form)
    assert (again.status, again.json["error"]) == (400, "invalid_token")


@pytest.fixture
def closed() -> Iterator[Org]:
    """An org that knows one user."""
    with Org(users=(("ada@example.org", "pw&TOKEN"),)) as running:
        yield running


def soap(org: Org, body: str, version: str = "60.0") -> Answer:
    """A call over SOAP."""
    text = f'<e:Envelope xmlns:e="http://schemas.xmlsoap.org/soap/envelope/">{body}</e:Envelope>'
    return org.raw("POST", f"/services/Soap/u/{version}", text, {"Content-Type": "text/xml", "SOAPAction": '""'})


def login(org: Org, user: str, password: str, version: str = "60.0") -> Answer:
    """login()."""
    inner = f"<n:username>{user}</n:username><n:password>{password}</n:password>"
    return soap(org, f'<e:Body><n:login xmlns:n="urn:partner.soap.sforce.com">{inner}</n:login></e:Body>', version)


def part(answer: Answer, name: str) -> str:
    """The text of one element."""
    found = re.search(rf"<{name}>([^<]*)</{name}>", answer.text)
    assert found is not None, answer.text
    return found[1]


def test_login_over_soap_gives_a_session_and_logout_ends_it(closed: Org) -> None:
    """The session works over REST; serverUrl is the org's address."""
    made = login(closed, "ada@example.org", "pw&amp;TOKEN")
    assert (made.status, made.headers["Content-Type"]) == (200, "text/xml;charset=UTF-8")
    assert part(made, "serverUrl").startswith(f"{closed.server.instance_url}/services/Soap/u/60.0/00D")
    assert (part(made, "sessionSecondsValid"), part(made, "passwordExpired")) == ("7200", "false")
    closed.token = part(made, "sessionId")
    assert closed.call("GET", "/limits").status == 200
    end = f"<e:Header><SessionHeader><sessionId>{closed.token}</sessionId></SessionHeader></e:Header><e:Body><logout/></e:Body>"
    assert "<logoutResponse/>" in soap(closed, end).text
    assert closed.call("GET", "/limits").status == 401
    assert part(soap(closed, end), "sf:exceptionCode") == "INVALID_SESSION_ID"


def test_how_a_login_over_soap_is_refused(closed: Org) -> None:
    """Faults with 500: a wrong password, a version without login(), a version that is none, another call."""
    wrong = login(closed, "ada@example.org", "x")
    assert (wrong.status, part(wrong, "sf:exceptionCode")) == (500, "INVALID_LOGIN")
    text = "INVALID_LOGIN: Invalid username, password, security token; or user locked out."
    assert part(wrong, "faultstring") == text
    assert part(login(closed, "ada@example.org", "pw&amp;TOKEN", "65.0"), "sf:exceptionCode") == "INVALID_OPERATION"
    assert part(login(closed, "a", "b", "30.0"), "sf:exceptionCode") == "UNSUPPORTED_API_VERSION"
    assert part(soap(closed, "<e:Body><query/></e:Body>"), "sf:exceptionCode") == "UNKNOWN_EXCEPTION"
    assert closed.raw("GET", "/services/Soap/u/60.0").status == 405


NAMES = 'xmlns:e="http://schemas.xmlsoap.org/soap/envelope/" xmlns:u-1="urn:partner.soap.sforce.com" xmlns:x="urn:x"'
TYPED = '<u-1:username x:type="xsd:string">ada@example.org</u-1:username><u-1:password x:type="xsd:string">pw&#38;TOKEN</u-1:password>'
CDATA = "<!-- a <login> --><u-1:username><![CDATA[ada@example.org]]></u-1:username><u-1:password><![CDATA[pw&TOKEN]]></u-1:password>"


def envelope(inner: str, head: str = "") -> str:
    """A login in an envelope, after a declaration."""
    return f"{head}<e:Envelope {NAMES}><e:Body><u-1:login>{inner}</u-1:login></e:Body></e:Envelope>"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [(TYPED, "utf-8"), (CDATA, "utf-8"), (TYPED, "utf-16"), (TYPED, "iso-8859-1")],
    ids=["types and numbers", "CDATA and a comment", "UTF-16", "Latin-1"],
)
def test_a_login_over_soap_is_read_as_xml(closed: Org, text: str, encoding: str) -> None:
    """However a toolkit writes it: attributes, any prefix, character references, CDATA, the encoding of its declaration."""
    body = envelope(text, f'<?xml version="1.0" encoding="{encoding}"?>').encode(encoding)
    made = closed.raw("POST", "/services/Soap/u/60.0", body, {"Content-Type": "text/xml", "SOAPAction": '""'})
    assert (made.status, part(made, "passwordExpired")) == (200, "false")


@pytest.mark.parametrize(
    "body",
    [
        '<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/hostname">]>' + envelope("<username>&a;</username><password>b</password>"),
        '<!DOCTYPE x [<!ENTITY a "aa"><!ENTITY b "&a;&a;">]>' + envelope("<username>&b;</username><password>b</password>"),
        envelope(TYPED)[:-40], "", "{}", envelope("<username>&a;</username>"),
    ],
    ids=["outside entity", "entities in entities", "cut", "empty", "JSON", "unknown entity"],
)  # fmt: skip
def test_a_body_that_is_no_envelope_is_refused(org: Org, body: str) -> None:
    """No document type is read, and what is no XML is said to be none; nobody gets a session for it."""
    made = org.raw("POST", "/services/Soap/u/60.0", body, {"Content-Type": "text/xml"})
    assert (made.status, part(made, "sf:exceptionCode")) == (500, "UNKNOWN_EXCEPTION")
    assert "the request cannot be read" in part(made, "faultstring")
