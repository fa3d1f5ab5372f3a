"""Records: text blocks in, cells out, for delimited files. Exact: no trimming, no type, no guess.

Decisions
- A record ends at LF or CRLF outside quotes; both may occur in one file. A quote opens a cell only as its first
  character, is doubled inside, and is followed by the delimiter or the end of the record; any other quote is a fault.
- A bare CR is data, inside quotes and outside. A NUL is a fault.
- Blank lines at the end are tolerated; a blank line before another record is a fault, also in a file of one column
  (an empty value there is written `""`).
- Limits are Salesforce's (Bulk API 2.0 Developer Guide, "Limits": 131,072 characters a field, 400,000 a record).
  They also bound the memory a quote that is never closed can take.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

from loadplan.lean import dataclass
from loadplan.sources.problems import RecordFaultError


@dataclass(frozen=True)
class Limits:
    """Characters. None is "no limit". `nul` says whether U+0000 passes."""

    field: int | None = 131_072
    record: int | None = 400_000
    nul: bool = False


SALESFORCE_LIMITS = Limits()
NO_LIMITS = Limits(None, None, nul=True)
"""For files that Salesforce wrote."""
_ENDLESS = 1 << 62
NUL_HINT = "remove it; if the file is UTF-16, name it: `source: {path: …, encoding: utf-16}`"


def physical_lines(blocks: Iterable[str], longest: int | None) -> Iterator[list[str]]:
    """The lines of `blocks`, without their LF, a list per block. Raises RecordFaultError when one exceeds `longest`."""
    carry = ""
    done = 0
    for block in blocks:
        lines = block.split("\n")
        lines[0] = carry + lines[0]
        carry = lines.pop()
        if longest is not None and len(carry) > longest:
            raise _too_long_record(longest, done + len(lines) + 1)
        done += len(lines)
        if lines:
            yield lines
    if carry:
        yield [carry]


class RecordSplitter:
    """One pass over the records of a delimited text. `first` gives the header record; `rest` the others."""

    def __init__(self, blocks: Iterable[str], delimiter: str, quote: str, limits: Limits = SALESFORCE_LIMITS) -> None:
        self._delimiter = delimiter
        self._quote = quote
        self._limits = limits
        self._field_limit = limits.field if limits.field is not None else _ENDLESS
        self._record_limit = limits.record if limits.record is not None else _ENDLESS
        self._nul_seen = False
        watched = blocks if limits.nul else self._watched(blocks)
        self._lines = enumerate(chain.from_iterable(physical_lines(watched, limits.record)), 1)

    def _watched(self, blocks: Iterable[str]) -> Iterator[str]:
        """The blocks are looked at, so that most rows need not be."""
        for block in blocks:
            if "\0" in block:
                self._nul_seen = True
            yield block

    def first(self) -> tuple[int, list[str]] | None:
        """Line and cells of the header, or None when the text holds no record at all. Raises RecordFaultError."""
        for line, text in self._lines:
            bare = text.removesuffix("\r")
            if not bare:
                for _, later in self._lines:
                    if later.removesuffix("\r"):
                        raise RecordFaultError(
                            "LP0312",
                            "the file begins with a blank line",
                            line,
                            hint="remove it: the header comes first",
                        )
                return None
            if self._quote and self._quote in text:
                return line, self._quoted(line, text)
            return line, bare.split(self._delimiter)
        return None

    def rest(self, width: int) -> Iterator[tuple[int, list[str] | RecordFaultError]]:
        """Line and cells of each record after the header; a fault stands in for a record that cannot be read.

        Raises RecordFaultError when the rest of the text cannot be trusted."""
        delimiter, quote, field_limit = self._delimiter, self._quote, self._field_limit
        between, quotes = quote + delimiter + quote, 2 * width
        blank = 0
        for line, text in self._lines:
            plain = text.removesuffix("\r")
            if not plain:
                blank = blank or line
                continue
            if blank:
                yield blank, _blank_line(blank, width)
                blank = 0
            if not quote or quote not in plain:
                cells = plain.split(delimiter)
            elif plain.count(quote) == quotes and plain[0] == quote and plain[-1] == quote and len(plain) > 1:
                # As many quotes as an all-quoted record has: when the split below also fits, there is one reading only.
                cells = plain[1:-1].split(between)
                if len(cells) != width:
                    yield self._careful(line, text, width)
                    continue
            else:
                yield self._careful(line, text, width)
                continue
            if len(cells) != width or len(plain) > field_limit or self._nul_seen:
                yield line, self._judge(line, cells, width, len(plain))
            else:
                yield line, cells

    def _careful(self, line: int, text: str, width: int) -> tuple[int, list[str] | RecordFaultError]:
        try:
            cells = self._quoted(line, text)
        except RecordFaultError as fault:
            if fault.fatal:
                raise
            return line, fault
        return line, self._judge(line, cells, width, sum(map(len, cells)))

    def _judge(self, line: int, cells: list[str], width: int, size: int) -> list[str] | RecordFaultError:
        if len(cells) != width:
            return RecordFaultError(
                "LP0311",
                f"the row has {len(cells)} cell{'s' if len(cells) != 1 else ''}, the header has {width}",
                line,
                hint="a cell that holds the delimiter or a line break must be quoted",
            )
        if size > self._record_limit:
            return _too_long_record(self._record_limit, line)
        for number, cell in enumerate(cells, 1):
            if len(cell) > self._field_limit:
                return RecordFaultError(
                    "LP0315",
                    f"cell {number} of the row has {len(cell):,} characters; Salesforce takes {self._field_limit:,}",
                    line,
                )
            if self._nul_seen and "\0" in cell:
                return RecordFaultError(
                    "LP0370", f"cell {number} of the row holds a NUL character", line, hint=NUL_HINT
                )
        return cells

    def _quoted(self, first: int, text: str) -> list[str]:
        """The cells of the record that begins with `text`, reading further lines while a quote is open."""
        cells: list[str] = []
        pieces: list[str] | None = None
        line, opened, size = first, first, 0
        content, counted = 0, 0  # characters of the open cell, in how many pieces
        while True:
            position = 0
            while True:
                if pieces is None:
                    if not text.startswith(self._quote, position):
                        ended, position = self._unquoted(text, position, cells, line)
                        if ended:
                            return cells
                        continue
                    pieces, opened, position = [], line, position + 1
                    content = counted = 0
                position, closed = self._inside(text, position, pieces)
                if not closed:
                    break
                cells.append("".join(pieces))
                pieces = None
                if position == len(text) or text[position:] == "\r":
                    return cells
                if text[position] != self._delimiter:
                    raise _stray(line, position + 1, "text follows the closing quote of a cell")
                position += 1
            size += len(text) + 1
            content += sum(map(len, pieces[counted:]))
            counted = len(pieces)
            self._still_bounded(content, size, first, opened)
            following = next(self._lines, None)
            if following is None:
                raise RecordFaultError(
                    "LP0313",
                    "the quote that opens on this line is never closed",
                    opened,
                    hint='close it, or write a literal quote as "" inside a quoted cell',
                    fatal=True,
                )
            line, text = following
            pieces.append("\n")

    def _unquoted(self, text: str, position: int, cells: list[str], line: int) -> tuple[bool, int]:
        end = text.find(self._delimiter, position)
        cell = text[position:end] if end >= 0 else text[position:].removesuffix("\r")
        stray = cell.find(self._quote)
        if stray >= 0:
            raise _stray(line, position + stray + 1, "a quote stands inside a cell that does not begin with one")
        cells.append(cell)
        return end < 0, end + 1

    def _inside(self, text: str, position: int, pieces: list[str]) -> tuple[int, bool]:
        """Read on inside quotes: the position after the closing quote and True, or False when the line ends first."""
        quote = self._quote
        while True:
            at = text.find(quote, position)
            if at < 0:
                pieces.append(text[position:])
                return len(text), False
            if text.startswith(quote, at + 1):
                pieces.append(text[position : at + 1])
                position = at + 2
                continue
            pieces.append(text[position:at])
            return at + 1, True

    def _still_bounded(self, content: int, size: int, first: int, opened: int) -> None:
        if content > self._field_limit:
            raise RecordFaultError(
                "LP0315",
                f"the quoted cell that opens on this line is longer than {self._field_limit:,} characters",
                opened,
                hint="is its closing quote missing?",
                fatal=True,
            )
        if size > self._record_limit:
            raise _too_long_record(self._record_limit, first)


def _too_long_record(limit: int, line: int) -> RecordFaultError:
    return RecordFaultError(
        "LP0316",
        f"the row is longer than {limit:,} characters, the most Salesforce takes",
        line,
        hint="is a line break or a closing quote missing?",
        fatal=True,
    )


def _blank_line(line: int, width: int) -> RecordFaultError:
    hint = 'write "" for an empty value' if width == 1 else "remove the line"
    return RecordFaultError("LP0312", "a blank line stands between rows", line, hint=hint)


def _stray(line: int, column: int, summary: str) -> RecordFaultError:
    return RecordFaultError(
        "LP0314", summary, line, column=column, hint='quote the whole cell and double the quotes inside it: "5"" pipe"'
    )
