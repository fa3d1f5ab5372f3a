"""Sizing: how many rows and bytes a step would send, and in which parts. It keeps no cell."""

from __future__ import annotations

from collections.abc import Sequence

from loadplan.lean import dataclass
from loadplan.plan.model import Step
from loadplan.sources.parts import encoder_of
from loadplan.sources.selection import SelectedRow
from loadplan.sources.shape import Shape


@dataclass
class PartSize:
    rows: int
    bytes: int


class Sizer:
    """Sees every row in source order; `parts` is what they would be cut into, each with a header."""

    def __init__(self, step: Step, shape: Shape) -> None:
        self._encode = encoder_of(step.csv)
        self._head = len(self._encode(shape.header)) if shape.header else 0
        self._caps = step.parts
        self.parts: list[PartSize] = []

    def see(self, batch: Sequence[SelectedRow]) -> None:
        encode, most_rows, most_bytes = self._encode, self._caps.max_rows, self._caps.max_bytes
        part = self.parts[-1] if self.parts else None
        for row in batch:
            size = len(encode(row.cells))
            if part is None or part.rows >= most_rows or part.bytes + size > most_bytes:
                part = PartSize(0, self._head)
                self.parts.append(part)
            part.rows += 1
            part.bytes += size
