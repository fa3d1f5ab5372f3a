"""Rowrisk: which class a change of the rows of a source has (contract §6). Deterministic rules, listed in `docs/concepts/risk.md`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from loadplan.plan.model import Step
from loadplan.review.feeding import key_columns, sent_columns
from loadplan.sources.filters import where_columns

_NAMES = 10
MORE_ROWS = 1.2
"""Rows of a source that grow beyond this are more than a change of rows."""


def rows_risk(step: Step, rows: Mapping[str, Any], feeds: str = "") -> tuple[str, str]:
    """The worst class, and everything that has it. `feeds` is the delete that takes its rows from this step, if one does."""
    found = [
        *_destructive(step, rows, feeds),
        *_records(step, rows),
        *_columns(step, rows),
        *_amount(step, rows),
        *_order(step, rows),
        *_filtered(step, rows),
    ]
    if not found:
        some = any(rows[k] for k in ("added", "removed", "changed", "columns_added", "columns_removed"))
        return ("R1", "rows") if some else ("R0", "bytes, not rows")
    worst = max(risk for risk, _ in found)
    return worst, "; ".join(dict.fromkeys(why for risk, why in found if risk == worst))


def uncompared_risk(step: Step, feeds: str = "") -> str:
    """Rows that cannot be looked at."""
    return "R3" if step.facts.destructive or feeds else "R2"


def listed(names: Sequence[str]) -> str:
    """A few names, and how many more there are."""
    more = len(names) - _NAMES
    return ", ".join(names[:_NAMES]) + (f" and {more:,} more" if more > 0 else "")


Found = Iterator[tuple[str, str]]


def _destructive(step: Step, rows: Mapping[str, Any], feeds: str) -> Found:
    fewer = step.limit is not None and (rows["removed"] or rows["reordered"])
    if step.facts.destructive:
        if rows["added"] or rows["changed"]:
            yield "R3", "a delete of more rows"
        elif fewer:
            yield "R3", "a delete of other rows: its limit takes the first ones"
    elif feeds and (rows["added"] or rows["changed"] or fewer):
        yield "R3", f"the delete {feeds} takes its rows from here"


def _records(step: Step, rows: Mapping[str, Any]) -> Found:
    """Rows that find other records, or none."""
    if step.key is not None and not rows["keyed"]:
        gone = " and ".join(rows["key_missing"])
        yield (
            "R3" if step.facts.needs_id else "R2",
            f"the key column {step.key} is not in {gone}: rows cannot be matched",
        )
        return
    keys = key_columns(step)
    other = [name for name in rows["columns"] if name in keys and name != step.key]
    if other:
        yield "R3", f"rows find other records: {listed(other)} changed"
    swapped = min(rows["added"], rows["removed"]) if rows["keyed"] else 0
    if swapped and step.facts.needs_id and not step.facts.destructive:
        yield "R3", f"other records are updated: {swapped:,} in place of as many"
    if swapped and step.operation == "upsert" and swapped * 2 > rows["base"]:
        yield "R2", f"most rows have another key than before: {rows['added']:,} new, {rows['removed']:,} gone"
    if step.key is None and not rows["keyed"] and rows["added"] and rows["removed"]:
        if step.operation == "update":
            yield "R3", "other records may be updated: the Id is made of several columns, and rows are compared whole"
        elif step.operation == "upsert":
            yield "R2", "rows may find other records: the key is made of several columns, and rows are compared whole"
    if rows.get("duplicates"):
        twice = rows["duplicates"]
        risk = "R2" if twice["head"] > twice["base"] else "R1"
        yield risk, "keys stand more than once: their rows are matched by guess"


def _columns(step: Step, rows: Mapping[str, Any]) -> Found:
    sent = sent_columns(step)
    if sent is None:
        if rows["columns_added"]:
            yield "R2", "columns that pass through"
        if rows["columns_removed"]:
            yield "R2", "columns that are no longer sent"
    elif lost := [name for name in rows["columns_removed"] if name in sent and name != step.key]:
        yield "R2", f"the plan sends {listed(lost)}, which head does not have"
    emptied = [name for name in rows["emptied"] if sent is None or name in sent]
    if emptied:
        yield "R2", f"most values of {listed(emptied)} become empty or null"


def _amount(step: Step, rows: Mapping[str, Any]) -> Found:
    if not rows["base"] and rows["head"]:
        yield "R2", f"{rows['head']:,} rows where there were none"
    elif rows["head"] > rows["base"] * MORE_ROWS:
        yield "R2", f"{(rows['head'] - rows['base']) * 100 / rows['base']:.0f}% more rows"


def _order(step: Step, rows: Mapping[str, Any]) -> Found:
    if rows["reordered"] and not step.facts.destructive and minds_order(step):
        what = (
            "its limit takes the first ones" if step.limit is not None else f"`dedupe: {step.dedupe}` takes one of them"
        )
        yield "R2", f"rows stand in another order: {what}"


def _filtered(step: Step, rows: Mapping[str, Any]) -> Found:
    """Which rows are sent is decided by the data, too."""
    cut = step.limit is not None and max(rows["base"], rows["head"]) > step.limit
    if cut and (rows["added"] or rows["removed"]) and not step.facts.destructive:
        what = "other records are updated" if step.operation == "update" else "other rows are sent"
        yield "R3" if step.operation == "update" else "R2", f"{what}: its limit takes the first ones"
    if step.where is not None and (deciding := [name for name in rows["columns"] if name in where_columns(step.where)]):
        yield "R2", f"which rows its filter lets pass: {listed(deciding)} changed"


def minds_order(step: Step) -> bool:
    """Whether the order of rows decides which of them are sent."""
    return step.limit is not None or step.dedupe != "error"
