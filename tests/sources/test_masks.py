"""Masks: what a value becomes, where the key comes from, and what is refused."""

from __future__ import annotations

import hmac
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loadplan.errors import InvalidInputError
from loadplan.plan.model import MaskKind, Masks, Step
from loadplan.sources.fakes import CITIES, COMPANIES, FIRST_NAMES, LAST_NAMES, STREETS
from loadplan.sources.masks import key_check, key_masker, mask_key, masker

from support.sending import INSERT, UPSERT, Sending

KEY = "correct-horse-battery-staple"
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))


@pytest.fixture
def sending(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sending:
    monkeypatch.setenv("LOADPLAN_MASK_KEY", KEY)
    return Sending(tmp_path)


def masked(kind: MaskKind, field: str, value: str, key: str = KEY) -> str:
    return masker(kind, field, key.encode()).of_text(value)


# -- hash ----------------------------------------------------------------------------------------------------------


@given(value=TEXTS.filter(lambda t: t not in {"", "#N/A"} and "@" not in t))
def test_a_hash_is_hmac_sha256(value: str) -> None:
    """Keyed, in hex, 18 characters: anybody with the key can compute it."""
    expected = hmac.digest(KEY.encode(), value.encode(), "sha256").hex()[:18]
    assert masked("hash", "Legacy_Id__c", value) == expected


@pytest.mark.parametrize("key", ["k" * 16, "k" * 64, "k" * 65, "ключ-ключ-ключ-ключ"])
def test_a_hash_takes_a_key_of_any_length(key: str) -> None:
    """Longer than a block, or not ASCII."""
    assert masked("hash", "F", "x", key) == hmac.digest(key.encode(), b"x", "sha256").hex()[:18]


def test_a_hash_depends_on_the_value_and_the_key_alone() -> None:
    """A key and the lookups to it become the same text, in every step and every run."""
    key = masked("hash", "Legacy_Id__c", "A-1")
    assert masked("hash", "Account.Legacy_Id__c", "A-1") == masked("hash", "Contact:Who.Legacy_Id__c", "A-1") == key
    assert (
        len({key, masked("hash", "Legacy_Id__c", "a-1"), masked("hash", "Legacy_Id__c", "A-1", "another key, as long")})
        == 3
    )


@pytest.mark.parametrize("value", ["ada@example.com", "A.B+c@mail.example.co.uk", "ü@bücher.example"])
def test_a_hashed_address_is_still_an_address(value: str) -> None:
    """In a domain that nobody can have (RFC 2606), in whatever field it stands."""
    assert re.fullmatch(r"[0-9a-f]{18}@masked\.invalid", masked("hash", "Login__c", value))


@pytest.mark.parametrize("value", ["@", "a@b", "a b@c.de", "ada@example.com, bob@example.com"])
def test_what_only_looks_a_little_like_an_address_becomes_a_plain_hash(value: str) -> None:
    """It is no address to begin with."""
    assert "@" not in masked("hash", "Email", value)


@pytest.mark.parametrize(
    ("field", "length"), [("Phone", 18), ("DunsNumber", 9), ("NaicsCode", 8), ("Account.DunsNumber", 9)]
)
def test_a_hash_fits_the_field(field: str, length: int) -> None:
    """18 characters fit every key of text; two standard fields hold less."""
    assert len(masked("hash", field, "some value")) == length


# -- blank ---------------------------------------------------------------------------------------------------------


def test_blank_clears_the_field_in_every_row(sending: Sending) -> None:
    """`#N/A`, also where the cell was empty; an empty cell would leave what a record has. It needs no key."""
    sending.write({"a.csv": "k,p\n1,+49 30 1\n2,\n"})
    body = INSERT + "columns: {K__c: k, Phone: p}\nmask: {Phone: blank}\n"
    assert sending.column(body, "Phone") == ["#N/A", "#N/A"]
    assert sending.column(body, "K__c") == ["1", "2"]


def test_only_blanking_needs_no_key(sending: Sending, monkeypatch: pytest.MonkeyPatch) -> None:
    """There is nothing to compute."""
    monkeypatch.delenv("LOADPLAN_MASK_KEY")
    sending.write({"a.csv": "Phone\n1\n"})
    assert sending.column(INSERT + "mask: {Phone: blank}\n", "Phone") == ["#N/A"]
    assert key_check(sending.step(INSERT + "mask: {Phone: blank}\n")) is None


# -- fake ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("field", "value", "shape"),
    [
        ("FirstName", "Grace", f"({'|'.join(FIRST_NAMES)})"),
        ("Middle_Name__c", "GRACE", f"({'|'.join(FIRST_NAMES).upper()})"),
        ("LastName", "Hopper", f"({'|'.join(LAST_NAMES)})"),
        ("Contact.LastName", "hopper", f"({'|'.join(LAST_NAMES).lower()})"),
        ("BillingCity", "Berlin", f"({'|'.join(CITIES)})"),
        ("Name", "Acme GmbH", f"({'|'.join(COMPANIES)}) [A-Z][a-z]+"),
        ("MailingStreet", "Unter den Linden 77", f"({'|'.join(STREETS)}) [A-Z][a-z]+ [1-9][0-9]"),
        ("MailingStreet", "221B Baker St", f"[1-9][0-9][0-9] ({'|'.join(STREETS)}) [A-Z][a-z]+"),
        ("OtherStreet", "Hauptstr. 1\n\n2. Stock", f"({'|'.join(STREETS)}) [A-Z][a-z]+ [1-9]\n\n[1-9] .+"),
        ("Phone", "+49 (30) 1234-567", r"\+49 \([1-9]\d\) [1-9]\d{3}-[1-9]\d\d"),
        ("MobilePhone", "0170 0012345", r"0\d{3} 0\d{6}"),
        ("BillingPostalCode", "SW1A 2AA", r"[A-Z]{2}[1-9][A-Z] [1-9][A-Z]{2}"),
        ("Email", "grace@example.com", r"[a-z]+\.[a-z]+\.[0-9a-f]{10}@masked\.invalid"),
        ("Email_Address__c", "grace@example.com", r"[a-z]+\.[a-z]+\.[0-9a-f]{10}@masked\.invalid"),
        ("Website", "https://acme.example/a?b=c", r"https://[a-z]+-[0-9a-f]{10}\.invalid"),
        ("Birthdate", "1987-12-31", r"1987-(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])"),
        ("Seen__c", "2026-01-31T23:59:59.000Z", r"2026-(0[1-9]|1[0-2])-(0[1-9]|1\d|2[0-8])T([01]\d|2[0-3]):[0-5]\d:[0-5]\d\.000Z"),
        ("Member__c", "true", "true|false"),
        ("Member__c", "FALSE", "TRUE|FALSE"),
        ("AnnualRevenue", "-1250.07", r"-[1-9]\d{3}\.0\d"),
        ("Code__c", "Ab-12_x é", r"[A-Z][a-z]-[1-9]\d_[a-z] [a-z]"),
    ],
)  # fmt: skip
def test_a_fake_is_plausible_and_keeps_its_shape(field: str, value: str, shape: str) -> None:
    """By the field's name where it says enough, else by the value: what Salesforce took before, it takes now."""
    for nonce in range(20):
        fake = masked("fake", field, value, f"{KEY}{nonce}")
        assert re.fullmatch(shape, fake), fake
    assert masked("fake", field, value) == masked("fake", field, value)


