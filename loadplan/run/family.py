"""Family: what became of the parents that a step's rows name, and so which rows can be sent now.

A parent has failed when a step of this plan tried to land it and no step did. Rows that name it by external id are held
(`on_parent_failure: hold`), or sent to fail in turn (`send`). A parent by `id_of` needs an id: without one the row is held,
or sent with the parent's key in its place, which the org refuses in its own words. A parent that no step of the plan loads is
the org's to know.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any

from loadplan.lean import dataclass
from loadplan.plan.graph import compile_graph
from loadplan.plan.model import DELIMITERS, Lookup, Step
from loadplan.plan.relationships import targets_of
from loadplan.sources.chosen import Chooser
from loadplan.sources.idmap import IdMap, Why, open_id_map
from loadplan.sources.idmap_build import build_id_map
from loadplan.sources.masks import Masker, key_masker
from loadplan.sources.matching import ResultPaths, match_results
from loadplan.sources.rawrecords import field_splitter, unquoted
from loadplan.sources.resultcells import result_cells
from loadplan.sources.results import open_result
from loadplan.sources.rowsfile import step_over
from loadplan.sources.sentrows import Finder

if TYPE_CHECKING:
    from loadplan.run.rows import Rows
    from loadplan.run.state import Attempt, PartRun

FAILED = "its parent did not land"
WHY = {
    Why.UNKNOWN: "no row of the parent step has its key",
    Why.NOT_LANDED: FAILED,
    Why.AMBIGUOUS: "its parent is two records",
}
LOADS = frozenset({"insert", "upsert", "update"})


@dataclass
class StepFamily:
    """The parents of one step's rows, by the position of the field that names them in what is sent."""

    holds: bool
    failed: list[tuple[int, frozenset[bytes]]] = field(default_factory=list)
    ids: list[tuple[int, IdMap, Masker | None]] = field(default_factory=list)

    def place(self, fields: list[bytes]) -> str:
        """Put ids where keys of parents stand; the reason why the row must wait, or ""."""
        for at, keys in self.failed:
            if fields[at] and unquoted(fields[at]) in keys:
                return FAILED
        for at, known, masker in self.ids:
            key = unquoted(fields[at])
            if not key:
                continue
            if masker is not None:
                key = masker.of_bytes(key)  # the parents' keys were sent hashed, and came back so
            found = known.find(key)
            if found is not None:
                fields[at] = found
            elif self.holds:
                return WHY[known.why(key) or Why.UNKNOWN]
        return ""

    def finders(self) -> Mapping[int, Finder] | None:
        """For each sent field that becomes an id, what finds many at once; None when parents of others failed."""
        if self.failed:
            return None
        return {at: _finder(known, masker) for at, known, masker in self.ids}

    def close(self) -> None:
        for _, known, _ in self.ids:
            known.close()

    @property
    def has_nothing_to_say(self) -> bool:
        return not self.failed and not self.ids


class _Finder:
    """Ids of many keys at once."""

    def __init__(self, known: IdMap, masker: Masker | None) -> None:
        self._known, self._masker = known, masker

    def __call__(self, keys: list[bytes]) -> list[bytes | None]:
        if (masker := self._masker) is not None:
            keys = [masker.of_bytes(key) if key else key for key in keys]
        return self._known.find_all(keys)


class _PlacedFinder(_Finder):
    """The same for keys as they stand in the source; only used where numpy is."""

    def placed(self, text: bytes, left: Any, right: Any) -> tuple[Any, Any]:
        from loadplan.sources.idmaparrays import find_placed

        return find_placed(self._known, text, left, right)


def _finder(known: IdMap, masker: Masker | None) -> Finder:
    return _Finder(known, masker) if masker is not None or known.in_memory else _PlacedFinder(known, masker)


