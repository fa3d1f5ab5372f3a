"""Difftext: the document of a diff as text for a terminal, and as the markdown of one comment that is updated in place.

Names, mappings and messages in it were written by whoever opened the pull request. In markdown each of them stands in a <code>
element with every sign that could mean something encoded, so that it is shown and never obeyed; mentions and links do not happen there.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from loadplan.review.shortened import short, shown_pair
from loadplan.words import count

Style = Callable[..., str]
COLORS = {"R0": ("dim",), "R1": ("green",), "R2": ("yellow",), "R3": ("red", "bold")}
LIMIT = 65_000
"""Characters of a comment: GitHub takes 65,536."""
ICONS = {"R0": ":white_check_mark:", "R1": ":white_check_mark:", "R2": ":eyes:", "R3": ":warning:"}
MEANING = {"R0": "words only", "R1": "rows", "R2": "what is sent, when or how", "R3": "needs a careful look"}


def plain(text: str, *_: str) -> str:
    return text


def as_text(document: Mapping[str, Any], style: Style = plain) -> str:
    """For a terminal."""
    lines = []
    for plan in document["plans"]:
        what = "" if plan["status"] in {"changed", "same"} else f"  ({plan['status']})"
        label = style(f"risk {plan['risk']}", *COLORS[plan["risk"]])
        lines.append(
            f"{style(plan['file'], 'bold')}{what}   {label}   (base {document['base']}, head {document['head']})"
        )
        if plan["note"]:
            lines.append(f"    {plan['note']}")
        lines.append("")
        for change in plan["changes"]:
            lines += _change(change, style)
        for rows in plan["rows"]:
            lines += _rows(rows, style)
        for entry in plan["indirect"]:
            lines.append(f"indirect  {entry['step']} ({entry['why']})")
        if plan["status"] == "same":
            lines.append("nothing changed")
        lines.append("")
    if document["orgs"]:
        lines.append(style("orgs.yaml", "bold"))
        for change in document["orgs"]:
            lines += _change(change, style)
        lines.append("")
    lines.append(style(summary(document), "bold"))
    return "\n".join(map(_line, lines))


def _line(text: str) -> str:
    """One line whatever a file is called, and no command to whoever reads the log of a CI job."""
    text = " ".join(text.split("\n"))
    return f" {text}" if text.startswith(("::", "##[")) else text


def summary(document: Mapping[str, Any]) -> str:
    """The frozen line."""
    steps = document["steps"]
    risks = ", ".join(f"{number} x {name}" for name, number in document["risks"].items())
    return (
        f"Diff: {count(steps['added'], 'step')} added, {steps['removed']} removed, {steps['changed']} changed, "
        f"{steps['indirect']} indirect; {risks or 'no change'}."
    )


def _change(change: Mapping[str, Any], style: Style) -> Iterator[str]:
    grade = style(change["risk"], *COLORS[change["risk"]])
    sign = {"added": "+ ", "removed": "- "}.get(change["kind"], "")
    text = _arrow(change)
    yield f"{grade}  {sign}{_name(change):30} {text}   {style(change['why'], 'dim')}".rstrip()


def _arrow(change: Mapping[str, Any]) -> str:
    before, after = shown_pair(change["before"], change["after"])
    if change["kind"] == "changed" and (before or after):
        return f"{before or '(nothing)'} -> {after or '(nothing)'}"
    return after or before


def _name(change: Mapping[str, Any]) -> str:
    """What a change is of; that of a step which has another id is that it was renamed."""
    return "renamed" if is_rename(change) else str(change["path"])


def is_rename(change: Mapping[str, Any]) -> bool:
    return bool(change["step"]) and change["path"] == f"{change['step']}.id"


def _rows(rows: Mapping[str, Any], style: Style) -> Iterator[str]:
    grade = style(rows["risk"], *COLORS[rows["risk"]])
    by = f"by {rows['key']}" if rows["key"] else "by whole rows"
    yield f"{grade}  {rows['source']:30} of {rows['step']}, {by}   {style(rows['why'], 'dim')}"
    if not rows["compared"]:
        return
    yield f"      rows      base {rows['base']:,}   head {rows['head']:,}"
    yield f"      {_five(rows)}"
    if rows["columns"]:
        yield f"      columns   {'  '.join(f'{name} {number:,}' for name, number in rows['columns'].items())}"
    for key, word in (("columns_added", "new"), ("columns_removed", "gone")):
        if rows[key]:
            yield f"      columns {word}: {', '.join(rows[key])}"
    if twice := rows.get("duplicates"):
        yield f"      {_twice(twice)}"
    if rows["removed_stay"]:
        yield "      removed keys are NOT deleted in Salesforce"
    for sample in rows.get("samples", ()):
        pairs = {name: shown_pair(*values) for name, values in sample["columns"].items()}
        cells = "; ".join(f"{name}: {old!r} -> {new!r}" for name, (old, new) in pairs.items())
        yield f"      {sample['key']}: {cells}"


def _five(rows: Mapping[str, Any]) -> str:
    return "   ".join(f"{key} {rows[key]:,}" for key in ("added", "removed", "changed", "unchanged"))


def _twice(twice: Mapping[str, Any]) -> str:
    """Keys that stand more than once, and where the first of them are."""
    lines = "; ".join(f"{one:,} and {other:,}" for one, other in twice["lines"])
    return f"keys more than once   base {twice['base']:,}   head {twice['head']:,}   ({twice['side']}: lines {lines})"


# -- markdown ------------------------------------------------------------------------------------------------------


MOST_DELETES = 20
MOST_WORST = 50
"""That many stand at the top of the comment; of more it says how many."""


def as_markdown(document: Mapping[str, Any], named: Sequence[str] = (), planned: Sequence[str] = ()) -> str:
    """One comment; `planned` are lines about what the plans would do. Its first line is a marker: whoever posts it looks for it, and
    replaces the comment that has it. What does not fit is left out from the end, and counted."""
    head = [marker(named), _title(document), ""]
    head += _table(document)
    head += planned
    tail = ["", f"<sub>{code(summary(document))}</sub>", ""]
    room = LIMIT - sum(len(line) + 1 for line in (*head, *tail))
    if room < 0:  # thousands of steps: the table itself does not fit
        head, left = _fit(head, LIMIT - 2_000)
        return "\n".join([*head, "", f"{left:,} more lines are in the log of the check.", *tail])
    details, left = _fit(list(_details(document)), room - 200)
    if details:
        details = ["", "<details><summary>Changes, rows, indirect</summary>", "", *details, "", "</details>"]
    if left:
        details += ["", f"{left:,} more lines do not fit here; `loadplan diff` prints them in the log of the check."]
    return "\n".join([*head, *details, *tail])


def marker(named: Sequence[str]) -> str:
    """The hidden first line, the same for every run of one check."""
    names = " ".join(re.sub(r"[^A-Za-z0-9_./-]|--+", "_", name) for name in named)
    return f"<!-- loadplan:diff {names} -->" if names else "<!-- loadplan:diff -->"


def code(text: str) -> str:
    """A text from outside, as it is and without effect: `<code>` with every sign encoded that markdown, HTML or GitHub know. Behind `@`
    and `#` stands an empty element: addresses, mentions and issues are looked for after the signs were decoded."""
    return f"<code>{re.sub(r'[^A-Za-z0-9 ,]', _encoded, short(text))}</code>"


def _encoded(sign: re.Match[str]) -> str:
    return f"&#{ord(sign[0])};" + ("<i></i>" if sign[0] in "@#" else "")


def _title(document: Mapping[str, Any]) -> str:
    grade = document["risk"]
    return f"## {ICONS[grade]} loadplan: risk **{grade}** ({MEANING[grade]})"


def _table(document: Mapping[str, Any]) -> Iterator[str]:
    many = len(document["plans"]) > 1
    deletes = [(p, d) for p in document["plans"] for d in p["destructive"]]
    deletes.sort(
        key=lambda pair: not (pair[1]["new"] or pair[1]["was"])
    )  # what is new of them is what the comment is about
    if deletes:
        listed = ", ".join(_delete(d, p["file"] if many else "") for p, d in deletes[:MOST_DELETES])
        yield f"**Deletes data:** {listed}{_more(len(deletes) - MOST_DELETES)}"
        yield ""
    yield "| plan | risk | steps added | removed | changed | indirect | row changes |"
    yield "|---|---|--:|--:|--:|--:|--:|"
    for plan in document["plans"]:
        steps = plan["steps"]
        rows = sum(r.get(k, 0) for r in plan["rows"] for k in ("added", "removed", "changed"))
        bold = f"**{plan['risk']}**" if plan["risk"] == "R3" else plan["risk"]
        yield (
            f"| {code(plan['file'])} | {bold} | {steps['added']} | {steps['removed']} | {steps['changed']} | {steps['indirect']} "
            f"| {rows:,} |"
        )
    worst = list(_worst(document, many=many))
    if worst:
        yield ""
        yield from worst[:MOST_WORST]
        if len(worst) > MOST_WORST:
            yield f"- **R3** and {len(worst) - MOST_WORST:,} more"


def _delete(found: Mapping[str, Any], file: str) -> str:
    """A step that deletes, with its file where several plans changed, and whether it did so before."""
    note = " (**new**)" if found["new"] else f" (**was {said(found['was'])}**)" if found["was"] else ""
    where = f" in {code(file)}" if file else ""
    return f"{code(found['step'])} {found['operation']} {code(found['object'] or '')}{where}{note}"


def _more(number: int) -> str:
    return f" and {number:,} more" if number > 0 else ""


def _worst(document: Mapping[str, Any], *, many: bool) -> Iterator[str]:
    """A line for each change of the highest class: of steps, of rows, of orgs."""
    for plan in document["plans"]:
        where = f"{code(plan['file'])} " if many else ""
        for change in plan["changes"]:
            if change["risk"] == "R3":
                yield f"- **R3** {where}{_code_change(change)}"
        for rows in plan["rows"]:
            if rows["risk"] == "R3":
                counts = f" ({_five(rows)})" if rows["compared"] else ""
                yield f"- **R3** {where}rows of {code(rows['source'])} ({code(rows['step'])}): {said(rows['why'])}{counts}"
    for change in document["orgs"]:
        if change["risk"] == "R3":
            yield f"- **R3** {_code_change(change)}"


def _code_change(change: Mapping[str, Any]) -> str:
    """What changed, why that matters, and from what to what. The reason may name steps and columns: it is from outside too."""
    return f"{code(_name(change))}: {said(change['why'])} {_code_arrow(change)}".rstrip()


def said(text: str) -> str:
    """A sentence of this tool, in which names of steps and columns may stand: encoded as they are."""
    return re.sub(r"[^A-Za-z0-9 ,]", _encoded, short(text))


def _code_arrow(change: Mapping[str, Any]) -> str:
    before, after = shown_pair(change["before"], change["after"])
    if change["kind"] == "changed" and (before or after):
        return f"{code(before or '(nothing)')} → {code(after or '(nothing)')}"
    text = after or before
    return code(text) if text else ""


def _details(document: Mapping[str, Any]) -> Iterator[str]:
    for plan in document["plans"]:
        yield f"**{code(plan['file'])}**"
        yield ""
        if plan["note"]:
            yield f"- {code(plan['note'])}"
        for change in plan["changes"]:
            yield f"- {change['risk']} {change['kind']} {_code_change(change)}"
        for rows in plan["rows"]:
            yield f"- {rows['risk']} rows of {code(rows['source'])} ({code(rows['step'])}): {code(rows['why'])}"
            if rows["compared"]:
                yield f"  - base {rows['base']:,}, head {rows['head']:,}: {_five(rows)}"
                columns = ", ".join(f"{code(name)} {number:,}" for name, number in list(rows["columns"].items())[:30])
                if columns:
                    yield f"  - columns: {columns}"
                if twice := rows.get("duplicates"):
                    yield f"  - {code(_twice(twice))}"
                if rows["removed_stay"]:
                    yield "  - removed keys are **not** deleted in Salesforce"
                for sample in rows.get("samples", ()):
                    pairs = {n: shown_pair(*values) for n, values in sample["columns"].items()}
                    cells = ", ".join(f"{code(n)}: {code(a)} → {code(b)}" for n, (a, b) in pairs.items())
                    yield f"  - {code(sample['key'])}: {cells}"
        for entry in plan["indirect"]:
            yield f"- indirect: {code(entry['step'])} ({code(entry['why'])})"
        yield ""
    for change in document["orgs"]:
        yield f"- {change['risk']} {_code_change(change)}"


def _fit(lines: list[str], room: int) -> tuple[list[str], int]:
    """As many lines as fit, and how many do not."""
    taken: list[str] = []
    for number, line in enumerate(lines):
        room -= len(line) + 1
        if room < 0:
            return taken, len(lines) - number
        taken.append(line)
    return taken, 0
