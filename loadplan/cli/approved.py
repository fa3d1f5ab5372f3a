"""Approved: `apply` of a saved plan, and `apply --expect`: what was approved is what is sent, or nothing is."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadplan.cli import flow
from loadplan.cli.console import Console
from loadplan.cli.options import project_root, state_folder
from loadplan.clock import Clock
from loadplan.errors import InvalidInputError, StaleError, UsageError
from loadplan.lean import dataclass

if TYPE_CHECKING:
    from loadplan.cli.target import Target
    from loadplan.plan.graph import Graph
    from loadplan.plan.model import Plan
    from loadplan.review.saved import Saved
    from loadplan.sources.base import InputDigest


@dataclass(frozen=True)
class Approval(flow.Approval):
    """A saved plan, held against what is found. `expect` is the digest that was given with it."""

    plan: Saved
    root: Path

    def unreadable(self) -> None:
        self.plan.check_sources(self.root)

    def check_data(
        self, plan: Plan, graph: Graph, digests: Mapping[str, InputDigest], beside: Mapping[str, str], selected: Mapping[str, int]
    ) -> None:  # fmt: skip
        self.plan.check_data(plan, digests, beside)
        self.plan.check_shown(plan, graph, digests, selected)

    def check_org(self, target: Target, plan: Plan, clock: Clock) -> None:
        from loadplan.cli.planning import describe
        from loadplan.salesforce.survey import Survey

        self.plan.check_answering(target.identity.organization_name, production=target.profile.production)
        described = describe(Survey(target.org, clock, plan.api_version), plan)
        self.plan.check_org(target.identity.organization_id, described)

    def begin(self, state_dir: Path, run: str) -> None:
        self.plan.claim(state_dir, run)

    def saved(self) -> dict[str, Any]:
        org = str(self.plan.data["org"]["name"])
        return {"digest": self.plan.digest, "org": org, "entry": self.plan.data["entry"]}


@dataclass(frozen=True)
class Expected(flow.Approval):
    """`--expect`: the digest that `plan` printed."""

    digest: str

    def check_data(
        self, plan: Plan, graph: Graph, digests: Mapping[str, InputDigest], beside: Mapping[str, str], selected: Mapping[str, int]
    ) -> None:  # fmt: skip
        from loadplan.review.build import approval_digest

        found = approval_digest(plan, digests, beside)
        if found != self.digest:
            raise StaleError(
                f"the plan is not the expected one: {found}", code="LP0763", where=str(plan.file),
                details=[f"expected {self.digest}"],
                hint="the digest covers the plan, the variables and every input; nothing was sent",
                next_commands=[f"loadplan plan {shlex.quote(str(plan.file))} --offline"],
            )  # fmt: skip


def expected(text: str) -> str:
    """The digest as it is compared. Raises `UsageError` for what is none."""
    import re

    if not re.fullmatch(r"sha256:[0-9a-f]{64}", text):
        raise UsageError(
            "--expect takes a whole digest", hint="sha256: and 64 hex digits, as `loadplan plan` prints it",
            next_commands=["loadplan plan PLAN --offline"],
        )  # fmt: skip
    return text


def apply_saved(console: Console, file: Path, request: flow.Request, expect: str | None) -> int:
    """Run a saved plan, once. Raises `StaleError` (exit 6) when anything differs from what was approved."""
    from loadplan.review.saved import Saved, read_saved
    from loadplan.salesforce.entries import read_entries

    saved = Saved(file, read_saved(file))
    saved.check_whole()
    _check_request(saved, request)
    if expect is not None and expect not in {saved.data["approval"], f"sha256:{saved.digest}"}:
        raise StaleError(
            "the saved plan is not the expected one", code="LP0763", where=str(file),
            details=[f"expected {expect}", f"it is     sha256:{saved.digest}", f"its plan  {saved.data['approval']}"],
            next_commands=[f"loadplan show {shlex.quote(str(file))}"],
        )  # fmt: skip
    root = _root(saved, file)
    saved = replace(saved, root=root)
    saved.check_files(root)
    saved.check_entry(read_entries(root / "orgs.yaml").get(str(saved.data["org"]["name"]), {}))
    saved.check_unused(state_folder(request.state_dir, root))
    frozen = replace(
        request, org=str(saved.data["org"]["name"]), auto_approve=True, variables=dict(saved.data["variables"]),
        var_files=tuple(root / f["path"] for f in saved.data["var_files"]), steps=tuple(saved.data["order"]),
    )  # fmt: skip
    plan_file = root / str(saved.data["plan_file"])
    approval = Approval(saved, root)
    try:
        return flow.apply(console, _as_typed(plan_file), frozen, approval)
    except InvalidInputError:
        approval.unreadable()
        raise


def _check_request(saved: Saved, request: flow.Request) -> None:
    if request.variables or request.var_files:
        raise UsageError(
            "a saved plan has its variables already", hint="leave --var and --var-file out, or plan again with others",
            next_commands=[f"loadplan apply {shlex.quote(str(saved.path))}"],
        )  # fmt: skip
    if request.steps:
        raise UsageError(
            "a saved plan has its steps already", hint="leave --step out, or plan again with others",
            next_commands=[f"loadplan apply {shlex.quote(str(saved.path))}"],
        )  # fmt: skip
    name = saved.data["org"]["name"]
    if request.org is not None and request.org != name:
        raise saved.stale(f"it is for org `{name}`, and `{request.org}` was named")


def _root(saved: Saved, file: Path) -> Path:
    """The project: where it was as seen from the file, where we stand, or where the file is."""
    beside = file.resolve().parent
    roots = [(beside / str(saved.data["project"])).resolve(), project_root(Path.cwd()), project_root(beside)]
    return next((r for r in roots if (r / str(saved.data["plan_file"])).is_file()), roots[0])


def _as_typed(path: Path) -> Path:
    try:
        return path.relative_to(Path.cwd())
    except ValueError:
        return path
