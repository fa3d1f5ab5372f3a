"""Asking: what only the org can say of a plan: how many rows make a record and how many find one, which parents are there, what is
running, what is left of the limits. Where the org is asked about a sample only, that is said.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Protocol

from loadplan.lean import dataclass
from loadplan.plan.model import Plan, Step
from loadplan.review.cells import NUMBERS
from loadplan.review.datapass import SAMPLE, Kin, StepPass, Target
from loadplan.review.described import Described
from loadplan.review.findings import Finding, Findings
from loadplan.review.keysets import KeySet, Pointers, key_hash

MOST_BULK_KEYS = 5_000_000
"""Records of an object up to which all keys are read; beyond, a sample of the source is looked up."""


class Questions(Protocol):
    """What an org is asked (`salesforce/survey.py`)."""

    def count(self, soql: str) -> int | None: ...
    def known(self, object_name: str, field: str, keys: Sequence[str], *, numbers: bool) -> set[str] | None: ...
    def all_keys(self, object_name: str, field: str) -> Iterator[str] | None: ...


@dataclass(frozen=True)
class Split:
    """Rows of an upsert that make a record and rows that find one. `how`: looked up, sampled, or unknown (both None)."""

    creates: int | None
    updates: int | None
    how: str


UNKNOWN = Split(None, None, "unknown")


def split_upsert(
    step: Step, found: StepPass, described: Described, questions: Questions | None, before: KeySet
) -> Split:
    """Keys that an earlier step of the plan loads (`before`) find its record. Of the others, few are asked one by one; of more,
    all keys of the object are read; of an object beyond that, a sample is asked."""
    if not found.rows:
        return Split(0, 0, "looked up")
    if all(key in before for key in found.keys):
        return Split(0, found.rows, "loaded by the plan")
    facts = described.object(step.object)
    field = facts.field(step.external_id) if facts and step.external_id else None
    if questions is None or facts is None or field is None:
        return UNKNOWN
    sensitive = field.case_sensitive
    distinct = list(dict.fromkeys(k if sensitive else k.lower() for k in found.sample))
    if found.stride > 1:
        total = questions.count(f"SELECT Id FROM {facts.name}")  # noqa: S608 - a name that the org gave
        keys = questions.all_keys(facts.name, field.name) if total is not None and total <= MOST_BULK_KEYS else None
        if keys is not None:
            there = KeySet()
            texts = _as_written(keys) if field.type in NUMBERS else keys
            there.update(h for k in texts if (h := key_hash(k, case_sensitive=sensitive)) in found.keys)
            hits = sum(1 for h in found.keys if h in there or h in before)
            return Split(found.rows - hits, hits, "looked up")
    known = questions.known(facts.name, field.name, distinct, numbers=field.type in NUMBERS)
    if known is None:
        return UNKNOWN
    hits = sum(1 for k in found.sample if k.lower() in known or key_hash(k, case_sensitive=sensitive) in before)
    if found.stride == 1:
        return Split(found.rows - hits, hits, "looked up")
    updates = round(found.rows * hits / max(1, len(found.sample)))
    return Split(found.rows - updates, updates, f"sampled {len(distinct):,} keys")


def _as_written(keys: Iterable[str]) -> Iterator[str]:
    """Numbers as the org spells them, and as people do: `7` beside `7.0`."""
    for key in keys:
        yield key
        if key.endswith(".0"):
            yield key[:-2]


TextsOf = Callable[[Step, str, Pointers], list[tuple[str, int]]]
"""Of a step's reference column: the texts of some of the pointers, with their lines."""


def missing_parents(
    plan: Plan, kin: Kin, described: Described, questions: Questions | None, texts_of: TextsOf, findings: Findings,
    sources: dict[str, str], failing: dict[str, int],
) -> None:  # fmt: skip
    """Lookups whose parent is neither loaded by the plan nor, where it can be asked, in the org. `failing` counts such rows by
    step."""
    for (step_id, header), pointers in sorted(kin.named.items()):
        step = plan.steps[step_id]
        targets = kin.targets[step_id, header]
        _within(plan, step, header, pointers, targets, kin, sources[step_id], findings)
        lost = pointers
        for target in targets:
            lost = lost.outside(kin.loaded[target])
        if not lost:
            continue
        if targets[0].object.startswith("step "):
            _report_rows(findings, step, header, sources[step_id], targets[0].object, lost)
            failing[step_id] = failing.get(step_id, 0) + len(lost)
            continue
        if questions is None:
            if any(len(kin.loaded[target]) for target in targets):
                _report(findings, step, header, sources[step_id], len(lost), list(lost.lines[:3]), asked=False)
            continue
        found = _ask(step, header, lost, targets, described, questions, texts_of)
        if found is None:
            _report(findings, step, header, sources[step_id], len(lost), list(lost.lines[:3]), asked=False)
            continue
        rows, lines, sampled = found
        if rows:
            _report(findings, step, header, sources[step_id], rows, lines, asked=True, sampled=sampled)
            failing[step_id] = failing.get(step_id, 0) + rows


