"""Lineends: how a CSV file ends its lines, and whether it begins with a byte order mark. One look at the raw bytes."""

from __future__ import annotations

from loadplan.lean import dataclass
from loadplan.plan.model import FileSource, Source
from loadplan.sources.registry import open_source

_BLOCK = 1 << 20


@dataclass(frozen=True)
class LineEnds:
    """Records that end with CRLF and with LF alone; `bom` says that the file begins with a byte order mark."""

    crlf: int = 0
    lf: int = 0
    bom: bool = False

    @property
    def mixed(self) -> bool:
        return self.crlf > 0 and self.lf > 0


def line_ends(source: Source | None) -> LineEnds | None:
    """None for what is not a plain CSV or TSV file in UTF-8. Line breaks inside quoted cells are not counted."""
    if not isinstance(source, FileSource) or source.format not in {"csv", "tsv"} or source.compression is not None:
        return None
    if source.encoding.lower().replace("_", "-") not in {"utf-8", "utf8", "utf-8-sig"}:
        return None
    crlf = lf = 0
    tail = b""
    bom = False
    with source.file.open("rb") as file:
        first = True
        while block := file.read(_BLOCK):
            if first:
                bom, first = block.startswith(b"\xef\xbb\xbf"), False
            lf += block.count(b"\n")
            crlf += block.count(b"\r\n") + (tail == b"\r" and block.startswith(b"\n"))
            tail = block[-1:]
    lf -= crlf
    if crlf and lf:  # cells may hold line breaks of the other kind
        inner_crlf, inner_lf = _inside(source)
        crlf, lf = crlf - inner_crlf, lf - inner_lf
    return LineEnds(crlf, lf, bom)


def _inside(source: FileSource) -> tuple[int, int]:
    reader = open_source(source)
    crlf = lf = 0
    try:
        lf += sum(name.count("\n") for name in reader.header)
        for row in reader:
            for cell in row.cells:
                if "\n" in cell:
                    pairs = cell.count("\r\n")
                    crlf += pairs
                    lf += cell.count("\n") - pairs
    finally:
        reader.close()
    return crlf, lf