def family_of(rows: Rows, step: Step) -> StepFamily:
    """What is known now. The caller closes it."""
    found = StepFamily(step.on_parent_failure == "hold")
    if not step.references:
        return found
    header = rows.shape(step).header
    if found.holds:
        for lookup in (*step.lookups, *([step.hierarchy.lookup] if step.hierarchy and step.hierarchy.lookup else [])):
            keys = _failed_keys(rows, step, lookup)
            if keys:
                found.failed.append((header.index(lookup.header), frozenset(keys)))
    for reference in step.ids:
        parent = rows.plan.steps[reference.step]
        found.ids.append((header.index(reference.header), id_map(rows, parent), key_masker(parent)))
    if step.hierarchy is not None and step.hierarchy.lookup is None:
        found.ids.append((header.index(step.hierarchy.header), id_map(rows, step), key_masker(step)))
    return found


# -- parents by external id ----------------------------------------------------------------------------------------


def _failed_keys(rows: Rows, step: Step, lookup: Lookup) -> set[bytes]:
    """Values of the lookup's field of rows that no step landed."""
    loaders = [s for s in _loaders(rows, step, lookup) if rows.run.steps[s.id].prepared is not None]
    lost: set[bytes] = set()
    for loader in loaders:
        lost.update(_values(rows, loader, lookup.field, landed=False))
    if lost and len(loaders) > 1:
        for loader in loaders:
            lost.difference_update(v for v in _values(rows, loader, lookup.field, landed=True) if v in lost)
    return lost


def _loaders(rows: Rows, step: Step, lookup: Lookup) -> list[Step]:
    """The steps before this one, and this one itself, that load the object the lookup points at and send its field."""
    graph = compile_graph(rows.plan)
    before: set[str] = {step.id}
    waiting = list(graph.parents(step.id))
    while waiting:
        name = waiting.pop()
        if name not in before:
            before.add(name)
            waiting.extend(graph.parents(name))
    targets = {t.lower() for t in targets_of(step.object or "", lookup.relationship, lookup.object_type)}
    if step.hierarchy is not None and step.hierarchy.lookup is lookup:
        targets = {(step.object or "").lower()}
    return [
        s for s in rows.plan.steps.values()
        if s.id in before and s.operation in LOADS and (s.object or "").lower() in targets
    ]  # fmt: skip


def _values(rows: Rows, step: Step, name: str, *, landed: bool) -> Iterator[bytes]:
    """The values of a sent field in the rows of a step that landed, or that did not (held ones included)."""
    header = rows.shape(step).header
    at = next((i for i, n in enumerate(header) if n.lower() == name.lower()), None)
    if at is None:
        return
    fields = field_splitter(DELIMITERS[step.csv.delimiter].encode(), len(header))
    run_step = rows.run.steps[step.id]
    left_of = _left_by_part(rows, step)
    for part in run_step.parts.values():
        left = left_of.get(part.number, set())
        if part.origin or (not left and not landed):
            continue
        data, moved = rows.part(step, part.number, 1), rows.moved(step, part)
        numbers, position = data.source_records(), 0
        for batch in data.records():
            for record in batch:
                if numbers[position] in moved:
                    pass  # sent in another part, and told there
                elif (numbers[position] in left) is not landed and (cells := fields(record)) is not None:
                    yield unquoted(cells[at])
                position += 1
    if not landed:
        for chosen in _held(rows, step):
            yield unquoted(chosen[at])


def _left_by_part(rows: Rows, step: Step) -> dict[int, set[int]]:
    """Source records of rows that did not land, by the part that they were first sent in."""
    parts = rows.run.steps[step.id].parts
    found: dict[int, set[int]] = {}
    for part in parts.values():
        first = part
        while first.origin:
            first = parts[first.origin]
        # A row that failed with an id of its own could not be changed, but it is there: its children find it.
        left = {record for record, fate in rows.left_of_part(step, part) if not fate.sf_id}
        found.setdefault(first.number, set()).update(left)
    return found


