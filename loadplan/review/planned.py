"""Planned: what `plan` found, as part of the comment about a change: one comment says what a change means and what it would do."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from loadplan.errors import InvalidInputError
from loadplan.plan.schema import fits
from loadplan.review.difftext import code
from loadplan.review.text import summary

MOST_STEPS = 60
MOST_FINDINGS = 10


def read_planned(path: Path) -> dict[str, Any]:
    """The document of `plan --json`, or that of a saved plan. Raises `InvalidInputError`."""
    try:
        data = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError) as error:
        raise _broken(path, str(error)) from error
    found = data.get("document", data) if isinstance(data, dict) else None
    if not isinstance(found, dict) or found.get("format") != "loadplan.plan/1":
        raise _broken(path, "it has no `format: loadplan.plan/1`")
    if not fits(found, "planned"):
        raise _broken(path, "it lacks a part, or a part has another shape")
    return found


def _broken(path: Path, why: str) -> InvalidInputError:
    return InvalidInputError(
        f"this is not the output of `plan --json`, nor a saved plan: {why}", code="LP0760", where=str(path),
        next_commands=["loadplan plan PLAN -o ORG --json > planned.json"],
    )  # fmt: skip


def section(document: Mapping[str, Any]) -> Iterator[str]:
    """Lines of markdown."""
    org = document["org"]
    on = (
        f" on {code(org['name'])} ({code(org['instance'])}{', **PRODUCTION**' if org['production'] else ''})"
        if org
        else " (no org was asked)"
    )
    yield ""
    yield f"### {code(document['plan']['name'])}{on}"
    yield ""
    deletes = [s for s in document["steps"] if s["destructive"]]
    if deletes:
        listed = ", ".join(f"{code(s['object'] or '')} {_rows(s)}" for s in deletes)
        yield f"**Deletes data:** {listed}"
        yield ""
    yield "| step | op | object | rows | create / update | gate |"
    yield "|---|---|---|--:|--:|---|"
    steps = [*deletes, *(s for s in document["steps"] if not s["destructive"])]
    for step in steps[:MOST_STEPS]:
        operation = f"**{step['operation']}**" if step["destructive"] else step["operation"]
        split = (
            f"{step['creates']:,} / {step['updates']:,}"
            if step["operation"] == "upsert" and step["creates"] is not None
            else "–"
        )
        yield (
            f"| {code(step['step'])} | {operation} | {code(step['object'] or '')} | {_rows(step)} | {split} "
            f"| {code(step['gate']['rule'])} |"
        )
    if len(steps) > MOST_STEPS:
        yield f"| … {len(steps) - MOST_STEPS} more | | | | | |"
    yield ""
    yield f"{code(summary(document))}"
    yield ""
    for finding in document["checks"]["findings"][:MOST_FINDINGS]:
        rows = f"{finding['rows']:,} rows: " if finding["rows"] else ""
        yield f"- {finding['severity']} {finding['code']}: {rows}{code(finding['summary'])} at {code(finding['place'])}"
    if len(document["checks"]["findings"]) > MOST_FINDINGS:
        yield f"- … {len(document['checks']['findings']) - MOST_FINDINGS} more"
    yield ""
    yield f"Plan digest {code(document['plan']['digest'])}"


def _rows(step: Mapping[str, Any]) -> str:
    if step["rows"] is None:
        return "?"
    return f"{step['rows']:,}{' now' if step['rows_about'] else ''}"
