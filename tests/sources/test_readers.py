"""Readers: files and pages, their conformance and every way a file can be bad."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
from collections.abc import Sequence
from pathlib import Path

import pytest
from loadplan.errors import InvalidInputError
from loadplan.plan.model import FileSource, StepSource
from loadplan.sources.base import Reader
from loadplan.sources.registry import open_source

from sources.conformance import ReaderConformance


def text_of(header: Sequence[str], rows: Sequence[Sequence[str]]) -> bytes:
    """All quoted, LF, as the csv module writes it."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([header, *rows])
    return out.getvalue().encode()


def file_reader(path: Path, **options: object) -> Reader:
    source = FileSource(path.name, path, "csv", ",", **options)  # type: ignore[arg-type]
    return open_source(source, resolve_step=lambda step: [])


class TestCsv(ReaderConformance):
    def make(self, folder: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Reader:
        return self.make_of_bytes(folder, text_of(header, rows))

    def make_of_bytes(self, folder: Path, data: bytes) -> Reader:
        path = folder / "rows.csv"
        path.write_bytes(data)
        return file_reader(path)


class TestGzip(TestCsv):
    def make_of_bytes(self, folder: Path, data: bytes) -> Reader:
        path = folder / "rows.csv.gz"
        path.write_bytes(gzip.compress(data))
        return file_reader(path, compression="gzip")

    def test_the_digest_is_of_the_compressed_bytes(self, tmp_path: Path) -> None:
        """What is on the disk is what is compared later."""
        reader = self.make_of_bytes(tmp_path, b"Id\n1\n")
        assert len(list(reader)) == 1
        assert reader.digest().sha256 == hashlib.sha256((tmp_path / "rows.csv.gz").read_bytes()).hexdigest()
        reader.close()

    def test_a_truncated_file_is_refused(self, tmp_path: Path) -> None:
        """Half a gzip file never passes for a short one."""
        path = tmp_path / "rows.csv.gz"
        path.write_bytes(gzip.compress(b"Id\n" + b"1\n" * 9)[:-6])
        with pytest.raises(InvalidInputError, match="cut short"):
            list(file_reader(path, compression="gzip"))


class TestPages(ReaderConformance):
    def make(self, folder: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Reader:
        half = len(rows) // 2
        pages = [folder / "00001.csv", folder / "00002.csv"]
        pages[0].write_bytes(text_of(header, rows[:half]))
        pages[1].write_bytes(text_of(header, rows[half:]))
        return open_source(StepSource("stale"), resolve_step=lambda step: pages)

    def make_of_bytes(self, folder: Path, data: bytes) -> Reader:
        page = folder / "00001.csv"
        page.write_bytes(data)
        return open_source(StepSource("stale"), resolve_step=lambda step: [page])


def cells_of(tmp_path: Path, data: bytes, **options: object) -> list[tuple[int, list[str]]]:
    path = tmp_path / "rows.csv"
    path.write_bytes(data)
    reader = file_reader(path, **options)
    try:
        return [(row.line, row.cells) for row in reader]
    finally:
        reader.close()


@pytest.mark.parametrize(
    ("data", "options", "rows"),
    [
        (b"\xef\xbb\xbfa,b\r\n1,2\r\n3,4\n", {}, [(2, ["1", "2"]), (3, ["3", "4"])]),
        (b'a,b\n"x\n\ny",2\n3,4', {}, [(2, ["x\n\ny", "2"]), (5, ["3", "4"])]),
        (b"a,b\n1,x\ry\n\n\n", {}, [(2, ["1", "x\ry"])]),
        (b'a\n""\nx\n', {}, [(2, [""]), (3, ["x"])]),
        (b"a,b\nNULL,\\N\n", {"null": ("NULL", "\\N")}, [(2, ["", ""])]),
        ("a,b\né,2\n".encode("utf-16"), {"encoding": "utf-16"}, [(2, ["é", "2"])]),
        (b"a,b\n'x,y','it''s'\n", {"quote": "'"}, [(2, ["x,y", "it's"])]),
    ],
)
def test_legal_files_are_read_exactly(
    tmp_path: Path, data: bytes, options: dict[str, object], rows: list[tuple[int, list[str]]]
) -> None:
    """Marks, line ends, embedded breaks, nulls, encodings and quotes of every kind."""
    assert cells_of(tmp_path, data, **options) == rows


@pytest.mark.parametrize(
    ("data", "code", "line"),
    [
        (b"", "LP0306", 0),
        (b"\n\n", "LP0306", 0),
        (b"a,b,a\n", "LP0308", 1),
        (b"a,,b\n", "LP0309", 1),
        (b"a,b\n1,2\n3\n", "LP0311", 3),
        (b"a,b\n1,2,3\n", "LP0311", 2),
        (b"a,b\n1,2\n\n3,4\n", "LP0312", 3),
        (b'a,b\n1,2\n3,"x\n4,5\n', "LP0313", 3),
        (b'a,b\n1,5" pipe\n', "LP0314", 2),
        (b'a,b\n"x"y,2\n', "LP0314", 2),
        (b"a,b\n1," + b"x" * 131_073 + b"\n", "LP0315", 2),
        (b'a,b\n1,"' + b"x\n" * 70_000 + b"\n", "LP0315", 2),
        (b"a,b\n1," + b"x" * 900_000, "LP0316", 2),
        (b"a,b\r1,2\r", "LP0317", 1),
    ],
)
def test_bad_files_are_refused_with_file_and_line(tmp_path: Path, data: bytes, code: str, line: int) -> None:
    """Each fault has its code and the line of the source it is on."""
    with pytest.raises(InvalidInputError) as caught:
        cells_of(tmp_path, data)
    found = caught.value.diagnostics[0]
    assert (found.code, found.place.file, found.place.line) == (code, "rows.csv", line)


def test_a_missing_file_names_its_neighbour(tmp_path: Path) -> None:
    """A typo in the path is answered with the nearest name."""
    (tmp_path / "accounts.csv").write_text("a\n")
    with pytest.raises(InvalidInputError) as caught:
        file_reader(tmp_path / "acounts.csv")
    assert caught.value.code == "LP0301"
    assert "accounts.csv" in (caught.value.hint or "")


def test_pages_with_different_headers_are_refused(tmp_path: Path) -> None:
    """A join of two headers would put values into wrong columns."""
    pages = [tmp_path / "1.csv", tmp_path / "2.csv"]
    pages[0].write_bytes(b'"Id"\n"1"\n')
    pages[1].write_bytes(b'"Name"\n"x"\n')
    with pytest.raises(InvalidInputError, match="differs"):
        list(open_source(StepSource("q"), resolve_step=lambda step: pages))
