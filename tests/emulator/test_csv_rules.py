"""What an uploaded file may say: headers, quoting, blanks, empty cells, nulls, keys, relationships, limits (page 6 and 7)."""

from __future__ import annotations

from pathlib import Path

import pytest
from loadplan.emulator.csvfile import FileError, scan

from support.facts import fact
from support.wire import Org

QUOTING = "InvalidBatch : Failed to parse CSV. Found unescaped quote. A value with quote should be within a quote"


def failure(org: Org, text: str, name: str = "Account", operation: str = "insert", **more: str) -> str:
    """The errorMessage of a job that failed before any row."""
    job = org.load(text, name, operation, **more)
    assert job["state"] == "Failed", job
    assert (job["numberRecordsProcessed"], job["numberRecordsFailed"]) == (0, 0)
    return str(job["errorMessage"])


@fact("field-name-not-found", "header-names", "job-error-form")
def test_only_the_first_unknown_field_is_named(org: Org) -> None:
    """API names, in any case, are what a header holds; a label is none."""
    assert failure(org, "Name,Wrong,Worse\nA,1,2\n") == "InvalidBatch : Field name not found : Wrong"
    assert failure(org, "Account Name\nA\n") == "InvalidBatch : Field name not found : Account Name"
    assert failure(org, "BillingAddress\nA\n") == "InvalidBatch : Field name not found : BillingAddress"


@fact("wrong-delimiter", "delimiter-not-detected")
def test_the_wrong_delimiter_makes_one_unknown_field(org: Org) -> None:
    """Nothing is detected."""
    assert failure(org, "Name;Site\nA;b\n") == "InvalidBatch : Field name not found : Name;Site"
    assert org.load("Name;Site\nA;b\n", columnDelimiter="SEMICOLON")["state"] == "JobComplete"


@fact("six-delimiters")
@pytest.mark.parametrize(
    ("name", "sign"),
    [("BACKQUOTE", "`"), ("CARET", "^"), ("COMMA", ","), ("PIPE", "|"), ("SEMICOLON", ";"), ("TAB", "\t")],
)
def test_each_delimiter_separates_cells(org: Org, name: str, sign: str) -> None:
    """And is text inside quotes."""
    org.load(f'Name{sign}Site\n"A{sign}1"{sign}b\n', columnDelimiter=name)
    [record] = org.server.org.records("Account")
    assert (record["Name"], record["Site"]) == (f"A{sign}1", "b")


@fact("delete-only-ids", "delete-only-ids-text")
@pytest.mark.parametrize("operation", ["delete", "hardDelete"])
def test_a_delete_file_holds_only_ids(org: Org, operation: str) -> None:
    """The text of v58; for hardDelete it is inferred."""
    record = org.add(Name="Acme")
    text = f"InvalidBatch : The '{operation}' batch must contain only ids"
    assert failure(org, f"Id,Name\n{record},Acme\n", operation=operation) == text
    assert failure(org, "Name\nAcme\n", operation=operation) == text
    assert org.load(f"Id\n{record}\n", operation=operation)["numberRecordsFailed"] == 0


@fact("hard-delete-permission")
def test_hard_delete_needs_its_permission() -> None:
    """Refused when the job is created."""
    text = "hardDelete operation requires special user profile permission, please contact your system administrator"
    with Org(hard_delete_allowed=False) as org:
        refused = org.call("POST", "/jobs/ingest", {"object": "Account", "operation": "hardDelete"})
        assert refused.error == (400, "FEATURENOTENABLED", text)


def test_a_file_without_its_key_column_fails_by_row_or_as_a_whole() -> None:
    """Unknown: a switch."""
    with Org() as org:
        record = org.add(Name="Acme")
        assert org.failures("Phone\n1\n", operation="update") == [
            "MISSING_ARGUMENT:Id not specified in an update call:--"
        ]
        assert len(org.failures("Phone\n1\n", operation="upsert", externalIdFieldName="Legacy_Id__c")) == 1
    with Org(missing_key_fails_job=True) as org:
        assert failure(org, "Phone\n1\n", operation="update").startswith("InvalidBatch : Id")
        key = {"externalIdFieldName": "Legacy_Id__c"}
        assert failure(org, "Phone\n1\n", operation="upsert", **key).startswith("InvalidBatch : Legacy_Id__c")
        record = org.add(Name="Acme")
        assert org.load(f"Id,Phone\n{record},1\n", operation="update")["state"] == "JobComplete"


@fact("quoting", "unescaped-quote-text")
@pytest.mark.parametrize(
    "text", ['Name\nAc"me\n', 'Name\n"Ac"me\n', 'Name\n"Acme\n', 'Name,Site\n"A",b"c"\n', '"Name"x\nA\n']
)
def test_a_stray_quote_fails_the_job(org: Org, text: str) -> None:
    """In an open cell, after a quoted one, without an end."""
    assert failure(org, text) == QUOTING


