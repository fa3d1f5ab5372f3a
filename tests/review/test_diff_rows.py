"""Changes of rows with a large effect, and the class each has at least."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from .conftest import Command, commit

PLAN = """\
version: 1
name: rows
steps:
  put:
    object: Contact
    operation: upsert
    external_id: Legacy_Id__c
    source: data/put.csv
    columns: {Legacy_Id__c: id, LastName: name, Rating: rating}
  change:
    object: Contact
    operation: update
    source: data/change.csv
    columns: {Id: cid, LastName: name}
  through:
    object: Contact
    operation: upsert
    external_id: Legacy_Id__c
    source: data/through.csv
    limit: 100
  gone:
    object: Contact
    operation: delete
    source: {results_of: feeds, kind: successful}
    columns: {Id: sf__Id}
  feeds:
    object: Contact
    operation: update
    source: data/feeds.csv
  first:
    object: Contact
    operation: delete
    source: data/first.csv
    limit: 2
  built:
    object: Contact
    operation: update
    source: data/built.csv
    columns: {Id: {template: "{{ row.pre }}{{ row.suf }}"}, LastName: name}
  paired:
    object: Contact
    operation: upsert
    external_id: Legacy_Id__c
    source: data/paired.csv
    columns: {Legacy_Id__c: {template: "{{ row.a }}-{{ row.b }}"}, LastName: name}
  some:
    object: Contact
    operation: update
    source: data/some.csv
    limit: 2
  picked:
    object: Contact
    operation: upsert
    external_id: Legacy_Id__c
    source: data/picked.csv
    where: {column: state, equals: new}
    columns: {Legacy_Id__c: id, LastName: name}
