"""`loadplan org check` and `loadplan org describe`: ask an org; nothing is changed there."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from loadplan.cli.console import Console
from loadplan.cli.options import (
    common,
    org_option,
    parse_variables,
    project_root,
    state_folder,
    state_option,
    variables_options,
)

if TYPE_CHECKING:
    from loadplan.salesforce.info import OrgCheck
    from loadplan.salesforce.orgs import OrgProfile

LIMIT_LABELS = {
    "DailyApiRequests": "API requests (24 h)",
    "DailyBulkApiBatches": "bulk batches (24 h)",
    "DailyBulkV2QueryJobs": "bulk query jobs (24 h)",
    "DailyBulkV2QueryFileStorageMB": "bulk query results, MB (24 h)",
    "DataStorageMB": "data storage, MB",
    "FileStorageMB": "file storage, MB",
}
LOW = 0.1
"""A limit with less than this share left is pointed out."""


@click.group("org")
def command() -> None:
    """Ask an org who you are, what is left of its limits, and what its objects look like."""


@command.command("check")
@org_option
@state_option
@common
def check(console: Console, org: str | None, state_dir: Path | None) -> int:
    """Who am I, which org is it, sandbox or production, API versions, what its entry allows, limits left."""
    from loadplan.cli.target import open_target
    from loadplan.clock import SystemClock
    from loadplan.salesforce import info

    root = project_root(Path.cwd())
    with open_target(org, root, state_folder(state_dir, root), SystemClock(), console) as target:
        found = info.gather_check(target.org, target.profile, target.identity, target.api_versions)
        if console.as_json:
            console.json(as_document(found, target.profile))
            return 0
        for line in as_lines(found, target.profile):
            console.result(line)
        for remark in remarks(found, target.profile):
            console.message(f"{console.style('note', 'yellow')}: {remark}")
    return 0


@command.command("describe")
@click.argument("objects", nargs=-1)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder for <Object>.json.")
@click.option(
    "--check",
    "checked",
    type=click.Path(path_type=Path, file_okay=False),
    metavar="DIRECTORY",
    help="Say what the org changed since the snapshot in this folder; exit 1 when it did.",
)
@click.option(
    "--all-needed-by",
    "plan_files",
    type=click.Path(path_type=Path, dir_okay=False),
    multiple=True,
    help="The objects of a plan, of its queries, and the parents of its lookups. May be given several times.",
)
@org_option
@variables_options
@state_option
@common
def describe(
    console: Console,
    objects: tuple[str, ...],
    out: Path | None,
    checked: Path | None,
    plan_files: tuple[Path, ...],
    org: str | None,
    var: tuple[str, ...],
    var_file: tuple[Path, ...],
    state_dir: Path | None,
) -> int:
    """Write <Object>.json for each of OBJECTS: stable, diffable, fit for git; or --check such a folder.

    More plans may follow --all-needed-by, as the shell makes them of `plans/*.yaml`."""
    from loadplan.cli.describing import Wanted, check_snapshot, take_snapshot

    plans = [*plan_files, *(Path(name) for name in objects if plan_files and name.endswith((".yaml", ".yml")))]
    named = [name for name in objects if Path(name) not in plans]
    wanted = Wanted(named, plans, org, parse_variables(var), var_file, state_dir)
    return take_snapshot(console, wanted, out) if checked is None else check_snapshot(console, wanted, checked, out)


# -- what a check looks like ---------------------------------------------------------------------------------------


def kind_of(found: OrgCheck) -> str:
    """`sandbox`, `production`, `developer` (a Developer Edition is nobody's production) or `unknown`."""
    if found.identity.is_sandbox is None:
        return "unknown"
    if found.identity.is_sandbox:
        return "sandbox"
    return "developer" if found.identity.organization_type == "Developer Edition" else "production"


def as_document(found: OrgCheck, profile: OrgProfile) -> dict[str, Any]:
    """The answer for programs. `permissions` and `limits` are null where the org does not say."""
    who = found.identity
    return {
        "org": found.name,
        "organization_id": who.organization_id,
        "organization_name": who.organization_name,
        "organization_type": who.organization_type,
        "kind": kind_of(found),
        "instance_url": who.instance_url,
        "username": who.username,
        "user_id": who.user_id,
        "api_versions": list(found.api_versions),
        "entry": {
            "organization_id": profile.organization_id or None,
            "production": profile.production,
            "allow": sorted(profile.allow),
            "limits": dict(profile.limits),
        },
        "permissions": found.permissions or None,
        "limits": {name: {"left": left, "of": most} for name, (left, most) in found.limits.items()} or None,
        "notes": remarks(found, profile),
    }


def as_lines(found: OrgCheck, profile: OrgProfile) -> Iterator[str]:
    """The answer for people: one thing a line, labels in a column."""
    who = found.identity
    kinds = {"production": "PRODUCTION", "developer": "Developer Edition", "unknown": "kind unknown"}
    kind = kinds.get(kind_of(found), kind_of(found))

    def row(label: str, text: str) -> str:
        return f"{label:13}{text}"

    yield row("org", ", ".join(filter(None, (found.name, who.organization_name, who.organization_id, kind))))
    yield row("url", who.instance_url)
    yield row("user", " ".join(filter(None, (who.username, who.user_id))) or "the org does not say")
    yield row("API", f"{found.api_versions[0]} to {found.api_versions[-1]}")
    yield row("guard", _guard(found, profile))
    yield row("allows", _allows(profile))
    if (most := profile.limits.get("max_delete_rows")) is not None:
        yield row("", f"at most {most:,} rows in one delete step")
    told = ", ".join(f"{label}: {'yes' if held else 'no'}" for label, held in found.permissions.items())
    yield row("permissions", told or "the org does not say")
    if not found.limits:
        yield row("limits left", "the org does not say (the user needs View Setup and Configuration)")
        return
    rows = [(LIMIT_LABELS.get(name, name), f"{left:,}", f"{most:,}") for name, (left, most) in found.limits.items()]
    widths = [max(len(cells[i]) for cells in rows) for i in range(3)]
    for number, (label, left, most_) in enumerate(rows):
        text = f"{label:{widths[0]}}  {left:>{widths[1]}} of {most_:>{widths[2]}}"
        yield row("" if number else "limits left", text)


def _guard(found: OrgCheck, profile: OrgProfile) -> str:
    if profile.production:
        return f"production: apply asks for {found.identity.organization_id} (--confirm-org in CI)"
    pinned = (
        "organization_id in orgs.yaml is this org's" if profile.organization_id else "organization_id is not pinned"
    )
    return f"none; {pinned}" if profile.embedded is None else "none; the embedded org never asks"


def _allows(profile: OrgProfile) -> str:
    from loadplan.plan.operations import OPERATIONS

    every = list(dict.fromkeys(facts.permission for facts in OPERATIONS.values()))
    barred = [name for name in every if name not in profile.allow]
    text = ", ".join(name for name in every if name in profile.allow) or "nothing"
    return text + (f"; not {', '.join(barred)}" if barred else "")


def remarks(found: OrgCheck, profile: OrgProfile) -> list[str]:
    """What a careful reader would point out: each is a sentence with its way out."""
    from loadplan.salesforce.info import PREFERRED, working_version

    notes = []
    if kind_of(found) == "production" and not profile.production:
        notes.append(f"this is a production org: say `production: true` for `{found.name}` in orgs.yaml")
    if profile.production and kind_of(found) == "sandbox":
        notes.append(f"`{found.name}` says `production: true`, but this org is a sandbox")
    if "hardDelete" in profile.allow and found.permissions.get("Bulk API Hard Delete") is False:
        notes.append("hardDelete is allowed in orgs.yaml, but the user lacks the permission Bulk API Hard Delete")
    if PREFERRED not in found.api_versions:
        version = working_version(found.api_versions)
        notes.append(f'plans ask for API {PREFERRED} unless they say otherwise: write `api_version: "{version}"`')
    for name, (left, most) in found.limits.items():
        if most and left < most * LOW:
            notes.append(f"{LIMIT_LABELS.get(name, name)}: only {left:,} of {most:,} left")
    return notes
