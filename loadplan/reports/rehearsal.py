"""What a run on a twin tells of the org it is a twin of: which rows would have failed there, and of which nobody can tell without
asking it. Pure.

A twin knows what objects look like, and has none of the org's records. A row that fails for want of a record is no failure of the
load when the org may have that record, and the counts of the snapshot say whether it may.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from loadplan.lean import dataclass
from loadplan.masking import mask
from loadplan.plan.model import Plan, StepSource
from loadplan.reports.clinic import Cluster, clusters, diagnose
from loadplan.run.family import FAILED
from loadplan.run.state import Run, StepRun
from loadplan.words import count

_NO_PARENT = re.compile(r"Foreign key external ID: .* in entity (\w+)", re.DOTALL | re.IGNORECASE)
_FROM = re.compile(r"\bFROM\s+([A-Za-z]\w*)", re.IGNORECASE)


@dataclass(frozen=True)
class Reason:
    """Rows that did not land for one reason. `doubt` says why the org may take them all the same; empty: it will not."""

    cluster: Cluster
    doubt: str = ""

    def as_json(self) -> dict[str, Any]:
        return {**self.cluster.as_json(), "cannot_tell": self.doubt or None}


@dataclass(frozen=True)
class Rehearsal:
    """`rows` were tried. `waiting` rows were not sent because their parents did not land; `not_tried` maps a step to its rows (None
    where they are not known) and why."""

    rows: int
    reasons: tuple[Reason, ...]
    waiting: int = 0
    not_tried: Mapping[str, tuple[int | None, str]] | None = None

    @property
    def would_fail(self) -> int:
        return sum(r.cluster.rows for r in self.reasons if not r.doubt)

    @property
    def cannot_tell(self) -> int:
        return sum(r.cluster.rows for r in self.reasons if r.doubt)

    def as_json(self) -> dict[str, Any]:
        return {
            "rows": self.rows, "would_fail": self.would_fail, "cannot_tell": self.cannot_tell, "waiting": self.waiting,
            "reasons": [reason.as_json() for reason in self.reasons],
            "not_tried": [
                {"step": step, "rows": rows, "why": why} for step, (rows, why) in (self.not_tried or {}).items()
            ],
        }  # fmt: skip


def rehearsal(
    plan: Plan, run: Run, records: Mapping[str, int], rows: Mapping[str, int], *, used_before: bool
) -> Rehearsal:
    """`records` maps an object to about how many the org has, `rows` a step to the rows of its source; both may lack some.
    `used_before`: the twin holds what earlier runs loaded into it."""
    reasons = list(reasons_of(plan, run, records, used_before=used_before))
    waiting = sum(r.cluster.rows for r in reasons if _is_held(r.cluster) and not r.doubt)
    told = [r for r in reasons if r.doubt or not _is_held(r.cluster)]
    told.sort(key=lambda r: (bool(r.doubt), -r.cluster.rows))
    steps = [s for s in run.steps.values() if not plan.steps[s.id].is_query]
    refused_rows = sum(a.rows for s in steps for a in s.attempts if a.phase == "refused")
    held = sum(r.cluster.rows for r in told if _is_held(r.cluster))
    not_tried = {
        s.id: (rows.get(s.id), f"held by {s.blocked_by}" if s.state == "blocked" else s.problem or s.state)
        for s in run.steps.values()
        if s.state in {"blocked", "waiting"} or (s.problem and not s.attempts)
    }
    not_tried |= {s.id: (None, why) for s in steps if s.id not in not_tried and (why := _unfed(plan, run, s, records))}
    return Rehearsal(sum(s.counts.sent for s in steps) + refused_rows + held, tuple(told), waiting, not_tried)


def reasons_of(plan: Plan, run: Run, records: Mapping[str, int], *, used_before: bool) -> Iterator[Reason]:
    """Every row that did not land. A row that waits for its parent is as doubtful as the parents' step: certain where one of its rows,
    or one of the parents', fails for certain."""
    sure: set[str] = set()
    found: dict[str, list[Cluster]] = {}
    for cluster in clusters(run):
        found.setdefault(cluster.step, []).append(cluster)
    for step in run.steps.values():
        for cluster in sorted([*found.get(step.id, []), *_refused(step)], key=_is_held):
            if not _is_held(cluster):
                doubt = doubt_of(cluster, plan, records, used_before=used_before)
            elif cluster.message == FAILED and not sure & {step.id, *step.parents}:
                doubt = "they wait for parents of which the twin cannot tell"
            else:
                doubt = ""
            if not doubt:
                sure.add(step.id)
            yield Reason(cluster, doubt)


