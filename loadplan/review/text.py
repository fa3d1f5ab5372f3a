"""Text: the document of a review as a person reads it. The last lines are a public interface: scripts look for them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from loadplan.words import count

Style = Callable[..., str]
LIMITS = {
    "DailyApiRequests": "API requests (24 h)",
    "DailyBulkApiBatches": "bulk batches (24 h)",
    "DailyBulkV2QueryJobs": "bulk query jobs (24 h)",
}
COLORS = {"error": ("red", "bold"), "warning": ("yellow", "bold"), "note": ("dim",)}


def plain(text: str, *_: str) -> str:
    return text


def as_text(document: Mapping[str, Any], style: Style = plain) -> str:
    """The whole plan; the destructive steps apart and first."""
    lines = [*_head(document, style)]
    steps = document["steps"]
    destructive = [s for s in steps if s["destructive"]]
    widths = _widths(steps)
    if destructive:
        lines += ["", style("Destructive", "red", "bold")]
        for step in destructive:
            lines += _step(step, widths, style)
    if others := [s for s in steps if not s["destructive"]]:
        lines.append("")
        for step in others:
            lines += _step(step, widths, style)
    lines += ["", *_order(document), *_cost(document), *_checks(document, style)]
    lines += ["", style(summary(document), "bold")]
    return "\n".join(lines)


def summary(document: Mapping[str, Any]) -> str:
    """The frozen line. Rows of an upsert that nobody looked up stand apart, where there are any."""
    totals = document["totals"]
    if not totals["changes"]:
        return "No changes."
    either = f"{totals['create_or_update']:,} to create or update, " if totals["create_or_update"] else ""
    text = (
        f"Plan: {totals['create']:,} to create, {totals['update']:,} to update, {either}"
        f"{totals['delete']:,} to delete, {totals['extract']:,} to extract, in {count(totals['jobs'], 'job')}."
    )
    if totals["unknown_steps"]:
        deletes = sum(s["destructive"] and s["rows"] is None for s in document["steps"])
        which = f"; {deletes} of them {'deletes' if deletes == 1 else 'delete'}" if deletes else ""
        text += f" {count(totals['unknown_steps'], 'step')} whose rows the run itself will find{which}."
    return text


def _head(document: Mapping[str, Any], style: Style) -> Iterator[str]:
    plan, org = document["plan"], document["org"]
    if org is None:
        on = "against the snapshot of its objects" if document["basis"] == "snapshot" else "no org was asked"
        yield f"{style(plan['name'], 'bold')}  {plan['file']}  API {plan['api_version']}  ({on})"
    else:
        loud = "  " + style("PRODUCTION", "red", "bold") if org["production"] else ""
        yield (
            f"{style(plan['name'], 'bold')} -> {org['name']}  {org['instance']}  {org['organization_id']}{loud}  "
            f"API {plan['api_version']}  as {org['username']}"
        )
    yield f"digest {plan['digest']}"
    if plan["left_out"]:
        yield style(f"left out by --step: {', '.join(plan['left_out'])}", "yellow")


def _widths(steps: list[dict[str, Any]]) -> tuple[int, int, int]:
    names = max((len(s["step"]) for s in steps), default=0)
    what = max((len(_what(s)) for s in steps), default=0)
    rows = max((len(_rows(s)) for s in steps), default=0)
    return names, what, rows


def _what(step: Mapping[str, Any]) -> str:
    by = f" by {step['external_id']}" if step["external_id"] else ""
    return f"{step['operation']} {step['object'] or ''}{by}".strip()


def _rows(step: Mapping[str, Any]) -> str:
    if step["rows"] is None:
        return "rows unknown"
    return count(step["rows"], "row") + (" now" if step["rows_about"] else "")


def _step(step: Mapping[str, Any], widths: tuple[int, int, int], style: Style) -> Iterator[str]:
    names, what, rows = widths
    color = ("red", "bold") if step["destructive"] else ()
    jobs = "" if step["operation"].startswith("query") else count(len(step["parts"]), "job") if step["parts"] else ""
    if step["levels"]:
        jobs += f" (levels {' / '.join(f'{n:,}' for n in step['levels'])})"
    head = f"{step['wave']:2} {style(step['symbol'], *color)} {step['step']:{names}}  {_what(step):{what}}  {_rows(step):>{rows}}"
    yield f"{head}  {jobs}".rstrip()
    gate = f"gate {step['gate']['rule']}" + (", goes on when shut" if step["gate"]["on_fail"] == "continue" else "")
    after = f"after {', '.join(step['after'])}" if step["after"] else ""
    output = f"-> {step['output']}" if step["output"] else ""
    for detail in (_split(step), " · ".join(filter(None, (gate, after, output)))):
        if detail:
            yield style(f"     {detail}", "dim")


def _split(step: Mapping[str, Any]) -> str:
    if step["operation"] != "upsert" or step["creates"] is None:
        return ""
    how = "" if step["split"] in {"looked up", "loaded by the plan"} else f" ({step['split']})"
    about = "about " if how else ""
    return f"{about}{step['creates']:,} create, {step['updates']:,} update{how}"


def _order(document: Mapping[str, Any]) -> Iterator[str]:
    waves = ["{" + " | ".join(w) + "}" if len(w) > 1 else w[0] for w in document["order"]]
    yield f"Order   {' -> '.join(waves)}"


def _cost(document: Mapping[str, Any]) -> Iterator[str]:
    cost = document["cost"]
    jobs = f"{count(cost['ingest_jobs'], 'ingest job')}, {count(cost['query_jobs'], 'query job')}"
    disk = f"{size(cost['bytes_sent'])} sent, about {size(cost['disk_bytes_about'])} of disk"
    batches = f"{cost['batches']:,} batch{'' if cost['batches'] == 1 else 'es'}"
    yield f"Cost    {jobs}, {batches}, at least {count(cost['api_calls_at_least'], 'API call')}, {disk}"
    for name, entry in cost["limits"].items():
        label = LIMITS.get(name, name)
        yield f"        {label}: {entry['needs']:,} of {entry['left']:,} left ({entry['percent']:g}% of {entry['of']:,})"


def size(number: int) -> str:
    """Bytes in powers of ten, as the plan's own caps are written."""
    for unit, factor in (("GB", 10**9), ("MB", 10**6), ("kB", 10**3)):
        if number >= factor:
            return f"{number / factor:.1f} {unit}"
    return f"{number} B"


