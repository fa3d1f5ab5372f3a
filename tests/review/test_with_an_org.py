"""What only the org can say: jobs under way, limits, who is in production, and a sample where there are too many keys."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from loadplan.clock import SystemClock
from loadplan.emulator.server import EmbeddedOrg
from loadplan.emulator.settings import Settings
from loadplan.review import asking
from loadplan.salesforce.orgs import connect_with_token
from loadplan.salesforce.port import IngestSpec
from loadplan.salesforce.survey import Survey, number_text, soql_text

from .conftest import Command


@pytest.fixture
def org(monkeypatch: pytest.MonkeyPatch) -> Iterator[EmbeddedOrg]:
    """An org that is served beside, reached as `-o env`; it has few batches left."""
    with EmbeddedOrg(None, settings=Settings(batches_max=3)) as served:
        monkeypatch.setenv("SF_ACCESS_TOKEN", served.access_token())
        monkeypatch.setenv("SF_ORG_INSTANCE_URL", served.instance_url)
        yield served


def test_a_job_of_somebody_else_on_the_same_object_is_told(project: Path, loadplan: Command, org: EmbeddedOrg) -> None:
    """By its id and state; one on an object that the plan does not touch is not."""
    client = connect_with_token(org.instance_url, org.access_token, clock=SystemClock())
    job = client.create_ingest(IngestSpec("Contact", "insert"), api_version="66.0")
    client.create_ingest(IngestSpec("Lead", "insert"), api_version="66.0")
    document = json.loads(loadplan("plan", "plans/crm.yaml", "-o", "env", "--json").out)
    assert document["open_jobs"] == [{"id": job.id, "object": "Contact", "operation": "insert", "state": "Open"}]
    assert [f["code"] for f in document["checks"]["findings"]] == ["LP0741"]


def test_a_plan_that_needs_more_than_the_day_has_left_is_refused(
    project: Path, loadplan: Command, org: EmbeddedOrg
) -> None:
    """Four batches are needed, the org has three."""
    rows = "".join(f"A{n},Name\n" for n in range(30_001))
    (project / "plans/data/accounts_emea.csv").write_text("id,name\n" + rows, encoding="utf-8")
    plan = (project / "plans/crm.yaml").read_text("utf-8").replace(", Rating: rating", "")
    (project / "plans/crm.yaml").write_text(plan, encoding="utf-8")
    ran = loadplan("plan", "plans/crm.yaml", "-o", "env")
    assert ran.exit == 2
    assert "error[LP0742]: plan: DailyBulkApiBatches: the plan needs 5, the org has 3 of 3 left today" in ran.out


def test_of_too_many_records_a_sample_is_looked_up_and_said(
    project: Path, loadplan: Command, org: EmbeddedOrg, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half of 4,000 keys are in the org; the sample says about so, and that it is one."""
    plan = (project / "plans/crm.yaml").read_text("utf-8").replace(", Rating: rating", "")
    (project / "plans/crm.yaml").write_text(plan, encoding="utf-8")
    data = project / "plans/data/accounts_emea.csv"
    data.write_text("id,name\n" + "".join(f"A{n},Name\n" for n in range(2_000)), encoding="utf-8")
    assert loadplan("apply", "plans/crm.yaml", "-o", "env", "--auto-approve").exit == 0
    data.write_text("id,name\n" + "".join(f"A{n},Name\n" for n in range(4_001)), encoding="utf-8")
    monkeypatch.setattr(asking, "MOST_BULK_KEYS", 100)
    step = json.loads(loadplan("plan", "plans/crm.yaml", "-o", "env", "--json").out)["steps"][0]
    assert step["split"] == "sampled 1,334 keys"
    assert abs(step["updates"] - 2_000) <= 3
    assert step["creates"] + step["updates"] == 4_001


def test_a_production_org_wants_its_id_for_a_saved_plan_too(project: Path, loadplan: Command, org: EmbeddedOrg) -> None:
    """Nobody is asked, and nothing is used up by the refusal."""
    (project / "orgs.yaml").write_text(
        f"version: 1\norgs:\n  prod: {{instance_url: '{org.instance_url}', production: true, "
        "auth: {flow: access_token, token: {env: SF_ACCESS_TOKEN}}}\n",
        encoding="utf-8",
    )
    ran = loadplan("plan", "plans/crm.yaml", "-o", "prod", "--out", "p.lplan")
    assert "PRODUCTION" in ran.out
    confirm = next(w for w in ran.err.split() if w.startswith("00D"))
    assert f"Next: loadplan apply p.lplan --confirm-org {confirm}" in ran.err
    assert loadplan("apply", "p.lplan").exit == 3
    assert loadplan("apply", "p.lplan", "--confirm-org", confirm).exit == 0


