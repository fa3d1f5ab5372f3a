"""Reads an uploaded file: line ending and quoting checks, the header, and rows by position. Knows nothing of fields."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path

DELIMITERS = {"BACKQUOTE": "`", "CARET": "^", "COMMA": ",", "PIPE": "|", "SEMICOLON": ";", "TAB": "\t"}
ENDINGS = {"LF": "\n", "CRLF": "\r\n"}
_QUOTING = "InvalidBatch : Failed to parse CSV. Found unescaped quote. A value with quote should be within a quote"


class FileError(Exception):
    """The whole file is refused; the text is the job's errorMessage."""


def check_endings(path: Path, line_ending: str) -> None:
    """Raise FileError when a line outside quotes ends differently from the job's setting."""
    inside = False
    with path.open("rb") as file:
        for line in file:
            if line.count(b'"') % 2:
                inside = not inside
            if not inside and line.endswith(b"\n") and line.endswith(b"\r\n") is not (line_ending == "CRLF"):
                setting = f"LineEnding is invalid on user data. Current LineEnding setting is {line_ending}"
                raise FileError(f"ClientInputError : {setting}")


def header_text(path: Path, line_ending: str) -> str:
    """The header line as sent, without its line ending."""
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        text = ""
        for line in file:
            text += line
            if text.count('"') % 2 == 0:
                break
    return text.removesuffix("\n").removesuffix("\r")


def rows(path: Path, delimiter: str) -> Iterator[list[str]]:
    """The header's cells, then every data row's; empty lines are skipped. Raises FileError on broken quoting."""
    with path.open(encoding="utf-8", newline="") as file:
        try:
            for cells in csv.reader(file, delimiter=delimiter, strict=True):
                if cells:
                    if cells[0].startswith('\ufeff"'):
                        raise FileError(_QUOTING)
                    yield cells
        except (csv.Error, UnicodeDecodeError):
            raise FileError(_QUOTING) from None


def count_rows(path: Path, delimiter: str) -> int:
    """Number of data rows; raises FileError on broken quoting."""
    return max(0, sum(1 for _ in rows(path, delimiter)) - 1)
