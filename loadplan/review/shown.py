"""Shown: is what a saved plan shows what the plan does? As far as it can be told without org, and without reading the data again. Pure.

Not looked at: which rows of an upsert make a record, findings, and what is left of the org's limits. A file whose digest was handed on
with the approval (`apply --expect`) is proof of those, too.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from loadplan.plan.graph import Graph
from loadplan.plan.model import Plan, Step
from loadplan.review.build import facts_of
from loadplan.review.cost import add_up
from loadplan.review.fields import relative_file
from loadplan.sources.base import InputDigest


def differences(
    data: Mapping[str, Any], plan: Plan, graph: Graph, digests: Mapping[str, InputDigest], selected: Mapping[str, int]
) -> Iterator[str]:
    """What the saved document says otherwise, a line each. `selected` are the rows that each step's filters let pass."""
    document = data["document"]
    shown = {s["step"]: s for s in document["steps"]}
    yield from (f"it shows the step `{name}`, which the plan has not" for name in shown if name not in plan.steps)
    for wave, names in enumerate(graph.waves, 1):
        for name in names:
            if (found := shown.get(name)) is None:
                yield f"it does not show the step `{name}`"
                continue
            wanted = {**facts_of(plan, graph, name, digests.get(name)), "wave": wave}
            wrong = {k for k, v in wanted.items() if found.get(k) != v}
            wrong |= set(_rows(plan.steps[name], found, digests.get(name), selected.get(name)))
            if wrong:
                yield f"what it shows of `{name}` is not the plan's: {', '.join(sorted(wrong))}"
    head = {
        "name": plan.name, "file": relative_file(plan), "sha256": plan.digest, "api_version": plan.api_version,
        "digest": data["approval"], "left_out": list(plan.left_out),
    }  # fmt: skip
    if other := {k for k, v in head.items() if document["plan"].get(k) != v}:
        yield f"what it shows of the plan is not the plan's: {', '.join(sorted(other))}"
    if document["order"] != [list(wave) for wave in graph.waves]:
        yield "the order that it shows is not the plan's"
    if document["totals"] != add_up(plan, shown):
        yield "the totals that it shows are not those of its steps"
    if document["org"] != data["org"]:
        yield "the org that it shows is not its org"


def _rows(step: Step, found: Mapping[str, Any], digest: InputDigest | None, selected: int | None) -> Iterator[str]:
    """Which numbers of a step cannot be."""
    rows, parts = found["rows"], found["parts"]
    # How many rows `dedupe` leaves is known when they are cut: not more than the filters let pass.
    if selected is not None and (rows is None or rows > selected or (step.dedupe == "error" and rows != selected)):
        yield "rows"
    if digest is not None and digest.ranges:
        if parts != [{"rows": r.rows, "bytes": r.bytes} for r in digest.ranges]:
            yield "parts"
    elif digest is not None and sum(part["rows"] for part in parts) != rows:
        yield "parts"
    split = (found["creates"], found["updates"])
    if step.is_query or rows is None:
        return
    if step.operation == "upsert":
        if None not in split and sum(split) != rows:
            yield "creates"
    elif split != (rows if step.operation == "insert" else 0, rows if step.operation == "update" else 0):
        yield "creates"
