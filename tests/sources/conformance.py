"""What every kind of source must do. A test module subclasses `ReaderConformance` and says how to make a source."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from pathlib import Path
from tempfile import mkdtemp

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loadplan.errors import InvalidInputError
from loadplan.sources.base import Reader, SourceRow

HARD = [
    "", "007", "#N/A", "NULL", "null", "nan", 'say "hi"', "a,b", "a;b\tc|d", "l1\nl2", "l1\r\nl2", "\r", " x ", "1.10",
    "1e5", "12345678901234567890", "true", "'", "\\", "\\N", "\x1f", "\ufeff", "é", "日本", "😀", "\U000e0001",
    "\U0010ffff", "-", '"', '""', "=1+1",
]  # fmt: skip
CELL = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12) | st.sampled_from(HARD)
TABLES = st.integers(1, 4).flatmap(lambda width: st.lists(st.lists(CELL, min_size=width, max_size=width), max_size=8))
TOO_LONG = {"LP0315", "LP0316", "LP0382"}


class ReaderConformance:
    """The shared suite: exact values, the header, the digest, and what must be refused."""

    HOLDS_NUL = True
    """Whether the source can hold U+0000 at all."""
    EMPTY_TABLE = True
    """Whether columns are known without a row."""
    FIRST_LINE = 2
    """The line of the first row; 0 where rows have numbers only."""

    def make(self, folder: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Reader:
        """Write a source into `folder`, over the one that is there, and open it."""
        raise NotImplementedError

    def files(self, folder: Path) -> list[Path]:
        """The files that `make` wrote and the reader reads; none for a server."""
        return [path for path in folder.iterdir() if path.is_file()]

    def make_huge(self, folder: Path) -> Reader | None:
        """Open a source with a field far beyond every limit, of 2 GB where its format can hold that; None when it cannot
        hold one."""
        raise NotImplementedError

    @settings(
        deadline=None,
        max_examples=50,
        suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
    )
    @given(table=TABLES)
    def test_values_come_back_exactly(self, tmp_path: Path, table: list[list[str]]) -> None:
        """Rows in equal rows out, whatever the cells hold."""
        if not table and not self.EMPTY_TABLE:
            table = [["x"]]
        self.same_rows(tmp_path, [f"C{i}" for i in range(len(table[0]) if table else 2)], table)

    def test_hard_values_come_back_exactly(self, tmp_path: Path) -> None:
        """Leading zeros, long digits, `#N/A`, line breaks, quotes and characters of every Unicode plane."""
        planes = [chr(plane * 0x10000 + 0xE000) for plane in range(17)]
        self.same_rows(tmp_path, ["A", "B c", "Ü"], [[value, value, "x"] for value in HARD + planes])

    def same_rows(self, folder: Path, header: list[str], table: list[list[str]]) -> None:
        reader = self.make(folder, header, table)
        try:
            rows = list(reader)
            assert reader.header == tuple(header)
            assert [row.cells for row in rows] == table
            assert [row.record for row in rows] == list(range(1, len(table) + 1))
            assert reader.digest().rows == len(table)
        finally:
            reader.close()

    def test_a_header_without_rows_is_readable(self, tmp_path: Path) -> None:
        """Whether no rows are a fault is for the check to say, not for the reader."""
        if not self.EMPTY_TABLE:
            with pytest.raises(InvalidInputError):
                self.make(tmp_path, ["Id"], [])
            return
        reader = self.make(tmp_path, ["Id"], [])
        assert list(reader) == []
        assert reader.digest().rows == 0
        reader.close()

    def test_the_digest_is_not_known_before_the_end(self, tmp_path: Path) -> None:
        """A digest of half a source would be no digest."""
        reader = self.make(tmp_path, ["Id"], [["1"], ["2"]])
        with pytest.raises(RuntimeError):
            reader.digest()
        reader.close()

    def test_a_reopened_source_gives_the_same_rows_and_digest(self, tmp_path: Path) -> None:
        """Passes over one source agree, also when they overlap."""
        reader = self.make(tmp_path, ["Id", "N"], [["1", "a\nb"], ["2", ""]])
        again = reader.reopen()
        assert list(reader) == list(again)
        assert reader.digest() == again.digest()
        reader.close()
        again.close()

    def test_a_source_that_changed_between_two_readings_has_another_digest(self, tmp_path: Path) -> None:
        """One character of one cell is enough, and the same rows have the same digest again."""
        digests = []
        for value in ("a", "b", "a"):
            reader = self.make(tmp_path, ["Id", "N"], [["1", value]])
            assert [row.cells for row in reader] == [["1", value]]
            digests.append(reader.digest().sha256)
            reader.close()
        assert digests[0] != digests[1]
        assert digests[0] == digests[2] or not self.files(tmp_path)

    def test_two_sources_of_one_name_are_two(self, tmp_path: Path) -> None:
        """The same file name in two folders, read in turns."""
        folders = [tmp_path / "a", tmp_path / "b"]
        for folder in folders:
            folder.mkdir()
        readers = [self.make(folder, ["Id"], [[folder.name], ["2"]]) for folder in folders]
        rows = list(zip(*readers, strict=True))
        assert [row.cells for row in rows[0]] == [["a"], ["b"]]
        assert readers[0].digest() != readers[1].digest()
        for reader in readers:
            reader.close()

    def test_a_nul_character_is_refused(self, tmp_path: Path) -> None:
        """No CSV for Salesforce may hold one. The row after it is still read by a check."""
        if not self.HOLDS_NUL:
            return
        table = [["1", "a"], ["2", "b\0"], ["3", "c"]]
        with pytest.raises(InvalidInputError) as caught:
            read(self.make(tmp_path, ["Id", "N"], table))
        (found,) = caught.value.diagnostics
        assert found.code == "LP0370"
        if self.FIRST_LINE:
            assert found.place.line == self.FIRST_LINE + 1
        else:
            assert found.summary.startswith("row 2 ")

    def test_a_value_beyond_salesforces_limit_is_refused(self, tmp_path: Path) -> None:
        """131,072 characters pass, one more does not."""
        reader = self.make(tmp_path, ["Id", "N"], [["1", "x" * 131_072]])
        assert [len(row.cells[1]) for row in reader] == [131_072]
        reader.close()
        with pytest.raises(InvalidInputError) as caught:
            read(self.make(tmp_path, ["Id", "N"], [["1", "x"], ["2", "x" * 131_073]]))
        assert caught.value.code == "LP0315"

    def test_a_file_without_a_byte_is_refused(self, tmp_path: Path) -> None:
        """Nothing is not the same as no rows."""
        self.make(tmp_path, ["Id"], [["1"]]).close()
        for path in self.files(tmp_path):
            path.write_bytes(b"")
            with pytest.raises(InvalidInputError):
                read(self.open_again(tmp_path))

    def test_a_file_cut_short_is_refused(self, tmp_path: Path) -> None:
        """Half of a file never passes for a short one, wherever it is cut within its last row."""
        table = [[str(n), "some text of some length\nin two lines"] for n in range(200)]
        self.make(tmp_path, ["Id", "N"], table).close()
        for path in self.files(tmp_path):
            whole = path.read_bytes()
            for cut in (len(whole) // 2, 7, 3):
                path.write_bytes(whole[:-cut])
                with pytest.raises(InvalidInputError):
                    read(self.open_again(tmp_path))
            path.write_bytes(whole)

    def open_again(self, folder: Path) -> Reader:
        """Open what `make` wrote, as it is now."""
        raise NotImplementedError

    def test_a_field_of_two_gigabytes_is_refused_in_bounded_memory(self, tmp_path: Path) -> None:
        """It is not read to its end, and no text of its length is made."""
        tracemalloc.start()
        try:
            with pytest.raises(InvalidInputError) as caught:  # noqa: PT012 - some sources are read when they are opened
                reader = self.make_huge(tmp_path)
                if reader is None:
                    pytest.skip("this source cannot hold one")
                tracemalloc.reset_peak()
                read(reader)
            peak = tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()
        assert caught.value.code in TOO_LONG
        assert peak < 64_000_000


class EngineConformance(ReaderConformance):
    """For sources that take their time to open: the same suite with fewer tables."""

    @settings(deadline=None, max_examples=12, suppress_health_check=list(HealthCheck))
    @given(table=TABLES)
    def test_values_come_back_exactly(self, tmp_path: Path, table: list[list[str]]) -> None:
        """Rows in equal rows out, whatever the cells hold."""
        self.same_rows(tmp_path, [f"C{i}" for i in range(len(table[0]) if table else 2)], table)


class TextConformance(ReaderConformance):
    """For sources that are text files in an encoding."""

    def make_of_bytes(self, folder: Path, data: bytes) -> Reader:
        """Open a source whose text is these bytes."""
        raise NotImplementedError

    def test_a_wrong_byte_is_named_with_its_line_and_offset(self, tmp_path: Path) -> None:
        """Line 3 holds a Latin-1 byte."""
        with pytest.raises(InvalidInputError) as caught:
            read(self.make_of_bytes(tmp_path, b"Id,N\n1,a\n2,caf\xe9\n"))
        (found,) = caught.value.diagnostics
        assert found.code == "LP0303"
        assert found.place.line == 3
        assert "byte 14 " in found.summary


def read(reader: Reader) -> list[SourceRow]:
    """All rows; the reader is closed whatever happens."""
    try:
        return list(reader)
    finally:
        reader.close()


def fresh(folder: Path) -> Path:
    """A new folder of a run under `folder`, for a source that is taken in."""
    return Path(mkdtemp(dir=folder))
