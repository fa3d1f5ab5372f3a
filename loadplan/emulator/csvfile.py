"""Reads an uploaded file: one quick pass that judges line endings and quotes and counts records, then rows by position.

The quick pass never parses a cell: it cuts the bytes at quotes, so that what is outside of cells can be looked at alone.
Knows nothing of fields.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Generator, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

DELIMITERS = {"BACKQUOTE": "`", "CARET": "^", "COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "TAB": "\t"}
ENDINGS = {"LF": "\n", "CRLF": "\r\n"}
QUOTING = "Failed to parse CSV. Found unescaped quote. A value with quote should be within a quote"
_QUOTING = f"InvalidBatch : {QUOTING}"
_NOT_UTF8 = "InvalidBatch : Failed to parse CSV. The data is not UTF-8"
_BLOCK = 1 << 18
_LARGEST = 1 << 24


def form_of(delimiter: str, ending: str, *, follows: bool = True) -> tuple[str, str]:
    """Delimiter and line ending of the results of a job with these settings; comma and LF where they do not follow it."""
    return (DELIMITERS[delimiter], ENDINGS[ending]) if follows else (",", "\n")


class FileError(Exception):
    """The whole file is refused; the text is the job's errorMessage."""


@dataclass(frozen=True, slots=True)
class Strictness:
    """What a line ending check looks at: newlines inside quotes too, and whether the last line must end in CRLF. And whether
    a byte order mark is taken for nothing."""

    inside_quotes: bool = False
    at_end: bool = False
    bom_ignored: bool = False


@dataclass(frozen=True, slots=True)
class Scanned:
    """`records` counts the header. `loose_quotes`: blanks stand beside a quoted cell, which is an error of that row."""

    records: int
    loose_quotes: bool


def scan(path: Path, delimiter: str, line_ending: str, strict: Strictness | None = None) -> Scanned:
    """Judge the whole file and count its records, blank lines left out. Raises FileError."""
    look = _Look(delimiter, line_ending, strict or Strictness())
    with path.open("rb") as file:
        rest = b""
        if look.strict.bom_ignored and file.read(3) != codecs.BOM_UTF8:
            file.seek(0)
        while block := file.read(_BLOCK):
            cut = block.rfind(b"\n") + 1
            if not cut:
                rest += block
                continue
            look.at(rest + block[:cut])
            rest = block[cut:]
        if rest:
            look.at(rest)
    return look.finish()


class _Look:
    """The state of one pass over blocks that end at a newline."""

    def __init__(self, delimiter: str, line_ending: str, strict: Strictness) -> None:
        self._starts = (delimiter + "\r\n").encode()
        self._ends = (delimiter + "\n").encode()
        self._ending, self.strict = line_ending, strict
        self._inside, self._records, self._loose = False, 0, False
        self._last = b"\n"

    def at(self, block: bytes) -> None:
        try:
            if not block.isascii():
                block.decode()
        except UnicodeDecodeError:
            raise FileError(_NOT_UTF8) from None
        if self._inside or b'"' in block:
            begun_inside = self._inside
            pieces = block.split(b'"')
            self._check_quotes(pieces)
            outside = b'"'.join(pieces[begun_inside::2])
            if self.strict.inside_quotes:
                self._check_endings(b'"'.join(pieces[not begun_inside :: 2]))
            self._inside = bool((begun_inside + len(pieces) - 1) & 1)
        else:
            begun_inside, outside = False, block
        self._check_endings(outside)
        self._records += outside.count(b"\n")
        starts_blank = not begun_inside and outside.startswith((b"\n", b"\r\n"))
        if starts_blank or b"\n\n" in outside or b"\n\r\n" in outside:
            lines = outside.split(b"\n")[:-1]
            self._records -= sum(1 for line in lines[begun_inside:] if line in (b"", b"\r"))
        self._last = block

    def _check_endings(self, text: bytes) -> None:
        returns, newlines = text.count(b"\r"), text.count(b"\n")
        wanted = newlines if self._ending == "CRLF" else 0
        if returns != wanted or (wanted and text.count(b"\r\n") != wanted):
            self._refuse_ending()

    def _refuse_ending(self) -> None:
        setting = f"LineEnding is invalid on user data. Current LineEnding setting is {self._ending}"
        raise FileError(f"ClientInputError : {setting}")

    def _check_quotes(self, pieces: list[bytes]) -> None:
        """Outside of cells a quote follows a delimiter or a newline, and one of them follows it."""
        last = len(pieces) - 1
        for text in set(pieces[1 if self._inside else 2 : last : 2]):
            if text and not (text[0] in self._starts and text[-1] in self._ends):
                self._loosely(text, opened=True, closed=True)
        if not self._inside and last and pieces[0] and pieces[0][-1] not in self._ends:
            self._loosely(pieces[0], opened=False, closed=True)
        ends_outside = last % 2 == (1 if self._inside else 0)
        if ends_outside and last and pieces[last] and pieces[last][0] not in self._starts:
            self._loosely(pieces[last], opened=True, closed=False)

    def _loosely(self, text: bytes, *, opened: bool, closed: bool) -> None:
        """Blanks beside a quoted cell are an error of the row; anything else there is an error of the file."""
        left, right = text.lstrip(b" "), text.rstrip(b" ")
        if (opened and left and left[0] not in self._starts) or (closed and right and right[-1] not in self._ends):
            raise FileError(_QUOTING)
        self._loose = True

    def finish(self) -> Scanned:
        if self._inside:
            raise FileError(_QUOTING)
        ended = self._last.endswith(b"\n")
        if not ended and self._ending == "CRLF" and self.strict.at_end:
            self._refuse_ending()
        return Scanned(self._records + (0 if ended else 1), self._loose)


def header_text(path: Path) -> str:
    """The header line as sent, without its line ending."""
    with path.open(encoding="utf-8", errors="replace", newline="\n") as file:
        text = ""
        for line in file:
            text += line
            if text.count('"') % 2 == 0:
                break
    return text.removesuffix("\n").removesuffix("\r")


def header_cells(text: str, delimiter: str) -> list[str]:
    """The names in a header line. Raises FileError when the first one hides a byte order mark before a quote."""
    cells = next(csv.reader([text], delimiter=delimiter), [])
    if cells and cells[0].startswith('\ufeff"'):
        raise FileError(_QUOTING)
    return cells


def rows(path: Path, delimiter: str) -> Generator[list[str], None, None]:
    """The header's cells, then every data row's; empty lines are skipped. The file must have passed `scan`."""
    csv.field_size_limit(max(csv.field_size_limit(), _LARGEST))
    with path.open(encoding="utf-8-sig", newline="") as file:
        yield from filter(None, csv.reader(file, delimiter=delimiter))


def loose_rows(path: Path, delimiter: str) -> Generator[list[str] | None, None, None]:
    """Like `rows`, and None in place of a row in which blanks stand beside a quoted cell."""
    cell = rf'(?:"(?:[^"]|"")*"|[^"{re.escape(delimiter)}\r\n]*)'
    legal = re.compile(rf"{cell}(?:{re.escape(delimiter)}{cell})*\r?\n?")
    csv.field_size_limit(max(csv.field_size_limit(), _LARGEST))
    with path.open(encoding="utf-8-sig", newline="") as file:
        for text in _records(file):
            cells = next(csv.reader([text], delimiter=delimiter), [])
            if cells:
                yield cells if legal.fullmatch(text) else None


def _records(lines: Iterable[str]) -> Iterator[str]:
    text = ""
    for line in lines:
        text += line
        if text.count('"') % 2 == 0:
            yield text
            text = ""
    if text:
        yield text
