"""The judge: what is the case in the org and in the run folder, told without ids and times, so that two stories can be compared.

A story with crashes and faults has to end as the story without them: the same rows applied as often, the same records, the same
fates, the same files for the user. Beside that some things hold by themselves (`check`).
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from pathlib import Path
from typing import Any

from loadplan.cli import loading
from loadplan.plan.graph import compile_graph
from loadplan.plan.load import load_plan
from loadplan.plan.model import FileSource, Plan
from loadplan.run import events as ev
from loadplan.run.journal import read_journal
from loadplan.run.state import Run, fold

from simulator.world import World

SYSTEM = {"Id", "CreatedDate", "LastModifiedDate", "SystemModstamp", "CreatedById", "LastModifiedById", "OwnerId"}


class ViolationError(AssertionError):
    """A promise is broken."""


def folded(world: World) -> tuple[Run, list[ev.Recorded]]:
    """The run as its journal tells it."""
    folder = world.run_folder
    assert folder is not None
    records = read_journal(folder.journal)[0]
    return fold(loading.fresh_run(compile_graph(_plan(world))), records), records


_PLANS: dict[str, Plan] = {}


def _plan(world: World) -> Plan:
    """The scenario's plan; the file is the same in every world."""
    if world.scenario.name not in _PLANS:
        _PLANS[world.scenario.name] = load_plan(world.project / "plan.yaml")
    return _PLANS[world.scenario.name]


def picture(world: World) -> dict[str, Any]:
    """Everything that a user would look at, without what differs from run to run."""
    run, _ = folded(world)
    folder = world.run_folder
    assert folder is not None
    names = _names(world)
    return {
        "applied": _applied(world, names),
        "records": _records(world, names),
        "steps": {s.id: (s.state, s.counts, s.not_sent, s.problem) for s in run.steps.values()},
        "exit": (run.exit, run.result),
        "outputs": _texts(world.project / "out", names),
        "left over": _texts(folder.root / "retry", names, ".csv"),
    }


def _names(world: World) -> dict[str, str]:
    """What each record is called: by its key, since ids depend on the order of jobs."""
    found: dict[str, str] = {}
    for kind in ("Account", "Contact"):
        for record in world.org.records(kind):
            found[record["Id"]] = str(record.get("Legacy_Id__c"))
    for entry in world.org.ledger.entries():
        if entry.key != entry.record_id:
            found.setdefault(entry.record_id, entry.key)
    return found


def _applied(world: World, names: dict[str, str]) -> Counter[tuple[str, str, str]]:
    """How often each row was applied, by object, operation and key."""
    found: Counter[tuple[str, str, str]] = Counter()
    for entry in world.org.ledger.entries():
        key = names.get(entry.key, "gone" if entry.key == entry.record_id else entry.key)
        found[entry.object, entry.operation, key] += 1
    return found


def _records(world: World, names: dict[str, str]) -> dict[str, list[Any]]:
    found: dict[str, list[Any]] = {}
    for kind in ("Account", "Contact"):
        rows = [
            sorted(
                (k, names.get(v, v))
                for k, v in record.items()
                if k not in SYSTEM and v is not None and isinstance(v, str)
            )
            for record in world.org.records(kind)
        ]
        found[kind] = sorted(rows)
    return found


def _texts(folder: Path, names: dict[str, str], ending: str = "") -> dict[str, str]:
    found = {}
    for path in sorted(folder.rglob(f"*{ending}")) if folder.is_dir() else ():
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            for record, name in names.items():
                text = text.replace(record, name)
            found[path.relative_to(folder).as_posix()] = text
    return found


def compare(world: World, wanted: dict[str, Any]) -> None:
    """Raises `ViolationError` with what differs from the story without trouble."""
    found = picture(world)
    for name, value in wanted.items():
        if world.scenario.repeats and name == "applied":
            if set(found[name]) != set(value):
                raise ViolationError(f"{name}: {found[name]} instead of {value}")
        elif found[name] != value:
            raise ViolationError(
                f"{world.scenario.name}: {name}: {found[name]} instead of {value}; exits {world.exits}"
            )


