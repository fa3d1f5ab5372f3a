"""Jsonl: conformance, exact numbers, the columns, and every way a line can be bad."""

from __future__ import annotations

import gzip
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loadplan.diagnostics import Diagnostic
from loadplan.errors import InvalidInputError
from loadplan.plan.model import FileSource
from loadplan.sources.base import Reader
from loadplan.sources.jsonl import MOST_COLUMNS
from loadplan.sources.registry import open_source

from sources.conformance import TextConformance, read
from sources.test_readers import endless


def jsonl(path: Path, **options: object) -> Reader:
    return open_source(FileSource(path.name, path, "jsonl", **options))  # type: ignore[arg-type]


class TestJsonl(TextConformance):
    NAME = "rows.jsonl"
    EMPTY_TABLE = False
    FIRST_LINE = 1

    def make(self, folder: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Reader:
        lines = [json.dumps(dict(zip(header, row, strict=True)), ensure_ascii=n % 2 == 0) for n, row in enumerate(rows)]
        (folder / self.NAME).write_bytes(self.packed("".join(line + "\n" for line in lines).encode()))
        return self.open_again(folder)

    def make_of_bytes(self, folder: Path, data: bytes) -> Reader:
        """The text comes as CSV: line 1 becomes a row."""
        lines = [b'{"Id": "%s"}' % line.replace(b",", b";") for line in data.splitlines()]
        # One byte further than in the CSV, less what the braces take.
        (folder / self.NAME).write_bytes(self.packed(b"\n".join(lines) + b"\n"))
        return self.open_again(folder)

    def test_a_wrong_byte_is_named_with_its_line_and_offset(self, tmp_path: Path) -> None:
        """Line 2 holds a Latin-1 byte."""
        (tmp_path / self.NAME).write_bytes(self.packed(b'{"N": 1}\n{"N": "caf\xe9"}\n'))
        with pytest.raises(InvalidInputError) as caught:
            self.open_again(tmp_path)
        (found,) = caught.value.diagnostics
        assert (found.code, found.place.line) == ("LP0303", 2)
        assert "byte 19 " in found.summary

    def open_again(self, folder: Path) -> Reader:
        return jsonl(folder / self.NAME)

    def packed(self, data: bytes) -> bytes:
        return data

    def make_huge(self, folder: Path) -> Reader | None:
        return jsonl(endless(folder / self.NAME, b'{"Id": 1}\n{"Id": "'))


class TestJsonlGzip(TestJsonl):
    NAME = "rows.jsonl.gz"

    def packed(self, data: bytes) -> bytes:
        return gzip.compress(data)

    def open_again(self, folder: Path) -> Reader:
        return jsonl(folder / self.NAME, compression="gzip")

    def make_huge(self, folder: Path) -> None:
        """The plain file shows it."""


class TestJsonlZstd(TestJsonlGzip):
    NAME = "rows.jsonl.zst"

    def packed(self, data: bytes) -> bytes:
        return zstandard.ZstdCompressor(write_checksum=True).compress(data)

    def open_again(self, folder: Path) -> Reader:
        return jsonl(folder / self.NAME, compression="zstd")


def rows_of(folder: Path, text: str, **options: object) -> tuple[tuple[str, ...], list[tuple[int, list[str]]]]:
    path = folder / "rows.jsonl"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    reader = jsonl(path, **options)
    try:
        return reader.header, [(row.line, row.cells) for row in reader]
    finally:
        reader.close()


@pytest.mark.parametrize(
    "number",
    ["0", "-0", "1.10", "1e5", "1E+05", "-12.50e-3", "12345678901234567890", "0.1000000000000000055511151231257827"],
)
def test_a_number_is_the_text_in_the_file(tmp_path: Path, number: str) -> None:
    """No digit is lost and no spelling changed."""
    assert rows_of(tmp_path, f'{{"N": {number}}}\n')[1] == [(1, [number])]


def test_words_and_missing_keys(tmp_path: Path) -> None:
    """true and false are words; null, a missing key and an empty text are empty cells."""
    text = '{"A": true, "B": false, "C": null}\n{"B": "", "A": "x"}\n{}\n'
    assert rows_of(tmp_path, text) == (
        ("A", "B", "C"),
        [(1, ["true", "false", ""]), (2, ["x", "", ""]), (3, ["", "", ""])],
    )


def test_columns_are_all_keys_in_the_order_they_first_appear(tmp_path: Path) -> None:
    """A key that only the last of many lines has is a column as well."""
    text = '{"A": 1, "B": 2}\n' * 5_000 + '{"C": 3, "A": 4}\n'
    header, rows = rows_of(tmp_path, text)
    assert header == ("A", "B", "C")
    assert rows[-1] == (5_001, ["4", "", "3"])


def test_columns_are_found_again_when_the_file_changed(tmp_path: Path) -> None:
    """What was found in a file is kept only as long as it is the same file."""
    assert rows_of(tmp_path, '{"A": 1}\n')[0] == ("A",)
    assert rows_of(tmp_path, '{"B": 1, "C": 2}\n')[0] == ("B", "C")


def test_blanks_and_line_ends_around_an_object_do_no_harm(tmp_path: Path) -> None:
    """CRLF, blanks, a mark at the beginning, no line end at the end, blank lines after it."""
    assert rows_of(tmp_path, '\ufeff {"A": 1} \r\n\t{"A": 2}\r\n\r\n\n')[1] == [(1, ["1"]), (2, ["2"])]
    assert rows_of(tmp_path, '{"A": 1}\n{"A": 2}')[1] == [(1, ["1"]), (2, ["2"])]


def test_null_texts_and_encodings_are_as_in_a_csv(tmp_path: Path) -> None:
    """`null:` and `encoding:` mean the same for every text format."""
    assert rows_of(tmp_path, '{"A": "NULL", "B": "é"}\n', null=("NULL",))[1] == [(1, ["", "é"])]
    path = tmp_path / "utf16.jsonl"
    path.write_bytes('{"A": "é😀"}\n'.encode("utf-16"))
    reader = jsonl(path, encoding="utf-16")
    assert [row.cells for row in reader] == [["é😀"]]
    reader.close()


def test_escapes_are_read(tmp_path: Path) -> None:
    """A pair of escapes is one character."""
    text = r'{"A": "\ud83d\ude00\u00e9\"\\\/\b\f\n\r\t", "\u0042": "\u005a"}' + "\n"
    assert rows_of(tmp_path, text) == (("A", "B"), [(1, ['😀é"\\/\b\f\n\r\t', "Z"])])


BAD = [
    ('{"A": 1, "A": 2}', "LP0374", 0),
    ('{"A": 1, "\\u0041": 2}', "LP0374", 0),
    ('{"A": {"B": 1}}', "LP0372", 0),
    ('{"A": [1]}', "LP0372", 0),
    ('{"A": []}', "LP0372", 0),
    ('{"A": {}}', "LP0372", 0),
    ('{"A": "\\ud800"}', "LP0375", 0),
    ('{"A": "\\udc00\\ud800"}', "LP0375", 0),
    ('{"A": "\\u0000"}', "LP0370", 0),
    ('{"A": 007}', "LP0371", 8),
    ('{"A": NaN}', "LP0371", 0),
    ('{"A": Infinity}', "LP0371", 0),
    ('{"A": .5}', "LP0371", 7),
    ('{"A": +1}', "LP0371", 7),
    ('{"A": 1.}', "LP0371", 8),
    ("{'A': 1}", "LP0371", 2),
    ('{"A": 1,}', "LP0371", 9),
    ('{"A": 1} {"A": 2}', "LP0371", 9),
    ('{"A": 1}]', "LP0371", 9),
    ('{"A": "x', "LP0371", 7),
    ('{"A": "\t"}', "LP0371", 8),
    ('[{"A": 1}]', "LP0371", 1),
    ('["A", "B"]', "LP0371", 1),
    ('[["A", "B"]]', "LP0371", 1),
    ('"AB"', "LP0371", 1),
    ("17", "LP0371", 1),
    ("null", "LP0371", 1),
    ("Acme", "LP0371", 1),
    ('{"A": "' + "x" * 131_073 + '"}', "LP0315", 0),
    ('{"A": "' + "x" * 131_072 + '", ' + ", ".join(f'"B{i}": "{"x" * 100_000}"' for i in range(3)) + "}", "LP0316", 0),
    ('{"A": ' + "[" * 100_000 + "]" * 100_000 + "}", "LP0371", 0),
]


@pytest.mark.parametrize(("line", "code", "column"), BAD, ids=[line[:24] for line, _, _ in BAD])
def test_a_bad_line_is_refused_with_its_place_and_the_rest_is_read(
    tmp_path: Path, line: str, code: str, column: int
) -> None:
    """A reader that sends stops there; a check reports it and reads on."""
    path = tmp_path / "rows.jsonl"
    path.write_text(f'{{"A": 1}}\n{line}\n{{"A": 3}}\n', encoding="utf-8")
    with pytest.raises(InvalidInputError):
        read(jsonl(path))
    reader = jsonl(path)
    found: list[Diagnostic] = []
    reader.on_problem = found.append
    rows = [(row.record, row.line, row.cells[0]) for row in reader]
    reader.close()
    assert [(d.code, d.place.file, d.place.line, d.place.column) for d in found] == [(code, "rows.jsonl", 2, column)]
    assert rows == [(1, 1, "1"), (3, 3, "3")]


def test_a_blank_line_between_rows_is_told(tmp_path: Path) -> None:
    """As in a CSV."""
    path = tmp_path / "rows.jsonl"
    path.write_text('{"A": 1}\n\n{"A": 3}\n', encoding="utf-8")
    with pytest.raises(InvalidInputError) as caught:
        read(jsonl(path))
    assert (caught.value.code, caught.value.diagnostics[0].place.line) == ("LP0312", 2)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("\n\n", "LP0306"),
        ("{}\n{}\n", "LP0306"),
        ('[{"A": 1}]\n', "LP0306"),
        ('{"": 1}\n', "LP0309"),
        ('{"A\\u0000": 1}\n', "LP0370"),
        ('{"\\ud800": 1}\n', "LP0375"),
        ("".join(f'{{"K{n}": 1}}\n' for n in range(MOST_COLUMNS + 1)), "LP0310"),
    ],
    ids=["blank", "no keys", "an array", "empty key", "NUL in a key", "half a pair in a key", "values as keys"],
)
def test_a_file_without_usable_columns_is_refused(tmp_path: Path, text: str, code: str) -> None:
    """Before a row is read."""
    path = tmp_path / "rows.jsonl"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(InvalidInputError) as caught:
        jsonl(path)
    assert caught.value.code == code


