"""Records that an org begins with: how many, the same ones each time, by the rules of its descriptions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import requests
from loadplan.emulator.seeding import fill, read_size
from loadplan.emulator.server import EmbeddedOrg

from emulator.test_serve import refusal, served
from support.wire import START, Org

PLAIN = ("Id", "Name", "LastName", "Email", "AccountId", "StageName", "CloseDate", "Legacy_Id__c")


def filled(org: Org, size: str) -> dict[str, int]:
    """What was made."""
    return fill(org.server.org, read_size(size, org.server.org.schema), START)


def content(org: Org, name: str) -> list[dict[str, Any]]:
    """The records, without what every org has its own of."""
    return [{key: value for key, value in record.items() if key in PLAIN} for record in org.server.org.records(name)]


def test_sizes_have_names_numbers_or_objects(org: Org) -> None:
    """Accounts with what belongs to them in proportion, parents before children."""
    schema = org.server.org.schema
    small = {"Account": 100, "Contact": 250, "Lead": 50, "Opportunity": 100, "Case": 50}
    assert read_size("small", schema) == small
    assert read_size("medium", schema) == {name: 100 * number for name, number in small.items()}
    assert read_size("10", schema)["Contact"] == 25
    assert list(read_size("contact=5, Account=2", schema).items()) == [("Account", 2), ("Contact", 5)]
    needed = list(read_size("OpportunityLineItem=40", schema))
    assert needed[-1] == "OpportunityLineItem"
    assert "Opportunity" in needed


@pytest.mark.parametrize(
    "text", ["", "large", "Account", "Account=x", "Nothing__c=3", "Account=-1", "Account=1000000000"]
)
def test_what_is_no_size(org: Org, text: str) -> None:
    """The words are named."""
    with pytest.raises(ValueError, match=r"size|object|records"):
        read_size(text, org.server.org.schema)


def test_two_orgs_of_one_size_have_the_same_records() -> None:
    """Down to the ids; names, keys and parents are there."""
    found = []
    for _ in range(2):
        with Org() as org:
            assert filled(org, "40") == {"Account": 40, "Contact": 100, "Lead": 20, "Opportunity": 40, "Case": 20}
            found.append({name: content(org, name) for name in ("Account", "Contact", "Opportunity", "Lead")})
            rows = org.select("SELECT Account.Name, Email FROM Contact")
            assert len({row[0] for row in rows}) == 40
            assert len({row[1] for row in rows}) == 100
            assert (
                org.select("SELECT Id FROM Opportunity WHERE Amount = null OR CloseDate = null OR StageName = null")
                == []
            )
    assert found[0] == found[1]
    assert found[0]["Account"][6]["Legacy_Id__c"] == "ACC-000007"


def test_a_filled_org_is_not_filled_again(tmp_path: Path) -> None:
    """Its records are kept with its folder."""
    for made in ({"Account": 3}, {}):
        with EmbeddedOrg(tmp_path / "org") as server:
            assert fill(server.org, read_size("Account=3", server.org.schema), START) == made
            assert server.org.count("Account") == 3


def test_a_twin_is_filled_by_its_own_rules(tmp_path: Path) -> None:
    """Required fields, masters, unique numbers, short texts, picklists."""
    fields = [
        {"name": "Name", "type": "string", "length": 80, "nameField": True},
        {"name": "Acc__c", "type": "reference", "referenceTo": ["Account"], "relationshipName": "Acc__r", "nillable": False,
         "relationshipOrder": 0},
        {"name": "Code__c", "type": "string", "length": 6, "externalId": True, "unique": True},
        {"name": "Number__c", "type": "double", "precision": 4, "scale": 1, "unique": True, "nillable": False},
        {"name": "Kind__c", "type": "picklist", "length": 255, "restrictedPicklist": True, "nillable": False,
         "picklistValues": [{"value": "a", "active": True}, {"value": "b", "active": False}]},
        {"name": "When__c", "type": "datetime", "nillable": False}, {"name": "Site__c", "type": "url", "nillable": False},
    ]  # fmt: skip
    (tmp_path / "Deal__c.json").write_text(json.dumps({"name": "Deal__c", "fields": fields}), encoding="utf-8")
    with Org(describe=[tmp_path]) as org:
        assert filled(org, "Deal__c=200") == {"Account": 20, "Deal__c": 200}
        rows = org.select("SELECT Acc__r.Name, Code__c, Kind__c, When__c FROM Deal__c")
        assert len({row[0] for row in rows}) == 20
        assert len({row[1] for row in rows}) == 200
        assert {row[2] for row in rows} == {"a"}


def test_what_a_rule_refuses_is_told(tmp_path: Path) -> None:
    """Which record, and why."""
    (tmp_path / "rules").mkdir()
    rule = {"formula": "BEGINS(Name, 'Account')", "message": "No"}
    text = json.dumps({"name": "Account", "validationRules": [rule]})
    (tmp_path / "rules" / "Account.json").write_text(text, encoding="utf-8")
    with (
        Org(describe=[tmp_path]) as org,
        pytest.raises(ValueError, match=r"record 1 of Account .*VALIDATION_EXCEPTION:No"),
    ):
        filled(org, "Account=5")


def test_the_command_serves_a_filled_org() -> None:
    """A size that is none, and one for a sink, are refused before it starts."""
    with served("--org-size", "Account=12") as (url, headers, _):
        soql = "SELECT COUNT() FROM Account"
        answer = requests.get(f"{url}/services/data/v66.0/query", params={"q": soql}, headers=headers)
        assert answer.json()["totalSize"] == 12
    assert "is no size of an org" in refusal("--org-size", "huge").stderr
    assert "exclude each other" in refusal("--org-size", "small", "--sink").stderr


def snapshot(folder: Path, **records: int) -> None:
    """What `org describe` writes beside the descriptions."""
    lines = "".join(f"{name} = {rows}\n" for name, rows in records.items())
    (folder / "snapshot.toml").write_text(f'org = "uat"\napi_version = "66.0"\n\n[records]\n{lines}', encoding="utf-8")


def test_the_numbers_of_a_snapshot_are_kept_or_scaled_down(org: Org) -> None:
    """Nothing is made of what the org has itself or does not know; each object that had records keeps one; parents come before."""
    schema = org.server.org.schema
    few = {"Contact": 30, "Account": 12, "User": 9, "Nothing__c": 4, "Lead": 0}
    assert read_size("snapshot", schema, few) == {"Contact": 30, "Account": 12}
    many = read_size("snapshot", schema, {"Account": 3_000_000, "Contact": 6_999_999, "Lead": 1})
    assert (many, sum(many.values()) <= 100_001) == ({"Account": 30_000, "Contact": 69_999, "Lead": 1}, True)
    line = read_size("snapshot", schema, {"OpportunityLineItem": 20})
    assert list(line)[-1] == "OpportunityLineItem"
    with pytest.raises(ValueError, match=r"snapshot\.toml"):
        read_size("snapshot", schema)


def test_an_org_is_served_as_large_as_its_snapshot(tmp_path: Path) -> None:
    """What a rule does not let be made is left out, and said; a folder without numbers is refused."""
    (tmp_path / "rules").mkdir()
    rule = {"formula": "RIGHT(LastName, 1) = 'a'", "message": "No"}
    text = json.dumps({"name": "Contact", "validationRules": [rule]})
    (tmp_path / "rules" / "Contact.json").write_text(text, encoding="utf-8")
    assert "snapshot.toml" in refusal("--describe", str(tmp_path), "--org-size", "snapshot").stderr
    assert "snapshot.toml" in refusal("--org-size", "snapshot").stderr
    snapshot(tmp_path, Account=7, Contact=22)
    with served("--describe", str(tmp_path), "--org-size", "snapshot") as (url, headers, said):
        found = {}
        for name in ("Account", "Contact"):
            asked = {"q": f"SELECT COUNT() FROM {name}"}
            found[name] = requests.get(f"{url}/services/data/v66.0/query", params=asked, headers=headers).json()[
                "totalSize"
            ]
    assert (found["Account"], 0 < found["Contact"] < 22) == (7, True)
    [note] = said
    assert note.startswith(f"note: Contact begins with {found['Contact']} records of 22: record ")
    assert "FIELD_CUSTOM_VALIDATION_EXCEPTION:No" in note
