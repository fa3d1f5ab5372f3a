"""Raw records: blocks of bytes in, whole records out, undecoded and unjudged. A quote is a quote wherever it stands.

A record ends at LF outside quotes; its own line ending is left off. For text that quotes as RFC 4180 says this is exact;
for any other text the records come out wrong, which whoever takes them finds by looking at them (`plain_fields`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

LONGEST = 1 << 22
"""Bytes of one record. Salesforce takes 400,000 characters; more than this is a quote that was never closed."""


class TooLongError(Exception):
    """No record end within `LONGEST` bytes."""


class RawRecords:
    """Feed it blocks; it gives the records that have ended. `end` gives a last one without its newline, if there is one."""

    def __init__(self) -> None:
        self._carry = self._before = b""
        self._open: list[bytes] | None = None
        self._open_size = 0

    def feed(self, block: bytes) -> list[bytes]:
        """The records that end in this block. Raises TooLongError."""
        self._before = self._carry
        lines = (self._carry + block).split(b"\n")
        self._carry = lines.pop()
        if len(self._carry) > LONGEST:
            raise TooLongError
        if self._open is None:
            quoted = [line for line in lines if b'"' in line] if b'"' in block or b'"' in self._before else []
            if not [1 for line in quoted if line.count(b'"') & 1]:
                return lines
        return self._merged(lines)

    def end(self) -> list[bytes]:
        """The record after the last newline, or nothing. `is_open` tells whether a quote is still open in it."""
        last = self._merged([self._carry]) if self._carry else []
        self._carry = b""
        if self._open is not None:
            last = [b"\n".join(self._open)]
        return last

    @property
    def is_open(self) -> bool:
        return self._open is not None

    def _merged(self, lines: list[bytes]) -> list[bytes]:
        """Lines joined where a quote is open over their end."""
        out: list[bytes] = []
        for line in lines:
            odd = line.count(b'"') & 1
            if self._open is None:
                if odd:
                    self._open, self._open_size = [line], len(line)
                else:
                    out.append(line)
                continue
            self._open.append(line)
            self._open_size += len(line) + 1
            if odd:
                out.append(b"\n".join(self._open))
                self._open = None
            elif self._open_size > LONGEST:
                raise TooLongError
        return out


def first_record_end(text: bytes) -> int:
    """Where the first record of `text` ends, its newline included; 0 when it does not end in it."""
    at = quotes = 0
    while (found := text.find(b"\n", at)) >= 0:
        quotes += text.count(b'"', at, found)
        at = found + 1
        if quotes % 2 == 0:
            return at
    return 0


def raw_records(blocks: Iterable[bytes]) -> Iterator[list[bytes]]:
    """Lists of records, one per block. Raises TooLongError."""
    splitter = RawRecords()
    for block in blocks:
        yield splitter.feed(block)
    if last := splitter.end():
        yield last


def field_splitter(delimiter: bytes, width: int) -> Callable[[bytes], list[bytes] | None]:
    """A function from one record to its `width` raw fields (quotes included), or None when it is not a well-formed
    record of that many fields: then nobody should trust it without looking closer."""
    d = re.escape(delimiter)
    one = rb'("[^"]*(?:""[^"]*)*"|[^"' + d + rb"\r\n]*)"
    whole = re.compile(one + (d + one) * (width - 1)).fullmatch
    between, quotes = b'"' + delimiter + b'"', 2 * width

    def fields(record: bytes) -> list[bytes] | None:
        if b'"' not in record:
            cells = record.split(delimiter)
            return cells if len(cells) == width and b"\r" not in record else None
        if record.count(b'"') == quotes and record[:1] == b'"' == record[-1:]:
            # As many quotes as an all-quoted record has: when the split also fits, there is one reading only.
            cells = record[1:-1].split(between)
            if len(cells) == width:
                return [b'"' + cell + b'"' for cell in cells]
        match = whole(record)
        return list(match.groups()) if match is not None else None

    return fields


def unquoted(field: bytes) -> bytes:
    """The value of a raw field."""
    return field[1:-1].replace(b'""', b'"') if field[:1] == b'"' else field