def check(world: World) -> None:
    """What holds by itself. Raises `ViolationError`."""
    run, records = folded(world)
    _each_row_once(world)
    _one_fate_each(world, run)
    _children_after_their_gates(_plan(world), run, records)


def _each_row_once(world: World) -> None:
    """I1: no row of a job is applied twice, and no row by two jobs of one step, whatever was retried."""
    seen: Counter[tuple[str, int]] = Counter((e.job, e.row) for e in world.org.ledger.entries())
    twice = [place for place, times in seen.items() if times > 1]
    if twice:
        raise ViolationError(f"rows of one job applied twice: {twice[:3]}")
    inserted: Counter[tuple[str, str]] = Counter(
        (e.object, e.key) for e in world.org.ledger.entries() if e.operation == "insert"
    )
    doubles = {key: times for key, times in inserted.items() if times > 1}
    if doubles:
        raise ViolationError(f"inserted twice: {doubles}; exits {world.exits}")


def _one_fate_each(world: World, run: Run) -> None:
    """I2: successful and left over together are the rows of the source, each once."""
    folder = world.run_folder
    assert folder is not None
    for step in run.steps.values():
        keys = _source_keys(world, step.id)
        if keys is None or step.prepared is None:
            continue
        fates: Counter[str] = Counter()
        for attempt in step.attempts:
            saved = attempt.results.get("successful")
            if saved is not None and attempt.reconciled is not None:
                fates.update(_column(folder.path(saved.file), keys[1]))
            elif (
                attempt.resolved and attempt.reconciled is not None
            ):  # a person said so; whether it is true, the org knows
                fates.update(e.key for e in world.org.ledger.entries() if e.job == attempt.job)
        fates.update(_column(folder.retry(step.id), keys[0]))
        wanted = Counter(keys[2])
        if fates != wanted:
            raise ViolationError(f"{step.id}: fates {dict(fates)} for rows {dict(wanted)}; exits {world.exits}")


def _source_keys(world: World, step: str) -> tuple[str, str, list[str]] | None:
    """(column of the key in the source, in what is sent, its values) where the source is a file whose keys are sent."""
    spec = _plan(world).steps[step]
    if not isinstance(spec.source, FileSource) or spec.operation not in {"insert", "upsert"} or spec.where is not None:
        return None
    path = world.project / spec.source.file.name
    header = next(csv.reader(io.StringIO(path.read_text(encoding="utf-8"))))
    name = next(name for name in ("Legacy_Id__c", "id", "LastName") if name in header)
    return name, {"id": "Legacy_Id__c"}.get(name, name), _column(path, name)


def _column(path: Path, name: str) -> list[str]:
    if not path.exists():
        return []
    return [row[name] for row in csv.DictReader(io.StringIO(path.read_text(encoding="utf-8")))]


def _children_after_their_gates(plan: Plan, run: Run, records: list[ev.Recorded]) -> None:
    """I3: no step begins before every step it depends on was settled, nor behind a gate that is shut."""
    settled: set[str] = set()
    shut: set[str] = set()
    for record in records:
        event = record.event
        if isinstance(event, ev.StepSettled):
            settled.add(event.step)
        elif isinstance(event, ev.GateDecided):
            holds = event.verdict != "open" and (plan.steps[event.step].gate.on_fail == "stop" or not event.reconciled)
            (shut.add if holds else shut.discard)(event.step)
        elif isinstance(event, ev.RetryRequested):
            settled -= set(event.steps)
        elif isinstance(event, ev.StepStarted):
            parents = set(run.steps[event.step].parents)
            if not parents <= settled or parents & shut:
                raise ViolationError(f"{event.step} began before the gates of {sorted(parents)} let it")
