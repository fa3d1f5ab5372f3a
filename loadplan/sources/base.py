"""Source: what the engine and the checks know of where rows come from. One file per kind implements it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from loadplan.diagnostics import Diagnostic

ProblemSink = Callable[[Diagnostic], None]


class SourceRow(NamedTuple):
    """One record. `record` counts data records from 1; `line` is the line of the source file it begins on (0 where
    lines mean nothing); `cells` are the texts exactly as written, one per header column."""

    record: int
    line: int
    cells: list[str]


@dataclass(frozen=True)
class InputDigest:
    """What was read: sha256 (hex) of the raw bytes, their count, and the number of records."""

    sha256: str
    bytes: int
    rows: int


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
