"""Variables: declared in the plan, given with --var and --var-file. Pure."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from datetime import date, datetime
from typing import Any

from loadplan.diagnostics import Diagnostic, Place, did_you_mean
from loadplan.plan.document import Document

COMMAND_LINE = Place("command line")


def resolve(
    document: Document, given: Mapping[str, tuple[object, Place]]
) -> tuple[dict[str, object], list[Diagnostic]]:
    """The values of all declared variables. `given` maps names to a value (a text from --var, or a YAML value) and where
    it was written."""
    declared: dict[str, Any] = document.data.get("vars") or {}
    values: dict[str, object] = {}
    problems = [
        Diagnostic("LP0221", f"the plan has no variable `{name}`", place, hint=did_you_mean(name, declared))
        for name, (_, place) in given.items()
        if name not in declared
    ]
    for name, spec in declared.items():
        path = ("vars", name)
        if name in given:
            raw, place = given[name]
        elif "default" in spec:
            raw, place = spec["default"], document.place((*path, "default"))
            raw = document.raw((*path, "default")) if not isinstance(raw, list) else raw
        else:
            hint = f"--var {name}=VALUE"
            problems.append(
                Diagnostic("LP0222", f"variable `{name}` must be given", document.key_place(path), hint=hint)
            )
            continue
        try:
            value = convert(spec["type"], raw)
        except ValueError as error:
            problems.append(Diagnostic("LP0223", f"variable `{name}` must be {error}, not `{raw}`", place))
            continue
        allowed = [convert(spec["type"], str(v)) for v in spec.get("values", ())]
        if allowed and value not in allowed:
            hint = did_you_mean(str(value), map(str, allowed)) or f"allowed: {', '.join(map(str, allowed))}"
            problems.append(Diagnostic("LP0223", f"variable `{name}` cannot be `{value}`", place, hint=hint))
            continue
        values[name] = value
    return values, problems


def convert(kind: str, raw: object) -> object:
    """A text or YAML value as the declared type. Raises ValueError naming what it must be."""
    text = str(raw).strip() if not isinstance(raw, list) else ""
    match kind:
        case "number":
            try:
                return int(text) if text.lstrip("+-").isdigit() else float(text)
            except ValueError:
                raise ValueError("a number") from None
        case "boolean":
            if text.lower() not in {"true", "false"}:
                raise ValueError("true or false")
            return text.lower() == "true"
        case "date":
            try:
                return date.fromisoformat(text)
            except ValueError:
                raise ValueError("a date like 2026-06-30") from None
        case "datetime":
            at: datetime | None = None
            with contextlib.suppress(ValueError):
                at = datetime.fromisoformat(text)
            if at is None or at.tzinfo is None:
                raise ValueError("a time with its zone like 2026-06-30T12:00:00Z")
            return at
        case "list":
            return [str(v) for v in raw] if isinstance(raw, list) else [p.strip() for p in text.split(",") if p.strip()]
        case _:
            if isinstance(raw, list):
                raise ValueError("one text")
            return str(raw)
