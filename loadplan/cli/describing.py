"""`org describe`: take a snapshot of objects, or say what the org changed since one was taken. The org is only asked."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadplan.cli import loading, paths
from loadplan.cli.console import Console
from loadplan.cli.options import project_root, state_folder
from loadplan.cli.target import Target, open_target
from loadplan.clock import SystemClock
from loadplan.errors import OrgError, UsageError
from loadplan.lean import dataclass
from loadplan.words import count

if TYPE_CHECKING:
    from loadplan.review.drift import Change


@dataclass(frozen=True)
class Wanted:
    """What the user typed."""

    objects: Sequence[str]
    plans: Sequence[Path]
    org: str | None
    variables: Mapping[str, str]
    var_files: Sequence[Path]
    state_dir: Path | None


def take_snapshot(console: Console, wanted: Wanted, out: Path | None) -> int:
    """Write the descriptions and the counts. Raises `LoadplanError`."""
    from loadplan.salesforce import info, snapshot

    org = wanted.org or "ORG"
    if out is None or not (wanted.objects or wanted.plans):
        folder = out or "describe"
        raise UsageError(
            "no folder is named: --out DIR writes a snapshot, --check DIR compares one"
            if out is None
            else "no object is named",
            next_commands=[
                f"loadplan org describe Account Contact -o {org} --out {folder}",
                f"loadplan org describe --all-needed-by PLAN -o {org} --out {folder}",
            ],
        )
    plans = [loading.load(file, wanted.variables, wanted.var_files)[0] for file in wanted.plans]
    root, clock = project_root(Path.cwd()), SystemClock()
    with open_target(wanted.org, root, state_folder(wanted.state_dir, root), clock, console) as target:
        version, names = target.version, set(wanted.objects)
        for plan in plans:
            info.check_api_version(target.profile.name, target.api_versions, plan.api_version)
        if plans:
            version = max((plan.api_version for plan in plans), key=float)
        try:
            for plan in plans:
                names |= set(snapshot.objects_needed_by(target.org, plan, version, clock))
            written = snapshot.write_snapshot(
                target.org, sorted(names), out, version, name=target.profile.name, clock=clock
            )
        except OrgError as error:
            if error.code == "LP0402" and not error.next_commands:
                error.next_commands = tuple(_which_step(wanted, target.profile.name))
            raise
    if console.as_json:
        files = [{"object": path.stem, "file": str(path)} for path in written]
        records = dict(snapshot.read_manifest(out).records)
        console.json({"org": target.profile.name, "api_version": version, "files": files, "records": records})
        return 0
    for path in written:
        console.result(paths.show(path))
    return 0


def _which_step(wanted: Wanted, org: str) -> Iterator[str]:
    """The commands that say which step names an object that the org does not have."""
    given = [part for name, value in wanted.variables.items() for part in ("--var", f"{name}={value}")]
    given += [part for file in wanted.var_files for part in ("--var-file", str(file))]
    for file in wanted.plans:
        yield shlex.join(["loadplan", "plan", str(file), "-o", org, *given])


def check_snapshot(console: Console, wanted: Wanted, folder: Path, out: Path | None) -> int:
    """Ask for the objects of the snapshot, and for no other. 0: nothing changed that decides what a row may hold; 1: something did.
    Raises `LoadplanError`."""
    from loadplan.review.described import read_snapshot
    from loadplan.salesforce.snapshot import read_manifest

    if out is not None or wanted.plans:
        raise UsageError(
            "--check compares what is there, and neither writes nor reads a plan",
            hint="leave --out and --all-needed-by out",
            next_commands=[f"loadplan org describe --check {folder} -o {wanted.org or 'ORG'}"],
        )
    kept = read_snapshot(folder)
    named = [kept.object(name) for name in wanted.objects] if wanted.objects else list(kept.objects.values())
    lacking = [name for name, facts in zip(wanted.objects, named, strict=False) if facts is None]
    if lacking or not named:
        org = wanted.org or "ORG"
        again = shlex.join(lacking) if lacking else "--all-needed-by PLAN"
        raise UsageError(
            f"the snapshot in `{folder}` has no {', '.join(lacking)}" if lacking else f"there is no snapshot in `{folder}`",
            hint="write it first", next_commands=[f"loadplan org describe {again} -o {org} --out {folder}"],
        )  # fmt: skip
    manifest = read_manifest(folder)
    root, clock = project_root(Path.cwd()), SystemClock()
    with open_target(wanted.org, root, state_folder(wanted.state_dir, root), clock, console) as target:
        # Another version shows other fields: that is no change of the org's.
        known = manifest.api_version in target.api_versions
        version = manifest.api_version if known else target.version
        found = _compare(target, [facts.raw for facts in named if facts is not None], version)
    missing = [] if wanted.objects else sorted(name for name in manifest.records if kept.object(name) is None)
    return _tell(console, target.profile.name, folder, version, found, manifest.org, missing)


def _compare(target: Target, kept: Sequence[Mapping[str, Any]], version: str) -> dict[str, list[Change]]:
    """Object -> its changes; an object that did not change has none."""
    from loadplan.review.drift import drift
    from loadplan.salesforce.info import describe_or_none

    clock = SystemClock()
    return {
        str(then["name"]): drift(then, describe_or_none(target.org, str(then["name"]), clock, version))
        for then in sorted(kept, key=lambda raw: str(raw["name"]))
    }


def _tell(
    console: Console,
    org: str,
    folder: Path,
    version: str,
    found: Mapping[str, list[Change]],
    taken_from: str,
    missing: Sequence[str] = (),
) -> int:
    """`missing` are objects that snapshot.toml counts and that have no file: nobody can say whether they changed."""
    changes = [change for listed in found.values() for change in listed]
    breaking = sum(1 for change in changes if change.breaking)
    gone = [name for name, listed in found.items() if any(c.kind == "object removed" for c in listed)]
    again = [name for name, listed in found.items() if listed and name not in gone] + list(missing)
    refresh = f"loadplan org describe {' '.join(again)} -o {org} --out {shlex.quote(str(folder))}"
    commands = [refresh] if again else []
    commands += [f"rm {shlex.join(str(folder / f'{name}.json') for name in gone)}"] if gone else []
    if console.as_json:
        console.json(
            {
                "org": org, "api_version": version, "folder": str(folder), "drift": bool(changes), "breaking": breaking,
                "missing": list(missing),
                "objects": [
                    {"object": name, "changes": [c.as_json() for c in listed]} for name, listed in found.items() if listed
                ],
                "next": commands,
            }
        )  # fmt: skip
        return 1 if changes or missing else 0
    if taken_from not in {"", org}:
        console.message(f"note: the snapshot was taken of `{taken_from}`, and `{org}` is asked")
    for line in _lines(found):
        console.result(line)
    objects = count(len(found), "object")
    for name in missing:
        console.result(f"{name}: not compared; `snapshot.toml` counts it, and {name}.json is not there")
    if not changes and not missing:
        console.result(f"No drift: {objects} of {folder} as in {org}.")
        return 0
    console.result(
        f"Drift: {count(len(changes), 'change')} in {sum(1 for listed in found.values() if listed)} of {objects}, "
        f"{breaking} can break a load."
    )
    console.message("the files are as they were; take the snapshot again, look at it with git diff, and rehearse")
    for command in commands:
        console.message(f"next: {command}")
    return 1


def _lines(found: Mapping[str, list[Change]]) -> Iterator[str]:
    from loadplan.masking import printable

    for name, listed in found.items():
        if listed:
            yield name
        for change in listed:
            what = f"{change.field}: {change.text}" if change.field else change.text
            yield f"  {'BREAKING' if change.breaking else 'harmless'}  {printable(what)}"
        if listed:
            yield ""
