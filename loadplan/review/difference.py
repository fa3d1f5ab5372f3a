"""Difference: two versions of plans as one document: what changed by meaning, which steps feel it, which rows changed, how risky it is.
Deterministic; values of rows only where they were asked for.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from loadplan.diagnostics import Diagnostic, Severity
from loadplan.errors import InvalidInputError
from loadplan.masking import printable
from loadplan.plan.document import read_document
from loadplan.plan.graph import Graph, compile_graph
from loadplan.plan.load import check_plan, recorded_plan
from loadplan.plan.model import FileSource, Plan, SqliteSource, Step, source_files
from loadplan.review import risk
from loadplan.review.meaning import Change
from loadplan.review.revisions import LFS
from loadplan.review.rowdiff import compare_rows
from loadplan.sources.registry import open_source

FORMAT = "loadplan.diff/1"
NOT_THERE = frozenset({"LP0301"})
"""Files of a version are fetched when they are needed, and one that is not there is told with the rows."""
Identity = Callable[[Path], str | None]
"""Of a file that a plan reads: something that is equal when the bytes are; None when there is no such file. It sees to it that the
file is there to be read."""


@dataclass(frozen=True)
class Version:
    """One version of one plan: parsed, and with its files within reach. `label` names it; `root` is its project."""

    label: str
    plan: Plan
    graph: Graph
    identity: Identity
    invented: tuple[str, ...] = ()
    """Variables that nobody gave a value."""


@dataclass(frozen=True)
class Pair:
    """The two versions of a plan. None: there is none on that side. `note` says why, when that is not a matter of course."""

    file: str
    before: Version | None
    after: Version | None
    note: str = ""


@dataclass
class _Found:
    changes: list[Change] = field(default_factory=list)
    rows: list[dict[str, Any]] = field(default_factory=list)
    indirect: list[dict[str, str]] = field(default_factory=list)


def read_version(
    label: str, file: Path, identity: Identity, variables: Mapping[str, str], var_files: Sequence[Path], shown: str
) -> Version:
    """A plan as it stands in `file`; its sources need not be there. `shown` is how messages name the file. Raises
    `InvalidInputError`."""
    variables, invented = variables_for(file, variables, var_files)
    try:
        _, _, problems = check_plan(file, variables=variables, var_files=var_files)
        if wrong := [d for d in problems if d.severity is Severity.ERROR and d.code not in NOT_THERE]:
            raise InvalidInputError(wrong[0].summary, wrong, code=wrong[0].code)
        plan = recorded_plan(file, file, variables, var_files)
        return Version(label, plan, compile_graph(plan), identity, tuple(invented))
    except InvalidInputError as error:
        problems = [_renamed(d, str(file), f"{label}:{shown}") for d in error.diagnostics]
        raise InvalidInputError(
            f"{shown} of {label} cannot be read as a plan", problems, code=error.code, where=f"{label}:{shown}",
            hint="give its variables with --var" if any(d.code == "LP0222" for d in problems) else None,
        ) from error  # fmt: skip


def _renamed(diagnostic: Diagnostic, path: str, name: str) -> Diagnostic:
    if diagnostic.place.file != path:
        return diagnostic
    return replace(diagnostic, place=replace(diagnostic.place, file=name), quote=False)


PLACEHOLDERS = {
    "string": "x", "number": "0", "boolean": "false", "date": "2000-01-01", "datetime": "2000-01-01T00:00:00Z", "list": "x",
}  # fmt: skip


def variables_for(file: Path, given: Mapping[str, str], var_files: Sequence[Path]) -> tuple[dict[str, str], list[str]]:
    """(of the given variables those that the plan declares, and a value for each that nobody gave, the names of the latter). A
    change is to be understood without the values of one run; where files are named by them, they are told as not there."""
    document, _ = read_document(file)
    declared = document.data.get("vars") if document is not None and isinstance(document.data, dict) else None
    if not isinstance(declared, dict):
        return {}, []
    values = {name: value for name, value in given.items() if name in declared}
    invented = []
    for name, about in declared.items():
        if name in values or var_files or not isinstance(about, dict) or "default" in about:
            continue
        listed = about.get("values")
        values[name] = (
            str(listed[0]) if isinstance(listed, list) and listed else PLACEHOLDERS.get(str(about.get("type")), "x")
        )
        invented.append(str(name))
    return values, invented


def file_identity(file: Path) -> str | None:
    """sha256 of a file of this machine."""
    if not file.is_file():
        return None
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()


def document(
    labels: tuple[str, str], pairs: Sequence[Pair], orgs: Sequence[Change], folder: Path, *, show_values: bool = False
) -> dict[str, Any]:
    """Everything that `loadplan diff` says. `folder` is where rows wait."""
    plans = [_plan(pair, folder, show_values=show_values) for pair in pairs]
    counts: dict[str, int] = {}
    for entry in [*(c for p in plans for c in (*p["changes"], *p["rows"])), *map(_change_json, orgs)]:
        counts[entry["risk"]] = counts.get(entry["risk"], 0) + 1
    steps = {key: sum(p["steps"][key] for p in plans) for key in ("added", "removed", "changed", "indirect")}
    return {
        "format": FORMAT, "base": printable(labels[0]), "head": printable(labels[1]),
        "risk": risk.worst(list(counts)), "risks": {name: counts[name] for name in sorted(counts, reverse=True)},
        "steps": steps, "orgs": [_change_json(c) for c in orgs], "plans": plans,
    }  # fmt: skip


def _change_json(change: Change) -> dict[str, Any]:
    return {
        "path": printable(change.path), "step": change.step, "kind": change.kind, "before": printable(change.before),
        "after": printable(change.after), "risk": change.risk, "why": change.why,
    }  # fmt: skip


def _plan(pair: Pair, folder: Path, *, show_values: bool) -> dict[str, Any]:
    found = _Found()
    before, after = pair.before, pair.after
    old = dict(before.plan.steps) if before else {}
    new = dict(after.plan.steps) if after else {}
    order = list(after.graph.order) if after else []
    order += [s for s in (before.graph.order if before else ()) if s not in new]
    for name in order:
        if name not in old:
            found.changes.append(risk.added(new[name]))
        elif name not in new:
            found.changes.append(risk.removed(old[name]))
    if before is not None and after is not None:
        found.changes += risk.plan_changes(before.plan, after.plan)
        found.changes += risk.order_changes(before.graph, after.graph)
        for name in order:
            if name in old and name in new:
                found.changes += risk.step_changes(old[name], new[name], (before.plan, after.plan))
                found.changes += _tables(old[name], new[name], before, after)
                rows = _rows(old[name], new[name], before, after, folder, show_values=show_values)
                if rows is not None:
                    found.rows.append(rows)
        if before.plan.text != after.plan.text and not found.changes:
            found.changes.append(Change("text", "", "changed", "", "", "R0", "words, comments, or the order of keys"))
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
    assert version is not None
    return {
        "file": printable(pair.file), "name": version.plan.name, "note": pair.note or _invented(version),
        "status": "added" if before is None else "removed" if after is None else "changed" if risks else "same",
        "risk": risk.worst(risks),
        "steps": {"added": len(added), "removed": len(gone), "changed": len(touched), "indirect": len(found.indirect)},
        "destructive": [
            {"step": s.id, "operation": s.operation, "object": s.object, "new": s.id not in old}
            for s in new.values() if s.facts.destructive
        ],
        "changes": [_change_json(c) for c in found.changes], "rows": found.rows, "indirect": found.indirect,
    }  # fmt: skip


def _invented(version: Version) -> str:
    if not version.invented:
        return ""
    return f"compared with made-up values of {', '.join(version.invented)}; --var gives real ones"


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


def _tables(old: Step, new: Step, before: Version, after: Version) -> Iterator[Change]:
    """Value tables whose bytes changed."""
    then = {used.path: before.identity(used.file) for used in old.input_files}
    for used in new.input_files:
        if used.path in then and then[used.path] != after.identity(used.file):
            yield Change(f"{new.id}.map {used.path}", new.id, "changed", "", "", "R2", "value table")


def _rows(
    old: Step, new: Step, before: Version, after: Version, folder: Path, *, show_values: bool
) -> dict[str, Any] | None:
    """The rows of a step's source in both versions; None when there is nothing to compare."""
    one, other = old.source, new.source
    if not isinstance(one, FileSource | SqliteSource) or not isinstance(other, FileSource | SqliteSource):
        return _sql_files(old, new, before, after)
    ids = before.identity(one.file), after.identity(other.file)
    if ids[0] == ids[1] and _read_alike(one, other):
        return None
    found: dict[str, Any] = {"step": new.id, "source": printable(other.path), "key": new.key or ""}
    if None in ids:
        gone = "base" if ids[0] is None else "head"
        return {**found, "risk": "R2", "why": f"the file is not in {gone}", "compared": False}
    if any(map(_is_pointer, (one.file, other.file))):
        return {**found, "risk": "R2", "why": "kept in Git LFS: its rows are not in the repository", "compared": False}
    try:
        rows = compare_rows(
            lambda: open_source(one), lambda: open_source(other), new.key, folder, show_values=show_values
        ).as_json()  # fmt: skip
    except InvalidInputError as error:
        return {**found, "risk": "R2", "why": f"cannot be compared: {printable(error.summary)}", "compared": False}
    rows = {**rows, **{k: [printable(n) for n in rows[k]] for k in ("columns_added", "columns_removed")}}
    grade, why = risk.rows_risk(new, rows)
    if not any(rows[k] for k in ("added", "removed", "changed", "columns_added", "columns_removed")):
        grade = "R0"
    stays = bool(rows["removed"]) and not new.facts.destructive
    return {**found, "risk": grade, "why": why, "compared": True, **rows, "removed_stay": stays}


def _read_alike(one: FileSource | SqliteSource, other: FileSource | SqliteSource) -> bool:
    """Whether the same bytes are read the same way."""
    here = Path("x")
    return (
        replace(one, file=here, path="x") == replace(other, file=here, path="x") if type(one) is type(other) else False
    )


def _sql_files(old: Step, new: Step, before: Version, after: Version) -> dict[str, Any] | None:
    """Files under a SELECT: that they changed is known, which of its rows is not."""
    then = {f.path: before.identity(f.file) for f in source_files(old.source)}
    changed = [f.path for f in source_files(new.source) if f.path in then and then[f.path] != after.identity(f.file)]
    if not changed:
        return None
    source = printable(", ".join(changed))
    return {
        "step": new.id, "source": source, "key": new.key or "", "risk": "R2", "why": "a file under the SELECT changed",
        "compared": False,
    }  # fmt: skip


def _is_pointer(file: Path) -> bool:
    with file.open("rb") as opened:
        return opened.read(len(LFS)) == LFS
