"""The output of a query step: its pages as one file, or as a folder of pages. Written whole or not at all, and only from pages
that are on record. It fetches nothing and decides nothing of the run.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
import re
import shutil
from collections.abc import Callable, Iterator, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any, BinaryIO, cast

from loadplan import gunzip
from loadplan.behind import Behind
from loadplan.diagnostics import Diagnostic
from loadplan.disk import disk
from loadplan.durable import make_private, open_atomic, sweep, sync_dir
from loadplan.errors import LocalError
from loadplan.lean import dataclass
from loadplan.plan.model import Plan, Step
from loadplan.run import events as ev
from loadplan.run.folder import RunFolder
from loadplan.run.joining import Joined, copied_by_kernel
from loadplan.run.state import Attempt
from loadplan.salesforce.download import EDGE, first_record_end

BLOCK = 1 << 18
PAGE_NAME = re.compile(r"\d{5,}\.csv\Z")
PACKAGES = {"csv.zst": ("zstandard", "zstd"), "parquet": ("duckdb", "engine")}
"""What a form of output needs beyond the plain installation: the package, and the extra that brings it."""


@dataclass(frozen=True)
class _Page:
    path: Path
    size: int
    sha256: str


# -- before the run ------------------------------------------------------------------------------------------------


def check_outputs(plan: Plan) -> list[Diagnostic]:
    """What would keep an output from being written in the end: a package that is not installed, a folder of other files."""
    found = []
    for step in plan.steps.values():
        if step.output_file is None:
            continue
        assert step.place is not None
        package, extra = PACKAGES.get(step.output_format or "", ("", ""))
        if package and find_spec(package) is None:
            summary = f"`{step.output}` of step `{step.id}` needs {package}, which is not installed"
            found.append(Diagnostic("LP0612", summary, step.place, hint=f"pip install 'loadplan[{extra}]'"))
        elif step.output_format == "folder" and (problem := _strangers(step.output_file)):
            hint = "name another folder, or move them away"
            found.append(Diagnostic("LP0611", f"`{step.output}` of step `{step.id}` {problem}", step.place, hint=hint))
    return found


def _strangers(folder: Path) -> str:
    """What stands in the way of a folder of pages; empty when nothing does."""
    if not folder.exists():
        return ""
    if not folder.is_dir():
        return "is a file, not a folder"
    others = sorted(p.name for p in folder.iterdir() if not PAGE_NAME.match(p.name) or not p.is_file())
    if not others:
        return ""
    more = f" and {len(others) - 3} more" if len(others) > 3 else ""
    return f"holds other files than pages: {', '.join(others[:3])}{more}"


# -- writing -------------------------------------------------------------------------------------------------------


def write_output(step: Step, attempt: Attempt, folder: RunFolder) -> ev.OutputWritten:
    """The pages of `attempt` at the step's `output`, durable. Its sha256 is of the file; of a folder it is of the lines
    `<sha256>  <name>` of its pages, as `sha256sum` prints them. Raises `LocalError`; then what was there before is
    still there, and nothing else."""
    assert step.output_file is not None
    sweep(step.output_file)
    pages = [_Page(folder.path(p.file), p.bytes, p.sha256) for p in attempt.pages]
    for page in pages:
        _check_page(page)
    rows = attempt.pages.rows
    match step.output_format:
        case "folder":
            digest = _write_folder(step, pages)
        case "parquet":
            digest = _write_parquet(step, pages, rows, folder.step(step.id) / "output.parquet")
        case "csv" if len(pages) == 1:
            _copy_page(pages[0], step.output_file)
            digest = pages[0].sha256
        case "csv":
            digest = _write_joined(step.output_file, pages)
        case form:
            digest = _write_packed(step.output_file, pages, ENCODERS[form or ""])
    return ev.OutputWritten(step.id, step.output or "", rows, digest)


def _check_page(page: _Page) -> None:
    try:
        size = page.path.stat().st_size
    except OSError as error:
        _damaged(page, error.strerror or "it cannot be read")
    if size != page.size:
        _damaged(page, f"{size:,} of {page.size:,} bytes")


def _damaged(page: _Page, what: str) -> None:
    raise LocalError(
        f"a page on record is not as it was written: {what}", code="LP0335", where=str(page.path),
        hint="restore the file, or start a new run",
    )  # fmt: skip


def _zst() -> Any:
    from loadplan.run.zst import compressor

    return compressor()


ENCODERS: dict[str, Callable[[], Any]] = {"csv.gz": gunzip.compressor, "csv.zst": _zst}


def _write_packed(to: Path, pages: Sequence[_Page], encoder: Callable[[], Any]) -> str:
    encode, digest = encoder(), hashlib.sha256()
    with open_atomic(to) as file, Behind(file.write) as behind:
        for piece in _pieces(pages):
            for block in [piece] if isinstance(piece, bytes) else piece.blocks():
                data = encode.compress(block)
                digest.update(data)
                behind.put(data)
        data = encode.flush()
        digest.update(data)
        behind.put(data)
    return digest.hexdigest()


def _write_joined(to: Path, pages: Sequence[_Page]) -> str:
    with open_atomic(to) as file, Joined(file) as joined:
        for piece in _pieces(pages):
            if isinstance(piece, bytes):
                joined.write(piece)
            elif not joined.copy(piece.file, piece.at, piece.end):
                _damaged(piece.page, "it ended while it was read")
    return joined.sha256


@dataclass(frozen=True)
class _Records:
    """Bytes of a page, open at the moment."""

    page: _Page
    file: BinaryIO
    at: int
    end: int

    def blocks(self) -> Iterator[bytes]:
        self.file.seek(self.at)
        at = self.at
        while at < self.end and (block := self.file.read(min(BLOCK, self.end - at))):
            at += len(block)
            yield block
        if at < self.end:
            _damaged(self.page, "it ended while it was read")


def _pieces(pages: Sequence[_Page]) -> Iterator[bytes | _Records]:
    """The pages as one CSV: the header once, each record ended by a newline, no blank lines."""
    newline = b""
    for page in pages:
        with page.path.open("rb", buffering=0) as file:
            header = read_header(file)
            if not newline:
                newline = b"\r\n" if header.endswith(b"\r\n") else b"\n"
                if header:
                    yield header.rstrip(b"\r\n") + newline
            at, end = len(header), _end_of_records(file, page.size)
            if os.fstat(file.fileno()).st_size != page.size:
                # The end of what is left of it would pass for the end of its records.
                _damaged(page, "it changed while it was read")
            if at < end:
                yield _Records(page, cast(BinaryIO, file), at, end)
                # The last record of a page may come without its newline, and with blank lines after it.
                yield newline


def read_header(file: io.RawIOBase | BinaryIO) -> bytes:
    """The first record of a file of pages, with its line end. Leaves the file somewhere behind it."""
    file.seek(0)
    text = file.read(1 << 16) or b""
    while (end := first_record_end(text)) == len(text) < EDGE and (more := file.read(1 << 16)):
        text += more
    return text[:end]


def _end_of_records(file: io.RawIOBase, size: int) -> int:
    """Where the last record ends, without its newline."""
    while size:
        start = max(0, size - (1 << 16))
        file.seek(start)
        tail = file.read(size - start) or b""
        text = tail.rstrip(b"\r\n")
        if text or not start:
            return start + len(text)
        size = start
    return 0


def _copy_page(page: _Page, to: Path) -> None:
    """The file as it is. The kernel copies it where it can; nothing is hashed again, the page is on record with its digest.

    Never a hard link: whoever edits the output in place would edit the run's own page."""
    with open_atomic(to) as file, page.path.open("rb") as source:
        copied = copied_by_kernel(source, file, 0, page.size)
        source.seek(copied)
        shutil.copyfileobj(source, file, 1 << 20)
        file.flush()
        if os.fstat(file.fileno()).st_size != page.size:
            _damaged(page, "it changed while it was copied")


