"""Plans from what people have: each validates and loads, and whatever could not be carried over is told."""

from __future__ import annotations

import json
import os
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from loadplan.plan.document import parse_document
from loadplan.plan.load import check_plan

from support.processes import typed


def plan_of(folder: Path) -> dict[str, Any]:
    """The plan that was written, which must be valid without a warning and in the one style."""
    found = check_plan(folder / "plan.yaml")[2]
    assert found == []
    assert typed(folder, os.environ, "fmt", "--check", "plan.yaml")[0] == 0
    document, _ = parse_document((folder / "plan.yaml").read_bytes(), "plan.yaml")
    assert document is not None
    data: dict[str, Any] = document.data
    return data


def applied(folder: Path) -> dict[str, int]:
    """Apply on the embedded org; the rows that landed."""
    code, _, said = typed(folder, os.environ, "apply", "plan.yaml", "-o", "embedded")
    assert code == 0, said
    summary = json.loads(next((folder / ".loadplan" / "runs").glob("*/summary.json")).read_text(encoding="utf-8"))
    rows: dict[str, int] = summary["rows"]
    return rows


# -- SFDMU ---------------------------------------------------------------------------------------------------------

EXPORT = {
    "apiVersion": "60.0",
    "promptOnMissingParentObjects": True,
    "objects": [
        {"query": "SELECT Id, Name, Legacy_Id__c, Industry FROM Account WHERE Industry != null", "operation": "Upsert",
         "externalId": "Legacy_Id__c", "mockFields": [{"name": "Name", "pattern": "c_seq"}]},
        {"query": "select all from Contact", "operation": "Upsert", "externalId": "Legacy_Id__c", "excludedFields": ["Phone"],
         "useFieldMapping": True, "fieldMapping": [{"sourceField": "Rank__c", "targetField": "Title"}]},
        {"query": "SELECT Id FROM RecordType", "operation": "Readonly", "externalId": "DeveloperName"},
        {"query": "SELECT Id, Name, Type FROM Campaign", "operation": "Upsert", "externalId": "Name"},
        {"query": "SELECT Id, Name FROM Lead", "operation": "Upsert", "externalId": "Email;Company"},
        {"query": "SELECT Id FROM Case", "excluded": True},
        {"query": "SELECT Id FROM Opportunity WHERE StageName = 'Closed Lost'", "operation": "Delete", "deleteOldData": True},
    ],
}  # fmt: skip


def sfdmu(folder: Path) -> tuple[int, str]:
    (folder / ".git").mkdir()
    (folder / "export.json").write_text(json.dumps(EXPORT), encoding="utf-8")
    (folder / "Account.csv").write_text(
        "Name,Legacy_Id__c,Industry\nAlder,A1,Energy\nBrook,A2,Retail\n", encoding="utf-8"
    )
    (folder / "Contact.csv").write_text(
        "LastName,Legacy_Id__c,Phone,Rank__c,Account.Legacy_Id__c,ReportsTo.Name\nAna,C1,1,Chief,A1,x\nBen,C2,2,,A2,\n",
        encoding="utf-8",
    )
    code, _, said = typed(folder, os.environ, "import", "sfdmu", "export.json")
    return code, said


def test_an_export_json_becomes_a_plan_that_loads_its_files(tmp_path: Path) -> None:
    """Columns from the query or the file, lookups by the parent's external id, renamed fields, the API version."""
    code, said = sfdmu(tmp_path)
    assert code == 0, said
    plan = plan_of(tmp_path)
    assert plan["api_version"] == "60.0"
    assert plan["steps"]["account"] == {
        "object": "Account", "operation": "upsert", "external_id": "Legacy_Id__c", "source": "Account.csv",
        "columns": {"Name": "Name", "Legacy_Id__c": "Legacy_Id__c", "Industry": "Industry"},
    }  # fmt: skip
    contact = plan["steps"]["contact"]
    assert contact["columns"] == {"LastName": "LastName", "Legacy_Id__c": "Legacy_Id__c", "Title": "Rank__c"}
    assert contact["lookups"] == {"Account.Legacy_Id__c": "Account.Legacy_Id__c"}
    assert plan["steps"]["opportunity"] == {
        "object": "Opportunity",
        "operation": "delete",
        "source": {"step": "opportunity_to_delete"},
    }
    assert "StageName = 'Closed Lost'" in plan["steps"]["opportunity_to_delete"]["soql"]
    assert list(plan["steps"]) == ["account", "contact", "opportunity_to_delete", "opportunity"]
    assert applied(tmp_path)["successful"] == 4


