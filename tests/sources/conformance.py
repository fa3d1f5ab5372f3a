"""What every kind of source must do. A test module subclasses `ReaderConformance` and says how to make a source."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loadplan.errors import InvalidInputError
from loadplan.sources.base import Reader

CELL = st.text(st.characters(exclude_categories=["Cs"]), max_size=12) | st.sampled_from(
    ["", "007", "#N/A", 'say "hi"', "a,b", "l1\nl2", "l1\r\nl2", " x ", "\x00", "😀", "1.10", "\r"]
)
TABLES = st.integers(1, 4).flatmap(lambda width: st.lists(st.lists(CELL, min_size=width, max_size=width), max_size=8))


class ReaderConformance:
    """The shared suite: exact values, the header, the digest."""

    def make(self, folder: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Reader:
        """Write a source and open it."""
        raise NotImplementedError

    def make_of_bytes(self, folder: Path, data: bytes) -> Reader:
        """Open a source whose text is these bytes."""
        raise NotImplementedError

    @settings(
        deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors]
    )
    @given(table=TABLES)
    def test_values_come_back_exactly(self, tmp_path: Path, table: list[list[str]]) -> None:
        """Rows in equal rows out, whatever the cells hold."""
        header = [f"C{i}" for i in range(len(table[0]) if table else 2)]
        reader = self.make(tmp_path, header, table)
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
        reader = self.make(tmp_path, ["Id"], [])
        assert list(reader) == []
        assert reader.digest().rows == 0
        reader.close()

    def test_the_digest_is_not_known_before_the_end(self, tmp_path: Path) -> None:
        """A digest of half a file would be no digest."""
        reader = self.make(tmp_path, ["Id"], [["1"], ["2"]])
        with pytest.raises(RuntimeError):
            reader.digest()
        reader.close()

    def test_a_reopened_source_gives_the_same_rows_and_digest(self, tmp_path: Path) -> None:
        """Passes over one source agree."""
        reader = self.make(tmp_path, ["Id", "N"], [["1", "a\nb"], ["2", ""]])
        again = reader.reopen()
        assert list(reader) == list(again)
        assert reader.digest() == again.digest()
        reader.close()
        again.close()

    def test_a_wrong_byte_is_named_with_its_line_and_offset(self, tmp_path: Path) -> None:
        """Line 3 holds a Latin-1 byte."""
        with pytest.raises(InvalidInputError) as caught:  # noqa: PT012 - opening may already decode the bad byte
            reader = self.make_of_bytes(tmp_path, b"Id,N\n1,a\n2,caf\xe9\n")
            list(reader)
        (found,) = caught.value.diagnostics
        assert found.code == "LP0303"
        assert found.place.line == 3
        assert "byte 14 " in found.summary
