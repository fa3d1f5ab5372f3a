"""A run as JUnit XML, for the test tab of a CI system: a case for each step. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from loadplan.masking import printable
from loadplan.reports.svg import element, escape


def as_junit(book: Mapping[str, Any], took: Mapping[str, float | None]) -> str:
    """`book` is the runbook's view; `took` the seconds of each step. A gate that is shut is a failure, a step that was not reached
    is skipped, counts that do not agree are an error. The words are the runbook's, masked there."""
    cases = [_case(book, step, took.get(step["step"])) for step in book["steps"]]
    kinds = [kind for kind, _ in cases]
    suite = element(
        "testsuite", "".join(f"\n  {xml}" for _, xml in cases) + "\n", name=f"loadplan {book['plan']['name']}", tests=len(cases),
        failures=kinds.count("failure"), errors=kinds.count("error"), skipped=kinds.count("skipped"),
        timestamp=(book["started"] or "")[:19], hostname=book["host"], time=f"{sum(t or 0 for t in took.values()):.3f}",
    )  # fmt: skip
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{suite}\n'


def _case(book: Mapping[str, Any], step: Mapping[str, Any], took: float | None) -> tuple[str, str]:
    counts = (
        f"{step['sent']:,} sent = {step['successful']:,} successful + {step['failed']:,} failed + "
        f"{step['unprocessed']:,} unprocessed"
    )
    gate, state = step["gate"], step["state"]
    why = printable(" ".join(p for p in (gate["because"], step["problem"]) if p))
    kind, inner = "", ""
    if step["reconciled"] is False:
        kind = "error"
    elif gate["verdict"] == "shut" or state in {"failed", "aborted"}:
        kind = "failure"
    elif gate["verdict"] != "open":
        kind = "skipped"
    if kind == "skipped":
        inner = element("skipped", message=why or state)
    elif kind:
        rows = [f"{e['rows']:,} × {e['code']}: {e['message']}" for e in book["errors"] if e["step"] == step["step"]]
        inner = element(kind, escape(printable("\n".join([counts, *rows]))) + " ", message=why or state, type=state)
    inner += element("system-out", escape(f"{counts} (rule: {gate['rule']})"))
    name = f"{step['step']}: {step['operation']} {step['object']}".strip()
    case = element("testcase", inner, name=name, classname=f"{book['plan']['name']}", time=f"{took or 0:.3f}")
    return kind, case