@given(value=TEXTS, field=st.sampled_from(["FirstName", "Street", "X__c", "Name", "City"]))
def test_any_text_has_a_fake(value: str, field: str) -> None:
    """Whatever it holds, the same one each time, also the second time it is asked for."""
    one = masker("fake", field, KEY.encode())
    assert one.of_text(value) == one.of_text(value) == masked("fake", field, value)


def test_a_fake_of_a_long_text_has_its_length() -> None:
    """A description of 10,000 letters stays one."""
    assert len(masked("fake", "Description", "lorem " * 2000)) == 12_000


def test_fakes_differ_from_value_to_value() -> None:
    """1,000 addresses stay 1,000."""
    made = {masked("fake", "Email", f"user{i}@example.com") for i in range(1000)}
    assert len(made) == 1000


# -- what stays ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["hash", "fake"])
@pytest.mark.parametrize("value", ["", "#N/A"])
def test_nothing_is_made_of_nothing(kind: MaskKind, value: str) -> None:
    """An empty cell and the mark that clears a field hide no one."""
    assert masked(kind, "Email", value) == value


def test_a_mask_comes_after_everything_else(sending: Sending) -> None:
    """A mapped, filled, composed or constant value is masked as it would have been sent."""
    sending.write({"a.csv": "k,s\n1,A\n2,\n"})
    body = INSERT + (
        "columns:\n  K__c: k\n  S__c: {column: s, map: {A: Active}}\n  E__c: {column: s, empty: none}\n"
        "  T__c: {template: '{{ row.k }}/{{ row.s }}'}\n  C__c: {value: fixed}\n"
        "mask: {S__c: hash, E__c: hash, T__c: hash, C__c: hash}\n"
    )
    one, two = sending.rows(body)
    assert one == {
        "K__c": "1", "S__c": masked("hash", "S__c", "Active"), "E__c": masked("hash", "E__c", "A"),
        "T__c": masked("hash", "T__c", "1/A"), "C__c": masked("hash", "C__c", "fixed"),
    }  # fmt: skip
    assert (two["S__c"], two["E__c"]) == ("", masked("hash", "E__c", "none"))


