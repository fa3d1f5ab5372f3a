"""Bring a CSV answer to disk and prove that it is whole. Truncation is never taken for an end.

requests accepts a gzip body that was cut inside a complete message, and a plain body that ends with the connection. So the
raw bytes are read, gunzipped here up to the end-of-stream marker, and the text must end on a record boundary: outside
quotes, and with as many cells in an unterminated last record as the header has. Memory stays flat whatever the size.
"""

from __future__ import annotations

import csv
import hashlib
import io
import os
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

from loadplan.behind import Behind
from loadplan.durable import open_atomic
from loadplan.gunzip import Gunzip, GzipError
from loadplan.memory import keep_blocks
from loadplan.plan.model import DELIMITERS
from loadplan.salesforce.faults import clean, digits
from loadplan.salesforce.http import broken_link
from loadplan.salesforce.port import Reader, Received, Tap, Truncated, Unavailable
from loadplan.salesforce.reasons import reason

if TYPE_CHECKING:
    import requests

BLOCK = 1 << 18
"""Bytes that are read, hashed, counted and written at once: small enough to stay in a processor's cache."""
MAX_PLAIN = 4 << 30
"""Bytes of one result file: a job's data is at most 100 MB and a page of results 1 GB, so this is a bomb."""
EDGE = 2 << 20
"""Bytes kept of the header and of the record that is being read: a record has at most 400,000 characters."""
HELD = 4 << 20
"""Bytes of an answer that are received before they are worked on, where somebody waits for the last of them."""


