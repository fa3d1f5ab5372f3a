"""Templated: templates and variables that changed without a trace in the plan as it was rendered here: with other values of the
variables they might mean something else. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from loadplan.plan.document import parse_document
from loadplan.plan.model import Plan
from loadplan.plan.templates import is_template, names_in
from loadplan.review.feeding import Feeding
from loadplan.review.meaning import Change
from loadplan.review.versions import Version

Keys = tuple[str, ...]
_SPACE = re.compile(r" ?({{-?|-?}}|{%-?|-?%}|\|) ?")
"""Blanks of a template that mean nothing where they stand inside it."""


def template_changes(
    before: Version, after: Version, names: Mapping[str, str], told: Collection[str], feeds: tuple[Feeding, Feeding]
) -> Iterator[Change]:
    """Templates that are others now and of which no change was `told`; then defaults of variables that other values hide here."""
    if before.plan.text == after.plan.text:
        return
    sides = _data(before.plan), _data(after.plan)
    old = {(names.get(step, step), *rest): text for (step, *rest), text in _templates(sides[0])}
    new = dict(_templates(sides[1]))
    for keys in sorted({*old, *new}):
        step, rest = keys[0], keys[1:]
        if old.get(keys) == new.get(keys) or step not in before.plan.steps or step not in after.plan.steps:
            continue
        path = ".".join((step, *rest))
        if any(path == t or path.startswith(f"{t}.") for t in told) or rest == ("description",):
            continue
        if rest[:1] == ("columns",) and rest[-1:] == ("template",):
            continue  # of a row: compared piece by piece, and no variable chooses between pieces
        risk = "R2"
        if after.plan.steps[step].facts.destructive or step in feeds[0].deletes or step in feeds[1].deletes:
            risk = "R3"
        why = "a template changed that gives the same with these variables, and may give something else with others"
        yield Change(path, step, "changed", old.get(keys, ""), new.get(keys, ""), risk, why)
    yield from _variables(before, after, sides)


def _variables(before: Version, after: Version, sides: tuple[Any, Any]) -> Iterator[Change]:
    old, new = (side.get("vars") or {} for side in sides)
    used = {name for _, text in _templates(sides[1]) for name in names_in(text)}
    risky = any(s.facts.destructive for s in after.plan.steps.values())
    for name in sorted({*old, *new} & used):
        for key in ("type", "values"):
            was, now = (_listed((side.get(name) or {}).get(key, "")) for side in (old, new))
            if was != now:
                why = "a variable takes other values than before"
                yield Change(f"vars.{name}.{key}", "", "changed", was, now, "R2", why)
        was, now = (str((side.get(name) or {}).get("default", "")) for side in (old, new))
        same = before.plan.variables.get(name) == after.plan.variables.get(name)
        if was != now and same and name not in before.invented:
            why = "the default changed; a value that was given hides here what it does"
            yield Change(f"vars.{name}.default", "", "changed", was, now, "R3" if risky else "R2", why)


def _listed(value: object) -> str:
    return ", ".join(sorted(map(str, value))) if isinstance(value, list) else str(value)


def _data(plan: Plan) -> Any:
    document, _ = parse_document(plan.text, str(plan.file))
    return document.data if document is not None and isinstance(document.data, dict) else {}


def _templates(data: Any) -> Iterator[tuple[Keys, str]]:
    """((step, key, …), text) of every template of a step."""
    queue: list[tuple[Any, Keys]] = [(steps, ()) for steps in (data.get("steps"),) if isinstance(steps, dict)]
    for value, keys in queue:
        if isinstance(value, dict):
            queue += [(inner, (*keys, str(key))) for key, inner in value.items()]
        elif isinstance(value, list):
            queue += [(inner, (*keys, str(at))) for at, inner in enumerate(value)]
        elif isinstance(value, str) and is_template(value):
            keys = keys[:-1] if keys[1:] == ("source", "path") else keys  # the long form of a source
            yield keys, _SPACE.sub(r"\1", " ".join(value.split()))
