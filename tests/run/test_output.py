"""Outputs: pages as CSV, gzip, zstd, Parquet or a folder; whole or not at all."""

from __future__ import annotations

import csv
import gzip
import hashlib
import os
import resource
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO

import pytest
import zstandard
from loadplan.diagnostics import Place
from loadplan.errors import LocalError
from loadplan.plan.model import Plan, Step
from loadplan.plan.outputs import output_format
from loadplan.run import events as ev
from loadplan.run import joining
from loadplan.run import output as outputs
from loadplan.run.folder import RunFolder
from loadplan.run.output import check_outputs, write_output
from loadplan.run.state import Attempt
from loadplan.run.walked import Pages

HEADER = b'"Id","Name"\n'
PAGES = (HEADER + b'"1","a"\n"2","b ""x""\n\ny"\n', HEADER + b'"3","c"\n', HEADER + b'"4",""\n"5","e, f"\n')
JOINED = HEADER + b'"1","a"\n"2","b ""x""\n\ny"\n"3","c"\n"4",""\n"5","e, f"\n'


class Extract:
    """A run folder with pages on record, and a place for outputs beside it."""

    def __init__(self, folder: Path, pages: Sequence[bytes] = PAGES) -> None:
        self.out = folder / "out"
        self.folder = RunFolder(folder / "run")
        self.attempt = Attempt("all", 0, 1, 1, "query", False, "66.0", "", 0, datetime(2026, 1, 1, tzinfo=UTC))
        for number, page in enumerate(pages, 1):
            path = self.folder.page("all", 1, number)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(page)
            rows = max(0, sum(1 for _ in csv.reader(page.decode().splitlines(keepends=True))) - 1)
            self.attempt.pages.append(
                ev.PageFetched(
                    "all", 0, 1, page=number, rows=rows, header_rows=rows, bytes=len(page),
                    sha256=hashlib.sha256(page).hexdigest(), file=self.folder.relative(path),
                )
            )  # fmt: skip

    def step(self, name: str) -> Step:
        file = (self.out / name).resolve() if not name.endswith("/") else self.out / name.rstrip("/")
        return Step(
            "all", "query", soql="SELECT Id FROM X", output=f"out/{name}", output_file=file,
            output_format=output_format(name), place=Place("plan.yaml", 3, 3),
        )  # fmt: skip

    def write(self, name: str) -> ev.OutputWritten:
        return write_output(self.step(name), self.attempt, self.folder)

    def left(self) -> list[str]:
        """Whatever lies where outputs go, hidden files too."""
        return sorted(p.relative_to(self.out).as_posix() for p in self.out.rglob("*")) if self.out.exists() else []


def plain(path: Path) -> bytes:
    """The text of an output."""
    data = path.read_bytes()
    if path.suffix == ".gz":
        return gzip.decompress(data)
    return zstandard.ZstdDecompressor().decompressobj().decompress(data) if path.suffix == ".zst" else data


@pytest.mark.parametrize("name", ["all.csv", "all.csv.gz", "all.csv.zst", "ALL.CSV.GZ"])
def test_pages_are_joined_under_one_header(tmp_path: Path, name: str) -> None:
    """Byte for byte; the digest is of the file, which is private and the same each time."""
    extract = Extract(tmp_path)
    written = [extract.write(name) for _ in range(2)]
    file = extract.out / name
    assert plain(file if name.islower() else file.rename(extract.out / name.lower())) == JOINED
    file = extract.out / name.lower()
    assert (written[0].rows, written[0].sha256) == (5, hashlib.sha256(file.read_bytes()).hexdigest())
    assert written[0] == written[1]
    assert file.stat().st_mode & 0o777 == 0o600
    assert extract.left() == [name.lower()]


