"""A client others wrote, simple-salesforce, works against the embedded org unchanged."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from loadplan.emulator.server import EmbeddedOrg
from loadplan.emulator.settings import Settings
from simple_salesforce.api import Salesforce


@pytest.fixture
def org(tmp_path: Path) -> Iterator[EmbeddedOrg]:
    with EmbeddedOrg(tmp_path, settings=Settings(latency=0.0, rows_per_second=1e9)) as running:
        yield running


@pytest.fixture
def client(org: EmbeddedOrg) -> Any:

    made = Salesforce(instance=org.instance_url.removeprefix("http://"), session_id=org.access_token(), version="60.0")
    for name in ("base_url", "bulk2_url", "bulk_url"):
        setattr(made, name, getattr(made, name).replace("https://", "http://"))
    return made


def test_insert_upsert_update_query_pages_and_delete(org: EmbeddedOrg, client: Any) -> None:
    """Rows go in, change, come out over several pages, and go away."""
    rows = [{"Name": f"Account {i}", "Legacy_Id__c": f"A{i}"} for i in range(25)]
    done = client.bulk2.Account.insert(records=rows)
    assert done[0]["numberRecordsProcessed"] == 25
    assert done[0]["numberRecordsFailed"] == 0
    changed = [{"Legacy_Id__c": "A0", "Phone": "1"}, {"Legacy_Id__c": "A99", "Name": "New", "Phone": "1"}]
    client.bulk2.Account.upsert(
        records=[{"Name": "Account 0", **changed[0]}, changed[1]], external_id_field="Legacy_Id__c"
    )
    assert org.org.count("Account") == 26
    first = org.org.has("Account", Legacy_Id__c="A0")
    assert first is not None
    client.bulk2.Account.update(records=[{"Id": first, "Phone": "2"}])
    assert org.org.has("Account", Legacy_Id__c="A0", Phone="2") == first
    pages = list(client.bulk2.Account.query("SELECT Id, Name FROM Account ORDER BY Name", max_records=10))
    assert [page.count("\n") - 1 for page in pages] == [10, 10, 6]
    client.bulk2.Account.delete(records=[{"Id": record["Id"]} for record in org.org.records("Account")])
    assert org.org.count("Account") == 0
