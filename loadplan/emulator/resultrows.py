"""Rows of the result files of an ingest job: values as they were parsed, every cell quoted, in another order than sent.

Page section 5.2 of the protocol; knows nothing of why a row failed.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from operator import itemgetter
from typing import Any

from .columns import Column
from .csvfile import form_of
from .jobs import Job
from .settings import Settings
from .values import NUMBERS, RowError, echo_numbers, echo_text

CHUNK = 200
_TYPED = ("int", "date", "datetime", "boolean")


class ResultRows:
    """Writes the rows of one job, a chunk after the other."""

    def __init__(self, job: Job, columns: Sequence[Column], settings: Settings) -> None:
        self.job, self.columns, self.settings = job, columns, settings
        self.delimiter, self.ending = form_of(job.delimiter, job.line_ending, follows=settings.results_follow_job)
        self._order: Any = None
        if settings.shuffle_results:
            self._order = itemgetter(*random.Random(job.id).sample(range(CHUNK), CHUNK))  # noqa: S311
        names = [column.header for column in columns]
        # Up to v49 failedResults came with its columns in alphabetical order.
        alphabetical = sorted(range(len(names)), key=names.__getitem__)
        self._failed_order = alphabetical if job.version < 50 else list(range(len(names)))

    def echoes(self, cells: Sequence[Sequence[str]], values: Sequence[list[Any]]) -> list[Sequence[str]]:
        """The cells of each column as result files show them, from the cells sent and the values read."""
        return [self._echo(*entry) for entry in zip(self.columns, cells, values, strict=True)]

    def _echo(self, column: Column, cells: Sequence[str], values: list[Any]) -> Sequence[str]:
        """Parsed, quotes doubled, blank for a header in another spelling."""
        if column.is_blank_in_results:
            return [""] * len(cells)
        kind = column.field.type
        if column.key is None and kind in NUMBERS:
            return echo_numbers(cells, values, scientific=self.settings.scientific_numbers)
        if column.key is None and kind in _TYPED:
            return [
                cell if value in ("", None) else echo_text(kind, value)
                for cell, value in zip(cells, values, strict=True)
            ]
        if '"' in "".join(cells):
            return [cell.replace('"', '""') for cell in cells]
        return cells

    def good(
        self, good: Sequence[int], ids: list[str], targets: list[str], echoes: list[Sequence[str]], place: int
    ) -> bytes:
        """Rows of the successful results: those of `good`, with the record each ended in; `place` is the chunk's."""
        if not good:
            return b""
        lists: list[Sequence[str]] = [ids, ["false" if target else "true" for target in targets], *echoes]
        if len(good) < len(ids):
            lists = [[column[row] for row in good] for column in lists]
        return self._lines(list(map(f'"{self.delimiter}"'.join, zip(*lists, strict=True))), place)

    def bad(self, errors: Mapping[int, RowError], targets: list[str], echoes: list[Sequence[str]], place: int) -> bytes:
        """Rows of the failed results, with the record each aimed at, since v53."""
        knows_id = self.job.version >= 53 and self.job.operation != "insert"
        glue = f'"{self.delimiter}"'
        lines = []
        for row in sorted(errors):
            text = errors[row].text().replace('"', '""')
            cells = [echoes[place][row] for place in self._failed_order]
            lines.append(glue.join([targets[row] if knows_id else "", text, *cells]))
        return self._lines(lines, place)

    def _lines(self, lines: list[str], place: int) -> bytes:
        if self._order is not None:
            if len(lines) == CHUNK:
                lines = self._order(lines)
            else:
                random.Random(f"{self.job.id} {place}").shuffle(lines)  # noqa: S311
        between = f'"{self.ending}"'
        return f'"{between.join(lines)}"{self.ending}'.encode()