@pytest.mark.parametrize(
    ("pages", "joined"),
    [
        ([b'"Id"\n"1"', b'"Id"\n"2"'], b'"Id"\n"1"\n"2"\n'),
        ([b'"Id"\n"1"\n\n\n', b'"Id"\n"2"\n\n'], b'"Id"\n"1"\n"2"\n'),
        ([b'"Id"\r\n"1"\r\n', b'"Id"\r\n"2"'], b'"Id"\r\n"1"\r\n"2"\r\n'),
        ([b'"I\nd"\n"1"\n', b'"I\nd"\n"2"\n'], b'"I\nd"\n"1"\n"2"\n'),
        ([b'"Id"\n"1\n"\n', b'"Id"\n"\n2"\n'], b'"Id"\n"1\n"\n"\n2"\n'),
        ([b'"Id"\n"1"\n', b'"Id"\n', b'"Id"', b'"Id"\n"2"\n'], b'"Id"\n"1"\n"2"\n'),
        ([b"Id\n1\n", b"Id\n2"], b"Id\n1\n2\n"),
    ],
)
def test_records_of_two_pages_never_share_a_line(tmp_path: Path, pages: list[bytes], joined: bytes) -> None:
    """A last newline that is missing is added, blank lines at the end are left out, a quoted header may hold a newline."""
    extract = Extract(tmp_path, pages)
    extract.write("all.csv")
    assert (extract.out / "all.csv").read_bytes() == joined


@pytest.mark.parametrize("page", [b"", b'"Id"', b'"Id"\n', b'"Id"\n"1"', b'"Id"\n"1"\n\n'])
def test_a_single_page_is_its_own_output(tmp_path: Path, page: bytes) -> None:
    """Copied as it was received, with the digest that is on record."""
    extract = Extract(tmp_path, [page])
    written = extract.write("all.csv")
    file = extract.out / "all.csv"
    assert file.read_bytes() == page
    assert written.sha256 == hashlib.sha256(page).hexdigest()
    assert file.stat().st_ino != extract.folder.page("all", 1, 1).stat().st_ino


def test_a_page_is_copied_where_the_kernel_does_not_copy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Other systems, and other file systems on both sides."""

    def cannot(*_: object) -> int:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "copy_file_range", cannot)
    extract = Extract(tmp_path / "a", PAGES[:1])
    extract.write("all.csv")
    monkeypatch.delattr(os, "copy_file_range")
    extract.write("two.csv")
    assert (extract.out / "all.csv").read_bytes() == (extract.out / "two.csv").read_bytes() == PAGES[0]


@pytest.mark.parametrize("block", [997, 100_000, joining.BLOCK])
def test_pages_of_many_blocks_are_joined_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    """Larger than what is read at once."""
    monkeypatch.setattr(joining, "BLOCK", block)
    body = b"".join(b'"%d","%s"\n' % (n, b"x" * 90) for n in range(30_000))
    extract = Extract(tmp_path, [HEADER + body, HEADER + body.rstrip(b"\n")])
    written = extract.write("all.csv")
    assert (written.rows, written.sha256) == (60_000, hashlib.sha256(HEADER + body + body).hexdigest())
    assert (extract.out / "all.csv").read_bytes() == HEADER + body + body
    extract.write("all.csv.gz")
    assert plain(extract.out / "all.csv.gz") == HEADER + body + body


# -- parquet -------------------------------------------------------------------------------------------------------


def parquet_rows(file: Path) -> list[tuple[object, ...]]:
    import duckdb

    with duckdb.connect() as database:
        rows: list[tuple[object, ...]] = database.execute(f"SELECT * FROM read_parquet('{file}')").fetchall()
    return rows


def test_parquet_holds_texts_in_order_and_nulls(tmp_path: Path) -> None:
    """Nothing becomes a number or a date; the empty cell is Salesforce's way to write no value."""
    header = b'"Id","Account.Name","It\'s"\n'
    odd = '"007","#N/A","1.10"\n"NULL","","2024-01-01"\n"a\r\nb","Žluťoučký 😀","  x "\n'.encode()
    extract = Extract(tmp_path, [header + odd, header, header + b'"z","nan","true"\n'])
    written = extract.write("all.parquet")
    file = extract.out / "all.parquet"
    assert written.rows == 4
    assert written.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert parquet_rows(file) == [
        ("007", "#N/A", "1.10"),
        ("NULL", None, "2024-01-01"),
        ("a\r\nb", "Žluťoučký 😀", "  x "),
        ("z", "nan", "true"),
    ]
    assert extract.left() == ["all.parquet"]
    assert [p.name for p in extract.folder.step("all").iterdir()] == ["pages"]
    assert file.stat().st_mode & 0o777 == 0o600


