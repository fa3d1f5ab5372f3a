"""Even lines: whole records out of blocks of bytes, those of the plainest kind told from all others a block at a time.

A record is even when each of its cells stands bare, without a quote, or when each stands in quotes and holds none: then
there is one reading of it only, and nobody has to look at its cells one by one. Nearly all records of nearly all files are.

Two ways, one truth: here with what bytes can do by themselves; with numpy, where it is installed, in `evenarrays`. They may
differ in which records they call even, never in what a record is. For records that are not even, quotes are counted as RFC
4180 says; whoever takes them has to look closer. Nothing is decoded or judged here.
"""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from dataclasses import field
from itertools import accumulate

from loadplan.lean import dataclass
from loadplan.sources.keys import Keys
from loadplan.sources.rawrecords import LONGEST, TooLongError

_QUOTE, _CR = b'"\r'
_EVEN = b"\1"
_OTHERS = re.compile(rb"[^\1]+")
MUCH = 8 << 20
"""Bytes of a text from which on it pays to load numpy."""


@dataclass(frozen=True)
class Batch:
    """Some records: `count` in all, `others` (without their line ends) those that are not even, `longest` the bytes of the
    longest one. This one has none."""

    count: int = 0
    others: list[bytes] = field(default_factory=list)
    longest: int = 0

    def values(self, at: int) -> list[bytes]:
        """The values of cell `at` of the even records, in no promised order."""
        return []

    def keys(self, at: int) -> Keys:
        """The same as keys, of which only hashes are asked for."""
        return Keys(self.values(at))

    def contents(self, skip: int) -> list[bytes]:
        """The names (`names.content`) of the even records by all their cells but the first `skip`, in no promised order."""
        return []

    def content_keys(self, skip: int) -> Keys:
        """The same names, of which only hashes are asked for."""
        return Keys(self.contents(skip))

    def ends(self) -> list[int]:
        """The offset behind each record, in order."""
        return []


class Lines(ABC):
    """Feed it blocks; it gives the records that have ended. `width` is how many cells an even record has; `crlf` that
    records end in CRLF, which then belongs to no cell. `ends_open` says that the text ended inside quotes."""

    has_places = False

    def __init__(self, delimiter: bytes, width: int, *, crlf: bool = False) -> None:
        self.delimiter = delimiter
        self.width = width
        self.crlf = crlf
        self.between = b'"' + delimiter + b'"'
        self.ends_open = False
        self._carry = self._text = b""
        self._taken = 0

    @property
    def taken(self) -> bytes:
        """The bytes in which the last batch stood, line ends included."""
        return self._text[: self._taken]

    def feed(self, block: bytes) -> Batch:
        """The records that end in this block. Raises TooLongError when one goes on for `LONGEST` bytes."""
        text = self._carry + block if self._carry else block
        batch, size = self._sort(text)
        self._text, self._taken, self._carry = text, size, text[size:]
        if len(self._carry) > LONGEST:
            raise TooLongError
        return batch

    def end(self) -> Batch:
        """The record after the last newline, or nothing."""
        last = self._text = self._carry
        self._taken, self._carry = len(last), b""
        if not last:
            return Batch()
        batch, size = self._sort(last + (b"\r\n" if self.crlf and not last.endswith(b"\r") else b"\n"))
        self.ends_open = size < len(last)
        return batch

    def again(self, text: bytes) -> Batch:
        """The same for a piece of `taken` that holds whole records."""
        return self._sort(text)[0]

    @abstractmethod
    def _sort(self, text: bytes) -> tuple[Batch, int]:
        """The whole records of `text`, which begins with one, and how many bytes they take."""


def lines_of(delimiter: bytes, width: int, *, size: int, crlf: bool = False) -> Lines:
    """The quicker of both ways for a text of about `size` bytes."""
    if size >= MUCH:
        try:
            from loadplan.sources.evenarrays import ArrayLines
        except ImportError:
            return EvenLines(delimiter, width, crlf=crlf)
        return ArrayLines(delimiter, width, crlf=crlf)
    return EvenLines(delimiter, width, crlf=crlf)


