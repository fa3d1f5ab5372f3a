"""Surroundings of a run: what its sources may ask of it, and where the rows are kept that they take in."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO

from loadplan.disk import disk
from loadplan.plan.model import Plan
from loadplan.run.folder import RunFolder
from loadplan.run.outcomes import outcomes_of
from loadplan.run.state import Run
from loadplan.salesforce.sql_permission import sql_sources_allowed
from loadplan.sources.surroundings import Surroundings, standard_input


def inputs_folder(folder: RunFolder) -> Path:
    """Rows of sources that are taken in stand beside those of the steps, where row values may."""
    return folder.root / "steps" / ".inputs"


def surroundings_of(plan: Plan, run: Run, folder: RunFolder, org: str | None = None) -> Surroundings:
    """`org` is the org's name while the run has not begun; then its own record says it. Standard input belongs to the run
    that reads it first: one that has begun never reads it again."""

    def pages(step: str) -> list[Path]:
        attempt = run.steps[step].query
        return [folder.path(page.file) for page in attempt.pages] if attempt else []

    def allow_sql() -> bool:
        return sql_sources_allowed(run.header.org if run.header else org, plan.root)

    return Surroundings(
        folder=inputs_folder(folder),
        pages=pages,
        outcomes=lambda step, kind: outcomes_of(plan.steps[step], run.steps[step], folder, kind),
        allow_sql=allow_sql,
        stdin=standard_input if run.header is None else _nothing,
    )


def _nothing() -> BinaryIO | None:
    return None


def discard_unbegun(folder: RunFolder) -> None:
    """Remove what sources took in for a run that never began."""
    if not folder.journal.exists():
        disk().remove_tree(folder.root)
