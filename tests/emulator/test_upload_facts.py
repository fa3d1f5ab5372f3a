"""Facts of the protocol page about uploaded files, headers and cells, before any row is saved."""

from __future__ import annotations

from pathlib import Path

import pytest
from loadplan.emulator.columns import read_header
from loadplan.emulator.csvfile import FileError, rows, scan
from loadplan.emulator.schema import Schema
from loadplan.emulator.schemaload import load_schema
from loadplan.emulator.values import Converter, RowError


@pytest.fixture(scope="module")
def schema() -> Schema:
    """The shipped objects."""
    return load_schema([])


def refusal(schema: Schema, name: str, header: list[str], operation: str = "insert") -> str:
    """The job's errorMessage for a header."""
    kind = schema.find(name)
    assert kind is not None
    with pytest.raises(FileError) as refused:
        read_header(schema, kind, header, operation)
    return str(refused.value)


def cell_error(schema: Schema, field: str, text: str, column: int = 0) -> str:
    """The `sf__Error` of one Opportunity cell."""
    kind = schema.find("Opportunity")
    found = kind.field(field) if kind else None
    assert found is not None
    with pytest.raises(RowError) as refused:
        Converter(found).value(text, column)
    return refused.value.text()


def test_a_crlf_file_in_an_lf_job_is_refused(tmp_path: Path) -> None:
    """The error names the setting of the job."""
    path = tmp_path / "upload.csv"
    path.write_bytes(b"Name\r\nAcme\r\n")
    with pytest.raises(FileError, match=r"^ClientInputError : LineEnding is invalid on user data\. .* setting is LF$"):
        scan(path, ",", "LF")


def test_a_line_feed_inside_quotes_is_legal_in_an_lf_file(tmp_path: Path) -> None:
    """Only the ends of records are judged."""
    path = tmp_path / "upload.csv"
    path.write_bytes(b'Name,Site\n"two\nlines",x\n')
    scan(path, ",", "LF")
    assert list(rows(path, ","))[1] == ["two\nlines", "x"]


def test_only_the_first_unknown_field_is_named(schema: Schema) -> None:
    """Two bad columns, one name."""
    assert refusal(schema, "Account", ["Name", "Wrong", "Worse"]) == "InvalidBatch : Field name not found : Wrong"


def test_a_delete_file_holds_only_ids(schema: Schema) -> None:
    """A second column fails the job."""
    expected = "InvalidBatch : The 'delete' batch must contain only ids"
    assert refusal(schema, "Account", ["Id", "Name"], "delete") == expected


def test_a_type_is_refused_on_a_lookup_with_one_target(schema: Schema) -> None:
    """Recorded on v65 for Parent."""
    expected = "InvalidBatch : type is not needed for non polymorphic foreign key references: Parent"
    assert refusal(schema, "Account", ["Account:Parent.Legacy_Id__c"]) == expected


def test_a_date_that_is_none_names_its_zero_based_column(schema: Schema) -> None:
    """The recorded text of v60."""
    assert cell_error(schema, "CloseDate", "2003-04-987654321987654321", 3) == (
        "INVALID_FIELD:Failed to deserialize field at col 3. Due to, '2003-04-987654321987654321'"
        " is not a valid value for the type xsd:date:CloseDate --"
    )


def test_a_text_longer_than_its_field_is_refused(schema: Schema) -> None:
    """Opportunity names hold 120 characters."""
    assert cell_error(schema, "Name", "x" * 121).endswith("(max length=120):Name --")
