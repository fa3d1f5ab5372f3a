"""What faults and their org say of each other: the objects that they name are the org's, and at the end which were never met.
Decides nothing of what is met."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from difflib import get_close_matches

from .faults import Faults
from .schema import Schema


class FaultError(ValueError):
    """A fault that nothing could ever meet: its object is not in the org."""


def settle(faults: Faults, schema: Schema) -> None:
    """Spell the objects of all faults as the org does, whose names have no case. Raises FaultError for one that is not there."""
    lead = f"{faults.name}, " if faults.name else ""

    def known(name: str, place: str, number: int) -> str:
        found = schema.find(name) if name else None
        if name and found is None:
            names = {kind.name.lower(): kind.name for kind in schema.objects.values()}
            close = get_close_matches(name.lower(), names, 1)
            meant = f"; did you mean {names[close[0]]}?" if close else ""
            raise FaultError(f"{lead}{place} {number}: there is no object {name!r}{meant}")
        return found.name if found is not None else ""

    faults.rules[:] = [replace(r, object=known(r.object, "rules", n)) for n, r in enumerate(faults.rules, 1)]
    for number, row in enumerate(faults.row_faults, 1):
        row.object = known(row.object, "rows", number)
    faults.jobs[:] = [replace(j, object=known(j.object, "jobs", n)) for n, j in enumerate(faults.jobs, 1)]
    faults.queries[:] = [replace(q, object=known(q.object, "queries", n)) for n, q in enumerate(faults.queries, 1)]


def unmet(faults: Faults) -> Iterator[str]:
    """A sentence for each fault that is in force and that nothing met: a test that leans on it tested nothing."""
    for rule in faults.rules:
        if not faults.met[rule.id]:
            came = faults.came(rule.kind, rule.object)
            which = f", nth {rule.nth}" if rule.nth is not None else ""
            of = f" on {rule.object}" if rule.object else ""
            yield f"the rule {rule.id} ({rule.kind}, {rule.effect}{which}) met no request; {came} of its kind{of} came"
    for row in faults.row_faults:
        if not faults.met[row.id]:
            cells = f" with {dict(row.where)}" if row.where else ""
            yield f"the fault of rows {row.id} ({row.problem[0]}) met no row of {row.object}{cells}"
    for job in faults.jobs:
        if not faults.met[job.id]:
            yield f"the fault of jobs {job.id} met no ingest job on {job.object}"
    for query in faults.queries:
        yield f"the fault of queries {query.id} met no query job on {query.object}"
    for job_id in sorted(faults.aborts):
        yield f"the job {job_id}, which an administrator was to abort, was never there"