def test_parquet_keeps_the_order_of_many_rows(tmp_path: Path) -> None:
    """Also beyond the row groups that DuckDB fills at the same time."""
    pages = [b'"N"\n' + b"".join(b'"%d"\n' % n for n in range(at, at + 150_000)) for at in (0, 150_000)]
    extract = Extract(tmp_path, pages)
    extract.write("all.parquet")
    assert [int(str(n)) for (n,) in parquet_rows(extract.out / "all.parquet")] == list(range(300_000))


def test_parquet_of_no_rows_has_its_columns(tmp_path: Path) -> None:
    """The header alone names them."""
    extract = Extract(tmp_path, [HEADER])
    assert extract.write("all.parquet").rows == 0
    assert parquet_rows(extract.out / "all.parquet") == []


def test_parquet_with_other_rows_than_the_pages_is_not_put_in_place(tmp_path: Path) -> None:
    """The file is counted after it was written."""
    extract = Extract(tmp_path)
    first, *others = extract.attempt.pages
    extract.attempt.pages = Pages([replace(first, rows=3), *others])
    with pytest.raises(LocalError, match="holds 5 rows, the pages hold 6") as caught:
        extract.write("all.parquet")
    assert (caught.value.code, caught.value.exit_code) == ("LP0613", 9)
    assert extract.left() == []


def test_parquet_of_pages_with_blank_lines_at_their_end(tmp_path: Path) -> None:
    """One column, in which a blank line could be a row without a value; the cell without a value is `""`."""
    extract = Extract(tmp_path, [b'"Id"\n"1"\n""\n\n', b'"Id"\r\n"2"\r\n\r\n'])
    first, second = extract.attempt.pages
    extract.attempt.pages = Pages([replace(first, rows=2), replace(second, rows=1)])
    extract.write("all.parquet")
    assert parquet_rows(extract.out / "all.parquet") == [("1",), (None,), ("2",)]
    assert [p.name for p in extract.folder.step("all").iterdir()] == ["pages"]


# -- folders -------------------------------------------------------------------------------------------------------


def test_a_folder_holds_one_file_a_page(tmp_path: Path) -> None:
    """As received, each with its header; the digest is that of the list that sha256sum prints."""
    extract = Extract(tmp_path)
    written = extract.write("all/")
    names = [f"{n:05d}.csv" for n in (1, 2, 3)]
    assert [p.name for p in sorted((extract.out / "all").iterdir())] == names
    assert [(extract.out / "all" / n).read_bytes() for n in names] == list(PAGES)
    lines = "".join(f"{hashlib.sha256(p).hexdigest()}  {n}\n" for n, p in zip(names, PAGES, strict=True))
    assert (written.rows, written.sha256) == (5, hashlib.sha256(lines.encode()).hexdigest())
    assert (extract.out / "all").stat().st_mode & 0o777 == 0o700
    assert extract.left() == ["all", *[f"all/{n}" for n in names]]


def test_pages_of_an_earlier_run_leave_with_it(tmp_path: Path) -> None:
    """A run with fewer pages leaves no page of the longer one behind."""
    Extract(tmp_path).write("all/")
    shutil.rmtree(tmp_path / "run")
    extract = Extract(tmp_path, PAGES[:1])
    assert check_outputs(plan_of(extract.step("all/"))) == []
    extract.write("all/")
    assert extract.left() == ["all", "all/00001.csv"]


def test_a_folder_with_other_files_is_refused_before_and_after_the_run(tmp_path: Path) -> None:
    """Nothing in it is touched."""
    extract = Extract(tmp_path)
    extract.write("all/")
    (extract.out / "all" / "notes.txt").write_text("mine")
    before = {p: p.read_bytes() for p in (extract.out / "all").iterdir()}
    found = check_outputs(plan_of(extract.step("all/")))
    assert [(d.code, d.place.line) for d in found] == [("LP0611", 3)]
    assert "holds other files than pages: notes.txt" in found[0].summary
    with pytest.raises(LocalError, match=r"notes\.txt") as caught:
        extract.write("all/")
    assert caught.value.exit_code == 9
    assert {p: p.read_bytes() for p in (extract.out / "all").iterdir()} == before
    assert [p for p in extract.left() if p.startswith(".")] == []


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    """It is not replaced."""
    extract = Extract(tmp_path)
    extract.out.mkdir()
    (extract.out / "all").write_text("mine")
    assert "is a file, not a folder" in check_outputs(plan_of(extract.step("all/")))[0].summary
    with pytest.raises(LocalError, match="is a file"):
        extract.write("all/")
    assert (extract.out / "all").read_text() == "mine"


