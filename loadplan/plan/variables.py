"""Variables: declared in the plan, given with --var and --var-file. Pure.

A value is read as it was written (`01234`, `1.10`), whatever YAML would make of it, and checked against its type: a default
and the allowed values as strictly as a given one.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from datetime import date, datetime
from typing import Any

from loadplan.diagnostics import Diagnostic, Place, did_you_mean
from loadplan.lean import dataclass
from loadplan.plan.document import Document, KeyPath
from loadplan.plan.templates import RESERVED

COMMAND_LINE = Place("command line")
MAX_VALUE = 65_536
_NUMBER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]{1,3})?\Z")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_TIME = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,6})?)?(?:Z|[-+][0-9]{2}:[0-9]{2})\Z"
)
WANTED = {
    "string": "one text", "number": "a number like 12 or 0.5", "boolean": "true or false", "date": "a date like 2026-06-30",
    "datetime": "a time with its zone like 2026-06-30T12:00:00Z", "list": "a list of texts like [emea, amer]",
}  # fmt: skip
"""Type -> what its values look like. The schema's types are tested equal to the keys."""


@dataclass(frozen=True)
class Given:
    """A value from outside of the plan: a text as written, a list of such texts, or None for what is neither. `key` is
    where its name stands."""

    value: object
    place: Place
    key: Place


def written(document: Document, path: KeyPath) -> object:
    """The value at `path` as its author wrote it: a text, a list of texts, or None for anything else (empty, a map, a list
    that holds more than texts)."""
    value: Any = document.data
    for step in path:
        value = value[step]
    if isinstance(value, list):
        items = [written(document, (*path, i)) for i in range(len(value))]
        return items if all(isinstance(i, str) for i in items) else None
    return None if value is None or isinstance(value, dict) else document.raw(path)


def resolve(document: Document, given: Mapping[str, Given]) -> tuple[dict[str, object], set[str], list[Diagnostic]]:
    """(the values of the declared variables, the names of those that have none because of a problem, the problems)."""
    declared: dict[str, Any] = document.data.get("vars") or {}
    doubtful = {str(p[1]) for p in document.broken if len(p) > 1 and p[0] == "vars"}
    values: dict[str, object] = {}
    problems: list[Diagnostic] = []
    if document.is_whole("vars") or declared:
        for name, found in given.items():
            if name not in declared and name not in doubtful and "" not in doubtful:
                hint = did_you_mean(name, declared) or _declared(declared)
                problems.append(Diagnostic("LP0221", f"the plan has no variable `{name}`", found.key, hint=hint))
    for name, spec in declared.items():
        wrong = list(_declaration(document, name, spec))
        problems += wrong
        value, trouble = _value(document, name, spec, given.get(name))
        problems += [p for p in trouble if p not in wrong]
        if wrong or trouble:
            doubtful.add(name)
        else:
            values[name] = value
    return values, doubtful, problems


def _declared(declared: Mapping[str, Any]) -> str:
    return f"variables: {', '.join(declared)}" if declared else "the plan declares none; add it under `vars`"


