"""Datapass: one reading of a step's rows that finds what Salesforce would refuse, before a byte is sent; in bounded memory.

It works on batches of rows, a column at a time. It counts the rows that would fail, remembers keys and references by their
hashes, and measures what would be sent. It sends nothing, writes nothing, and keeps no cell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import field, replace
from itertools import islice

from loadplan.lean import dataclass
from loadplan.plan.model import Lookup, Plan, Step
from loadplan.review.cells import NULL, Column, column_of, key_column, own_id_column, unknown_column
from loadplan.review.described import Described
from loadplan.review.fields import named_parents
from loadplan.review.findings import Findings
from loadplan.review.keysets import KeySet, Pointers, key_hash
from loadplan.review.sizing import PartSize, Sizer
from loadplan.sources.base import Reader
from loadplan.sources.selection import SelectedRow, selected_rows
from loadplan.sources.shape import Shape

BATCH = 2_000
SAMPLE = 2_000
"""Keys that are remembered as they are, to be asked of the org one by one."""


@dataclass
class StepPass:
    """What a reading of one step found. `rows` are those that would be sent, `bytes` their CSV with a header in each part;
    `failing` rows have something Salesforce refuses. `sample` are keys as they stand, every `stride`-th row's."""

    rows: int = 0
    bytes: int = 0
    parts: list[PartSize] = field(default_factory=list)
    failing: int = 0
    keys: KeySet = field(default_factory=KeySet)
    sample: list[str] = field(default_factory=list)
    stride: int = 1


@dataclass(frozen=True)
class Target:
    """What a lookup points at: object and field, in lower case."""

    object: str
    field: str


@dataclass
class Kin:
    """Keys that a plan loads, and the keys that its lookups name, over all steps."""

    loaded: dict[Target, KeySet] = field(default_factory=dict)
    named: dict[tuple[str, str], Pointers] = field(default_factory=dict)
    targets: dict[tuple[str, str], tuple[Target, ...]] = field(default_factory=dict)
    case_sensitive: set[Target] = field(default_factory=set)

    def hash_of(self, target: Target, text: str) -> int:
        return key_hash(text, case_sensitive=target in self.case_sensitive)


def kin_of(plan: Plan, described: Described) -> Kin:
    """What has to be remembered: only fields that some lookup of the plan names."""
    from loadplan.plan.relationships import targets_of

    kin = Kin()
    for step in plan.steps.values():
        for lookup in named_parents(step):
            names = _targets(step, lookup, described) or targets_of(
                step.object or "", lookup.relationship, lookup.object_type
            )
            found = tuple(Target(n.lower(), lookup.field.lower()) for n in names)
            if found:
                kin.targets[step.id, lookup.header] = found
                for target in found:
                    kin.loaded.setdefault(target, KeySet())
                    facts = described.object(target.object)
                    known = facts.field(target.field) if facts else None
                    if known is not None and known.case_sensitive:
                        kin.case_sensitive.add(target)
        for reference in step.ids:
            parent = plan.steps.get(reference.step)
            # Ids are compared in two lengths, and masked keys by their masks: both are left to the run.
            if parent is not None and parent.masks is None and not parent.facts.needs_id:
                target = rows_of(parent.id)
                kin.targets[step.id, reference.header] = (target,)
                kin.loaded.setdefault(target, KeySet())
                kin.case_sensitive.add(target)
    return kin


def rows_of(step: str) -> Target:
    """What `id_of` points at: the rows of a step by their keys."""
    return Target(f"step {step}", "key")


def _targets(step: Step, lookup: Lookup, described: Described) -> tuple[str, ...]:
    if lookup.object_type:
        return (lookup.object_type,)
    facts = described.object(step.object)
    found = facts.relationships.get(lookup.relationship.lower()) if facts else None
    return found.reference_to if found else ()


Watcher = Callable[[Sequence[str], Sequence[SelectedRow]], None]


