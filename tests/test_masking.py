"""What leaves for shared artifacts and terminals holds no token, no row value and no control character."""

from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loadplan.masking import mask, printable, redact

ALNUM = string.ascii_letters + string.digits
WORDS = st.text(string.ascii_letters + " .,:()", max_size=30)
SECRET = st.text(ALNUM + "._", min_size=24, max_size=80)
SESSION = st.builds(lambda org, rest: f"00D{org}!{rest}", st.text(ALNUM, min_size=12, max_size=15), SECRET)
JWT = st.builds(
    lambda *parts: "eyJ" + ".".join(parts),
    *[st.text(ALNUM + "-_", min_size=8, max_size=30) for _ in range(3)],
)
REFRESH = st.builds(lambda rest: f"5Aep{rest}", SECRET)
RECORD_ID = st.text(ALNUM, min_size=15, max_size=15).map(lambda text: f"0{text[1:]}")


@given(WORDS, st.one_of(SESSION, JWT, REFRESH), WORDS)
def test_redact_removes_a_token_between_any_words(before: str, token: str, after: str) -> None:
    """Session ids, JWTs and refresh tokens vanish; the words around them stay."""
    shown = redact(f"{before} {token} {after}")
    assert token not in shown
    assert "***" in shown
    assert shown.startswith(before)
    assert shown.endswith(after)


@given(st.sampled_from(["Authorization: Bearer ", "https://x/?access_token="]), st.text(ALNUM, min_size=8, max_size=40))
def test_redact_removes_whatever_follows_a_bearer_or_a_token_parameter(lead: str, token: str) -> None:
    """A token of unknown form is known by its place."""
    assert redact(lead + token) == f"{lead}***"


@given(st.text(max_size=200))
def test_mask_leaves_no_digit(text: str) -> None:
    """Any digit of any script could be a value."""
    assert not any(c.isdecimal() for c in mask(text))


@given(st.sampled_from(["''", '""', "‘’", "“”"]), st.text(string.ascii_letters + " ", min_size=1, max_size=40), WORDS)
def test_mask_empties_quotes(quotes: str, value: str, lead: str) -> None:
    """What stands between quotes is a value of a row."""
    shown = mask(f"{lead} {quotes[0]}{value}{quotes[1]}")
    assert shown.endswith(f"{quotes[0]}…{quotes[1]}")


@given(WORDS, RECORD_ID, st.sampled_from(["", "AAA"]))
def test_mask_replaces_record_ids(lead: str, record: str, check: str) -> None:
    """15 and 18 characters are both ids."""
    assert mask(f"{lead} {record}{check}").endswith(" <id>")


@given(st.text())
def test_printable_holds_no_escape_and_keeps_the_length(text: str) -> None:
    """No control character but newline and tab reaches a terminal."""
    shown = printable(text)
    assert len(shown) == len(text)
    assert not any((c < " " and c not in "\n\t") or "\x7f" <= c <= "\x9f" for c in shown)


def test_printable_takes_the_power_from_an_escape_sequence() -> None:
    """A colour or a title of the terminal becomes harmless text."""
    assert printable("a\x1b[31mred\x1b]0;t\x07\r\n\tb") == "a?[31mred?]0;t??\n\tb"


def test_mask_keeps_the_shape_of_a_message() -> None:
    """Two messages that differ in their values only become one."""
    first = mask("INVALID_EMAIL_ADDRESS:Email: invalid email address: ada@example.org:Email --")
    second = mask("INVALID_EMAIL_ADDRESS:Email: invalid email address: bob@example.com:Email --")
    assert first == second
    assert "example" not in first


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Name: data value too large: abc (x) very secret (max length=80)", "data value too large: … (max length=#)"),
        ("data value too large: line one\nline two (max length=80)", "data value too large: … (max length=#)"),
        (
            "Foreign key external ID: a not found b not found for field F__c in entity E",
            "ID: … not found for field F__c",
        ),
        ("Email: invalid email address: john doe(at)x", "invalid email address: …"),
        ("Duplicate external id specified: ACME ab", "external id specified: …"),
        ("bad value for restricted picklist field: (odd) 'thing", "picklist field: …"),
        ("it's a 'secret' that isn't shown", "it's a '…' that isn't shown"),
        ("the name 'O'Brien' is taken", "the name '…' is taken"),
        ("the text was cut at 'sec", "cut at '…'"),
    ],
)
def test_mask_finds_a_value_wherever_salesforce_puts_it(text: str, shown: str) -> None:
    """Values without quotes, with brackets or apostrophes in them, and quotes that a cut message never closes."""
    assert shown in mask(text)
    assert not any(
        word in mask(text) for word in ("secret", "Brien", "ACME", "john", "line", "odd", "thing", " b ", "sec")
    )
