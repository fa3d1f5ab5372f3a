"""Traps of columns: mappings that are ignored, lookups that are lost, masks that do nothing."""

from __future__ import annotations

from pathlib import Path

import pytest
from loadplan.sources.leftover import write_retry_file
from loadplan.sources.registry import open_source

from support.sending import INSERT, UPSERT, Sending
from support.story import Story

CONTACT = "object: Contact\noperation: insert\nsource: a.csv\n"


# -- mappings ------------------------------------------------------------------------------------------------------


def test_dataloader_691_dataloadercliq_89_a_mapping_that_fits_nothing_was_ignored(sending: Sending) -> None:
    """ "Mapping for field x,y,z will be ignored", and 73 of 73 rows failed. Each name that is not there is an error."""
    sending.write({"a.csv": "x,Y,z \n1,2,3\n"})
    found = sending.found(INSERT + "columns: {X__c: x, Y__c: y, Z__c: z, W__c: ''}\n")
    assert [(d.code, d.place.file, d.place.line) for d in found] == [("LP0320", "a.csv", 1)] * 3
    assert "it has `Y`: names are compared with their case" in found[0].hint
    assert all("columns: x, Y, z " in d.hint for d in found)


def test_dataloader_147_a_name_that_ends_like_another(sending: Sending) -> None:
    """`xyz` was taken for `abc.xyz`. Names are compared whole."""
    sending.write({"a.csv": "abc.xyz,xyz\nlong,short\n"})
    assert sending.rows(INSERT + "columns: {A__c: xyz, B__c: abc.xyz}\n") == [{"A__c": "short", "B__c": "long"}]


def test_dataloader_1376_1495_a_field_that_is_mapped_twice(sending: Sending) -> None:
    """A copy of the field appeared in the mapping, and the column stayed blank. Twice is an error, also in other letters."""
    sending.write({"a.csv": "a,b\n1,2\n"})
    found = sending.plan(INSERT + "columns:\n  Name: a\n  name: b\n")[1]
    assert [(d.code, d.place.line, d.place.column) for d in found] == [("LP0212", 10, 7)]


def test_sfdmu_316_627_columns_of_a_csv_file_are_renamed(sending: Sending) -> None:
    """Mappings worked for orgs and not for files."""
    sending.write({"a.csv": "Account_Name,Account_Id,Unused\nMyAccount,X1234,?\n"})
    body = UPSERT.replace("Key__c", "Ext__c") + "columns: {Name: Account_Name, Ext__c: Account_Id}\n"
    assert sending.bytes(body) == b"Name,Ext__c\nMyAccount,X1234\n"


def test_sfdmu_570_the_value_of_the_first_row_was_taken_for_all(sending: Sending) -> None:
    """Two people came out with one address. A template is made for each row."""
    sending.write({"a.csv": "id,mail\n1,a@x.org\n2,b@x.org\n"})
    body = CONTACT + "columns: {Email: {template: '{{ row.id }}.{{ row.mail }}.invalid'}}\n"
    assert sending.column(body, "Email") == ["1.a@x.org.invalid", "2.b@x.org.invalid"]


def test_sfdmu_548_a_text_of_a_value_table_is_no_pattern(sending: Sending) -> None:
    """Patterns matched nothing, or too much. A text means itself."""
    sending.write({"a.csv": "s\na.b\naxb\n/.*/\n", "map.csv": "from,to\na.b,dot\n/.*/,slashes\n"})
    body = INSERT + "columns: {S__c: {column: s, map: map.csv, default: other}}\n"
    assert sending.column(body, "S__c") == ["dot", "other", "slashes"]


# -- lookups -------------------------------------------------------------------------------------------------------

LOOKUP = CONTACT + "columns: {LastName: n}\nlookups: {Account.Key__c: p}\n"