def test_the_message_of_a_masked_column_shows_no_value(sending: Sending) -> None:
    """A text outside the map is told by its line only."""
    sending.write({"a.csv": "s\nsecret-name\n"})
    (found,) = sending.found(INSERT + "columns: {S__c: {column: s, map: {A: b}}}\nmask: {S__c: hash}\n")
    assert (found.code, found.place.line) == ("LP0323", 2)
    assert "secret-name" not in str(found)


# -- rules ---------------------------------------------------------------------------------------------------------

CONTACT = "object: Contact\noperation: upsert\nexternal_id: Legacy_Id__c\nsource: a.csv\n"


@pytest.mark.parametrize(
    ("mask", "code", "hint"),
    [
        ("{Key__c: fake}", "LP0252", "use `hash`"),
        ("{Key__c: blank}", "LP0252", "use `hash`"),
        ("{Account.Legacy_Id__c: fake}", "LP0252", "use `hash`"),
        ("{Account.Legacy_Id__c: blank}", "LP0252", "use `hash`"),
        ("{Id: hash}", "LP0252", "remove"),
        ("{name: hash}", "LP0251", "did you mean `Name`?"),
        ("{Nmae: hash}", "LP0251", "did you mean `Name`?"),
        ("{Name: hashed}", "LP0204", "did you mean `hash`"),
        ("{}", "LP0206", ""),
        ("hash", "LP0203", ""),
    ],
)
def test_a_mask_that_does_not_fit_is_told_with_the_plan(sending: Sending, mask: str, code: str, hint: str) -> None:
    """On its line, before anything is read."""
    sending.write({"a.csv": "k,n,p\n1,x,2\n"})
    body = UPSERT + f"columns: {{Key__c: k, Name: n}}\nlookups: {{Account.Legacy_Id__c: p}}\nmask: {mask}\n"
    (found,) = sending.plan(body)[1]
    assert (found.code, found.place.line) == (code, 11)
    assert hint in found.hint


@pytest.mark.parametrize(
    ("body", "mask"),
    [
        ("object: Account\noperation: update\nsource: a.csv\n", "{Id: hash}"),
        ("object: Account\noperation: delete\nsource: a.csv\n", "{Name: hash}"),
        (INSERT + "key: k\ncolumns: {K__c: k}\n", "{K__c: fake}"),
        (INSERT + "key: k\n", "{k: blank}"),
    ],
    ids=["Id", "delete", "key of an insert", "key of an insert, passed through"],
)
def test_ids_and_keys_are_not_masked_away(sending: Sending, body: str, mask: str) -> None:
    """Records are addressed by them."""
    sending.write({"a.csv": "Id,k,Name\n1,2,3\n"})
    assert [d.code for d in sending.plan(body + f"mask: {mask}\n")[1]] == ["LP0252"]


def test_a_mask_of_a_field_that_the_source_does_not_pass_is_an_error(sending: Sending) -> None:
    """Without `columns` the header decides; a difference in case is pointed out."""
    sending.write({"a.csv": "Name,Email\nx,y\n"})
    (found,) = sending.found(INSERT + "mask: {email: hash}\n")
    assert (found.code, found.place.file, found.place.line) == ("LP0251", "a.csv", 1)
    assert "it has `Email`" in found.hint


