"""Where a token may go, and where a credential may go: nowhere else, and the message never shows what stood in the URL."""

from __future__ import annotations

import pytest
from loadplan.errors import OrgError
from loadplan.salesforce.origins import check_login_url, check_origin, is_loopback


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://Acme.my.salesforce.com/", "https://acme.my.salesforce.com"),
        ("https://acme--ci.sandbox.my.salesforce.com", "https://acme--ci.sandbox.my.salesforce.com"),
        ("https://acme.my.salesforce.mil", "https://acme.my.salesforce.mil"),
        ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
        ("http://localhost:1", "http://localhost:1"),
        ("http://[::1]:8080/", "http://[::1]:8080"),
    ],
)
def test_an_org_may_live_there(url: str, origin: str) -> None:
    """My Domains over https, and loopback."""
    assert check_origin(url) == origin


@pytest.mark.parametrize(
    "url",
    [
        "http://acme.my.salesforce.com",
        "https://acme.my.salesforce.com.evil.example",
        "https://acme.my.salesforce.com.",
        "https://evil.example/acme.my.salesforce.com",
        "https://evil.example\\@acme.my.salesforce.com",
        "https://evilmy.salesforce.com",
        "https://login.salesforce.com",
        "https://user:secret@acme.my.salesforce.com",
        "https://acme.my.salesforce.com/services",
        "https://acme.my.salesforce.com?x=1",
        "https://acme.my.salesforce.com:443x",
        "http://127.0.0.1.evil.example",
        "http://10.0.0.1",
        "http://0x7f.1",
        "ftp://127.0.0.1",
        "https://[broken",
        "acme.my.salesforce.com",
        "",
    ],
)
def test_no_token_goes_there(url: str) -> None:
    """Anything else is refused before a byte is sent, with a way out, and a password in it is not shown."""
    with pytest.raises(OrgError) as stop:
        check_origin(url)
    assert stop.value.code == "LP0404"
    assert stop.value.hint
    assert "secret" not in stop.value.summary + stop.value.hint


def test_the_address_of_the_user_interface_leads_to_that_of_the_api() -> None:
    """What people copy from their browser."""
    with pytest.raises(OrgError) as stop:
        check_origin("https://acme--uat.sandbox.lightning.force.com")
    assert "https://acme--uat.sandbox.my.salesforce.com" in (stop.value.hint or "")


def test_logins_go_to_salesforce_or_the_my_domain_only() -> None:
    """A login URL is held to the same rule, with the two common hosts added."""
    assert check_login_url("https://test.salesforce.com/") == "https://test.salesforce.com"
    assert check_login_url("https://acme.my.salesforce.com") == "https://acme.my.salesforce.com"
    for url in (
        "http://login.salesforce.com", "https://login.salesforce.com.evil.example", "https://[broken",
        "https://login.salesforce.com/x", "https://me:secret@login.salesforce.com",
    ):  # fmt: skip
        with pytest.raises(OrgError) as stop:
            check_login_url(url)
        assert "secret" not in stop.value.summary + (stop.value.hint or "")


@pytest.mark.parametrize(("url", "here"), [("http://127.0.0.1:1", True), ("https://acme.my.salesforce.com", False)])
def test_loopback_is_told_from_the_rest(url: str, here: bool) -> None:
    """No proxy is asked for the one."""
    assert is_loopback(url) is here
