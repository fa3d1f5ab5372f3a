"""The sink: takes rows as fast as they come and answers as if all were saved, to measure clients rather than the org.

The same wire protocol and the same shape of files as the org; no validation, no records, no ledger. Results echo every
uploaded row with an id of its own; queries answer synthetic rows.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from math import inf
from pathlib import Path

from .csvfile import DELIMITERS, ENDINGS, header_text
from .jobfiles import JobFiles
from .jobs import Job
from .settings import Settings
from .sinkrows import Synthetic
from .store import Store
from .streams import Body, FileBody, MadeBody, gzip_in_parallel
from .wire import id18

_BLOCK = 1 << 18
_QUERY = re.compile(r"\s*SELECT\s+(?P<fields>[\w\s,.]+?)\s+FROM\s+(?P<object>\w+)(?:\s.*?)??(?:\sLIMIT\s+(?P<limit>[0-9]{1,9}))?\s*",
                    re.IGNORECASE | re.DOTALL)  # fmt: skip
_PREFIX = "a0S"
_ROWS = 1_000
_PACKERS = 2
_GLANCE = 0.005


class Sink:
    """Counts uploads and makes result files. Results are prepared, by default as gzip, while a job is in progress; in any
    other form they are made while they are sent."""

    def __init__(self, store: Store, files: JobFiles, settings: Settings, folder: Path) -> None:
        self._store, self._files, self._settings = store, files, settings
        self._cache = folder / "cache"
        self._pool: ThreadPoolExecutor | None = None
        self._packers: ThreadPoolExecutor | None = None
        self._prepared: dict[str, Future[None]] = {}

    def work_in_background(self) -> None:
        """Prepare result files on threads instead of inside a request, one job after the other as they were closed."""
        self._pool = ThreadPoolExecutor(1, "sink")
        self._packers = ThreadPoolExecutor(_PACKERS, "pack")

    def close(self) -> None:
        """Wait for what is being prepared."""
        for pool in (self._pool, self._packers):
            if pool is not None:
                pool.shutdown(wait=True, cancel_futures=True)

    # ingest

    def advance(self, job: Job, now: float) -> float:
        """Bring a running ingest job to `now`. Answers when it wants to be looked at again."""
        begins = job.closed + self._settings.latency
        if job.state == "UploadComplete":
            if now < begins:
                return begins
            job.state, job.started, job.modified = "InProgress", begins, begins
        if not job.evaluated:
            job.total = max(0, count_records(self._files.upload(job)) - 1)
            first = self._store.next("sink", count=max(1, job.total))
            job.made, job.evaluated = [[first, first + job.total - 1]], True
        rate = self._settings.rows_per_second
        job.done = job.total if rate == inf else min(job.total, int((now - job.started) * rate + 1e-6))
        waiting = self._prepare(job)
        if job.done < job.total:
            return max(now, job.started + job.total / rate)
        if not waiting.done():
            return now + _GLANCE
        self._prepared.pop(job.id, None)
        waiting.result()
        job.end("JobComplete", now)
        return inf

    def _prepare(self, job: Job) -> Future[None]:
        if job.id not in self._prepared:
            if self._pool is None:
                self._write(job)
                self._prepared[job.id] = done = Future[None]()
                done.set_result(None)
            else:
                self._prepared[job.id] = self._pool.submit(self._write, job)
        return self._prepared[job.id]

    def _write(self, job: Job) -> None:
        blocks = self._blocks(job)
        target = self._files.good(job)
        if self._settings.sink_prepares == "gzip" and self._packers is not None:
            blocks, target = gzip_in_parallel(blocks, self._packers), self._packed(job)
        part = target.with_suffix(".part")
        with part.open("wb") as file:
            file.writelines(blocks)
        part.replace(target)

    def _packed(self, job: Job) -> Path:
        return self._files.folder(job) / "successful.csv.gz"

    def results(self, job: Job, which: str, *, gzip: bool) -> Body | None:
        """The body of a result file, header and all; None when it has no rows."""
        if which != "successfulresults" or not job.total:
            return None
        packed = self._packed(job)
        if gzip and packed.exists():
            return FileBody.of(packed, [(0, packed.stat().st_size)], encoding="gzip")
        plain = self._files.good(job)
        if plain.exists():
            return FileBody.of(plain, [(0, plain.stat().st_size)])
        return MadeBody(lambda: self._blocks(job))

    def _blocks(self, job: Job) -> Iterator[bytes]:
        delimiter, ending = DELIMITERS[job.delimiter], ENDINGS[job.line_ending]
        path = self._files.upload(job)
        header = delimiter.join(['"sf__Id"', '"sf__Created"', header_text(path)]) + ending
        yield header.encode()
        yield from echoed(path, delimiter.encode(), ending.encode(), job.made[0][0])

    # queries

    def columns(self, query: str) -> tuple[list[str], str]:
        """(columns, object) of a query; anything with SELECT and FROM will do."""
        match = _QUERY.fullmatch(query)
        if match is None:
            return ["Id"], "Sink__c"
        return [name.strip() for name in match["fields"].split(",")], match["object"]

    def rows_of(self, query: str) -> int:
        """How many rows a query answers: its LIMIT."""
        match = _QUERY.fullmatch(query)
        return int(match["limit"]) if match and match["limit"] else _ROWS

    def page(self, job: Job, start: int, stop: int, header: bytes, *, gzip: bool) -> Body:
        """Synthetic rows. Gzip pages are kept: the same page of any job is made once."""
        rows = Synthetic(job.columns, DELIMITERS[job.delimiter], ENDINGS[job.line_ending])
        plain = MadeBody(lambda: rows.blocks(header, start, stop))
        if not gzip or self._packers is None:
            return plain
        kept = self._cache / f"{rows.digest}-{start}-{stop}.gz"
        if kept.exists():
            return FileBody.of(kept, [(0, kept.stat().st_size)], encoding="gzip")
        self._cache.mkdir(exist_ok=True)
        return _Kept(kept, plain, self._packers)


class _Kept:
    """A gzip body that is written to a file while it is sent."""

    encoding = "gzip"

    def __init__(self, path: Path, plain: Body, pool: ThreadPoolExecutor) -> None:
        self._path, self._plain, self._pool = path, plain, pool

    def length(self) -> None:
        return None

    def blocks(self) -> Iterator[bytes]:
        part = self._path.with_suffix(f".{id(self)}")
        with part.open("wb") as file:
            for block in gzip_in_parallel(self._plain.blocks(), self._pool):
                file.write(block)
                yield block
        part.replace(self._path)

    def close(self) -> None:
        """Remove what was not finished."""
        self._path.with_suffix(f".{id(self)}").unlink(missing_ok=True)


def count_records(path: Path) -> int:
    """Records of a file with the header: lines outside quotes that are not blank."""
    count, inside, last = 0, 0, b"\n"
    with path.open("rb") as file:
        while block := file.read(_BLOCK):
            outside = block
            if inside or b'"' in block:
                pieces = block.split(b'"')
                outside = b'"'.join(pieces[inside::2])
                if inside or pieces[0] == b"":
                    outside = b'"' + outside
                inside = (inside + len(pieces) - 1) & 1
            count += outside.count(b"\n")
            text = last + outside
            if b"\n\n" in text or b"\n\r\n" in text:
                count -= sum(1 for line in text.split(b"\n")[1:-1] if line in (b"", b"\r"))
            last = b'"' if inside else block[-2:] if block.endswith(b"\r") else block[-1:]
    return count + (last != b"\n")


def echoed(path: Path, delimiter: bytes, ending: bytes, first: int) -> Iterator[bytes]:
    """The data rows of an upload as successful results: an id, `true`, and every cell quoted."""
    quoted = b'"' + delimiter + b'"'
    stem = id18(f"{_PREFIX}Em{0:010d}")
    tail = quoted + b"true" + quoted
    lows = [b"%04d" % low + stem[15:].encode() + tail for low in range(10_000)]
    number = first
    for lines in _plain_lines(path, delimiter, ending):
        cells = [b""] * (2 * len(lines))
        cells[1::2] = lines
        starts: list[bytes] = []
        while len(starts) < len(lines):
            high, low = divmod(number, 10_000)
            wanted = lows[low : low + len(lines) - len(starts)]
            before = b'"' + ending + b'"' + stem[:5].encode() + b"%06d" % high
            starts += [before + text for text in wanted]
            number += len(wanted)
        cells[0::2] = starts
        yield b"".join(cells)[1 + len(ending) :] + b'"' + ending


def _plain_lines(path: Path, delimiter: bytes, ending: bytes) -> Iterator[list[bytes]]:
    """The inside of every data row between its first and its last quote, cells already quoted, some hundred at a time."""
    quoted = b'"' + delimiter + b'"'
    with path.open("rb") as file:
        rest = b""
        header = True
        while True:
            block = file.read(_BLOCK)
            text = rest + block
            cut = _last_record_end(text) if block else len(text)
            text, rest = text[:cut], text[cut:]
            if header and text:
                text, header = text[_first_record_end(text) :], False
            text = text.removesuffix(b"\n")
            if text:
                if b'"' in text:
                    yield _requoted(text, delimiter)
                else:
                    if ending == b"\r\n":
                        text = text.replace(b"\r\n", b"\n").removesuffix(b"\r")
                    lines = text.replace(delimiter, quoted).split(b"\n")
                    yield lines if all(lines) else [line for line in lines if line]
            if not block:
                return


def _first_record_end(text: bytes) -> int:
    place = text.find(b"\n") + 1
    while place and text.count(b'"', 0, place) % 2:
        place = text.find(b"\n", place) + 1
    return place or len(text)


def _last_record_end(text: bytes) -> int:
    place = text.rfind(b"\n") + 1
    while place and text.count(b'"', 0, place) % 2:
        place = text.rfind(b"\n", 0, place - 1) + 1
    return place


def _requoted(text: bytes, delimiter: bytes) -> list[bytes]:
    quoted = b'"' + delimiter + b'"'
    lines: list[bytes] = []
    record = b""
    for line in text.split(b"\n"):
        if not record and b'"' not in line:
            plain = line.removesuffix(b"\r")
            if plain:
                lines.append(plain.replace(delimiter, quoted))
            continue
        record = record + b"\n" + line if record else line
        quotes = record.count(b'"')
        if quotes % 2:
            continue
        record = record.removesuffix(b"\r")
        if quotes == 2 * record.count(quoted) + 2 and record[:1] == record[-1:] == b'"' and b'""' not in record:
            lines.append(record[1:-1])
        else:
            cells = next(csv.reader([record.decode("utf-8", "replace")], delimiter=delimiter.decode()))
            lines.append(f'"{delimiter.decode()}"'.join(cell.replace('"', '""') for cell in cells).encode())
        record = b""
    return lines