def test_a_key_that_appears_while_the_rows_are_read_is_a_change(tmp_path: Path) -> None:
    """The columns were found in a file that is no longer there."""
    path = tmp_path / "rows.jsonl"
    path.write_text('{"A": 1}\n', encoding="utf-8")
    reader = jsonl(path)
    path.write_text('{"A": 1, "Z": 2}\n', encoding="utf-8")
    with pytest.raises(InvalidInputError) as caught:
        read(reader)
    assert caught.value.code == "LP0331"


VALUES = st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.floats(allow_nan=True)
OBJECTS = st.dictionaries(st.sampled_from("ABC"), VALUES | st.lists(VALUES, max_size=2), max_size=3)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(line=st.text('{}[]",:\\1eNAtru ln-.u\t', max_size=14) | OBJECTS.map(json.dumps))
def test_what_is_no_flat_json_object_never_becomes_a_row(tmp_path: Path, line: str) -> None:
    """The fast way takes exactly the lines that a strict parser takes."""
    path = tmp_path / "rows.jsonl"
    path.write_text(f'{{"A": 1}}\n{line}\n', encoding="utf-8", errors="surrogatepass")
    try:
        parsed = json.loads(line, object_pairs_hook=tuple, parse_float=str, parse_int=str, parse_constant=_refuse)
    except ValueError:
        parsed = None
    keys = [key for key, _ in parsed] if isinstance(parsed, tuple) else []
    flat = isinstance(parsed, tuple) and not any(isinstance(value, list | tuple) for _, value in parsed)
    texts = keys + [str(value) for _, value in parsed] if flat else []
    sound = flat and len(set(keys)) == len(keys) and "" not in keys and not any(_half(t) or "\0" in t for t in texts)
    try:
        rows = read(jsonl(path))
    except InvalidInputError:
        rows = []
    blank = not line.strip(" \t\r")
    assert len(rows) == (1 if blank else 2 if sound else 0)


def _refuse(text: str) -> None:
    raise ValueError(text)


def _half(text: str) -> bool:
    return any("\ud800" <= c <= "\udfff" for c in text)