def test_what_sfdmu_does_and_a_plan_does_not_is_told(tmp_path: Path) -> None:
    """In the output and in the plan; matching by names is never guessed into an external id."""
    _, said = sfdmu(tmp_path)
    text = (tmp_path / "plan.yaml").read_text(encoding="utf-8")
    for words in (
        "`promptOnMissingParentObjects` has no counterpart", "account: `mockFields` has no counterpart", "conditions of the query",
        "RecordType is Readonly", "Campaign is matched by `Name`", "Lead is matched by several fields", "Case is excluded",
        "`ReportsTo.Name` names its parent by Name", "opportunity: `deleteOldData`", "give its step a gate with max_rows",
    ):  # fmt: skip
        assert words in said, words
        assert words.partition(": ")[2] in text, words
    assert said.splitlines()[-1] == "next: loadplan validate plan.yaml"


# -- CumulusCI -----------------------------------------------------------------------------------------------------

MAPPING = """\
Insert Accounts:
  sf_object: Account
  table: accounts
  api: bulk
  fields:
    Id: sf_id
    Name: name
  lookups:
    ParentId: {table: accounts, key_field: parent_id, after: Insert Accounts}
  static: {Industry: Energy}
Insert Contacts:
  sf_object: Contact
  table: contacts
  fields: [LastName, Email]
  record_type: Person
  lookups:
    AccountId: {table: accounts, key_field: account_id}
    OwnerId: {table: users}
Update Users:
  sf_object: User
  action: update
  update_key: Username
  fields: [Username]
Upsert Campaigns:
  sf_object: Campaign
  action: upsert
  update_key: Legacy_Id__c
  fields: [Name, Legacy_Id__c]
"""


def test_a_mapping_of_cumulusci_becomes_a_plan_over_its_database(tmp_path: Path) -> None:
    """Local keys become `id_of`, a lookup into the own table a second pass; what is matched otherwise is left out and told."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "mapping.yml").write_text(MAPPING, encoding="utf-8")
    with closing(sqlite3.connect(tmp_path / "data.sqlite")) as rows:
        rows.executescript("""
            CREATE TABLE accounts (sf_id TEXT, name TEXT, parent_id TEXT);
            INSERT INTO accounts VALUES ('1', 'Alder', NULL), ('2', 'Brook', '1');
            CREATE TABLE contacts (id INTEGER, LastName TEXT, Email TEXT, account_id TEXT);
            INSERT INTO contacts VALUES (1, 'Ana', 'a@example.org', '2');
            CREATE TABLE Campaign (id INTEGER, Name TEXT, Legacy_Id__c TEXT);
            INSERT INTO Campaign VALUES (1, 'Fair', 'F1');
        """)
    code, _, said = typed(tmp_path, os.environ, "import", "cci", "mapping.yml", "--data", "data.sqlite")
    assert code == 0, said
    steps = plan_of(tmp_path)["steps"]
    assert list(steps) == ["insert_accounts", "insert_contacts", "upsert_campaigns", "insert_accounts_parentid"]
    assert steps["insert_accounts"] == {
        "object": "Account", "operation": "insert", "key": "sf_id", "source": {"path": "data.sqlite", "table": "accounts"},
        "columns": {"Name": "name", "Industry": {"value": "Energy"}},
    }  # fmt: skip
    assert steps["insert_contacts"]["lookups"] == {"AccountId": {"id_of": "insert_accounts", "column": "account_id"}}
    assert steps["insert_accounts_parentid"]["lookups"]["ParentId"] == {
        "id_of": "insert_accounts",
        "column": "parent_id",
    }
    for words in (
        "`record_type` has no counterpart",
        "`OwnerId` names the table `users`",
        "update_users: CumulusCI finds",
    ):
        assert words in said, words
    assert applied(tmp_path) == {"sent": 5, "successful": 5, "failed": 0, "unprocessed": 0, "held": 0}


# -- Data Loader ---------------------------------------------------------------------------------------------------

SDL = """\
#Mapping values
!of accounts
company\\ name=Name
id=Legacy_Id__c
city=BillingCity, ShippingCity
"Energy"=Industry
parent=Parent\\:Legacy_Id__c
unused=
"""
PROCESS = """\
<!DOCTYPE beans PUBLIC "-//SPRING//DTD BEAN//EN" "http://www.springframework.org/dtd/spring-beans.dtd">
<beans>
  <bean id="upsertAccounts" class="com.salesforce.dataloader.process.ProcessRunner" scope="prototype">
    <property name="configOverrideMap"><map>
      <entry key="sfdc.entity" value="Account"/>
      <entry key="process.operation" value="upsert"/>
      <entry key="sfdc.externalIdField" value="Legacy_Id__c"/>
      <entry key="process.mappingFile" value="C:\\loads\\conf\\accounts.sdl"/>
      <entry key="dataAccess.type" value="csvRead"/>
      <entry key="dataAccess.name" value="C:\\loads\\data\\accounts.csv"/>
      <entry key="sfdc.insertNulls" value="true"/>
      <entry key="sfdc.password" value="4a6f68"/>
      <entry key="sfdc.loadBatchSize" value="200"/>
      <entry key="sfdc.timezone" value="CET"/>
    </map></property>
  </bean>
  <bean id="extractAccounts" class="com.salesforce.dataloader.process.ProcessRunner">
    <property name="configOverrideMap"><map>
      <entry key="sfdc.entity" value="Account"/>
      <entry key="process.operation" value="extract"/>
      <entry key="sfdc.extractionSOQL" value="SELECT Id,
         Name FROM Account"/>
      <entry key="dataAccess.name" value="/var/loads/all.csv"/>
    </map></property>
  </bean>
  <bean id="fromDatabase"><property name="configOverrideMap"><map>
      <entry key="sfdc.entity" value="Lead"/>
      <entry key="process.operation" value="insert"/>
      <entry key="dataAccess.type" value="databaseRead"/>
  </map></property></bean>
