"""Records as queries over REST show them: with their type and address, and parents as objects in them."""

from __future__ import annotations

from typing import Any

from .select import Select
from .store import Record


def columns(select: Select) -> list[str]:
    """What is read for each field: its value, and the lookup a relationship hangs on."""
    shown: list[str] = []
    for path, place in zip(select.fields, select.columns(), strict=True):
        shown += [place, select.place(path[:1])]
    return shown


def nested(select: Select, row: tuple[Any, ...], version: int) -> Record:
    """A record as REST shows it; a relationship is an object, or null when its lookup is empty."""
    url = f"/services/data/v{version}.0/sobjects/{select.kind.name}/{row[0]}"
    out: Record = {"attributes": {"type": select.kind.name, "url": url}}
    for number, path in enumerate(select.fields):
        value, lookup = row[1 + 2 * number], row[2 + 2 * number]
        place = out
        for step in path[:-1]:
            name = str(step.relationship)
            if not lookup:
                out[str(path[0].relationship)] = None
                break
            target = select.target(step)
            place = place.setdefault(name, {"attributes": {"type": target.name if target else ""}})
        else:
            place[path[-1].name] = bool(value) if path[-1].type == "boolean" and value is not None else value
    return out