def _is_tidy(page: _Page) -> bool:
    """Whether the last record is followed by one line end at most."""
    with page.path.open("rb", buffering=0) as file:
        end = _end_of_records(file, page.size)
        file.seek(end)
        return page.size - end <= 2 and (file.read(2) or b"") in {b"", b"\n", b"\r\n"}


def _write_parquet(step: Step, pages: Sequence[_Page], rows: int, made: Path) -> str:
    from loadplan.run.parquet import write_parquet

    assert step.output_file is not None
    with pages[0].path.open("rb") as file:
        header = read_header(file).decode("utf-8", "replace")
    columns = next(csv.reader(io.StringIO(header, newline="")), [])
    if not columns:
        raise LocalError(
            f"the org sent no header for `{step.id}`, so that a Parquet file would have no columns", code="LP0613",
            where=str(pages[0].path), hint="choose an output with the ending .csv",
        )  # fmt: skip
    tidy = made.with_suffix(".csv")
    try:
        make_private(made.parent)
        files = [p.path for p in pages]
        if not all(_is_tidy(p) for p in pages):
            # In a file of one column DuckDB takes blank lines at the end for rows.
            _write_joined(tidy, pages)
            files = [tidy]
        written = write_parquet(files, columns, made)
        if written != rows:
            raise LocalError(
                f"the Parquet file holds {written:,} rows, the pages hold {rows:,}", code="LP0613", where=str(made),
                hint="nothing was put in its place; choose an output with the ending .csv",
            )  # fmt: skip
        digest = hashlib.sha256()
        with open_atomic(step.output_file) as file, made.open("rb") as source:
            while block := source.read(1 << 20):
                digest.update(block)
                file.write(block)
        return digest.hexdigest()
    finally:
        disk().unlink(made)
        disk().unlink(tidy)
        disk().remove_tree(made.with_name(made.name + ".spill"))


def _write_folder(step: Step, pages: Sequence[_Page]) -> str:
    """A new folder takes the place of the old one, so that pages of two runs never lie side by side."""
    target = step.output_file
    assert target is not None
    new, old = target.with_name(f".{target.name}.new"), target.with_name(f".{target.name}.old")
    lines = []
    try:
        problem = _strangers(target)
        if problem:
            raise LocalError(
                f"`{step.output}` {problem}", code="LP0611", where=str(target),
                hint="move them away, then go on; the run has all pages",
            )  # fmt: skip
        for left in (new, old):
            disk().remove_tree(left)
        make_private(new)
        for number, page in enumerate(pages, 1):
            _copy_page(page, new / f"{number:05d}.csv")
            lines.append(f"{page.sha256}  {number:05d}.csv\n")
        if target.exists():
            disk().rename(target, old)
        disk().rename(new, target)
        sync_dir(target.parent)
    except OSError as error:
        raise LocalError(
            f"cannot put the folder in its place: {error.strerror}", code="LP0601", where=str(target),
            hint="make the folder above it writable, then go on",
        ) from error  # fmt: skip
    finally:
        if old.exists() and not target.exists():
            disk().rename(old, target)
        for left in (new, old):
            disk().remove_tree(left)
    return hashlib.sha256("".join(lines).encode()).hexdigest()