def _within(
    plan: Plan,
    step: Step,
    header: str,
    pointers: Pointers,
    targets: Sequence[Target],
    kin: Kin,
    source: str,
    findings: Findings,
) -> None:
    """Rows whose parent is a row of the same step: nobody promises that the parent is saved first."""
    own = [t for t in targets if t.object == (step.object or "").lower()]
    others = any(
        s.id != step.id and s.operation in {"insert", "upsert"} and (s.object or "").lower() == (step.object or "").lower()
        for s in plan.steps.values()
    )  # fmt: skip
    is_level = step.hierarchy is not None and step.hierarchy.header == header
    if not own or others or is_level or step.operation == "update":
        return
    inside = [line for key, line in zip(pointers.keys, pointers.lines, strict=True) if key in kin.loaded[own[0]]]
    if inside:
        text = f"`{header}` names parents that are rows of the same step"
        hint = f"load it level by level: `hierarchy: {{lookup: {header}, column: …}}` in place of the lookup"
        place = f"{source}:{inside[0]}" if inside[0] else source
        findings.add(Finding("LP0744", "warning", step.id, header, text, place, hint, len(inside), inside[:3]))


def _ask(
    step: Step,
    header: str,
    lost: Pointers,
    targets: Sequence[Target],
    described: Described,
    questions: Questions,
    texts_of: TextsOf,
) -> tuple[int, list[int], int] | None:
    """(rows without a parent, first lines, how many distinct keys were asked when not all of them)."""
    texts = texts_of(step, header, lost)
    known: set[str] = set()
    for target in targets:
        facts = described.object(target.object)
        field = facts.field(target.field) if facts else None
        if facts is None or field is None:
            return None
        asked_for = list(dict.fromkeys(t for t, _ in texts))
        there = questions.known(facts.name, field.name, asked_for, numbers=field.type in NUMBERS)
        if there is None:
            return None
        known |= there
    present = KeySet()
    present.update(key_hash(t) for t, _ in texts if t.lower() in known)
    sensitive = KeySet()
    sensitive.update(key_hash(t, case_sensitive=True) for t, _ in texts if t.lower() in known)
    asked = len({t.lower() for t, _ in texts})
    gone = [(k, line) for k, line in zip(lost.keys, lost.lines, strict=True) if k not in present and k not in sensitive]
    distinct = len(set(lost.keys)) if len(lost) <= 1_000_000 else len(lost)
    if distinct <= asked:
        return len(gone), [line for _, line in gone[:3]], 0
    share = sum(1 for t, _ in texts if t.lower() not in known) / max(1, len(texts))
    return round(len(lost) * share), [line for t, line in texts if t.lower() not in known][:3], asked


def _report(
    findings: Findings,
    step: Step,
    header: str,
    source: str,
    rows: int,
    lines: list[int],
    *,
    asked: bool,
    sampled: int = 0,
) -> None:
    place = f"{source}:{lines[0]}" if lines and lines[0] else source
    if asked:
        about = f" (about: {sampled:,} keys were asked)" if sampled else ""
        text = f"`{header}` names parents that neither the plan nor the org has{about}"
        hint = "correct the reference, or load the parent first; Salesforce refuses such rows"
    else:
        text = f"`{header}` names parents that the plan does not load; the org was not asked"
        hint = "they must be in the org already: `loadplan plan PLAN -o ORG` looks them up"
    findings.add(
        Finding("LP0740", "warning" if asked else "note", step.id, header, text, place, hint, rows, lines, fails=asked)
    )


def _report_rows(findings: Findings, step: Step, header: str, source: str, parent: str, lost: Pointers) -> None:
    place = f"{source}:{lost.lines[0]}" if lost.lines[0] else source
    text = f"`{header}` names rows that {parent} does not have"
    hint = "correct the reference: such rows wait for a parent that never comes, and count as failed"
    findings.add(
        Finding("LP0740", "warning", step.id, header, text, place, hint, len(lost), list(lost.lines[:3]), fails=True)
    )


__all__ = ["SAMPLE", "UNKNOWN", "Questions", "Split", "missing_parents", "split_upsert"]