class EvenLines(Lines):
    """Of a block only delimiters, quotes and newlines are kept; even records leave the same marks each, so that all of them
    are found by replacing these marks with one byte. What remains is where the others stand."""

    def __init__(self, delimiter: bytes, width: int, *, crlf: bool = False) -> None:
        super().__init__(delimiter, width, crlf=crlf)
        keep = delimiter + b'"\n'
        self._drop = bytes(i for i in range(256) if i not in keep)
        self._bare = delimiter * (width - 1) + b"\n"
        self._full = (b'""' + delimiter) * (width - 1) + b'""\n'
        self._quoted = False

    def _sort(self, text: bytes) -> tuple[Batch, int]:
        lines = text.split(b"\n")
        rest = len(lines.pop())
        if not lines:
            return Batch(), 0
        self._look_at(lines[-1])
        marks = text.translate(None, self._drop)
        left = marks[: marks.rfind(b"\n") + 1].replace(self._full if self._quoted else self._bare, _EVEN)
        if left.count(_EVEN) == len(left) == len(lines):
            runs, opened = [(True, lines)], list[bytes]()
        else:
            runs, opened = _walk(lines, left)
        size = len(text) - rest - sum(map(len, opened)) - len(opened)
        if not self._is_proven(runs, text[:size]):
            runs = _walk(lines, marks)[0]
        return self._batch(runs), size

    def _look_at(self, line: bytes) -> None:
        """Which kind of even records to look for. A wrong guess costs time and nothing else."""
        quotes = line.count(b'"')
        if not quotes or quotes == 2 * self.width:
            self._quoted = bool(quotes)

    def _is_proven(self, runs: list[_Run], text: bytes) -> bool:
        """Whether the even records are what their marks promise: every quote at the edge of a cell, around each delimiter and
        first and last; a CR at each line's end or nowhere in a bare cell."""
        last = _CR if self.crlf else _QUOTE
        between = 0
        for even, records in runs:
            if not even:
                between -= sum([record.count(self.between) for record in records])
            elif self._quoted:
                between -= len(records) * (self.width - 1)
                if [1 for r in records if r[0] != _QUOTE or r[-1] != last]:
                    return False
                if self.crlf and [1 for r in records if r[-2:] != b'"\r']:
                    return False
            elif (self.width == 1 and (b"" in records or b"\r" in records)) or (
                self.crlf and [1 for r in records if r[-1:] != b"\r" or r.count(b"\r") != 1]
            ):
                return False
        if not self._quoted:
            return self.crlf or b"\r" not in text
        return text.count(self.between) + between == 0

    def _batch(self, runs: list[_Run]) -> Batch:
        even = runs[0][1] if len(runs) == 1 and runs[0][0] else [r for is_even, rs in runs if is_even for r in rs]
        others = [r for is_even, rs in runs if not is_even for r in rs]
        longest = max([max(map(len, records)) for _, records in runs], default=0)
        if self.crlf:
            even, others = [r[:-1] for r in even], [r.removesuffix(b"\r") for r in others]
        return _TextBatch(
            len(even) + len(others), others, longest, lines=self, quoted=self._quoted, even=even, runs=runs
        )


_Run = tuple[bool, list[bytes]]
"""Records that follow one another: whether they look even, and they themselves without LF."""


@dataclass(frozen=True)
class _TextBatch(Batch):
    lines: Lines = field(kw_only=True)
    quoted: bool = field(kw_only=True)
    even: list[bytes] = field(kw_only=True)
    runs: list[_Run] = field(kw_only=True)

    def values(self, at: int) -> list[bytes]:
        last, records = self.lines.width - 1, self.even
        between = self.lines.between if self.quoted else self.lines.delimiter
        if not last:
            return [r[1:-1] for r in records] if self.quoted else records
        if at == 0:
            first = 1 if self.quoted else 0
            return [r.partition(between)[0][first:] for r in records]
        if at == last:
            return [r.rpartition(between)[2][: -1 if self.quoted else None] for r in records]
        return [r.split(between, at + 1)[at] for r in records]

    def contents(self, skip: int) -> list[bytes]:
        between = self.lines.between if self.quoted else self.lines.delimiter
        records = [r[1:-1] for r in self.even] if self.quoted else self.even
        if skip:
            records = [r.split(between, skip)[skip] for r in records]
        return [r.replace(between, b"\0") for r in records]

    def ends(self) -> list[int]:
        return list(accumulate(len(record) + 1 for _, records in self.runs for record in records))


def _walk(lines: list[bytes], left: bytes) -> tuple[list[_Run], list[bytes]]:
    """Runs of records, and the lines of the one that is still open. `left` has one byte for what looks like an even record,
    and the marks of all that does not."""
    runs: list[_Run] = []
    others: list[bytes] = []
    at = place = 0
    inside = began = False  # a quote is open; the marks before were the beginning of the record that comes

    def take(many: int) -> None:
        """`many` lines that look even: so they are, unless they belong to a record that is open."""
        nonlocal at
        first = at + many if inside else at + (began and many > 0)
        others.extend(lines[at:first])
        if first < at + many:
            if others:
                runs.append((False, _joined(others)[0]))
                others.clear()
            runs.append((True, lines[first : at + many]))
        at += many

    for match in _OTHERS.finditer(left):
        take(match.start() - place)
        marks = match.group()
        ends = marks.count(b"\n")
        others += lines[at : at + ends]
        at += ends
        inside ^= bool(marks.count(b'"') & 1)
        began = marks[-1:] != b"\n"
        place = match.end()
    take(len(left) - place)
    records, opened = _joined(others)
    if records:
        runs.append((False, records))
    return runs, opened


def _joined(lines: list[bytes]) -> tuple[list[bytes], list[bytes]]:
    """Lines joined where a quote is open over their end, and those of a record that is open at the last end."""
    out: list[bytes] = []
    opened: list[bytes] = []
    for line in lines:
        odd = line.count(b'"') & 1
        if opened:
            opened.append(line)
            if odd:
                out.append(b"\n".join(opened))
                opened = []
        elif odd:
            opened = [line]
        else:
            out.append(line)
    return out, opened