@fact("quoting")
def test_quotes_are_doubled_inside_quotes(org: Org) -> None:
    """Delimiters, quotes and newlines are text there."""
    org.load('Name,Site\n"a ""quoted"", b","x\ny"\n"""",z\n')
    records = org.server.org.records("Account")
    assert [(r["Name"], r["Site"]) for r in records] == [('a "quoted", b', "x\ny"), ('"', "z")]


@fact("blanks-not-trimmed", "blank-beside-quotes")
def test_blanks_are_kept_and_beside_a_quoted_cell_they_fail_the_row(org: Org) -> None:
    """Only that row; the others are saved with their blanks."""
    job = org.load('Name,Site\n a , b \n"c" ,d\ne, "f"\n"g","h"\n')
    assert sorted(record["Name"] for record in org.server.org.records("Account")) == [" a ", "g"]
    rows = org.results(job, "failedResults").rows[1:]
    assert [row[1].partition(":")[0] for row in rows] == ["INVALID_FIELD", "INVALID_FIELD"]


@fact("empty-cell-ignored", "null-text")
def test_an_empty_cell_is_ignored_and_a_null_clears(org: Org) -> None:
    """On update; `#N/A` is the null."""
    record = org.add(Name="Acme", Site="x", Phone="1", AnnualRevenue=5)
    org.load(f"Id,Site,Phone,AnnualRevenue\n{record},,#N/A,\n", operation="update")
    [found] = org.server.org.records("Account")
    assert (found["Site"], found["Phone"], found["AnnualRevenue"]) == ("x", None, 5.0)
    org.load(f"Id,AnnualRevenue\n{record},#N/A\n", operation="update")
    assert org.server.org.records("Account")[0]["AnnualRevenue"] is None


@fact("scientific-doubles")
@pytest.mark.parametrize(
    ("text", "value"), [("9.12260031E8", 912260031.0), ("1e3", 1000.0), ("-.5", -0.5), ("007", 7.0)]
)
def test_doubles_may_be_scientific(org: Org, text: str, value: float) -> None:
    """And leading zeros do not matter."""
    org.load(f"Name,AnnualRevenue\nA,{text}\n")
    assert org.server.org.records("Account")[0]["AnnualRevenue"] == value


@fact("datetime-forms")
@pytest.mark.parametrize(
    "text", ["2024-01-31T10:00:00.123Z", "2024-01-31T12:00:00.123+02:00", "2024-01-31T05:30:00.123-04:30"]
)
def test_datetimes_carry_their_offset(org: Org, text: str) -> None:
    """Milliseconds are optional; a date is `yyyy-MM-dd`."""
    for sent, stored in ((text, ".123+0000"), (text.replace(".123", ""), ".000+0000")):
        org.load(f"Subject,StartDateTime,ActivityDate\nA,{sent},2024-01-31\n", "Event")
        record = org.server.org.records("Event")[-1]
        assert (record["StartDateTime"], record["ActivityDate"]) == (f"2024-01-31T10:00:00{stored}", "2024-01-31")


@fact("relationship-columns", "deep-relationship-refused")
def test_parents_are_named_by_a_key_of_theirs(org: Org) -> None:
    """An external id or a lookup field, one level up; a field that is no key is unknown."""
    parent = org.add(Name="P", Legacy_Id__c="P1")
    boss = org.add("Contact", LastName="Boss", Email="boss@example.com")
    text = "LastName,Account.Legacy_Id__c,ReportsTo.Email\nDoe,p1,boss@example.com\n"
    assert org.load(text, "Contact")["numberRecordsFailed"] == 0
    assert org.server.org.has("Contact", LastName="Doe", AccountId=parent, ReportsToId=boss)
    for wrong in ("Account.Name", "Account.Parent.Legacy_Id__c", "Nothing.Legacy_Id__c"):
        assert failure(org, f"LastName,{wrong}\nA,b\n", "Contact") == f"InvalidBatch : Field name not found : {wrong}"


@fact("record-type-by-name")
def test_record_types_are_found_by_name_and_developer_name(org: Org) -> None:
    """The developer name with its case."""
    made = org.add("RecordType", Name="Big deal", DeveloperName="Big_Deal", SobjectType="Account", IsActive=True)
    assert org.load("Name,RecordType.DeveloperName\nA,Big_Deal\n")["numberRecordsFailed"] == 0
    assert org.load("Name,RecordType.Name\nB,big deal\n")["numberRecordsFailed"] == 0
    assert {record["RecordTypeId"] for record in org.server.org.records("Account")} == {made}
    assert len(org.failures("Name,RecordType.DeveloperName\nC,big_deal\n")) == 1