LOADER = "object: Account\noperation: upsert\nexternal_id: Legacy_Id__c\nsource: a.csv\n"
CHILD = CONTACT + "columns: {LastName: n, Legacy_Id__c: k}\nlookups: {Account.Legacy_Id__c: p}\n"


@pytest.mark.parametrize(
    ("parent", "child", "expected"),
    [
        ("", "", []),
        ("mask: {Legacy_Id__c: hash}\n", "mask: {Account.Legacy_Id__c: hash}\n", []),
        ("mask: {Legacy_Id__c: hash}\n", "", [("LP0253", 16, 15)]),
        ("", "mask: {Account.Legacy_Id__c: hash}\n", [("LP0253", 16, 12)]),
    ],
    ids=["neither", "both", "key alone", "lookup alone"],
)
def test_a_key_and_the_lookups_to_it_are_hashed_together(
    sending: Sending, parent: str, child: str, expected: list[tuple[str, int, int]]
) -> None:
    """One without the other would leave every child without its parent."""
    sending.write({"a.csv": "Legacy_Id__c,k,n,p\n1,1,x,1\n"})
    found = sending.plan(LOADER + parent, CHILD + child)[1]
    assert [(d.code, d.place.line, d.place.column) for d in found] == expected


def test_a_lookup_within_the_object_is_hashed_with_its_key(sending: Sending) -> None:
    """A parent in the same file."""
    sending.write({"a.csv": "k,p\n1,\n2,1\n"})
    body = LOADER + "columns: {Legacy_Id__c: k}\nlookups: {Parent.Legacy_Id__c: p}\nmask: {Legacy_Id__c: hash%s}\n"
    assert [d.code for d in sending.plan(body % "")[1]] == ["LP0253"]
    rows = sending.rows(body % ", Parent.Legacy_Id__c: hash")
    assert rows[1]["Parent.Legacy_Id__c"] == rows[0]["Legacy_Id__c"]
    assert rows[0]["Parent.Legacy_Id__c"] == ""


def test_the_lookup_of_a_hierarchy_is_hashed_with_its_key(sending: Sending) -> None:
    """It points at the same object, like any lookup to itself."""
    sending.write({"a.csv": "k,p\n1,\n2,1\n"})
    body = LOADER + "columns: {Legacy_Id__c: k}\nhierarchy: {lookup: Parent.Legacy_Id__c, column: p}\n"
    assert "LP0253" in [d.code for d in sending.plan(body + "mask: {Legacy_Id__c: hash}\n")[1]]
    both = sending.plan(body + "mask: {Legacy_Id__c: hash, Parent.Legacy_Id__c: hash}\n")[1]
    assert {"LP0251", "LP0252", "LP0253"}.isdisjoint(d.code for d in both)
    assert "LP0252" in [d.code for d in sending.plan(body + "mask: {Parent.Legacy_Id__c: fake}\n")[1]]


def test_a_lookup_by_id_is_not_masked(sending: Sending) -> None:
    """It is filled with Salesforce's own ids."""
    sending.write({"a.csv": "Legacy_Id__c,n,p\n1,x,1\n"})
    child = "object: Task\noperation: insert\nsource: a.csv\ncolumns: {Subject: n}\n"
    child += "lookups: {WhatId: {id_of: a, column: p}}\nmask: {WhatId: hash}\n"
    found = [d for d in sending.plan(LOADER, child)[1] if d.code == "LP0252"]
    assert [(d.place.line, "Salesforce ids" in d.summary) for d in found] == [(15, True)]


def test_two_upserts_of_one_object_that_hash_differently_are_pointed_out(sending: Sending) -> None:
    """A second pass would make new records instead of finding those of the first (a warning)."""
    sending.write({"a.csv": "Legacy_Id__c\n1\n"})
    plan, found = sending.plan(LOADER + "mask: {Legacy_Id__c: hash}\n", LOADER)
    assert plan is not None
    assert [(d.code, d.severity.value) for d in found] == [("LP0253", "warning")]


def test_masked_keys_are_compared_as_they_are_sent(sending: Sending) -> None:
    """Duplicates are still found, and the key still tells rows apart in the results."""
    sending.write({"a.csv": "Key__c,n\n1,a\n2,b\n1,c\n"})
    check = sending.check(UPSERT + "columns: {Key__c: Key__c}\nmask: {Key__c: hash}\n")
    assert [(d.code, d.place.line) for d in check.diagnostics] == [("LP0325", 4)]
    assert check.sent_key == "Key__c"


