"""Traps of size: files that do not fit into memory, parts that do not fit into a job."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable

import pytest
from loadplan.errors import InvalidInputError

from support.sending import INSERT, Sending


def peak_of(action: Callable[[], object]) -> int:
    """The most bytes of Python's memory that were in use at once."""
    tracemalloc.start()
    try:
        action()
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_sfdmu_569_cli_3507_node_csv_416_a_field_of_2_gb(sending: Sending) -> None:
    """ "Cannot create a string longer than 0x1fffffe8 characters", without a row. It is told by its line, in a few MB."""
    sending.write({"a.csv": 'Name,Note__c\nx,1\ny,"'})
    with (sending.folder / "a.csv").open("r+b") as file:
        file.truncate(2 << 30)  # sparse: it takes no room on the disk
    found: list[tuple[str, str, int, int]] = []
    assert peak_of(lambda: found.extend(sending.places(INSERT))) < 16_000_000
    assert [p[:3] for p in found] == [("LP0316", "a.csv", 3)]


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ('y,"' + "n" * 131_073 + '"', "LP0315"),
        ("y," + "n" * 131_073, "LP0315"),
        ('y,"' + "n\n" * 70_000 + '"', "LP0315"),
    ],
    ids=["quoted", "plain", "many lines"],
)
def test_a_field_longer_than_salesforce_takes(sending: Sending, row: str, code: str) -> None:
    """The row failed after the upload. It is found before, by its line."""
    sending.write({"a.csv": f"Name,Note__c\nx,1\n{row}\n"})
    assert sending.places(INSERT)[0][:3] == (code, "a.csv", 3)


def test_a_field_as_long_as_salesforce_takes(sending: Sending) -> None:
    """131,072 characters pass, in letters of four bytes too."""
    sending.write({"a.csv": f"Name,Note__c\nx,{'😀' * 131_072}\n"})
    assert sending.column(INSERT, "Note__c") == ["😀" * 131_072]


def test_a_row_longer_than_salesforce_takes(sending: Sending) -> None:
    """400,000 characters are the most of a record, however they are spread."""
    names = ",".join(f"F{i}__c" for i in range(5))
    sending.write({"a.csv": f"{names}\n1,2,3,4,5\n{','.join(['n' * 90_000] * 5)}\n"})
    assert [p[:3] for p in sending.places(INSERT)] == [("LP0316", "a.csv", 3)]


@pytest.mark.parametrize("action", ["check", "cut"])
def test_sfdmu_119_simple_salesforce_738_dataloader_1386_memory_grew_with_the_file(
    sending: Sending, action: str
) -> None:
    """Files of a few hundred MB ended with "out of memory". Four times the rows need hardly more."""
    peaks = []
    for rows in (12_000, 48_000):
        sending.write({"a.csv": "Name,Note__c\n" + "".join(f'row {i},"note, {i} {"x" * 80}"\n' for i in range(rows))})
        run: Callable[[], object] = (
            (lambda: sending.check(INSERT)) if action == "check" else (lambda: sending.parts(INSERT))
        )
        peaks.append(peak_of(run))
    assert peaks[1] < peaks[0] + 3_000_000  # the file grew by 4 MB


SPECIAL = ["plain", "a,b", 'say ""hi""', "l1\nl2", "", "😀"]


@pytest.mark.parametrize("most", [200, 333, 5_000])
def test_simple_salesforce_splitter_made_parts_its_own_upload_refused(sending: Sending, most: int) -> None:
    """Sizes were estimated without the quotes. A part is never above its cap, and every row is in one of them."""
    rows = [SPECIAL[i % len(SPECIAL)] for i in range(600)]
    sending.write({"a.csv": "Name,Note__c\n" + "".join(f'{i},"{r}"\n' for i, r in enumerate(rows))})
    body = INSERT + f"parts: {{max_bytes: {most}B}}\n"
    parts = sending.parts(body)
    assert max(p.path.stat().st_size for p in parts) <= most
    assert sum(p.rows for p in parts) == 600
    assert sending.column(body, "Note__c") == [r.replace('""', '"') for r in rows]


def test_plugin_data_594_cli_2084_a_file_above_the_limit_is_several_jobs(sending: Sending) -> None:
    """A file above 150 MB was one upload, and failed. It is cut; the caps are the plan's, 100 MB at most."""
    sending.write({"a.csv": "Name\n" + "x\n" * 25})
    assert [p.rows for p in sending.parts(INSERT + "parts: {max_rows: 10}\n")] == [10, 10, 5]
    assert [d.code for d in sending.plan(INSERT + "parts: {max_bytes: 150MB}\n")[1]] == ["LP0231"]


def test_one_row_above_the_limit_is_told_by_its_line(sending: Sending) -> None:
    """It can be in no job at all: nothing of the file is sent."""
    sending.write({"a.csv": "Name\nx\n" + "y" * 200 + "\n"})
    with pytest.raises(InvalidInputError) as caught:
        sending.parts(INSERT + "parts: {max_bytes: 150B}\n")
    (found,) = caught.value.diagnostics
    assert (found.code, found.place.file, found.place.line) == ("LP0330", "a.csv", 3)


def test_cli_2738_a_few_thousand_records(sending: Sending) -> None:
    """ "Maximum call stack exceeded" at 2,800 records, or with as many entries in a filter or a template."""
    sending.write({"a.csv": "k,v\n" + "".join(f"{i},x\n" for i in range(5000))})
    listed = ", ".join(f"{{column: k, equals: '{i}'}}" for i in range(3000))
    template = "".join("{{ row.v }}-" for _ in range(1000))
    body = INSERT + f"columns: {{K__c: k, T__c: {{template: '{template}'}}}}\nwhere: {{any: [{listed}]}}\n"
    rows = sending.rows(body)
    assert len(rows) == 3000
    assert rows[-1] == {"K__c": "2999", "T__c": "x-" * 1000}