def _declaration(document: Document, name: str, spec: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """What is wrong with a variable's own words: its name, its allowed values, its default."""
    path: KeyPath = ("vars", name)
    if name in RESERVED:
        yield Diagnostic(
            "LP0206", f"`{name}` cannot be a variable: templates give it a meaning", document.key_place(path),
            hint="choose another name",
        )  # fmt: skip
    of_items = "string" if spec["type"] == "list" else spec["type"]
    for i in range(len(spec.get("values", ()))):
        at = (*path, "values", i)
        try:
            convert(of_items, written(document, at))
        except ValueError as error:
            yield Diagnostic(
                "LP0223", f"an allowed value of `{name}` must be {error}, not {_shown(document, at)}", document.place(at),
                hint=f"correct it, or the type of `{name}`",
            )  # fmt: skip
    if "default" in spec:
        yield from _checked(
            document, name, spec, written(document, (*path, "default")), document.place((*path, "default"))
        )[1]


def _value(
    document: Document, name: str, spec: Mapping[str, Any], given: Given | None
) -> tuple[object, list[Diagnostic]]:
    path = ("vars", name)
    if given is not None:
        return _checked(document, name, spec, given.value, given.place)
    if "default" in spec:
        return _checked(document, name, spec, written(document, (*path, "default")), document.place((*path, "default")))
    if not document.is_whole(*path):
        return None, []  # the default may be what was left out
    hint = f"--var {name}=VALUE, or a `default` here"
    return None, [Diagnostic("LP0222", f"variable `{name}` must be given", document.key_place(path), hint=hint)]


def _checked(
    document: Document, name: str, spec: Mapping[str, Any], raw: object, place: Place
) -> tuple[object, list[Diagnostic]]:
    kind = spec["type"]
    try:
        value = convert(kind, raw)
    except ValueError as error:
        shown = "what stands here" if raw is None else f"`{_short(raw)}`"
        hint = f"the plan declares it as `type: {kind}`"
        return None, [Diagnostic("LP0223", f"variable `{name}` must be {error}, not {shown}", place, hint=hint)]
    texts = [written(document, ("vars", name, "values", i)) for i in range(len(spec.get("values", ())))]
    allowed = []
    for text in texts:
        with contextlib.suppress(ValueError):  # reported where it is declared
            allowed.append(convert("string" if kind == "list" else kind, text))
    if texts and len(allowed) == len(texts):
        for item in value if isinstance(value, list) else [value]:
            if item not in allowed:
                shown = _short(item) if isinstance(item, str) else _short(raw)
                known = [str(t) for t in texts]
                hint = did_you_mean(shown, known) or f"allowed: {', '.join(known)}"
                return None, [Diagnostic("LP0223", f"variable `{name}` cannot be `{shown}`", place, hint=hint)]
    return value, []


def _shown(document: Document, path: KeyPath) -> str:
    raw = document.raw(path)
    return f"`{_short(raw)}`" if raw else "empty"


def _short(value: object) -> str:
    text = ", ".join(str(v) for v in value) if isinstance(value, list) else str(value)
    return text if len(text) <= 60 else text[:59] + "…"


def convert(kind: str, raw: object) -> object:
    """A text as written, or a list of such texts, as the declared type. Raises ValueError naming what it must be."""
    if kind == "list":
        items = raw.split(",") if isinstance(raw, str) else raw
        if not isinstance(items, list) or not all(isinstance(i, str) for i in items):
            raise ValueError(WANTED["list"])
        if sum(len(i) + 1 for i in items) > MAX_VALUE:
            raise ValueError(f"shorter than {MAX_VALUE:,} characters")
        return [i.strip() for i in items if i.strip()] if isinstance(raw, str) else list(items)
    if not isinstance(raw, str):
        raise ValueError(WANTED[kind])
    if len(raw) > MAX_VALUE:
        raise ValueError(f"shorter than {MAX_VALUE:,} characters")
    return raw if kind == "string" else _CONVERT[kind](raw.strip())


def _number(text: str) -> int | float:
    if not _NUMBER.match(text) or len(text) > 40:
        raise ValueError(WANTED["number"])
    value: int | float = int(text) if text.lstrip("+-").isdigit() else float(text)
    if abs(value) >= 1e100:
        raise ValueError("a number below 1e100")
    return value


def _boolean(text: str) -> bool:
    if text.lower() not in {"true", "false"}:
        raise ValueError(WANTED["boolean"])
    return text.lower() == "true"


def _date(text: str) -> date:
    with contextlib.suppress(ValueError):
        if _DATE.match(text):
            return date.fromisoformat(text)
    raise ValueError(WANTED["date"])


def _datetime(text: str) -> datetime:
    with contextlib.suppress(ValueError):
        if _TIME.match(text):
            return datetime.fromisoformat(text)
    raise ValueError(WANTED["datetime"])


_CONVERT = {"number": _number, "boolean": _boolean, "date": _date, "datetime": _datetime}