def test_another_org_that_answers_makes_the_plan_stale(
    project: Path, loadplan: Command, org: EmbeddedOrg, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name is the same, the id is not."""
    assert loadplan("plan", "plans/crm.yaml", "-o", "env", "--out", "p.lplan").exit == 0
    with EmbeddedOrg(None, settings=Settings(org_id="00D000000000777EAA")) as other:
        monkeypatch.setenv("SF_ACCESS_TOKEN", other.access_token())
        monkeypatch.setenv("SF_ORG_INSTANCE_URL", other.instance_url)
        ran = loadplan("apply", "p.lplan")
    assert (ran.exit, "and 00D000000000777EAA answered" in ran.err) == (6, True)


def test_keys_are_quoted_before_they_are_asked_for(org: EmbeddedOrg) -> None:
    """A key is data, whatever it looks like."""
    client = connect_with_token(org.instance_url, org.access_token, clock=SystemClock())
    survey = Survey(client, SystemClock(), "66.0")
    assert survey.known("Account", "Legacy_Id__c", ["x') OR (Name != '", "back\\slash", "ü"]) == set()
    assert soql_text("it's \\ a\nline") == "'it\\'s \\\\ a\\nline'"
    assert survey.count("SELECT Id FROM Account ORDER BY Name LIMIT 5") == 0
    assert survey.count("SELECT Name, COUNT(Id) FROM Account GROUP BY Name") is None
    assert survey.known("Nothing__c", "X", ["a"]) is None


def test_warnings_of_the_data_are_told_by_apply_too(project: Path, loadplan: Command) -> None:
    """Two keys that differ only in case stop nothing, and are not kept quiet."""
    (project / "plans/data/contacts.csv").write_text(
        "id,last,email,account\nc1,Ana,,A1\nC1,Ben,,A2\n", encoding="utf-8"
    )
    ran = loadplan("apply", "plans/crm.yaml", "-o", "embedded")
    assert "warning[LP0326]" in ran.err
    assert "warning[LP0326]" in loadplan("plan", "plans/crm.yaml", "--offline").out


@pytest.mark.parametrize("bulk", [False, True], ids=["asked one by one", "all keys read"])
def test_keys_that_are_numbers_are_looked_up_as_numbers(
    project: Path, loadplan: Command, monkeypatch: pytest.MonkeyPatch, bulk: bool
) -> None:
    """A number stands in a query without quotes, and the org spells 7 as 7.0."""
    field = {
        "name": "Number__c",
        "type": "double",
        "precision": 18,
        "scale": 2,
        "externalId": True,
        "unique": True,
        "nillable": True,
    }
    names = {"name": "Name", "type": "string", "length": 80, "nillable": True}
    (project / "describe").mkdir()
    (project / "describe/Thing__c.json").write_text(
        json.dumps({"name": "Thing__c", "fields": [field, names]}), encoding="utf-8"
    )
    (project / "orgs.yaml").write_text("version: 1\norgs: {twin: {embedded: {describe: describe}}}\n", encoding="utf-8")
    (project / "plans/things.yaml").write_text(
        "version: 1\nname: things\nsteps:\n"
        "  things: {object: Thing__c, operation: upsert, external_id: Number__c, source: data/things.csv}\n",
        encoding="utf-8",
    )
    data = project / "plans/data/things.csv"
    data.write_text("Number__c,Name\n7,a\n12.5,b\n", encoding="utf-8")
    assert loadplan("apply", "plans/things.yaml", "-o", "twin").exit == 0
    data.write_text("Number__c,Name\n7,a\n12.5,b\n8,c\n", encoding="utf-8")
    if bulk:
        monkeypatch.setattr("loadplan.review.datapass.SAMPLE", 1)
    document = json.loads(loadplan("plan", "plans/things.yaml", "-o", "twin", "--json").out)
    (step,) = document["steps"]
    assert (step["creates"], step["updates"], step["split"]) == (1, 2, "looked up")


def test_numbers_are_spelled_in_one_way_and_other_texts_are_none() -> None:
    """Nothing but digits, a sign and a point reaches the query."""
    texts = ["7", "07", "7.0", " 7e0 ", "-0", "0.50", "1e400", "nan", "Infinity", "7 OR Id != null", "", "1_0", "١"]
    assert [number_text(t) for t in texts] == ["7", "7", "7", "7", "0", "0.5", None, None, None, None, None, None, None]
