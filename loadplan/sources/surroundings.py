"""Surroundings: what a source may ask of the run that reads it. Decides nothing; a source outside a run has none of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import BinaryIO

from loadplan.lean import dataclass
from loadplan.sources.results import ResultKind


@dataclass(frozen=True)
class Outcome:
    """Rows with one fate in one result file. `rows` is how many of them count: failed rows with a status code in `resent`
    were sent again since, and are left out. `delimiter` is the file's."""

    path: Path
    delimiter: str
    rows: int
    resent: frozenset[str] = frozenset()


def _no_pages(step: str) -> Sequence[Path]:
    raise LookupError(f"the pages of {step} are known only in a run")


def _no_outcomes(step: str, kind: ResultKind) -> Sequence[Outcome]:
    raise LookupError(f"the results of {step} are known only in a run")


def _never() -> bool:
    return False


def standard_input() -> BinaryIO | None:
    """Standard input when rows can come from it: not from a terminal, and not when it is closed."""
    return sys.stdin.buffer if sys.stdin is not None and not sys.stdin.isatty() else None


@dataclass(frozen=True)
class Surroundings:
    """`folder` is the private folder of the run where rows are taken in (None outside a run); `pages` gives the page files of
    a query step, `outcomes` the result files of an ingest step, once the step has ended; `allow_sql` says whether orgs.yaml
    lets `sql` sources run; `stdin` is standard input, None when no rows can come from it."""

    folder: Path | None = None
    pages: Callable[[str], Sequence[Path]] = _no_pages
    outcomes: Callable[[str, ResultKind], Sequence[Outcome]] = _no_outcomes
    allow_sql: Callable[[], bool] = _never
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    stdin: Callable[[], BinaryIO | None] = standard_input


NOWHERE = Surroundings()