def read_step(
    step: Step, reader: Reader, shape: Shape, described: Described, findings: Findings, kin: Kin, *, expected_rows: int,
    sized: bool = False,
) -> StepPass:  # fmt: skip
    """Read all rows that `step` sends; `sized` says that its parts are known. Raises what the reader raises; a check has read the
    same rows before."""
    found = StepPass(stride=max(1, -(-expected_rows // SAMPLE)))
    judge = _Judge(step, shape, described, findings, reader.name)
    watchers = list(_watchers(step, shape, kin))
    mine = kin.loaded.get(rows_of(step.id)) if shape.key_of is not None else None
    # Where keys are sent they tell rows apart. Where they are not, the org's answer is matched by all that was sent.
    contents = Pointers() if mine is not None and shape.sent_key is None else None
    size = Sizer(step, shape)
    key_at = shape.header.index(step.external_id) if step.external_id in shape.header else None
    sensitive = _is_sensitive(step, described)
    for batch in _batches(
        selected_rows(replace(step, dedupe="first") if step.dedupe == "last" else step, shape, reader)
    ):
        columns = list(zip(*[row.cells for row in batch], strict=True))
        found.failing += judge.batch(batch, columns)
        for watch, at in watchers:
            watch(columns[at], batch)
        if key_at is not None:
            found.keys.update(key_hash(key, case_sensitive=sensitive) for key in columns[key_at] if key)
            first = -found.rows % found.stride
            found.sample += [key for key in columns[key_at][first :: found.stride] if key]
        if mine is not None:
            mine.update(key_hash(row.key, case_sensitive=True) for row in batch if row.key)
        if contents is not None:
            for row in batch:
                contents.add(key_hash("\0".join(row.cells), case_sensitive=True), row.line or row.record)
        if not sized:
            size.see(batch)
        found.rows += len(batch)
    for line in contents.repeated() if contents is not None else ():
        _alike(findings, step, reader.name, line)
    found.parts = size.parts
    found.bytes = sum(part.bytes for part in size.parts)
    return found


class _Judge:
    """Judges batches of rows, a column at a time, and says how many of them would fail."""

    def __init__(self, step: Step, shape: Shape, described: Described, findings: Findings, source: str) -> None:
        self._step, self._findings, self._source = step, findings, source
        self._rules = _rules(step, shape, described)
        self._required = _required(step, shape, described)
        self._cleared = _clearable(step, shape)

    def batch(self, batch: Sequence[SelectedRow], columns: Sequence[Sequence[str]]) -> int:
        failing: set[int] = set()
        step, findings, source = self._step, self._findings, self._source
        for at, name, rule in self._rules:
            for row, problem in rule.problems(columns[at]):
                findings.row(
                    problem.code, step.id, name, source, batch[row].line, problem.summary, problem.hint, fails=problem.fails
                )  # fmt: skip
                if problem.fails:
                    failing.add(row)
        for at, name, fails in self._required:
            for row in _empty_ones(columns[at], NULL):
                _empty(findings, step, name, source, batch[row].line, fails=fails)
                if fails:
                    failing.add(row)
        for at, name in self._cleared:
            for row in _empty_ones(columns[at]):
                _left_alone(findings, step, name, source, batch[row].line)
        return len(failing)


def _empty_ones(cells: Sequence[str], also: str = "") -> list[int]:
    if "" not in cells and also not in cells:
        return []
    return [row for row, cell in enumerate(cells) if not cell or cell == also]


def _batches(rows: Iterator[SelectedRow]) -> Iterator[list[SelectedRow]]:
    while batch := list(islice(rows, BATCH)):
        yield batch


def _is_sensitive(step: Step, described: Described) -> bool:
    facts = described.object(step.object)
    found = facts.field(step.external_id) if facts and step.external_id else None
    return found is not None and found.case_sensitive


def _empty(findings: Findings, step: Step, name: str, source: str, line: int, *, fails: bool) -> None:
    text = f"`{name}` is empty, and a record cannot be made without it"
    findings.row(
        "LP0727", step.id, name, source, line, text, "fill it, or leave such rows out with `where`", fails=fails
    )


def _alike(findings: Findings, step: Step, source: str, line: int) -> None:
    text = "the row is like another one in all that is sent, so that rows which look it up by `id_of` will be held back"
    hint = "send the key as well, best of all as an external id"
    findings.row("LP0737", step.id, "", source, line, text, hint, fails=False)


def _left_alone(findings: Findings, step: Step, name: str, source: str, line: int) -> None:
    text = f"`{name}` is empty, which leaves the field as it is and does not clear it"
    hint = f'to clear it: `{name}: {{column: …, empty: "#N/A"}}`'
    findings.row("LP0732", step.id, name, source, line, text, hint, severity="note", fails=False)


def _clearable(step: Step, shape: Shape) -> list[tuple[int, str]]:
    """Columns of an update whose empty cells may have been meant to clear a field."""
    if step.operation != "update":
        return []
    return [(at, name) for at, name in enumerate(shape.header) if name != "Id"]


# -- what is looked at ---------------------------------------------------------------------------------------------


def _rules(step: Step, shape: Shape, described: Described) -> list[tuple[int, str, Column]]:
    """(position, field, rule) of the columns whose cells are judged. Keys that `id_of` will replace are not."""
    facts = described.object(step.object)
    replaced = {reference.header for reference in step.ids}
    if step.hierarchy is not None and step.hierarchy.lookup is None:
        replaced.add(step.hierarchy.header)
    found = []
    for at, name in enumerate(shape.header):
        if name in replaced:
            continue
        is_key = name in {step.external_id, shape.sent_key}
        if "." in name:
            found.append((at, name, unknown_column(is_key=True)))
            continue
        known = facts.field(name) if facts is not None else None
        if facts is not None and known is not None and known.type == "id":
            found.append((at, name, own_id_column(facts.name, known, described)))
        elif is_key:
            found.append((at, name, key_column(known, described)))
        elif known is not None:
            found.append((at, name, column_of(known, described)))
        elif facts is None:
            found.append((at, name, unknown_column()))
    return found


def _required(step: Step, shape: Shape, described: Described) -> list[tuple[int, str, bool]]:
    """(position, field, whether an empty cell fails for certain): rows of an upsert may find their record."""
    facts = described.object(step.object)
    if facts is None or step.operation not in {"insert", "upsert"}:
        return []
    found = []
    for at, name in enumerate(shape.header):
        known = facts.field(name) if "." not in name else None
        if known is not None and known.required and name not in {step.external_id, shape.sent_key}:
            found.append((at, name, step.operation == "insert"))
    return found


def _watchers(step: Step, shape: Shape, kin: Kin) -> Iterator[tuple[Watcher, int]]:
    """Who remembers keys of a column: those that the step loads, and those that its lookups name."""
    for at, name in enumerate(shape.header):
        if name in {r.header for r in step.ids}:
            if (step.id, name) in kin.targets:
                yield _names(kin, step, name, kin.targets[step.id, name][0]), at
            continue
        target = Target((step.object or "").lower(), name.lower())
        if target in kin.loaded and step.operation in {"insert", "upsert", "update"}:
            yield _loads(kin, target), at
        targets = kin.targets.get((step.id, name))
        if targets:
            yield _names(kin, step, name, targets[0]), at


def _loads(kin: Kin, target: Target) -> Watcher:
    keys = kin.loaded[target]

    def watch(cells: Sequence[str], batch: Sequence[SelectedRow]) -> None:
        keys.update(kin.hash_of(target, cell) for cell in cells if cell)

    return watch


def _names(kin: Kin, step: Step, header: str, target: Target) -> Watcher:
    pointers = kin.named.setdefault((step.id, header), Pointers())

    def watch(cells: Sequence[str], batch: Sequence[SelectedRow]) -> None:
        for cell, row in zip(cells, batch, strict=True):
            if cell and cell != NULL:
                pointers.add(kin.hash_of(target, cell), row.line or row.record)

    return watch