def _held(rows: Rows, step: Step) -> Iterator[list[bytes]]:
    """The fields of the rows of a step that wait for their parents."""
    for fact in rows.run.steps[step.id].held:
        over = step_over(step, rows.rows_file(fact))
        assert over.source is not None
        reader = rows.open(over.source)
        try:
            for batch in Chooser(over, rows.shape(step), reader, plain=True):
                for row in batch:
                    yield row.fields
        finally:
            reader.close()


# -- parents by id -------------------------------------------------------------------------------------------------


def id_map(rows: Rows, step: Step) -> IdMap:
    """From the keys of the step's rows to the ids their results gave them, as far as there are results. On disk; made again
    only when there are others."""
    digest = hashlib.sha256()
    run_step = rows.run.steps[step.id]
    for part in run_step.parts.values():
        for attempt in part.attempts:
            if attempt.reconciled:
                digest.update("".join(r.sha256 for _, r in sorted(attempt.results.items())).encode())
    for fact in run_step.held:
        digest.update(f"{fact.file} {fact.rows}".encode())
    folder = rows.folder.step(step.id) / "ids"
    found = open_id_map(folder, digest.hexdigest())
    return found or build_id_map(folder, _pairs(rows, step), digest=digest.hexdigest())


def _pairs(rows: Rows, step: Step) -> Iterator[tuple[bytes, bytes]]:
    """Keys with their ids, and with b"" for rows that have none."""
    for part in rows.run.steps[step.id].parts.values():
        for attempt in part.attempts:
            if attempt.reconciled and attempt.reconciled.agree and "successful" in attempt.results:
                yield from _landed(rows, step, part, attempt)
    key = rows.shape(step).sent_key
    if key is not None:
        for value in _values(rows, step, key, landed=False):
            if value:
                yield value, b""
    else:
        yield from ((k, b"") for k in rows.keys_of_records(step, rows.left_records_of(step)) if k)


def _landed(rows: Rows, step: Step, part: PartRun, attempt: Attempt) -> Iterator[tuple[bytes, bytes]]:
    shape = rows.shape(step)
    path = rows.folder.path(attempt.results["successful"].file)
    if shape.sent_key is not None:
        delimiter = DELIMITERS[step.csv.delimiter]
        columns = [name.lower() for name in open_result(path, delimiter).columns]
        wanted = [shape.sent_key.lower(), "sf__id"]
        if set(wanted) <= set(columns):
            for values, ids in result_cells(path, delimiter, [columns.index(name) for name in wanted], len(columns)):
                yield from ((value, sf_id) for value, sf_id in zip(values, ids, strict=True) if value)
        return
    # The key was not sent: rows are told by their content, and their keys are in the source.
    files = {k: rows.folder.path(v.file) for k, v in attempt.results.items()}
    data = rows.as_file(step, rows.part(step, part.number, attempt.round), attempt)
    fates = match_results(
        data, ResultPaths(files.get("successful"), files.get("failed"), files.get("unprocessed")), dialect=step.csv, key=None
    )  # fmt: skip
    records = rows.part(step, part.number, attempt.round).source_records()
    landed = [(records[i], f.sf_id) for i, f in enumerate(fates.rows) if f is not None and f.kind == "successful"]
    keys = rows.keys_of_records(step, (record for record, _ in landed))
    alike = _alike(rows, step, part, attempt)
    for key, (record, sf_id) in zip(keys, landed, strict=True):
        if key:
            yield key, sf_id.encode()
            if record in alike:
                yield key, alike[record]  # another id for the same key: nobody can tell which one it is


def _alike(rows: Rows, step: Step, part: PartRun, attempt: Attempt) -> dict[int, bytes]:
    """Rows whose content is that of another row: the org's answer does not tell them apart."""
    first: dict[bytes, int] = {}
    twins: dict[int, bytes] = {}
    data = rows.part(step, part.number, attempt.round)
    records, position = data.source_records(), 0
    for batch in data.records():
        for record in batch:
            before = first.setdefault(record, records[position])
            if before != records[position]:
                twins[before] = twins[records[position]] = b"000000000000000AAA"
            position += 1
    return twins
