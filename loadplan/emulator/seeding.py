"""Fills a new org with records, the same ones each time: `emulator serve --org-size`. Which objects, how many, what is in them.

Values come from the schema and the number of a record, so that they fit a twin's rules as far as a description tells them.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

from .describefiles import OWN
from .rules import Batch
from .schema import Field, ObjectType, Schema
from .tables import COMPOUND
from .values import NUMBERS

if TYPE_CHECKING:
    from .org import Org

_SHARES = {"Account": 1.0, "Contact": 2.5, "Lead": 0.5, "Opportunity": 1.0, "Case": 0.5}
_NAMED = {"small": 100, "medium": 10_000}
_MOST = 100_000_000
MOST_OF_SNAPSHOT = 100_000
"""Records of an org that is as large as a snapshot says: it has to start within seconds."""
_PACK = 5_000
_PARENTS = 10
"""A parent that only is there because a child needs one stands for so many of them."""
_FIRST = ("Ada", "Ben", "Chiara", "Dmitri", "Elif", "Farid", "Greta", "Hiro", "Inés", "Jonas", "Kofi", "Lena", "Maja")
_LAST = ("Abara", "Brandt", "Costa", "Dvořák", "Eriksson", "Fischer", "Gómez", "Haddad", "Ito", "Jansen", "Kowalski")
_CITIES = ("Amsterdam", "Boston", "Cairo", "Dublin", "Essen", "Firenze", "Göteborg", "Hanoi")
_ALSO = ("FirstName", "BillingCity", "MailingCity", "City", "Amount", "AnnualRevenue", "NumberOfEmployees", "CloseDate")
"""Filled though nobody demands them, as are names, keys, addresses of mail, telephone numbers and picklists."""


def read_size(text: str, schema: Schema, snapshot: Mapping[str, int] | None = None) -> dict[str, int]:
    """Object -> number of records, from `small`, `medium`, a number of accounts, `Object=N,Object=N`, or `snapshot`: the numbers that a
    snapshot of an org recorded. Raises ValueError."""
    if text == "snapshot":
        return _with_parents(_of_snapshot(snapshot or {}, schema), schema)
    if text in _NAMED or text.isdigit():
        accounts = _NAMED.get(text) or int(text)
        wanted = {name: round(accounts * share) for name, share in _SHARES.items()}
    else:
        wanted = {}
        for pair in text.split(","):
            name, sign, number = (part.strip() for part in pair.partition("="))
            kind = schema.find(name)
            if not sign or not number.isdigit():
                raise ValueError(
                    f"{text!r} is no size of an org: small, medium, snapshot, a number of accounts, or Object=N,Object=N"
                )
            if kind is None or not kind.raw["createable"]:
                raise ValueError(f"{name!r} is no object of which this org can have records")
            wanted[kind.name] = int(number)
    if max(wanted.values(), default=0) > _MOST:
        raise ValueError(f"{text!r} is more than {_MOST:,} records of an object")
    return _with_parents(wanted, schema)


def _of_snapshot(snapshot: Mapping[str, int], schema: Schema) -> dict[str, int]:
    """The numbers of a snapshot, in proportion where they are more than `MOST_OF_SNAPSHOT` together; every object that had records
    keeps one. Objects that the org fills itself or that nobody can make are left out."""
    if not snapshot:
        raise ValueError("there are no numbers of a snapshot: `loadplan org describe` writes snapshot.toml")
    wanted: dict[str, int] = {}
    for name, count in snapshot.items():
        kind = schema.find(name)
        if kind is not None and kind.raw["createable"] and kind.name not in OWN and count > 0:
            wanted[kind.name] = count
    share = min(1.0, MOST_OF_SNAPSHOT / max(1, sum(wanted.values())))
    return {name: max(1, int(count * share)) for name, count in wanted.items()}


def _with_parents(wanted: Mapping[str, int], schema: Schema) -> dict[str, int]:
    """What the wanted objects cannot be without, before them."""
    counts = dict(wanted)
    order: list[str] = []
    on_the_way: set[str] = set()

    def visit(name: str) -> None:
        if name in order or name in on_the_way:
            return
        on_the_way.add(name)
        kind = schema.objects[name.lower()]
        for entry in kind.references:
            target = _target(kind, entry, schema, counts)
            if target is None or not (entry.required or entry.raw["cascadeDelete"]):
                continue  # a loose lookup is filled with what happens to be there before
            if target not in counts:
                counts[target] = max(1, counts[name] // _PARENTS)
            visit(target)
        order.append(name)

    for name in wanted:
        visit(name)
    return {name: counts[name] for name in order}


def _target(kind: ObjectType, entry: Field, schema: Schema, counts: Mapping[str, int]) -> str | None:
    """The object that a lookup is filled with: one that is there, or that has to be."""
    found = [target.name for name in entry.reference_to if (target := schema.find(name)) and target is not kind]
    there = [name for name in found if name in counts]
    if not entry.createable or "User" in entry.reference_to or entry.name == "RecordTypeId":
        return None
    return there[0] if there else found[0] if entry.required and found else None


def fill(org: Org, counts: Mapping[str, int], now: float, problems: list[str] | None = None) -> dict[str, int]:
    """Make the records of objects that have none yet. Answers how many were made. Raises ValueError with the first error; with
    `problems` what cannot be made is left out, and told there."""
    made: dict[str, int] = {}
    wrong: dict[str, str] = {}
    for name, count in counts.items():
        kind = org.schema.objects[name.lower()]
        if org.saver.tables.count(kind):
            continue
        parents = {
            entry.name: _ids(org, target)
            for entry in kind.references
            if (target := _target(kind, entry, org.schema, counts)) is not None
        }
        filled = [entry for entry in kind.fields.values() if _is_filled(entry) and entry.type != "reference"]
        for first in range(0, count, _PACK):
            numbers = range(first + 1, min(first + _PACK, count) + 1)
            columns = {entry.name: [_value(kind, entry, number) for number in numbers] for entry in filled}
            columns |= {
                field: [ids[(number - 1) % len(ids)] for number in numbers] for field, ids in parents.items() if ids
            }
            batch = Batch(columns)
            org.saver.save(kind, batch, [""] * len(numbers), now)
            if batch.errors and problems is None:
                raise ValueError(_first_error(name, first, batch))
            org.store.commit()
            if batch.errors and name not in wrong:
                wrong[name] = _first_error(name, first, batch)
            if len(batch.errors) == len(numbers):
                break
        made[name] = org.saver.tables.count(kind)
        if problems is not None and made[name] < count:
            problems.append(f"{name} begins with {made[name]:,} records of {count:,}: {wrong[name]}")
    return made


def _first_error(name: str, first: int, batch: Batch) -> str:
    row = min(batch.errors)
    return f"record {first + row + 1} of {name} cannot be made: {batch.errors[row].text()}"


def _ids(org: Org, name: str) -> list[str]:
    kind = org.schema.objects[name.lower()]
    return org.saver.tables.ids(kind)


def _is_filled(entry: Field) -> bool:
    if not entry.createable or entry.type in (*COMPOUND, "id", "boolean") or entry.raw["autoNumber"]:
        return False
    if entry.required or entry.external_id or entry.raw["nameField"] or entry.name in _ALSO:
        return True
    return entry.type in ("email", "phone", "picklist") and not entry.raw["custom"]


def _value(kind: ObjectType, entry: Field, number: int) -> Any:
    """What the record of that number has in the field."""
    if entry.type in NUMBERS or entry.type == "int":
        digits = int(entry.raw["precision"]) - int(entry.raw["scale"]) or 9
        value = number if entry.unique or entry.external_id else number * 37 % min(1_000, 10**digits)
        return value if entry.type == "int" else float(value)
    if entry.type == "date":
        return (date(2025, 1, 1) + timedelta(days=number % 700)).isoformat()
    if entry.type == "datetime":
        return f"{(date(2025, 1, 1) + timedelta(days=number % 700)).isoformat()}T{number % 24:02d}:00:00.000+0000"
    if entry.type in ("picklist", "multipicklist", "combobox"):
        values = [str(item["value"]) for item in entry.raw["picklistValues"] if item.get("active", True)]
        return values[number % len(values)] if values else ("Other" if entry.required else None)
    return _text(kind, entry, number)[-entry.length or None :]


def _text(kind: ObjectType, entry: Field, number: int) -> str:
    if entry.type == "email":
        return f"{kind.name.lower()}{number}@example.com"
    if entry.type == "phone":
        return f"+1 555 {number % 10_000_000:07d}"
    if entry.type == "url":
        return f"https://example.com/{number}"
    if entry.unique or entry.external_id:
        return f"{kind.name[:3].upper()}-{number:06d}"
    known = {"FirstName": _FIRST, "LastName": _LAST, "BillingCity": _CITIES, "MailingCity": _CITIES, "City": _CITIES}
    if entry.name in known:
        return known[entry.name][number % len(known[entry.name])]
    return f"{kind.raw['label'] if entry.raw['nameField'] else entry.label} {number:06d}"
