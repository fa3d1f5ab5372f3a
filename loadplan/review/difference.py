"""Difference: two versions of plans as one document: what changed by meaning, which steps feel it, which rows changed, how risky it is.
Deterministic; values of rows only where they were asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field
from pathlib import Path
from typing import Any

from loadplan.lean import dataclass
from loadplan.masking import printable
from loadplan.plan.model import Step
from loadplan.review import risk
from loadplan.review.bare import unmasked
from loadplan.review.feeding import NOWHERE, feeding
from loadplan.review.hidden import hidden_changes
from loadplan.review.meaning import Change
from loadplan.review.renames import rename_change, renamed_steps
from loadplan.review.rowchanges import row_changes, table_changes
from loadplan.review.templated import template_changes
from loadplan.review.versions import Pair, Version

FORMAT = "loadplan.diff/1"


@dataclass
class _Found:
    changes: list[Change] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    indirect: list[dict[str, str]] = field(default_factory=list)
    names: dict[str, str] = field(default_factory=dict)
    """Steps that have another id now: old -> new."""


def document(
    labels: tuple[str, str],
    pairs: Sequence[Pair],
    orgs: Sequence[Change],
    folder: Path,
    *,
    show_values: bool = False,
    elsewhere: Mapping[Path, str] = NOWHERE,
) -> dict[str, Any]:
    """Everything that `loadplan diff` says. `folder` is where rows wait; `elsewhere` are files of the new version that deletes of any
    plan read, and what those are called."""
    plans = [_plan(pair, folder, elsewhere, show_values=show_values) for pair in pairs]
    counts: dict[str, int] = {}
    for entry in [*(c for p in plans for c in (*p["changes"], *p["rows"])), *map(_change_json, orgs)]:
        counts[entry["risk"]] = counts.get(entry["risk"], 0) + 1
    steps = {key: sum(p["steps"][key] for p in plans) for key in ("added", "removed", "changed", "indirect")}
    return {
        "format": FORMAT, "base": printable(labels[0]), "head": printable(labels[1]),
        "risk": risk.worst(list(counts)), "risks": {name: counts[name] for name in sorted(counts, reverse=True)},
        "steps": steps, "orgs": [_change_json(c) for c in orgs], "plans": plans,
    }  # fmt: skip


def _was(step: Step | None) -> str:
    """What a step that deletes did before, where that was something else."""
    return step.operation if step is not None and not step.facts.destructive else ""


def _change_json(change: Change) -> dict[str, Any]:
    return {
        "path": printable(change.path), "step": change.step, "kind": change.kind, "before": printable(change.before),
        "after": printable(change.after), "risk": change.risk, "why": printable(change.why),
    }  # fmt: skip


def _plan(pair: Pair, folder: Path, elsewhere: Mapping[Path, str], *, show_values: bool) -> dict[str, Any]:
    found = _Found()
    before, after = pair.before, pair.after
    if before is not None and after is not None:
        found.names = renamed_steps(before.plan, after.plan)
        before = before.under(found.names)
    old = dict(before.plan.steps) if before else {}
    new = dict(after.plan.steps) if after else {}
    order = list(after.graph.order) if after else []
    order += [s for s in (before.graph.order if before else ()) if s not in new]
    found.changes += _come_and_gone(order, before, after)
    if pair.unread:
        found.changes.append(Change("plan", "", "changed", "", "", "R3", f"cannot be compared: {pair.unread}"))
    if before is not None and after is not None:
        _both(found, order, before, after, folder, elsewhere, show_values=show_values)
        both = feeding(before.plan), feeding(after.plan, elsewhere)
        found.changes += hidden_changes(after.plan, pair.hidden, both)
    rank = {name: number for number, name in enumerate(order)}
    found.changes.sort(key=lambda c: (-int(c.risk[1]), rank.get(c.step, -1)))
    found.rows.sort(key=lambda r: (-int(r["risk"][1]), rank.get(r["step"], -1)))
    added = [c.step for c in found.changes if c.kind == "added" and c.path == c.step]
    gone = [c.step for c in found.changes if c.kind == "removed" and c.path == c.step]
    meant = {c.step for c in found.changes if c.step and c.risk != "R0"} | {
        r["step"] for r in found.rows if r["risk"] != "R0"
    }
    touched = meant - {*added, *gone}
    if after is not None:
        found.indirect = list(_indirect(after, {*touched, *added, *gone}, before))
    risks = [c.risk for c in found.changes] + [r["risk"] for r in found.rows]
    version = after or before
    return {
        "file": printable(pair.file), "name": version.plan.name if version else "", "note": _note(pair, version),
        "status": _status(pair, risks), "risk": risk.worst(risks),
        "steps": {"added": len(added), "removed": len(gone), "changed": len(touched), "indirect": len(found.indirect)},
        "destructive": [
            {"step": s.id, "operation": s.operation, "object": s.object, "new": s.id not in old, "was": _was(old.get(s.id))}
            for s in new.values() if s.facts.destructive
        ],
        "changes": [_change_json(c) for c in found.changes], "rows": found.rows, "indirect": found.indirect,
    }  # fmt: skip


def _status(pair: Pair, risks: Sequence[str]) -> str:
    if pair.before is None and pair.after is None:
        return "changed" if risks else "same"
    return "added" if pair.before is None else "removed" if pair.after is None else "changed" if risks else "same"


def _come_and_gone(order: Sequence[str], before: Version | None, after: Version | None) -> Iterator[Change]:
    """Steps that are on one side only."""
    guards: dict[str, list[str]] = {}
    if before is not None and after is not None:
        for name, step in after.plan.steps.items():
            if step.facts.destructive and name in before.plan.steps:
                for above in risk.ancestors(before.graph, name):
                    guards.setdefault(above, []).append(name)
    for name in order:
        if before is None or name not in before.plan.steps:
            assert after is not None
            yield risk.added(after.plan.steps[name])
        elif after is None or name not in after.plan.steps:
            yield risk.removed(before.plan.steps[name], guards.get(name, []))


def _both(
    found: _Found,
    order: Sequence[str],
    before: Version,
    after: Version,
    folder: Path,
    elsewhere: Mapping[Path, str],
    *,
    show_values: bool,
) -> None:
    """What changed of the plan and of the steps that both sides have."""
    found.changes += [rename_change(old, new, after.plan) for old, new in found.names.items()]
    found.changes += risk.plan_changes(before.plan, after.plan)
    found.changes += risk.order_changes(before.graph, after.graph, after.plan)
    feeds = feeding(before.plan), feeding(after.plan, elsewhere)
    for name in order:
        if name in before.plan.steps and name in after.plan.steps:
            old, new = before.plan.steps[name], after.plan.steps[name]
            found.changes += risk.step_changes(old, new, feeds)
            found.changes += table_changes(old, new, before, after, feeds)
            rows = row_changes(old, new, before, after, feeds, folder, show_values=show_values)
            if rows is not None:
                found.rows.append(rows)
    found.changes += unmasked(before.plan, after.plan)
    told = {c.path for c in found.changes}
    found.changes += template_changes(before, after, found.names, told, feeds)
    if before.plan.text != after.plan.text and not found.changes:
        found.changes.append(Change("text", "", "changed", "", "", "R0", "words, comments, or the order of keys"))


def _note(pair: Pair, version: Version | None) -> str:
    return printable("; ".join(filter(None, (pair.note, _values(version) if version else ""))))


def _values(version: Version) -> str:
    """With which values of the plan's variables all this was found."""
    given = {name: value for name, value in version.plan.variables.items() if name not in version.invented}
    told = [f"{name} = {', '.join(map(str, v)) if isinstance(v, list | tuple) else v}" for name, v in given.items()]
    if version.invented:
        made = f"made-up values of {', '.join(version.invented)}; --var gives real ones"
        return f"compared with {'; '.join([made, *told])}"
    return f"compared with {', '.join(told)}" if told else ""


def _indirect(after: Version, direct: set[str], before: Version | None) -> Iterator[dict[str, str]]:
    """Steps that nobody touched, below one that somebody did; with the nearest reason."""
    edges = {(e.parent, e.child): e for e in after.graph.edges}
    felt: dict[str, str] = {}
    for name in after.graph.order:
        if name in direct:
            continue
        for parent in after.graph.parents(name):
            if parent in direct or parent in felt:
                edge = edges[parent, name]
                felt[name] = f"reads {parent}" if edge.reason in {"source", "id_of", "lookup"} else f"after {parent}"
                break
        else:
            lost = (
                [p for p in before.graph.parents(name) if p in direct] if before and name in before.graph.order else []
            )
            if lost:
                felt[name] = f"was after {lost[0]}"
    yield from ({"step": name, "why": why} for name, why in felt.items())
