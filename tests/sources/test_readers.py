"""Readers: files and pages, their conformance and every way a file can be bad."""

from __future__ import annotations

import csv
import gzip
import hashlib
import io
from collections.abc import Sequence
from pathlib import Path

import pytest
import zstandard
from loadplan.errors import InvalidInputError
from loadplan.plan.model import FileSource, StepSource
from loadplan.sources.base import Reader
from loadplan.sources.hashed import HashingFile
from loadplan.sources.registry import open_source
from loadplan.sources.unpack import BLOCK, plain_blocks

from sources.conformance import TextConformance, read


def text_of(header: Sequence[str], rows: Sequence[Sequence[str]], delimiter: str = ",") -> bytes:
    """All quoted, LF, as the csv module writes it."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=csv.QUOTE_ALL, lineterminator="\n", delimiter=delimiter)
    writer.writerows([header, *rows])
    return out.getvalue().encode()


def file_reader(path: Path, **options: object) -> Reader:
    source = FileSource(path.name, path, "csv", **options)  # type: ignore[arg-type]
    return open_source(source, resolve_step=lambda step: [])


def endless(path: Path, start: bytes) -> Path:
    """A file of 2 GB that begins with `start`; the rest takes no space on the disk."""
    with path.open("wb") as file:
        file.write(start)
        file.truncate(2_000_000_000)
    return path


class TestCsv(TextConformance):
    NAME = "rows.csv"

    def make(self, folder: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Reader:
        return self.make_of_bytes(folder, text_of(header, rows))

    def make_of_bytes(self, folder: Path, data: bytes) -> Reader:
        (folder / self.NAME).write_bytes(self.packed(data))
        return self.open_again(folder)

    def open_again(self, folder: Path) -> Reader:
        return file_reader(folder / self.NAME)

    def packed(self, data: bytes) -> bytes:
        return data

    def make_huge(self, folder: Path) -> Reader:
        return file_reader(endless(folder / self.NAME, b'Id,N\n1,"'))


class TestTsv(TestCsv):
    def make(self, folder: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Reader:
        return self.make_of_bytes(folder, text_of(header, rows, "\t"))

    def make_of_bytes(self, folder: Path, data: bytes) -> Reader:
        return super().make_of_bytes(folder, data.replace(b"Id,N", b"Id\tN").replace(b",caf", b"\tcaf"))

    def open_again(self, folder: Path) -> Reader:
        path = folder / self.NAME
        return open_source(FileSource(path.name, path, "tsv", "\t"))


class TestGzip(TestCsv):
    NAME = "rows.csv.gz"

    def packed(self, data: bytes) -> bytes:
        return gzip.compress(data)

    def open_again(self, folder: Path) -> Reader:
        return file_reader(folder / self.NAME, compression="gzip")

    def make_huge(self, folder: Path) -> Reader:
        with gzip.open(folder / self.NAME, "wb", compresslevel=1) as file:
            file.write(b"Id,N\n1,")
            for _ in range(200):
                file.write(bytes(1_000_000).replace(b"\0", b"x"))
        return self.open_again(folder)

    def test_the_digest_is_of_the_compressed_bytes(self, tmp_path: Path) -> None:
        """What is on the disk is what is compared later."""
        reader = self.make_of_bytes(tmp_path, b"Id\n1\n")
        assert len(list(reader)) == 1
        assert reader.digest().sha256 == hashlib.sha256((tmp_path / self.NAME).read_bytes()).hexdigest()
        reader.close()

    @pytest.mark.parametrize("damage", ["cut", "bits", "plain", "tail"])
    def test_a_damaged_file_is_refused_and_told_from_a_short_one(self, tmp_path: Path, damage: str) -> None:
        """Cut within its end mark, one bit turned, not compressed at all, or rubbish after it."""
        data = bytearray(self.packed(text_of(["Id", "N"], [[str(n), str(n * 7919)] for n in range(5_000)])))
        changed = {"cut": data[:-6], "plain": bytearray(b"Id,N\n1,2\n"), "tail": data + b"rubbish"}.get(damage, data)
        if damage == "bits":
            data[len(data) // 2] ^= 0x10
        (tmp_path / self.NAME).write_bytes(changed)
        with pytest.raises(InvalidInputError) as caught:
            read(self.open_again(tmp_path))
        assert caught.value.code in {"LP0305", "LP0303", "LP0311"}
        if damage != "bits":
            assert caught.value.summary.count("cut short" if damage == "cut" else "damaged") == 1

    def test_two_files_one_after_the_other_are_one(self, tmp_path: Path) -> None:
        """`cat a.gz b.gz` is a legal file, of zstd as well."""
        (tmp_path / self.NAME).write_bytes(self.packed(b"Id\n1\n") + self.packed(b"") + self.packed(b"2\n"))
        reader = self.open_again(tmp_path)
        assert [row.cells for row in reader] == [["1"], ["2"]]
        reader.close()

    def test_a_file_that_grows_without_measure_is_stopped(self, tmp_path: Path) -> None:
        """300 MB of blank lines in a few KB."""
        kind = "zstd" if self.NAME.endswith("zst") else "gzip"
        packed = HashingFile(io.BytesIO(self.bomb()), hashlib.sha256())
        with pytest.raises(InvalidInputError) as caught:
            assert max(len(block) for block in plain_blocks(packed, kind, self.NAME)) <= BLOCK
        assert caught.value.code == "LP0384"

    def bomb(self) -> bytes:
        member = gzip.compress(b"\n" * 10_000_000)
        return self.packed(b"Id\n1\n") + member * 30


class TestZstd(TestGzip):
    NAME = "rows.csv.zst"

    def packed(self, data: bytes) -> bytes:
        return zstandard.ZstdCompressor(write_checksum=True).compress(data)

    def open_again(self, folder: Path) -> Reader:
        return file_reader(folder / self.NAME, compression="zstd")

    def make_huge(self, folder: Path) -> Reader:
        with (folder / self.NAME).open("wb") as file, zstandard.ZstdCompressor().stream_writer(file) as packer:
            packer.write(b"Id,N\n1,")
            for _ in range(200):
                packer.write(b"x" * 10_000_000)
        return self.open_again(folder)

    def bomb(self) -> bytes:
        return self.packed(b"Id\n1\n") + self.packed(b"\n" * 10_000_000) * 30


class TestPages(TextConformance):
    FIRST_LINE = 0

    def make(self, folder: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Reader:
        half = len(rows) // 2
        (folder / "00001.csv").write_bytes(text_of(header, rows[:half]))
        (folder / "00002.csv").write_bytes(text_of(header, rows[half:]))
        return self.open_again(folder)

    def make_of_bytes(self, folder: Path, data: bytes) -> Reader:
        (folder / "00001.csv").write_bytes(data)
        return self.open_again(folder)

    def open_again(self, folder: Path) -> Reader:
        pages = sorted(folder.glob("0*.csv"))
        return open_source(StepSource("stale"), resolve_step=lambda step: pages)

    def test_a_nul_character_is_refused(self, tmp_path: Path) -> None:
        """The page and the line in it are named."""
        with pytest.raises(InvalidInputError) as caught:
            read(self.make(tmp_path, ["Id"], [["1"], ["b\0"]]))
        assert [(d.code, d.place.file, d.place.line) for d in caught.value.diagnostics] == [
            ("LP0370", "step stale (00002.csv)", 2)
        ]

    def test_a_file_without_a_byte_is_refused(self, tmp_path: Path) -> None:
        """It is not: an org answers a query without rows so."""
        reader = self.make_of_bytes(tmp_path, b"")
        assert (reader.header, list(reader)) == ((), [])

    def test_a_value_beyond_salesforces_limit_is_refused(self, tmp_path: Path) -> None:
        """It is not here: Salesforce itself gave it."""
        reader = self.make(tmp_path, ["Id"], [["x" * 200_000]])
        assert [len(row.cells[0]) for row in reader] == [200_000]

    def make_huge(self, folder: Path) -> None:
        """Pages come from Salesforce, which has limits of its own."""


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
        read(open_source(StepSource("q"), resolve_step=lambda step: pages))
