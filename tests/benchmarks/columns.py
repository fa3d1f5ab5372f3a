"""Rows a second of the raw column path: records of 10 columns and 150 bytes, split, shaped and joined, on one core.

Run: python tests/benchmarks/columns.py. CPU time, the best of nine: neighbours on the machine do not count. `copy` is the floor
of the same run: the record split and joined again with nothing done to it."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from loadplan.plan.model import Cell, Composed, Constant, CsvDialect, FromColumn, Masks, Step, Text, Where
from loadplan.sources.rawshape import compile_raw

ROWS, TRIES = 50_000, 9
HEADER = tuple(f"c{i}" for i in range(10))
RECORD = (
    b"EXT-001234,Acme Industrial,+49 30 1234567,some.one@example.com,2026-01-01,12345.67,Open,Some Street 12,12345,"
)
RECORD += b"Berlin abc def ghi jkl mno pqr stuvwxyz"
QUOTED = b",".join(b'"' + field + b'"' for field in RECORD.split(b","))
PLAIN = tuple(FromColumn(f"F{i}", f"c{i}") for i in (3, 0, 1, 9, 8, 7, 2))
HOT = Constant("K", "Hot")
MAPPED = FromColumn("M", "c6", values={"Open": "Offen", "Closed": "Zu"})


def joined(field: str, first: str, text: str, second: str) -> Composed:
    return Composed(field, (Cell(first), Text(text), Cell(second)))


def step(*columns: Any, masks: dict[str, Any] | None = None, **rest: Any) -> Step:
    how = Masks(masks, Path("/nowhere/orgs.yaml")) if masks else None
    return Step("a", "insert", object="Account", columns=columns, masks=how, **rest)


CASES: list[tuple[str, Step, float]] = [
    ("rename, drop, reorder, constant", step(HOT, *PLAIN), 0.6),
    ("the same, another delimiter", step(HOT, *PLAIN, csv=CsvDialect("PIPE")), 0.6),
    (
        "the same, empty and where",
        step(HOT, *PLAIN, FromColumn("E", "c4", "#N/A"), where=Where("equals", "c6", ("Open",))),
        0.6,
    ),
    ("template and map", step(HOT, *PLAIN[:5], joined("T", "c0", "-", "c6"), MAPPED), 0.4),
    ("two templates", step(HOT, *PLAIN[:5], joined("T", "c0", "-", "c6"), joined("U", "c7", " ", "c8")), 0.4),
    ("one hash", step(*PLAIN, masks={"F3": "hash"}), 0.0),
    ("one fake", step(*PLAIN, masks={"F2": "fake"}), 0.0),
]


def million_rows(apply: Callable[[Any], Any], record: bytes, sent: bytes) -> float:
    """Million rows a second of CPU time."""
    best = float("inf")
    for _ in range(TRIES):
        began = time.process_time()
        for _ in range(ROWS):
            sent.join(apply(record.split(b",")))
        best = min(best, time.process_time() - began)
    return ROWS / best / 1e6


def main() -> None:
    os.environ["LOADPLAN_MASK_KEY"] = "k" * 32
    print(f"records of {len(RECORD)} bytes, Mrow/s" + " " * 15 + "plain  all quoted   floor")
    print(
        f"{'copy':40} {million_rows(lambda x: x, RECORD, b','):6.2f}   {million_rows(lambda x: x, QUOTED, b','):6.2f}"
    )
    for name, case, floor in CASES:
        shape = compile_raw(case, HEADER, ",")
        assert shape is not None
        sent = b"|" if case.csv.delimiter == "PIPE" else b","
        rates = [million_rows(shape.apply, record, sent) for record in (RECORD, QUOTED)]
        verdict = "" if not floor else f"{floor:6.2f}   {'pass' if rates[0] >= floor else 'FALLS SHORT'}"
        print(f"{name:40} {rates[0]:6.2f}   {rates[1]:6.2f}   {verdict}".rstrip())


if __name__ == "__main__":
    main()