@pytest.mark.parametrize(
    ("parents", "thread"),
    [(["", "A", "", "B"], "sfdmu#466"), (["", "", "", ""], "sfdmu#451"), (["A", "A", "B", ""], "sfdmu#1036")],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_sfdmu_466_451_1036_lookups_that_are_empty_or_first(sending: Sending, parents: list[str], thread: str) -> None:
    """A blank in the first row dropped all parents, blanks in all rows dropped the rows, the first match was skipped."""
    sending.write({"a.csv": "n,p\n" + "".join(f"{thread} {i},{p}\n" for i, p in enumerate(parents))})
    assert sending.column(LOOKUP, "Account.Key__c") == parents


def test_sfdmu_1215_texei_129_several_lookups_keep_their_own_column(sending: Sending) -> None:
    """Of two lookups to one object one was lost, or their values were swapped."""
    sending.write({"a.csv": "n,bill,ship\nx,A,B\ny,B,\nz,,A\n"})
    body = INSERT.replace("Account", "Order__c") + (
        "columns: {Name: n}\nlookups: {Bill_To__r.Key__c: bill, Ship_To__r.Key__c: ship, Also__r.Key__c: bill}\n"
    )
    assert sending.bytes(body) == (b"Name,Bill_To__r.Key__c,Ship_To__r.Key__c,Also__r.Key__c\nx,A,B,A\ny,B,,B\nz,,A,\n")


CHILDREN = """\
version: 1
name: story
steps:
  a: {object: Account, operation: upsert, external_id: Legacy_Id__c, source: a.csv}
  c:
    object: Contact
    operation: upsert
    external_id: Legacy_Id__c
    source: c.csv
    columns: {LastName: n, Legacy_Id__c: k}
    lookups: {Account.Legacy_Id__c: p}
"""


def test_sfdmu_1036_each_row_lands_under_its_own_parent(tmp_path: Path) -> None:
    """The children of the first parent included, and of none: asked of the org that took them."""
    parents = ["A0", "A1", "A0", "", "A2"]
    files = {
        "a.csv": [["Legacy_Id__c", "Name"], *[[f"A{i}", f"Company {i}"] for i in range(3)]],
        "c.csv": [["n", "k", "p"], *[[f"Person {i}", f"C{i}", parent] for i, parent in enumerate(parents)]],
    }
    with Story(tmp_path, CHILDREN, files) as told:
        told.drive()
        accounts = {r["Id"]: r["Legacy_Id__c"] for r in told.org.org.records("Account")}
        found = {r["Legacy_Id__c"]: accounts.get(r.get("AccountId"), "") for r in told.org.org.records("Contact")}
    assert found == {f"C{i}": parent for i, parent in enumerate(parents)}


def test_sfdmu_630_a_lookup_without_a_field_took_a_silent_default(sending: Sending) -> None:
    """The parent was looked for by Name, since nothing else was said. A lookup says its field."""
    sending.write({"a.csv": "n,p\nx,A\n"})
    found = sending.plan(CONTACT + "columns: {LastName: n}\nlookups: {Account: p}\n")[1]
    assert [(d.code, d.place.line, d.place.column) for d in found] == [("LP0229", 9, 15)]
    assert "Account.Legacy_Id__c" in found[0].hint


def test_dataloader_1143_columns_that_are_not_sent_are_kept_for_later(sending: Sending) -> None:
    """Results lost the column by which users tied children to parents. Rows left over keep all columns of the source."""
    sending.write({"a.csv": "k,n,my own ref\n1,x,R-1\n2,y,R-2\n3,z,R-3\n"})
    step = sending.step(UPSERT + "columns: {Key__c: k, Name: n}\n")
    assert step.source is not None
    reader = open_source(step.source, resolve_step=lambda step: [])
    made = write_retry_file(reader, [3, 1], sending.folder / "retry.csv")
    reader.close()
    assert made.path.read_bytes() == b"k,n,my own ref\n1,x,R-1\n3,z,R-3\n"


def test_sfdmu_931_573_one_key_in_several_rows(sending: Sending) -> None:
    """Three rows of one key made three records, and five after the second run. Both lines are told, or one is kept."""
    sending.write({"a.csv": "Key__c,Name\n1,a\n2,b\n1,c\n"})
    (found,) = sending.found(UPSERT)
    assert (found.code, found.place.file, found.place.line) == ("LP0325", "a.csv", 4)
    assert found.notes[0].place.line == 2
    assert sending.column(UPSERT + "dedupe: first\n", "Name") == ["a", "b"]
    assert sending.column(UPSERT + "dedupe: last\n", "Name") == ["b", "c"]


# -- masks ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ("masks: {Email: hash}", "LP0201"),
        ("mask: {email: hash}", "LP0251"),
        ("mask: {Emial: hash}", "LP0251"),
        ("mask: {mail: hash}", "LP0251"),
        ("mask: {Email: hsah}", "LP0204"),
        ("mask: [Email]", "LP0203"),
    ],
)
def test_sfdmu_200_525_a_mask_that_did_nothing(sending: Sending, line: str, code: str) -> None:
    """A missing flag, or `mockfields` for `mockFields`, and real addresses were loaded. A slip is an error, with a hint."""
    sending.write({"a.csv": "mail\na@x.org\n"})
    found = sending.plan(CONTACT + f"columns: {{Email: mail}}\n{line}\n")[1]
    assert [d.code for d in found] == [code]
    assert found[0].place.line == 9