def _checks(document: Mapping[str, Any], style: Style) -> Iterator[str]:
    checks = document["checks"]
    notes = len(checks["findings"]) - checks["errors"] - checks["warnings"]
    said = [count(checks["errors"], "error"), count(checks["warnings"], "warning")]
    if notes:
        said.append(count(notes, "note"))
    yield f"Checks  {', '.join(said)}"
    for finding in checks["findings"]:
        yield from ("", *finding_lines(finding, style))


def finding_lines(finding: Mapping[str, Any], style: Style = plain) -> Iterator[str]:
    """A finding as validation errors look: what, where, and the way out."""
    where = f"step {finding['step']}" if finding["step"] else "plan"
    column = (
        f", {finding['column']}" if finding["column"] and f"`{finding['column']}`" not in finding["summary"] else ""
    )
    label = style(f"{finding['severity']}[{finding['code']}]", *COLORS[finding["severity"]])
    rows = f"{count(finding['rows'], 'row')}: " if finding["rows"] else ""
    yield f"{label}: {where}{column}: {rows}{finding['summary']}"
    others = finding["lines"][1:]
    also = (
        f"  (also {', '.join(map(str, others))}{' …' if finding['rows'] > len(finding['lines']) else ''})"
        if others
        else ""
    )
    yield f"  --> {finding['place']}{also}"
    if finding["hint"]:
        yield f"  {style('help', 'blue')}: {finding['hint']}"