"""
FILES = {
    "put": "id,name,rating,note\n" + "".join(f"A{n},n{n},Hot,x\n" for n in range(10)),
    "change": "cid,name\n" + "".join(f"0030000000000{n:02}AAA,n{n}\n" for n in range(10)),
    "through": "Legacy_Id__c,LastName\nA1,x\nA2,y\n",
    "feeds": "Id,LastName\n003000000000001AAA,x\n003000000000002AAA,y\n",
    "built": "pre,suf,name\n" + "".join(f"0030000000000,{n:02}AAA,n{n}\n" for n in range(10)),
    "paired": "a,b,name\n" + "".join(f"A,{n},n{n}\n" for n in range(10)),
    "some": "Id,LastName\n" + "".join(f"0030000000000{n:02}AAA,n{n}\n" for n in range(10)),
    "picked": "id,name,state\n" + "".join(f"A{n},n{n},{'new' if n < 2 else 'old'}\n" for n in range(10)),
    "first": "Id\n003000000000001AAA\n003000000000002AAA\n003000000000003AAA\n",
}


@pytest.fixture
def files(repository: Path) -> Path:
    (repository / "plans/crm.yaml").write_text(PLAN, encoding="utf-8")
    for name, text in FILES.items():
        (repository / f"plans/data/{name}.csv").write_text(text, encoding="utf-8")
    commit(repository, "one")
    return repository


def rows(folder: Path, loadplan: Command, name: str, text: str) -> dict[str, Any]:
    """What `diff` says of the rows of one source that became `text`."""
    (folder / f"plans/data/{name}.csv").write_text(text, encoding="utf-8")
    commit(folder, "two")
    ran = loadplan("diff", "HEAD~1..HEAD", "--json")
    assert ran.exit == 0, ran.err
    [found] = json.loads(ran.out)["plans"][0]["rows"]
    return dict(found)


PUT = FILES["put"]
CASES: Sequence[tuple[str, str, str, str, str]] = [
    (
        "most values become null",
        "put",
        PUT.replace("Hot", "#N/A", 6),
        "R2",
        "most values of rating become empty or null",
    ),
    ("all values become empty", "put", PUT.replace("Hot", ""), "R2", "most values of rating become empty or null"),
    ("some values become null", "put", PUT.replace("Hot", "#N/A", 4), "R1", "rows"),
    ("a column that is not sent", "put", PUT.replace(",x\n", ",\n"), "R1", "rows"),
    (
        "a column that the plan sends is gone",
        "put",
        PUT.replace("rating", "grade"),
        "R2",
        "the plan sends rating, which head does not have",
    ),
    (
        "the key has another name",
        "put",
        PUT.replace("id,", "ident,"),
        "R2",
        "the key column id is not in head: rows cannot be matched",
    ),
    (
        "most keys are others",
        "put",
        PUT.replace("A", "B", 6),
        "R2",
        "most rows have another key than before: 6 new, 6 gone",
    ),
    ("few keys are others", "put", PUT.replace("A", "B", 2), "R1", "rows"),
    (
        "the Id of an update",
        "change",
        FILES["change"].replace("0030000000000", "003000000000A", 1),
        "R3",
        "other records are updated: 1 in place of as many",
    ),
    (
        "an Id that is made of several columns",
        "built",
        FILES["built"].replace("0030000000000", "003000000000A"),
        "R3",
        "other records may be updated: the Id is made of several columns",
    ),
    (
        "an external id that is made of several columns",
        "paired",
        FILES["paired"].replace("A,", "B,"),
        "R2",
        "rows may find other records: the key is made of several columns",
    ),
    (
        "new rows on top under the limit of an update",
        "some",
        FILES["some"].replace("LastName\n", "LastName\n003000000000099AAA,z\n"),
        "R3",
        "other records are updated: its limit takes the first ones",
    ),
    (
        "many more rows that the filter lets pass",
        "picked",
        FILES["picked"].replace("old", "new"),
        "R2",
        "which rows its filter lets pass: state changed",
    ),
    ("one update more", "change", FILES["change"] + "003000000000099AAA,z\n", "R1", "rows"),
    (
        "the key of an update has another name",
        "change",
        FILES["change"].replace("cid", "id"),
        "R3",
        "rows cannot be matched",
    ),
    (
        "rows of a step that feeds a delete",
        "feeds",
        FILES["feeds"] + "003000000000003AAA,z\n",
        "R3",
        "the delete gone takes its rows from here",
    ),
    (
        "another order under the limit of a delete",
        "first",
        "Id\n003000000000003AAA\n003000000000002AAA\n003000000000001AAA\n",
        "R3",
        "its limit takes the first ones",
    ),
    (
        "fewer rows under the limit of a delete",
        "first",
        "Id\n003000000000002AAA\n003000000000003AAA\n",
        "R3",
        "its limit takes the first ones",
    ),
    (
        "another order under a limit",
        "through",
        "Legacy_Id__c,LastName\nA2,y\nA1,x\n",
        "R2",
        "rows stand in another order",
    ),
    (
        "another order",
        "put",
        "\n".join([PUT.splitlines()[0], *reversed(PUT.splitlines()[1:])]) + "\n",
        "R0",
        "bytes, not rows",
    ),
    ("other line ends", "put", PUT.replace("\n", "\r\n"), "R0", "bytes, not rows"),
    ("a byte order mark", "put", "\ufeff" + PUT, "R0", "bytes, not rows"),
    ("quotes", "put", PUT.replace("Hot", '"Hot"'), "R0", "bytes, not rows"),
    (
        "columns in another order",
        "change",
        "name,cid\n" + "".join(f"n{n},0030000000000{n:02}AAA\n" for n in range(10)),
        "R0",
        "bytes, not rows",
    ),
    ("signs that separate cells inside", "through", "Legacy_Id__c,LastName\nA1,x\nA2\x1f,y\n", "R1", "rows"),
]


@pytest.mark.parametrize(("name", "text", "risk", "why"), [c[1:] for c in CASES], ids=[c[0] for c in CASES])
def test_a_change_of_rows_has_its_class(
    name: str, text: str, risk: str, why: str, files: Path, loadplan: Command
) -> None:
    """By what becomes of records."""
    found = rows(files, loadplan, name, text)
    assert (found["risk"], why in found["why"]) == (risk, True), found


def test_rows_where_there_were_none(files: Path, loadplan: Command) -> None:
    """Nothing to grow from is not nothing to say."""
    rows(files, loadplan, "put", "id,name,rating,note\n")
    found = rows(files, loadplan, "put", "id,name,rating,note\n" + "".join(f"A{n},n,Hot,\n" for n in range(5_000)))
    assert (found["risk"], found["why"]) == ("R2", "5,000 rows where there were none")


def test_a_null_that_was_an_empty_cell(files: Path, loadplan: Command) -> None:
    """An empty cell leaves what a record has, `#N/A` wipes it."""
    rows(files, loadplan, "put", PUT.replace("Hot", ""))
    assert rows(files, loadplan, "put", PUT.replace("Hot", "#N/A"))["emptied"] == ["rating"]


def test_the_few_values_of_a_sparse_column(files: Path, loadplan: Command) -> None:
    """Most of two values are two; most rows never had one."""
    sparse = PUT.replace("Hot", "", 8)
    rows(files, loadplan, "put", sparse)
    assert rows(files, loadplan, "put", sparse.replace("Hot", ""))["emptied"] == ["rating"]


def test_keys_that_stand_twice_are_counted_and_shown(files: Path, loadplan: Command) -> None:
    """How many, and the first lines: what is matched by such a key is a guess."""
    found = rows(files, loadplan, "put", PUT + "A3,other,Hot,x\nA3,third,Hot,x\nA0,n,Cold,x\n")
    assert (found["risk"], "keys stand more than once" in found["why"]) == ("R2", True)
    assert found["duplicates"] == {"base": 0, "head": 2, "side": "head", "lines": [[2, 14], [5, 12]]}
    text = loadplan("diff", "HEAD~1..HEAD").out
    assert "keys more than once   base 0   head 2   (head: lines 2 and 14; 5 and 12)" in text
    found = rows(files, loadplan, "put", PUT.replace("n1", "m1"))
    assert (found["risk"], found["duplicates"]["side"]) == ("R1", "base")


def test_one_key_in_very_many_rows_takes_no_longer(files: Path, loadplan: Command) -> None:
    """20,000 rows of one key, each of them another: matched in one pass, not each against each."""
    rows(files, loadplan, "put", "id,name,rating,note\n" + "".join(f"A,n{n},Hot,\n" for n in range(20_000)))
    found = rows(files, loadplan, "put", "id,name,rating,note\n" + "".join(f"A,m{n},Hot,\n" for n in range(20_000)))
    assert (found["changed"], found["duplicates"]["head"]) == (20_000, 1)