# -- the key -------------------------------------------------------------------------------------------------------


def step_with(folder: Path, kind: MaskKind = "hash") -> Step:
    return Step("a", "upsert", object="Account", external_id="K__c", masks=Masks({"K__c": kind}, folder / "orgs.yaml"))


def test_the_key_is_found_where_orgs_yaml_says(tmp_path: Path) -> None:
    """A variable of another name, or a file beside it; without a word, the usual variable."""
    step = step_with(tmp_path)
    assert mask_key(step, {"LOADPLAN_MASK_KEY": KEY}) == KEY.encode()
    (tmp_path / "orgs.yaml").write_text("version: 1\norgs: {}\n", encoding="utf-8")
    assert mask_key(step, {"LOADPLAN_MASK_KEY": KEY}) == KEY.encode()
    (tmp_path / "orgs.yaml").write_text("version: 1\nmask_key: {env: MINE}\norgs: {}\n", encoding="utf-8")
    assert mask_key(step, {"LOADPLAN_MASK_KEY": "not this one, please", "MINE": KEY}) == KEY.encode()
    (tmp_path / "orgs.yaml").write_text("version: 1\nmask_key: {file: mask.key}\norgs: {}\n", encoding="utf-8")
    (tmp_path / "mask.key").write_text(KEY + "\n", encoding="utf-8")
    assert mask_key(step, {}) == KEY.encode()


@pytest.mark.parametrize(
    ("orgs", "environ", "code", "words"),
    [
        (None, {}, "LP0406", "the environment variable LOADPLAN_MASK_KEY is not set"),
        ("mask_key: {env: MINE}", {"LOADPLAN_MASK_KEY": KEY}, "LP0406", "the environment variable MINE is not set"),
        ("mask_key: {file: none.key}", {}, "LP0406", "none.key"),
        (None, {"LOADPLAN_MASK_KEY": "short"}, "LP0344", "has 5 characters; it needs 16"),
        ("mask_key: {file: empty.key}", {}, "LP0406", "empty.key: it is empty"),
        ("mask_key: secret", {}, "LP0413", ""),
        ("mask_key: {env: A, file: b}", {}, "LP0206", ""),
    ],
)
def test_a_missing_key_is_a_clear_error(
    tmp_path: Path, orgs: str | None, environ: dict[str, str], code: str, words: str
) -> None:
    """It names the step, the fields and the place to look, and never what was found there."""
    (tmp_path / "empty.key").write_text("\n", encoding="utf-8")
    if orgs:
        (tmp_path / "orgs.yaml").write_text(f"version: 1\n{orgs}\norgs: {{}}\n", encoding="utf-8")
    with pytest.raises(InvalidInputError) as caught:
        mask_key(step_with(tmp_path), environ)
    (found,) = caught.value.diagnostics
    assert (found.code, words in found.summary) == (code, True)
    assert all(value not in str(found) for value in environ.values())


def test_a_missing_key_is_found_with_the_data(sending: Sending, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before an org is asked; a plan can be validated without it."""
    monkeypatch.delenv("LOADPLAN_MASK_KEY")
    sending.write({"a.csv": "Email\na@b.cd\n"})
    body = INSERT + "mask: {Email: hash}\n"
    assert sending.plan(body)[1] == []
    assert [d.code for d in sending.found(body)] == ["LP0406"]


def test_another_key_is_noticed(tmp_path: Path) -> None:
    """By eight characters that say nothing else."""
    step = step_with(tmp_path)
    first = key_check(step, {"LOADPLAN_MASK_KEY": KEY})
    assert first is not None
    assert re.fullmatch("[0-9a-f]{8}", first)
    assert key_check(step, {"LOADPLAN_MASK_KEY": KEY}) == first != key_check(step, {"LOADPLAN_MASK_KEY": KEY + "!"})


def test_who_looks_a_row_up_by_its_key_can_mask_the_key(tmp_path: Path) -> None:
    """As the step does; a key that is sent as it is has no masker."""
    environ = {"LOADPLAN_MASK_KEY": KEY}
    found = key_masker(step_with(tmp_path), environ)
    assert found is not None
    assert found.of_text("A-1") == masked("hash", "K__c", "A-1")
    assert key_masker(Step("a", "upsert", object="Account", external_id="K__c"), environ) is None
