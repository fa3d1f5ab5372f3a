"""Source: what the engine and the checks know of where rows come from. One file per kind implements it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import field
from typing import Any, NamedTuple, Protocol

from loadplan.diagnostics import Diagnostic
from loadplan.lean import dataclass

ProblemSink = Callable[[Diagnostic], None]
Tick = Callable[[int, int], None]
"""Told now and then how many rows and bytes more were read: one of the two, whichever is known."""


class SourceRow(NamedTuple):
    """One record. `record` counts data records from 1; `line` is the line of the source file it begins on (0 where
    lines mean nothing); `cells` are the texts exactly as written, one per header column."""

    record: int
    line: int
    cells: list[str]


@dataclass(frozen=True)
class Range:
    """A part that is sent straight from its source file: bytes `start` to `end` behind a header of its own, with a last
    line ending where the file has none. `bytes` and `sha256` (hex) are of what is sent; `rows` data records, the first
    of them record `first` of the source; `digest` proves which rows they are (`names.py`)."""

    start: int
    end: int
    first: int
    rows: int
    bytes: int
    sha256: str
    digest: str


@dataclass(frozen=True)
class InputDigest:
    """What was read: sha256 (hex) of the raw bytes, their count, and the number of records. `ranges` are the parts of a
    source that can be sent as it stands, `header` what is sent before each; `plain` says that the file was beyond doubt, so
    that its bytes may be taken without decoding. They do not take part in comparisons."""

    sha256: str
    bytes: int
    rows: int
    ranges: tuple[Range, ...] = field(default=(), compare=False)
    header: str = field(default="", compare=False)
    plain: bool = field(default=False, compare=False)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> InputDigest:
        """The inverse of `dataclasses.asdict`."""
        ranges = tuple(Range(**r) for r in data.get("ranges", ()))
        return cls(
            data["sha256"], data["bytes"], data["rows"], ranges, data.get("header", ""), data.get("plain", False)
        )


class Reader(Protocol):
    """An open source. Iterate it once to the end; then `digest` is known. Iteration raises `InvalidInputError` with a
    Diagnostic (file, line) on the first record that cannot be read exactly."""

    on_problem: ProblemSink | None
    """When set, a record that cannot be read but does not hide where the next one begins (too few cells, a stray
    quote, a blank line) is reported here and left out instead of raised. Only checks set it: rows that are sent come
    from a reader that raises."""

    @property
    def name(self) -> str:
        """How messages name it: the path as written in the plan, or `step stale`."""
        ...

    @property
    def header(self) -> tuple[str, ...]: ...

    def __iter__(self) -> Iterator[SourceRow]: ...

    def digest(self) -> InputDigest:
        """Only after the iteration has ended. Raises RuntimeError before."""
        ...

    def reopen(self) -> Reader:
        """A fresh reader of the same source, at its beginning, without `on_problem`. The caller closes it."""
        ...

    def close(self) -> None: ...
