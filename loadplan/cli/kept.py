"""Kept: what a run keeps of its plan, and the plan of a run as it was begun. A plan that is another by now stops it (exit 6)."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadplan.cli.loading import load
from loadplan.errors import InvalidInputError, LocalError, StaleError
from loadplan.plan.model import Plan
from loadplan.run.folder import RunFolder
from loadplan.sources.base import InputDigest

if TYPE_CHECKING:
    from loadplan.cli.flow import Request
    from loadplan.plan.graph import Graph


def freeze(
    plan: Plan,
    folder: RunFolder,
    digests: Mapping[str, InputDigest],
    request: Request,
    saved: Mapping[str, Any] | None = None,
) -> None:
    """Keep the plan and what it read as they are now."""
    from loadplan.durable import write_atomic

    write_atomic(folder.plan_yaml, plan.text)
    folder.write_json(
        "plan.json",
        {
            "name": plan.name,
            "file": str(plan.file.resolve()),
            "digest": plan.digest,
            "api_version": plan.api_version,
            "variables": dict(request.variables),
            "var_files": [str(f.resolve()) for f in request.var_files],
            "inputs": {k: asdict(v) for k, v in digests.items()},
            "beside": beside(plan),
            **({"saved": dict(saved)} if saved else {}),
            "steps": {
                s.id: {
                    "operation": s.operation,
                    "object": s.object,
                    "external_id": s.external_id,
                    "depends_on": list(s.depends_on),
                }
                for s in plan.steps.values()
            },
        },
    )


def reload(folder: RunFolder) -> tuple[Plan, Graph, dict[str, Any]]:
    """The plan of a run as it was begun. Raises `StaleError` when the plan file or a variable is another by now."""
    frozen = _frozen(folder)
    file = Path(frozen["file"])
    if not file.is_file() or file.read_bytes() != folder.plan_yaml.read_bytes():
        raise StaleError(
            "the plan changed since the run began",
            code="LP0510",
            where=str(file),
            details=[f"the plan of the run is kept in {folder.plan_yaml}"],
            hint="put the plan back as it was, or start a new run with the new one",
            next_commands=[f"loadplan apply {file.name} -o ORG"],
        )
    try:
        plan, graph = load(file, frozen["variables"], [Path(f) for f in frozen["var_files"]])
    except InvalidInputError as error:
        # What this run has sent is on record; the plan is the same, so something beside it is not.
        first = error.diagnostics[0].summary if error.diagnostics else error.summary
        raise InvalidInputError(
            f"the plan of the run cannot be read as when it began: {first}", error.diagnostics,
            hint=f"put back what it reads, then go on; nothing more was sent, and what was sent is in {folder.id}",
            next_commands=[f"loadplan resume {folder.id}"],
        ) from error  # fmt: skip
    from loadplan.plan.chosen import only

    return *only(plan, graph, frozen.get("steps", plan.steps)), frozen


def _frozen(folder: RunFolder) -> dict[str, Any]:
    """What plan.json keeps of the run's beginning."""
    try:
        frozen: dict[str, Any] = json.loads(folder.plan_json.read_bytes())
        if not {"file", "variables", "var_files", "inputs"} <= set(frozen):
            raise ValueError("keys are missing")
    except (OSError, ValueError, TypeError) as error:
        raise LocalError(
            f"plan.json cannot be read: {error}", code="LP0603", where=str(folder.plan_json),
            hint="restore the run folder from a copy", next_commands=["loadplan runs"],
        ) from error  # fmt: skip
    return frozen


def as_begun(folder: RunFolder) -> tuple[Plan, Graph, dict[str, Any]]:
    """The plan of a run from the copy that its folder keeps, for reading only: plan and sources may be others by now."""
    from loadplan.plan.chosen import only
    from loadplan.plan.graph import compile_graph
    from loadplan.plan.load import recorded_plan

    frozen = _frozen(folder)
    plan = recorded_plan(
        folder.plan_yaml, Path(frozen["file"]), frozen["variables"], [Path(f) for f in frozen["var_files"]]
    )
    return *only(plan, compile_graph(plan), frozen.get("steps", plan.steps)), frozen


def check_beside(plan: Plan, frozen: Mapping[str, Any], folder: RunFolder) -> None:
    """Raises `StaleError` when a value table or a mask key is another than when the run began."""
    now, then = beside(plan), frozen.get("beside", {})
    if changed := sorted(name for name in {*now, *then} if now.get(name) != then.get(name)):
        raise StaleError(
            f"{', '.join(changed)} changed since the run began", code="LP0510", where=str(plan.file),
            hint="put it back as it was, or start a new run", next_commands=[f"loadplan resume {folder.id}"],
        )  # fmt: skip


def beside(plan: Plan) -> dict[str, str]:
    """What the rows depend on beside their sources: the sha256 of each value table, a check of each mask key."""
    from hashlib import sha256

    from loadplan.sources.masks import MASK_KEY, key_check

    found: dict[str, str] = {}
    for step in plan.steps.values():
        for used in step.input_files:
            found[used.path] = sha256(used.file.read_bytes()).hexdigest()
        if (check := key_check(step)) is not None:
            found[f"{MASK_KEY}`{step.id}`"] = check
    return found


def check_approved(frozen: Mapping[str, Any], folder: RunFolder, root: Path) -> None:
    """Raises `StaleError` when the org's entry no longer allows what was approved with the saved plan that the run began with."""
    saved = frozen.get("saved")
    if not saved:
        return
    from loadplan.review.entry import changes_of
    from loadplan.salesforce.entries import read_entries

    if changed := changes_of(saved["org"], saved["entry"], read_entries(root / "orgs.yaml").get(saved["org"], {})):
        raise StaleError(
            f"the run is of a saved plan, and {changed[0]}", code="LP0761", where=str(root / "orgs.yaml"), details=changed[1:],
            hint="nothing was sent; put the entry back as it was approved, or plan again and have that approved",
            next_commands=[f"loadplan resume {folder.id}"],
        )  # fmt: skip
