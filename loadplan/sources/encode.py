"""Encode: cells to the bytes of one CSV record. Deterministic; quotes only where they are needed.

A cell is quoted when it holds the delimiter, a quote, CR or LF, or begins or ends with a blank (Bulk API 2.0 Developer
Guide, "Prepare CSV Files"), and when it is the only cell of the row and empty: the row would be a blank line. UTF-8,
never a byte order mark. Line breaks inside a cell stay as they are.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence


def row_encoder(delimiter: str, line_ending: str) -> Callable[[Sequence[str]], bytes]:
    """A function from the cells of a row to its bytes, line ending included."""
    edge = re.escape(delimiter)
    unsafe = re.compile(rf'["\r\n]|(?:^|{edge})[ \t\ufeff]|[ \t](?:{edge}|$)').search
    special = re.compile(rf'["\r\n{edge}]|^[ \t\ufeff]|[ \t]$').search

    def quoted(cell: str) -> str:
        return '"' + cell.replace('"', '""') + '"' if special(cell) else cell

    def encode(cells: Sequence[str]) -> bytes:
        text = delimiter.join(cells)
        if not text:
            text = '""' if len(cells) == 1 else text
        elif text.count(delimiter) >= len(cells) or unsafe(text):
            text = delimiter.join([quoted(cell) for cell in cells])
        return (text + line_ending).encode("utf-8")

    return encode