@fact("polymorphic-columns")
def test_a_polymorphic_parent_names_its_object(org: Org) -> None:
    """`ObjectType:Relationship.Field`; without it the column is refused."""
    lead = org.add("Lead", LastName="L", Company="C", Email="l@example.com")
    owner = org.server.org.admin
    text = f"Subject,Lead:Who.Email,User:Owner.Username\nT,l@example.com,{org.server.org.username}\n"
    assert org.load(text, "Task")["numberRecordsFailed"] == 0
    assert org.server.org.has("Task", WhoId=lead, OwnerId=owner)
    assert failure(org, "Subject,Who.Email\nT,x\n", "Task") == "InvalidBatch : Field name not found : Who.Email"


@fact("type-not-needed", "relationship-order-swapped", "two-colons")
def test_wrong_forms_of_relationship_columns(org: Org) -> None:
    """The three texts of v65."""
    not_needed = "InvalidBatch : type is not needed for non polymorphic foreign key references: Parent"
    assert failure(org, "Name,Account:Parent.Legacy_Id__c\nA,b\n") == not_needed
    swapped = "InvalidBatch : Unable to find relationship: Account"
    assert failure(org, "Name,Parent:Account.Legacy_Id__c\nA,b\n") == swapped
    colons = "InvalidBatch : Field name not found : Parent:Account:Legacy_Id__c"
    assert failure(org, "Name,Parent:Account:Legacy_Id__c\nA,b\n") == colons


@fact("self-reference-in-job")
def test_a_row_cannot_refer_to_a_record_of_its_own_job(org: Org) -> None:
    """A parent that was there before is found, in the same file; in the next job the new ones are too."""
    org.add(Name="Old", Legacy_Id__c="OLD")
    head, key = (
        "Name,Legacy_Id__c,Parent.Legacy_Id__c\n",
        {"operation": "upsert", "externalIdFieldName": "Legacy_Id__c"},
    )
    far = "".join(f"N{n},N{n},\n" for n in range(250))
    job = org.load(f"{head}New,NEW,OLD\n{far}Child,CHILD,NEW\n", **key)
    assert [row[2:] for row in org.results(job, "failedResults").rows[1:]] == [["Child", "CHILD", "NEW"]]
    assert org.load(f"{head}Child,CHILD,NEW\n", **key)["numberRecordsFailed"] == 0


@fact("header-32000", "fields-5000")
def test_a_header_has_its_limits(org: Org) -> None:
    """32,000 characters and 5,000 fields; the texts are choices."""
    assert "32000 characters" in failure(org, ",".join(["Name", "x" * 32_000]) + "\nA,b\n")
    assert "5000 fields" in failure(org, ",".join(["Name"] * 5_001) + "\nA\n")


@fact("record-400000", "cell-131072")
def test_a_record_and_a_cell_have_their_limits(org: Org) -> None:
    """400,000 characters and 131,072; the texts are choices, and the other rows are saved."""
    head, cell = "Name,Site,Phone,Fax,Description\n", "x" * 131_072
    job = org.load(f"{head}A,{cell},{cell},{cell},{cell}\nB,,,,{cell}x\nC,,,,short\n")
    texts = sorted(row[1] for row in org.results(job, "failedResults").rows[1:])
    assert ["131072" in texts[0], "400000" in texts[1]] == [True, True]
    assert org.server.org.count("Account") == 1


def test_a_cell_may_have_fewer_characters() -> None:
    """The switch for the number of older pages."""
    with Org(max_cell_characters=32_000) as org:
        [text] = org.failures(f"Name,Description\nA,{'x' * 31_000}\nB,{'x' * 32_001}\n")
        assert "32000 characters" in text


def test_a_file_of_many_blocks_is_judged_like_a_small_one(tmp_path: Path) -> None:
    """Quoted newlines and blank lines across the blocks of the quick pass; a fault in the last block is found."""
    path = tmp_path / "upload.csv"
    rows = "".join(f'"{n}","line one\n\nline ""two""\n",x{n}\n{"" if n % 7 else chr(10)}' for n in range(20_000))
    path.write_text("A,B,C\n" + rows, encoding="utf-8")
    assert path.stat().st_size > 3 * (1 << 18)
    assert scan(path, ",", "LF").records == 20_001
    for fault, message in (
        ('1,2,3"x"\n', "unescaped quote"),
        ("1,2,3\r\n", "LineEnding"),
        ('1,2,"3', "unescaped quote"),
    ):
        path.write_text("A,B,C\n" + rows + fault, encoding="utf-8", newline="")
        with pytest.raises(FileError, match=message):
            scan(path, ",", "LF")
