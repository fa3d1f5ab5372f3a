"""Rowtext: a row as one text that no other row has, and back; and how rows are spread over buckets. Pure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from loadplan.sources.base import Reader

BUCKETS = 64
SHIFT = 58
"""Bits of a hash below its bucket."""
BITS = 1 << 24
"""Bits of the filter that remembers which keys have changed rows."""

Open = Callable[[], Reader]

_MARK = "\x1f"
_ESCAPE = "\x1e"


def text_of(header: Sequence[str], common: Sequence[str]) -> Callable[[list[str]], str]:
    """What makes one text of the cells of the `common` columns."""
    most = len(common) - 1
    places = None if list(header) == list(common) else [list(header).index(name) for name in common]

    def text(cells: list[str]) -> str:
        if places is not None:
            cells = [cells[at] for at in places]
        joined = _MARK.join(cells)
        if joined.count(_MARK) != most or joined[:1] == _ESCAPE:
            return _ESCAPE + _MARK.join([_escaped(cell) for cell in cells])
        return joined

    return text


def cells_of(text: str) -> list[str]:
    """The cells again."""
    if not text.startswith(_ESCAPE):
        return text.split(_MARK)
    return [c.replace(f"{_ESCAPE}1", _MARK).replace(f"{_ESCAPE}0", _ESCAPE) for c in text[1:].split(_MARK)]


def _escaped(cell: str) -> str:
    return cell.replace(_ESCAPE, f"{_ESCAPE}0").replace(_MARK, f"{_ESCAPE}1")