# -- what is missing or damaged ------------------------------------------------------------------------------------


def plan_of(*steps: Step) -> Plan:
    return Plan("p", Path("plan.yaml"), Path(), Path(), b"", "", "66.0", {s.id: s for s in steps})


@pytest.mark.parametrize(("name", "extra"), [("all.parquet", "engine"), ("all.csv.zst", "zstd")])
def test_a_package_that_is_not_there_is_told_before_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, extra: str
) -> None:
    """With what to install."""
    extract = Extract(tmp_path)
    assert check_outputs(plan_of(extract.step(name))) == []
    monkeypatch.setattr(outputs, "find_spec", lambda _: None)
    found = check_outputs(plan_of(extract.step(name)))
    assert [(d.code, d.hint) for d in found] == [("LP0612", f"pip install 'loadplan[{extra}]'")]


@pytest.mark.parametrize("name", ["all.csv", "all.csv.gz", "all.parquet", "all/"])
@pytest.mark.parametrize("damage", ["shorter", "gone"])
def test_a_page_that_is_not_as_it_was_is_told_and_the_old_output_stays(tmp_path: Path, name: str, damage: str) -> None:
    """Exit 9 with the page's place."""
    extract = Extract(tmp_path)
    extract.write(name)
    before = [(p, (extract.out / p).read_bytes()) for p in extract.left() if (extract.out / p).is_file()]
    page = extract.folder.page("all", 1, 2)
    if damage == "gone":
        page.unlink()
    else:
        page.write_bytes(page.read_bytes()[:-3])
    with pytest.raises(LocalError) as caught:
        extract.write(name)
    assert (caught.value.code, caught.value.exit_code, caught.value.where) == ("LP0335", 9, str(page))
    assert [(p, (extract.out / p).read_bytes()) for p in extract.left() if (extract.out / p).is_file()] == before


@pytest.mark.parametrize("name", ["all.csv", "all.csv.gz"])
@pytest.mark.parametrize("left", [30, 9, 0])
def test_a_page_that_is_cut_while_another_is_joined_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, left: int
) -> None:
    """Many pages take minutes: what was whole before the first of them need not be when its turn comes."""
    extract = Extract(tmp_path)
    page = extract.folder.page("all", 1, 2)
    whole = outputs.read_header

    def header(file: BinaryIO) -> bytes:
        os.truncate(page, left)
        return whole(file)

    monkeypatch.setattr(outputs, "read_header", header)
    with pytest.raises(LocalError) as caught:
        extract.write(name)
    assert (caught.value.code, caught.value.where, extract.left()) == ("LP0335", str(page), [])


@pytest.fixture
def small_files() -> Iterator[None]:
    """No file may be larger than a kilobyte, as on a full disk."""
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))


@pytest.mark.parametrize("name", ["all.csv", "all.csv.gz", "all.csv.zst", "all/", "single.csv"])
def test_a_full_disk_is_exit_9_and_leaves_nothing_half_written(
    tmp_path: Path, request: pytest.FixtureRequest, name: str
) -> None:
    """What was there before is still there."""
    rows = b"".join(b'"%d","%s"\n' % (n, hashlib.sha256(b"%d" % n).hexdigest().encode()) for n in range(400))
    pages = [HEADER + rows] if name == "single.csv" else [HEADER + rows, HEADER + rows]
    extract = Extract(tmp_path, pages)
    extract.out.mkdir()
    (extract.out / "keep.txt").write_text("mine")
    request.getfixturevalue("small_files")
    with pytest.raises(LocalError) as caught:
        extract.write(name)
    assert caught.value.exit_code == 9
    assert extract.left() == ["keep.txt"]


@pytest.mark.parametrize(
    ("output", "form"),
    [("a.csv", "csv"), ("a.csv.gz", "csv.gz"), ("a.csv.zst", "csv.zst"), ("a.parquet", "parquet"), ("a/", "folder"),
     ("a.tsv", None), ("a", None), ("csv", None), ("a.gz", None), ("a.csv/", "folder")],
)  # fmt: skip
def test_the_ending_tells_the_form(output: str, form: str | None) -> None:
    """And where it does not, the plan is refused."""
    assert output_format(output) == form