def excused_in(plan: Plan, run: Run, step: str, records: Mapping[str, int], *, used_before: bool) -> int:
    """Rows of a step that its gate does not count. Of a query 1: the twin lacks records that the org may have."""
    if plan.steps[step].is_query:
        return int(_lacks_records(plan, run, step, records))
    reasons = reasons_of(plan, run, records, used_before=used_before)
    return sum(r.cluster.rows for r in reasons if r.doubt and r.cluster.step == step)


def _is_held(cluster: Cluster) -> bool:
    return cluster.code == "(held)"


def _lacks_records(plan: Plan, run: Run, step: str, records: Mapping[str, int]) -> bool:
    """Whether a query found fewer records than the org may have."""
    name = _FROM.search(plan.steps[step].soql or "")
    known = {key.lower(): rows for key, rows in records.items()}
    return name is not None and run.steps[step].counts.sent < known.get(name[1].lower(), 1 << 62)


def _unfed(plan: Plan, run: Run, step: StepRun, records: Mapping[str, int]) -> str:
    """Why a step had no row to try, where a query that the twin cannot answer feeds it."""
    source = plan.steps[step.id].source
    if step.counts.meant or not isinstance(source, StepSource) or not _lacks_records(plan, run, source.step, records):
        return ""
    return f"its rows are those of `{source.step}`, and the twin has none of the org's records"


def _refused(step: StepRun) -> Iterator[Cluster]:
    """Jobs that the org would not even create."""
    for attempt in step.attempts:
        if attempt.phase == "refused" and attempt.rows:
            code, _, message = attempt.error.partition(" : ")
            yield Cluster(
                step.id, code.strip() or "refused", "", mask(message), attempt.rows, diagnose(code.strip(), message)
            )


def doubt_of(cluster: Cluster, plan: Plan, records: Mapping[str, int], *, used_before: bool) -> str:
    """Why the org may take rows that the twin refused; empty when it will not."""
    step = plan.steps[cluster.step]
    own = step.object or ""
    parent = _NO_PARENT.search(cluster.message)
    if cluster.code == "INVALID_FIELD" and parent:
        return _may_have(parent[1], records)
    if cluster.code == "INVALID_CROSS_REFERENCE_KEY" and "cross reference id" in cluster.message:
        return "they name records by their id, and the twin has none of the org's"
    if cluster.code == "REQUIRED_FIELD_MISSING" and step.operation == "upsert" and _has(own, records):
        return f"{_may_have(own, records)}, and a row that finds its record needs no required field"
    if cluster.code == "DUPLICATE_VALUE" and "on record with id" in cluster.message and used_before:
        return "the twin holds rows of earlier rehearsals, which they may have met"
    return ""


def _has(name: str, records: Mapping[str, int]) -> bool:
    """Whether the org has records of this object, or may have."""
    return records.get(name, 1) > 0


def _may_have(name: str, records: Mapping[str, int]) -> str:
    if not _has(name, records):
        return ""
    org = f"the org, with about {records[name]:,}," if name in records else "the org"
    return f"the twin has no such {name}; {org} may have it"


def headline(found: Rehearsal, org: str, folder: str) -> str:
    """The line that says it plainly."""
    number = f"{found.would_fail:,}" if found.would_fail else "none"
    text = f"Rehearsal: {number} of {count(found.rows, 'row')} would have failed in {org}, by the snapshot in {folder}"
    if found.cannot_tell:
        text += f"; of {count(found.cannot_tell, 'row')} the twin cannot tell"
    if found.waiting:
        text += f"; {count(found.waiting, 'row')} would have waited for a parent"
    return text
