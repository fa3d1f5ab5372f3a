"""Build: everything that `loadplan plan` says, as one document. Deterministic: the same plan, data and answers of the org give the
same bytes on every machine; no times, no absolute paths, no row values.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from loadplan.diagnostics import Diagnostic
from loadplan.plan.graph import Graph
from loadplan.plan.model import Plan, Step, StepSource
from loadplan.review.asking import UNKNOWN, Questions, Split, missing_parents, split_upsert
from loadplan.review.cost import OrgFacts, StepView, batches_of, cost_of, totals_of
from loadplan.review.datapass import Kin, StepPass, kin_of, read_step
from loadplan.review.described import Described
from loadplan.review.fields import check_fields, place_of, relative_file
from loadplan.review.findings import EXAMPLES, Findings
from loadplan.review.keysets import KeySet, Pointers
from loadplan.review.lineends import line_ends
from loadplan.review.queryfields import check_query
from loadplan.review.sizing import PartSize
from loadplan.run.gates import describe_rule
from loadplan.run.room import room_needed
from loadplan.run.rows import Rows
from loadplan.sources.base import InputDigest
from loadplan.sources.selection import selected_rows

FORMAT = "loadplan.plan/1"
TEXTS = 2_000


def review(
    plan: Plan, graph: Graph, rows: Rows, digests: Mapping[str, InputDigest], beside: Mapping[str, str], described: Described, *,
    basis: str, questions: Questions | None = None, org: OrgFacts | None = None, told: Mapping[str, Sequence[Diagnostic]] | None = None,
) -> dict[str, Any]:  # fmt: skip
    """The document. `basis` is offline, snapshot or org; `told` are warnings that the check of the data had, by step. Raises what
    reading the sources raises."""
    findings = Findings()
    kin = kin_of(plan, described)
    steps: dict[str, StepView] = {}
    failing: dict[str, int] = {}
    loaded: dict[tuple[str, str], KeySet] = {}
    sources: dict[str, str] = {}
    for step_id in graph.order:
        step = plan.steps[step_id]
        steps[step_id] = found = StepView()
        if step.is_query:
            check_query(plan, step, described, findings)
            found.rows, found.about = _counted(step, questions), True
        elif step_id in digests:
            seen = _read(rows, step, digests[step_id], described, findings, kin, found, sources)
            failing[step_id] = seen.failing
            if step.operation == "upsert":
                mine = ((step.object or "").lower(), str(step.external_id).lower())
                before = loaded.setdefault(mine, KeySet())
                found.split = split_upsert(step, seen, described, questions, before)
                before.update(seen.keys)
                if found.split.creates == 0:
                    findings.drop(step_id, {"LP0706", "LP0727"})
                elif found.split.updates == 0:
                    failing[step_id] = min(seen.rows, seen.failing + findings.certain(step_id))
        elif isinstance(step.source, StepSource):
            _later(plan, step, steps, described, findings, found)
    missing_parents(
        plan, kin, described, questions, lambda s, h, p: _texts(rows, s, h, p), findings, sources, failing
    )  # fmt: skip
    _weigh(plan, steps, failing, findings)
    for step_id, warnings in (told or {}).items():
        _told(step_id, warnings, findings)
    _unbounded(plan, org, findings)
    if org is not None:
        _org_findings(plan, steps, org, findings)
    waves = {name: number for number, wave in enumerate(graph.waves, 1) for name in wave}
    shown = [_as_json(plan, graph, plan.steps[s], steps[s], waves[s]) for s in graph.order]
    room = room_needed(rows, digests, embedded=org is not None and org.instance == "embedded")
    cost = cost_of(plan, steps, org, room.total)
    if org is not None:
        _limit_findings(plan, cost, org, findings)
    listed = findings.all(graph.order)
    return {
        "format": FORMAT,
        "plan": {
            "name": plan.name, "file": relative_file(plan), "sha256": plan.digest, "api_version": plan.api_version,
            "digest": approval_digest(plan, digests, beside), "left_out": list(plan.left_out),
        },
        "basis": basis,
        "org": _org_json(org),
        "steps": shown,
        "order": [list(wave) for wave in graph.waves],
        "totals": totals_of(plan, steps),
        "cost": cost,
        "open_jobs": [dict(job) for job in org.open_jobs] if org is not None else [],
        "checks": {
            "errors": sum(f.severity == "error" for f in listed),
            "warnings": sum(f.severity == "warning" for f in listed),
            "findings": [f.as_json() for f in listed],
        },
    }  # fmt: skip


def approval_digest(plan: Plan, digests: Mapping[str, InputDigest], beside: Mapping[str, str]) -> str:
    """`sha256:…` over everything that decides what is sent: the plan's bytes, the variables, and every input."""
    data = {
        "plan": plan.digest,
        "variables": {name: _plain(value) for name, value in plan.variables.items()},
        "inputs": {name: [d.sha256, d.bytes, d.rows] for name, d in digests.items()},
        "beside": dict(beside),
        **({"left_out": list(plan.left_out)} if plan.left_out else {}),
    }
    text = json.dumps(data, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return "sha256:" + hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _plain(value: object) -> object:
    if isinstance(value, list | tuple):
        return [_plain(v) for v in value]
    return value if isinstance(value, bool | int) else str(value)


# -- one step ------------------------------------------------------------------------------------------------------


def _counted(step: Step, questions: Questions | None) -> int | None:
    return questions.count(step.soql) if questions is not None and step.soql else None


def _read(
    rows: Rows, step: Step, digest: InputDigest, described: Described, findings: Findings, kin: Kin, found: StepView,
    sources: dict[str, str],
) -> StepPass:  # fmt: skip
    shape = rows.shape(step)
    check_fields(rows.plan, step, shape.header, described, findings)
    reader = rows.reader(step)
    sources[step.id] = reader.name
    try:
        seen = read_step(
            step, reader, shape, described, findings, kin, expected_rows=digest.rows, sized=bool(digest.ranges)
        )
    finally:
        reader.close()
    ends = line_ends(step.source)
    if ends is not None and ends.mixed:
        text = f"lines end in two ways: {ends.crlf:,} with CRLF, {ends.lf:,} with LF"
        findings.plan(
            "LP0731", "warning", step.id, "", text, sources[step.id], "save the file with one kind of line end"
        )
    if ends is not None and ends.bom:
        text = "the file begins with a byte order mark, which is not sent"
        findings.plan("LP0736", "note", step.id, "", text, f"{sources[step.id]}:1", "nothing is to do")
    found.rows, found.read = seen.rows, digest.rows
    found.parts, found.bytes = seen.parts, seen.bytes
    found.exact = not step.references
    if digest.ranges:
        found.parts = [PartSize(r.rows, r.bytes) for r in digest.ranges]
        found.bytes, found.exact, found.as_it_stands = sum(r.bytes for r in digest.ranges), True, True
    if step.hierarchy is not None:
        _levels(rows, step, digest, found)
    return seen


def _levels(rows: Rows, step: Step, digest: InputDigest, found: StepView) -> None:
    """The rows of each level: a level is sent when the one above it has landed, so each has parts of its own."""
    from loadplan.sources.level_files import find_step_levels

    reader = rows.reader(step)
    try:
        levels = find_step_levels(step, reader, rows.shape(step), rows.folder.root.parent, plain=digest.plain)
    finally:
        reader.close()
    found.levels = levels.rows
    per_row = found.bytes / found.rows if found.rows else 0
    found.parts = []
    for level in levels.rows:
        left = level
        while left > 0:
            taken = min(left, step.parts.max_rows, max(1, int(step.parts.max_bytes / max(1.0, per_row))))
            found.parts.append(PartSize(taken, round(taken * per_row)))
            left -= taken
    found.exact = False


def _later(
    plan: Plan, step: Step, steps: Mapping[str, StepView], described: Described, findings: Findings, found: StepView
) -> None:
    """A step whose rows another step makes: as many as that one has now, as far as that is known."""
    assert isinstance(step.source, StepSource)
    found.about, found.exact = True, False
    above = steps.get(step.source.step)
    if plan.steps[step.source.step].is_query and above is not None:
        found.rows = above.rows if step.limit is None or above.rows is None else min(above.rows, step.limit)
        if found.rows and step.where is None:
            cap, left = step.parts.max_rows, found.rows
            while left > 0:
                found.parts.append(PartSize(min(left, cap), 0))
                left -= cap
    header = [column.field for column in step.columns or ()] or (["Id"] if step.facts.id_only else [])
    if header:
        check_fields(plan, step, [*header, *(r.header for r in step.references)], described, findings)


def _texts(rows: Rows, step: Step, header: str, lost: Pointers) -> list[tuple[str, int]]:
    """The texts of some of the references in `lost`, evenly chosen, each once."""
    shape = rows.shape(step)
    at = shape.header.index(header)
    stride = max(1, len(lost) // TEXTS)
    wanted = set(lost.lines[::stride])
    keys = KeySet()
    keys.update(lost.keys)
    found: dict[str, int] = {}
    reader = rows.reader(step)
    try:
        for row in selected_rows(step, shape, reader):
            line = row.line or row.record
            if line in wanted and row.cells[at]:
                found.setdefault(row.cells[at], line)
    finally:
        reader.close()
    return list(found.items())


def _told(step: str, listed: Sequence[Diagnostic], findings: Findings) -> None:
    """Warnings of the check, the first few of each kind and the last, which counts them."""
    seen: dict[str, int] = {}
    for diagnostic in listed:
        seen[diagnostic.code] = seen.get(diagnostic.code, 0) + 1
        if seen[diagnostic.code] <= EXAMPLES or diagnostic.summary.startswith("and "):
            findings.plan(
                diagnostic.code, diagnostic.severity.value, step, "", diagnostic.summary, str(diagnostic.place), diagnostic.hint
            )  # fmt: skip


# -- what the findings weigh ---------------------------------------------------------------------------------------


def _weigh(plan: Plan, steps: Mapping[str, StepView], failing: Mapping[str, int], findings: Findings) -> None:
    """Rows that would fail are an error when they shut the gate of their step, else a warning."""
    for step_id, rows in failing.items():
        gate, sent = plan.steps[step_id].gate, steps[step_id].rows or 0
        shut = (gate.max_failed_rows is not None and rows > gate.max_failed_rows) or (
            gate.max_failed_percent is not None and rows * 100 > gate.max_failed_percent * sent
        )
        for finding in findings.all():
            if finding.step == step_id and finding.fails:
                finding.severity = "error" if shut and rows else "warning"
        if shut and rows:
            rule = describe_rule(gate, is_query=False)
            text = f"{rows:,} of {sent:,} rows would fail, and the gate lets pass: {rule}"
            findings.plan(
                "LP0750", "error", step_id, "", text, place_of(plan, plan.steps[step_id]),
                "correct the rows that the findings name, or decide that the gate may be wider",
            )  # fmt: skip


def _unbounded(plan: Plan, org: OrgFacts | None, findings: Findings) -> None:
    """A delete of whatever a query will find: an approval says how many rows there are now, not how many there will be."""
    for step in plan.steps.values():
        if not step.facts.destructive or not isinstance(step.source, StepSource) or step.limit is not None:
            continue
        above = plan.steps[step.source.step]
        if above.is_query and above.gate.max_rows is None and (org is None or org.max_delete_rows is None):
            text = f"nothing bounds how many rows of `{above.id}` it will delete"
            findings.plan(
                "LP0745", "warning", step.id, "", text, place_of(plan, above),
                f"say how many there may be: `gate: {{max_rows: …}}` of `{above.id}`, or `limits: max_delete_rows` in orgs.yaml",
            )  # fmt: skip


def _org_findings(plan: Plan, steps: Mapping[str, StepView], org: OrgFacts, findings: Findings) -> None:
    for step_id, operation in org.barred:
        findings.plan(
            "LP0409", "error", step_id, "", f"the entry of `{org.name}` in orgs.yaml does not allow {operation}",
            place_of(plan, plan.steps[step_id]), "`allow:` of the entry decides",
        )  # fmt: skip
    for step in plan.steps.values():
        rows = steps[step.id].rows
        if step.facts.destructive and org.max_delete_rows is not None and rows and rows > org.max_delete_rows:
            text = f"it would delete {rows:,} rows; the org's entry allows {org.max_delete_rows:,}"
            findings.plan(
                "LP0743",
                "error",
                step.id,
                "",
                text,
                place_of(plan, step),
                "`limits: max_delete_rows` in orgs.yaml decides",
            )
        if step.operation == "hardDelete" and org.permissions.get("Bulk API Hard Delete") is False:
            findings.plan(
                "LP0707", "error", step.id, "", "this user lacks the permission Bulk API Hard Delete", place_of(plan, step),
                "assign it, or use `operation: delete`",
            )  # fmt: skip
    for job in org.open_jobs:
        touched = [s.id for s in plan.steps.values() if (s.object or "").lower() == job["object"].lower()]
        text = f"a job on {job['object']} is under way in the org: {job['operation']} {job['id']}, {job['state']}"
        findings.plan(
            "LP0741", "warning", touched[0] if touched else "", "", text, relative_file(plan),
            "wait for it to end: two loads on one object lock each other's rows",
        )  # fmt: skip


def _limit_findings(plan: Plan, cost: Mapping[str, Any], org: OrgFacts, findings: Findings) -> None:
    for name, entry in cost["limits"].items():
        if entry["needs"] > entry["left"]:
            text = f"{name}: the plan needs {entry['needs']:,}, the org has {entry['left']:,} of {entry['of']:,} left today"
            hint = "wait until tomorrow, split the plan, or ask Salesforce for more"
            findings.plan("LP0742", "error", "", "", text, relative_file(plan), hint)


def _as_json(plan: Plan, graph: Graph, step: Step, found: StepView, wave: int) -> dict[str, Any]:
    split = found.split
    if not step.is_query and step.operation != "upsert":
        made = found.rows if step.operation == "insert" else 0
        kept = found.rows if step.operation == "update" else 0
        split = Split(made, kept, "operation") if found.rows is not None else UNKNOWN
    sizes = [{"rows": part.rows, "bytes": part.bytes} for part in found.parts]
    return {
        **facts_of(plan, graph, step.id, None), "wave": wave,
        "rows": found.rows, "rows_about": found.about and found.rows is not None, "rows_read": found.read, "bytes": found.bytes,
        "creates": split.creates, "updates": split.updates, "split": split.how,
        "parts": sizes, "parts_exact": found.exact, "levels": list(found.levels), "batches": batches_of(found),
        "sent_as_it_stands": found.as_it_stands,
    }  # fmt: skip


def facts_of(plan: Plan, graph: Graph, name: str, digest: InputDigest | None) -> dict[str, Any]:
    """What of a step's part of the document needs neither org nor data; with the `digest` of its input, the rows too."""
    step = plan.steps[name]
    return {
        "step": step.id, "operation": step.operation, "symbol": step.facts.symbol, "object": step.object,
        "external_id": step.external_id, "destructive": step.facts.destructive, "after": list(graph.parents(step.id)),
        "output": step.output, "gate": {"rule": describe_rule(step.gate, is_query=step.is_query), "on_fail": step.gate.on_fail},
        **({"rows_read": digest.rows} if digest is not None else {}),
    }  # fmt: skip


def _org_json(org: OrgFacts | None) -> dict[str, Any] | None:
    if org is None:
        return None
    return {
        "name": org.name, "organization_id": org.organization_id, "organization_name": org.organization_name,
        "username": org.username, "instance": org.instance, "production": org.production,
    }  # fmt: skip
