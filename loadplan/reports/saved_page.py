"""The page of a saved plan: what an approval is about, as one HTML file of the same house as the run report. Pure.

It says what the saved document says and looks nothing up: neither the org nor the files are asked, so it is the same page
whatever became of them. No row value is in the document, so none is here. Destructive steps stand first and apart, and
nothing of a plan is folded away: who approves has to see it all.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from loadplan.reports import svg
from loadplan.reports.dag import Box, draw_graph
from loadplan.reports.render import clean, markup, render_html
from loadplan.review.text import LIMITS, summary
from loadplan.words import count

BAR_WIDTH, BAR_HEIGHT = 160.0, 10.0


def saved_page(data: Mapping[str, Any], *, command: str, applied_by: str | None) -> str:
    """The whole page of a saved plan that `check_readable` let pass. `command` applies it; `applied_by` is the run that did."""
    return render_html("saved.html.j2", view(data, command, applied_by))


def view(data: Mapping[str, Any], command: str, applied_by: str | None) -> dict[str, Any]:
    """What the page shows."""
    document = data["document"]
    steps, checks = [_step(s) for s in document["steps"]], document["checks"]
    destructive = [s for s in steps if s["destructive"]]
    return {
        **_verdict(document, destructive, applied_by),
        "summary": summary(document),
        "plan": document["plan"],
        "org": document["org"],
        "totals": _totals(document["totals"]),
        "destructive": destructive,
        "others": [s for s in steps if not s["destructive"]],
        "dag": markup(_dag(document)),
        "waves": len(document["order"]),
        "checks": checks,
        "notes": len(checks["findings"]) - checks["errors"] - checks["warnings"],
        "cost": document["cost"],
        "limits": list(_limits(document["cost"]["limits"])),
        "inputs": list(_inputs(data)),
        "variables": data["variables"],
        "objects": sorted(data["describe"]),
        "seal": data["sha256"],
        "tool": data["tool"],
        "command": command,
        "applied_by": applied_by,
    }


def _verdict(
    document: Mapping[str, Any], destructive: Sequence[Mapping[str, Any]], applied_by: str | None
) -> dict[str, str]:
    """The plan in a few words and a colour: the worst that has to be said of it."""
    checks = document["checks"]
    if applied_by is not None:
        return {"tone": "warn", "verdict": "Applied already"}
    if destructive:
        return {"tone": "bad", "verdict": "Deletes data" if document["totals"]["delete"] else "May delete data"}
    if checks["errors"]:
        return {"tone": "bad", "verdict": count(checks["errors"], "error").capitalize()}
    if checks["warnings"]:
        return {"tone": "warn", "verdict": count(checks["warnings"], "warning").capitalize()}
    if not document["totals"]["changes"]:
        return {"tone": "good", "verdict": "No changes"}
    return {"tone": "good", "verdict": "Deletes nothing"}


def _totals(totals: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Figures and what they count; what is not there and would only be a zero is left out, creates, updates and deletes aside."""
    figures = [
        ("to create", totals["create"], True, ""),
        ("to update", totals["update"], True, ""),
        ("to create or update", totals["create_or_update"], False, ""),
        ("to delete", totals["delete"], True, "bad"),
        ("steps that extract", totals["extract"], False, ""),
        ("steps the run will count", totals["unknown_steps"], False, "warn"),
        ("jobs", totals["jobs"], True, ""),
    ]
    return [
        {"what": what, "number": number, "tone": tone if number else ""}
        for what, number, always, tone in figures
        if number or always
    ]


def _step(step: Mapping[str, Any]) -> dict[str, Any]:
    is_query = step["operation"] in {"query", "queryAll"}
    is_split = step["operation"] == "upsert" and step["creates"] is not None
    sampled = is_split and step["split"] not in {"looked up", "loaded by the plan"}
    return {**step, "is_query": is_query, "is_split": is_split, "sampled": sampled}


def _dag(document: Mapping[str, Any]) -> str:
    boxes = []
    for step in document["steps"]:
        rows = "" if step["rows"] is None else f" · {step['rows']:,}"
        what = f"{step['operation']} {step['object'] or ''}".strip() + rows
        boxes.append(Box(step["step"], what, sign=step["symbol"], is_destructive=step["destructive"]))
    parents = {step["step"]: step["after"] for step in document["steps"]}
    return clean(draw_graph(boxes, parents, name=f"Steps of {document['plan']['name']}"))


def _limits(limits: Mapping[str, Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
    for name, entry in limits.items():
        label = LIMITS.get(name, name)
        yield {"what": label, **entry, "bar": markup(_bar(label, entry))}


def _bar(label: str, limit: Mapping[str, Any]) -> str:
    """What others used, and what this plan would use, of an allowance."""
    most = max(1, limit["of"])
    used = BAR_WIDTH * min(1.0, max(0, limit["of"] - limit["left"]) / most)
    needs = min(BAR_WIDTH - used, max(1.0, BAR_WIDTH * limit["needs"] / most))
    sizes = {"y": 0.0, "height": BAR_HEIGHT}
    parts = [
        svg.element("rect", x=0.0, width=BAR_WIDTH, cls="all", **sizes),
        svg.element("rect", x=0.0, width=used, cls="used", **sizes),
        svg.element("rect", x=used, width=needs, cls="needs", **sizes),
    ]
    name = f"{label}: {limit['needs']:,} of {limit['left']:,} left, {limit['of']:,} in all"
    return svg.picture(BAR_WIDTH, BAR_HEIGHT, parts, label=name, cls="share")


def _inputs(data: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """Everything that decides what is sent, with its digest."""

    def line(what: str, file: str, digest: str, rows: int | None = None, size: int | None = None) -> dict[str, Any]:
        return {"what": what, "file": file, "sha256": digest, "rows": rows, "bytes": size}

    yield line("the plan", data["plan_file"], data["plan_sha256"])
    for file in data["var_files"]:
        yield line("variables", file["path"], file["sha256"])
    for step in data["order"]:
        if step in data["inputs"]:
            found = data["inputs"][step]
            files = [path for path, digest in sorted(data["files"].items()) if digest == found["sha256"]]
            yield line(step, ", ".join(files), found["sha256"], found["rows"], found["bytes"])
    for name, digest in sorted(data["beside"].items()):
        yield line("beside", name, digest)