</beans>
"""


def files_of_data_loader(folder: Path) -> None:
    (folder / ".git").mkdir()
    (folder / "accounts.sdl").write_text(SDL, encoding="utf-8")
    (folder / "data").mkdir()
    (folder / "data" / "accounts.csv").write_text(
        "company name,id,city,parent,unused\nAlder,A1,Rome,,x\n", encoding="utf-8"
    )


def test_a_process_file_becomes_a_plan_with_a_step_for_each_process(tmp_path: Path) -> None:
    """Windows paths are looked for by their names; constants, escaped blanks, a lookup; cells that are empty clear the field; a
    password is carried nowhere."""
    files_of_data_loader(tmp_path)
    (tmp_path / "process-conf.xml").write_text(PROCESS, encoding="utf-8")
    code, _, said = typed(tmp_path, os.environ, "import", "sdl", "process-conf.xml")
    assert code == 0, said
    steps = plan_of(tmp_path)["steps"]
    assert list(steps) == ["upsertaccounts", "extractaccounts"]
    assert steps["upsertaccounts"] == {
        "object": "Account", "operation": "upsert", "external_id": "Legacy_Id__c", "source": "data/accounts.csv",
        "columns": {
            "Name": {"column": "company name", "empty": "#N/A"}, "Legacy_Id__c": "id",
            "BillingCity": {"column": "city", "empty": "#N/A"}, "ShippingCity": {"column": "city", "empty": "#N/A"},
            "Industry": {"value": "Energy"},
        },
        "lookups": {"Parent.Legacy_Id__c": "parent"},
    }  # fmt: skip
    assert steps["extractaccounts"] == {
        "operation": "query",
        "soql": "SELECT Id, Name FROM Account",
        "output": "out/all.csv",
    }
    for words in (
        "`sfdc.timezone` has no counterpart",
        "belongs into orgs.yaml",
        "`unused` is mapped to nothing",
        "databaseRead",
    ):
        assert words in said, words
    assert "4a6f68" not in (tmp_path / "plan.yaml").read_text(encoding="utf-8") + said


def test_a_mapping_alone_takes_the_rest_from_the_command_line(tmp_path: Path) -> None:
    """Without object and operation it says what to type."""
    files_of_data_loader(tmp_path)
    code, _, said = typed(tmp_path, os.environ, "import", "sdl", "accounts.sdl")
    assert code == 2
    assert said.splitlines()[-1].startswith("next: loadplan import sdl accounts.sdl --object Account")
    given = (
        "--object",
        "Account",
        "--operation",
        "upsert",
        "--external-id",
        "Legacy_Id__c",
        "--source",
        "data/accounts.csv",
    )
    assert typed(tmp_path, os.environ, "import", "sdl", "accounts.sdl", *given)[0] == 0
    assert plan_of(tmp_path)["steps"]["account"]["columns"]["Name"] == "company name"
    assert applied(tmp_path)["successful"] == 1


@pytest.mark.parametrize(
    ("line", "lookups"),
    [
        ("p=Account\\:Legacy_Id__c", {"Account.Legacy_Id__c": "p"}),
        ("p=Account\\:Account-Legacy_Id__c", {"Account.Legacy_Id__c": "p"}),
        ("p=Who\\:Contact-Legacy_Id__c", {"Contact:Who.Legacy_Id__c": "p"}),
        ("p : Boss__r\\:Legacy_Id__c", {"Boss__r.Legacy_Id__c": "p"}),
    ],
)
def test_both_spellings_of_a_lookup_are_understood(tmp_path: Path, line: str, lookups: dict[str, str]) -> None:
    """`relationship:field`, and `relationship:Parent-field` of newer releases."""
    from loadplan.imports.draft import Draft
    from loadplan.imports.sdl import read_mapping

    (tmp_path / "m.sdl").write_text(line + "\n", encoding="utf-8")
    assert read_mapping(Draft("x", "m.sdl"), "s", tmp_path / "m.sdl")[1] == lookups


# -- all of them ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "name"), [("sfdmu", "export.json"), ("cci", "mapping.yml"), ("sdl", "process-conf.xml")]
)
@pytest.mark.parametrize(
    "text", ["", "{", "<a", "[]", '<!DOCTYPE x [<!ENTITY a "b">]><beans/>', "null", '{"objects": [{"query": "x"}]}']
)
def test_a_file_of_another_kind_is_refused_in_a_sentence(tmp_path: Path, kind: str, name: str, text: str) -> None:
    """Nothing is written."""
    (tmp_path / name).write_text(text, encoding="utf-8")
    code, out, said = typed(tmp_path, os.environ, "import", kind, name)
    assert (code, out) == (2, "")
    assert "error" in said
    assert "Traceback" not in said
    assert "\nnext: " in said
    assert not (tmp_path / "plan.yaml").exists()


def test_a_plan_that_is_there_is_never_written_over(tmp_path: Path) -> None:
    """`--out` names another file, `-` prints it."""
    sfdmu(tmp_path)
    before = (tmp_path / "plan.yaml").read_bytes()
    code, _, said = typed(tmp_path, os.environ, "import", "sfdmu", "export.json")
    assert (code, "plan.yaml is there already" in said) == (2, True)
    assert typed(tmp_path, os.environ, "import", "sfdmu", "export.json", "--out", "other.yaml")[0] == 0
    assert (tmp_path / "other.yaml").read_bytes() == before
    assert typed(tmp_path, os.environ, "import", "sfdmu", "export.json", "--out", "-")[1].encode() == before
    assert (tmp_path / "plan.yaml").read_bytes() == before


# -- what nobody could have written --------------------------------------------------------------------------------

BROKEN = {
    "nested without end": ("sfdmu", "[" * 100_000, "cannot be read as JSON"),
    "a query that is a number": ("sfdmu", '{"objects": [{"query": 7}]}', "objects[0].query is not text"),
    "a mapping that is a text": (
        "sfdmu", '{"objects": [{"query": "SELECT Id FROM A", "fieldMapping": "x"}]}', "objects[0].fieldMapping is not a list",
    ),
    "a delimiter that is a number": ("sfdmu", '{"objects": [{}], "csvFileDelimiter": 5}', "csvFileDelimiter is not text"),
    "object sets that are a text": ("sfdmu", '{"objectSets": "x"}', "objectSets is not a list"),
    "nothing that can be carried over": (
        "sfdmu", '{"objects": [{"query": "SELECT Id FROM A"}]}', "A is Readonly: its records must be in the org",
    ),
    "fields that are a number": ("cci", "a: {sf_object: A, fields: 7}", "a.fields is not a list or a map of keys"),
    "a constant that is a list": ("cci", "a: {sf_object: A, static: [1]}", "a.static is not a map of keys"),
    "an object name with a line break": ("cci", 'a: {sf_object: "A\\nB", fields: {N: n}}', "`a` has no sf_object that could be one"),
    "an object name with a line break in XML": (
        "sdl", '<b><bean id="p"><entry key="process.operation" value="insert"/><entry key="sfdc.entity" value="A&#10;B"/></bean></b>',
        "its sfdc.entity is no name of an object",
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", BROKEN)
def test_a_file_that_no_tool_takes_is_refused_in_plain_words(what: str, tmp_path: Path) -> None:
    """Exit 2, naming what is wrong with it; no plan, and no traceback."""
    kind, text, said = BROKEN[what]
    (tmp_path / "config.xml").write_text(text, encoding="utf-8")
    code, _, err = typed(tmp_path, os.environ, "import", kind, "config.xml")
    assert (code, said in err) == (2, True), err
    assert not (tmp_path / "plan.yaml").exists()