class Counter:
    """Counts the records of a CSV stream without parsing it: newlines outside quotes. Keeps the header's bytes and those of
    the last record, and nothing in between."""

    _KEEP = bytes(i for i in range(256) if i not in b'\n"')

    def __init__(self) -> None:
        self._newlines = 0
        self._open = 0
        self._trailing = 0
        self._ends_with_newline = True
        self._since: list[bytes] = []
        self._kept = 0
        self._header: bytes | None = None
        self._run = b""
        # What is left of even records that follow one another, and how many bytes of it the open record has. Taken only where that
        # says the same of the open quote.
        self._even = b""
        self._phase = 0

    def feed(self, block: bytes) -> None:
        if not block:
            return
        ends = self._ends_in(block)
        if self._header is None:
            self._find_header(block, ends)
        self._newlines += ends
        if ends:
            self._since, self._kept = [block], 0
        elif self._kept <= EDGE:
            self._since.append(block)
            self._kept += len(block)
        self._ends_with_newline = block.endswith(b"\n")
        if block[-1:] not in b"\r\n":
            self._trailing = 0
        elif text := block.rstrip(b"\r\n"):
            self._trailing = block.count(b"\n", len(text))
        else:
            self._trailing += block.count(b"\n")

    def _ends_in(self, block: bytes) -> int:
        """How many records end in the block."""
        # Only newlines and quotes are left. Nearly always they are those of whole records, one like the other, of which the first
        # has begun earlier: then one comparison tells how many end.
        marks = block.translate(None, self._KEEP)
        if self._even and self._phase & 1 == self._open:
            end = self._phase + len(marks)
            if marks == self._even[self._phase : end]:
                ends, self._phase = divmod(end, len(self._run) + 1)
                self._open = self._phase & 1
                return ends
        last = marks.rfind(b"\n")
        self._phase = (len(marks) - last - 1 if last >= 0 else self._phase + len(marks)) % (len(self._run) + 1)
        return self._counted(marks)

    def _counted(self, marks: bytes) -> int:
        """The same for any marks."""
        # Quotes go in pairs, which changes the state of no newline: first as many as the header has (what a quoted record has too,
        # unless a cell holds a quote), then two by two. Almost nothing is left to split.
        if self._run:
            marks = marks.replace(self._run, b"")
        marks = marks.replace(b'""', b"")
        if b'"' in marks:
            pieces = marks.split(b'"')
            ends = sum(map(len, pieces[self._open :: 2]))
            self._open = (self._open + len(pieces) - 1) & 1
        else:
            ends = 0 if self._open else len(marks)
        return ends

    def _find_header(self, block: bytes, ends: int) -> None:
        """Called until the first record end was seen; the blocks before it are all in `_since`."""
        if not ends and self._kept <= EDGE:
            return
        text = b"".join([*self._since, block])[: 2 * EDGE]
        self._header = text[: first_record_end(text)]
        self._run = b'"' * (self._header.count(b'"') // 2 * 2)
        self._even = (self._run + b"\n") * (BLOCK // (len(self._run) + 1) + 2)

    @property
    def header(self) -> bytes:
        """The first record as it was sent, with its line end if it has one."""
        return self._header if self._header is not None else b"".join(self._since)

    @property
    def ends_inside_quotes(self) -> bool:
        return bool(self._open)

    @property
    def ends_with_newline(self) -> bool:
        return self._ends_with_newline

    @property
    def total(self) -> int:
        """Records with the header: the last one counts without its newline, blank lines at the end do not."""
        return self._newlines - max(0, self._trailing - 1) + (0 if self.ends_with_newline else 1)

    def last_record(self) -> bytes:
        """The text after the last newline outside quotes, or its first `EDGE` bytes and a little more. Only for a stream that
        ends outside quotes."""
        text = b"".join(self._since)
        pieces = text.split(b'"')
        for i in range(len(pieces) - 1, -1, -2):
            at = pieces[i].rfind(b"\n")
            if at >= 0:
                return b'"'.join([pieces[i][at + 1 :], *pieces[i + 1 :]])
        return text


def first_record_end(text: bytes) -> int:
    """Where the first record of `text` ends, its newline included: a quoted name may hold a newline. The length of `text`
    when it holds no end."""
    at = quotes = 0
    while (found := text.find(b"\n", at)) >= 0:
        quotes += text.count(b'"', at, found)
        at = found + 1
        if quotes % 2 == 0:
            return at
    return len(text)


def save(
    name: str,
    answer: requests.Response,
    to: Path,
    *,
    delimiter: str = "COMMA",
    rows: int | None = None,
    most: int = MAX_PLAIN,
    tap: Tap | None = None,
    reader: Reader | None = None,
    received: Callable[[], None] | None = None,
) -> Received:
    """Stream `answer` to `to`, durable. `rows` is how many data records the answer's header promises, if it does.
    `delimiter` is the job's (`COMMA`).
    `tap` sees every block of plain bytes; so does `reader`, who counts the records where he is sure of them.
    `received` is called when the last byte has come, which may be well before the end. Raises `Truncated` or
    `Unavailable`; then nothing is left at `to`."""
    keep_blocks()
    digest, size = hashlib.sha256(), 0
    counter = Counter() if reader is None else None
    count = counter.feed if counter is not None else reader.feed  # type: ignore[union-attr]
    try:
        with open_atomic(to) as file:

            def keep(block: bytes) -> None:
                digest.update(block)
                count(block)
                if tap is not None:
                    tap(block)
                file.write(block)

            with Behind(keep) as behind:
                for block in _plain(name, answer, received):
                    size += len(block)
                    if size > most:
                        raise Unavailable(name, f"the answer is larger than {most:,} bytes; it was not stored")
                    behind.put(block)
            counted = reader.counted() if reader is not None else None
            if counted is None:
                counter = counter or _counter_of(file)
                _check_end(name, counter, DELIMITERS[delimiter])
                counted = counter.total, counter.header
            found = max(0, counted[0] - 1)
            if rows is not None and rows != found:
                raise Truncated(name, f"the answer holds {found:,} rows, its header says {rows:,}")
    except broken_link() as error:
        raise Truncated(name, reason(error)) from None
    finally:
        answer.close()
    return Received(to, found, size, digest.hexdigest(), answer.status_code, counted[1])


def _counter_of(file: BinaryIO) -> Counter:
    """Of what was written so far."""
    file.flush()
    counter, at = Counter(), 0
    while block := os.pread(file.fileno(), BLOCK, at):
        counter.feed(block)
        at += len(block)
    return counter


def _check_end(name: str, counter: Counter, delimiter: str) -> None:
    if counter.ends_inside_quotes:
        raise Truncated(name, "the CSV ends inside a quoted cell")
    if counter.ends_with_newline or counter.total < 2:
        return
    # A last record without its newline is legal, and looks like one that was cut between two cells.
    header, last = _cells(counter.header, delimiter), _cells(counter.last_record(), delimiter)
    if header != last:
        raise Truncated(name, f"the CSV ends in the middle of a record: {last} of {header} cells")


def _cells(text: bytes, delimiter: str) -> int:
    """How many cells the first record of `text` has."""
    csv.field_size_limit(max(csv.field_size_limit(), EDGE))
    lines = io.StringIO(text.decode("utf-8", "replace"), newline="")
    return len(next(csv.reader(lines, delimiter=delimiter), []))


def _plain(name: str, answer: requests.Response, received: Callable[[], None] | None) -> Iterator[bytes]:
    """Blocks of the decompressed body. Raises unless the end of the body, and of its gzip stream, is proven."""
    if answer.status_code == 204:
        if received is not None:
            received()
        return
    if answer.status_code != 200:
        raise Unavailable(name, f"{answer.status_code} is no answer to a download", status=answer.status_code)
    kind = answer.headers.get("Content-Type", "text/csv").partition(";")[0].strip().lower()
    if "csv" not in kind and kind not in {"application/octet-stream", ""}:
        raise Unavailable(name, f"the answer is {clean(kind, 60)}, not CSV", status=answer.status_code)
    encoding = answer.headers.get("Content-Encoding", "identity").lower()
    if encoding not in {"identity", "", "gzip"}:
        raise Unavailable(name, f"the answer uses Content-Encoding {clean(encoding, 60)}, which was not asked for")
    length = digits(answer.headers.get("Content-Length"))
    if length is None and "chunked" not in answer.headers.get("Transfer-Encoding", "").lower():
        raise Truncated(name, "the answer has neither a length nor chunks, so its end cannot be proven")
    raw = _raw(name, answer, length)
    if received is not None:
        raw = _held(raw, received)
    yield from _gunzip(name, raw) if encoding == "gzip" else raw


def _raw(name: str, answer: requests.Response, length: int | None) -> Iterator[bytes]:
    """The bytes of the body as they were sent."""
    stream: Any = answer.raw
    received = 0
    while block := stream.read(BLOCK, decode_content=False):
        received += len(block)
        yield block
    if length is not None and received != length:
        raise Truncated(name, f"{received:,} of {length:,} bytes arrived")


def _held(raw: Iterator[bytes], received: Callable[[], None]) -> Iterator[bytes]:
    """The same blocks, received up to `HELD` bytes before they are handed on."""
    held: deque[bytes] = deque()
    size = 0
    for block in raw:
        held.append(block)
        size += len(block)
        while size > HELD:
            size -= len(held[0])
            yield held.popleft()
    received()
    while held:
        yield held.popleft()


def _gunzip(name: str, raw: Iterator[bytes]) -> Iterator[bytes]:
    """The gzip stream, from its first byte to the end mark of its last member, with nothing after it."""
    unzip = Gunzip()
    try:
        for block in raw:
            yield from unzip.feed(block)
        yield from unzip.finish()
    except GzipError as error:
        raise Truncated(name, str(error)) from None
