"""Cells: whether the text of a cell is one that its field takes, by what the org says of the field.

A column is looked at in batches: what is usual is judged for all of its cells together, and only a batch with something
unusual is looked at cell by cell. An empty cell leaves the field alone and `#N/A` clears it, so both always pass here.
Nothing is ever mended. (Bulk API 2.0 Developer Guide, "Prepare CSV Files": valid dates, numbers, booleans.)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from datetime import date
from typing import NamedTuple

from loadplan.diagnostics import did_you_mean
from loadplan.review.described import Described, FieldFacts

NULL = "#N/A"
TEXTS = frozenset({"string", "textarea", "phone", "url", "email", "encryptedstring", "combobox", "picklist"})
NUMBERS = frozenset({"double", "currency", "percent", "int", "long"})
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)(Z?)\Z")
_TIME = re.compile(r"(\d{4})-(\d\d)-(\d\d)T([01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d{1,9})?(Z|[+-]\d\d:?\d\d)?\Z")
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?\Z")
_NUMBER_SIGNS = frozenset("0123456789+-.eE")
_FOREIGN_NUMBER = re.compile(r"[^\d]*[+-]?\d{1,3}(?:[.,' \u00a0]\d{3})*(?:[.,]\d+)?[^\d]*\Z")
_EMAIL = re.compile(r"[^@\s,;]+@[^@\s,;]+\.[^@\s,;.]+\Z")
_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Za-z0-9]{3})?\Z")
_SCIENTIFIC = re.compile(r"\d(?:[.,]\d+)?[eE]\+\d+\Z")
_EDGES = re.compile(r"^[\s\u00a0\u200b\ufeff]|[\s\u00a0\u200b\ufeff]$|[\u200b\ufeff]")
_MOJIBAKE = re.compile("\ufffd|[ÃÂ][\u0080-\u00bf\u2018-\u201d\u20ac\u2122]|â€")
MISSING = frozenset({"null", "none", "nan", "undefined", "n/a", "#n/a!", "(null)", "<null>", "\\n", "nil"})
BOOLEANS = frozenset({"true", "false", "1", "0", "TRUE", "FALSE", "True", "False"})


class Problem(NamedTuple):
    """What is wrong with a cell, without the cell. `fails`: Salesforce will refuse the row."""

    code: str
    summary: str
    hint: str
    fails: bool = True


Judge = Callable[[str], Problem | None]
Usual = Callable[[Sequence[str]], bool]


class Column:
    """The rule of one sent column."""

    def __init__(self, usual: Usual, judge: Judge) -> None:
        self._usual = usual
        self._judge = judge
        self._known: dict[str, Problem | None] = {}

    def problems(self, cells: Sequence[str]) -> Iterator[tuple[int, Problem]]:
        """Positions of the cells that have a problem, with it."""
        if self._usual(cells):
            return
        known, judge = self._known, self._judge
        for at, cell in enumerate(cells):
            if not cell or cell == NULL:
                continue
            if cell in known:
                found = known[cell]
            else:
                found = judge(cell)
                if len(known) < 5_000 and len(cell) < 200:
                    known[cell] = found
            if found is not None:
                yield at, found


def column_of(facts: FieldFacts, described: Described) -> Column:
    """The rule of a field."""
    kind = facts.type
    if kind in NUMBERS:
        return Column(_usual_numbers(facts), lambda cell: _number(facts, cell))
    if kind == "boolean":
        return Column((BOOLEANS | {"", NULL}).issuperset, _boolean)
    if kind == "date":
        return Column(_never, _date)
    if kind == "datetime":
        return Column(_never, _datetime)
    if kind in {"id", "reference"}:
        return _reference_column(facts, described)
    if kind == "email":
        usual = _usual_text(facts.length)
        return Column(
            lambda cells: usual(cells) and all(map(_EMAIL.match, filter(None, cells))), lambda cell: _text(facts, cell)
        )
    if kind in {"multipicklist", "picklist"} and facts.values is not None:
        allowed = facts.values | {"", NULL}
        return Column(allowed.issuperset, lambda cell: _picklist(facts, cell))
    return Column(_usual_text(facts.length), lambda cell: _text(facts, cell))


def unknown_column(*, is_key: bool = False) -> Column:
    """The rule of a column of which no org says anything: traps that a text shows by itself."""
    return Column(_usual_text(0, edges=is_key), lambda cell: _any_text(cell, is_key=is_key))


def key_column(facts: FieldFacts | None, described: Described) -> Column:
    """The rule of the column that tells records apart: its blanks count."""
    if facts is None or facts.type in NUMBERS | {"id", "reference"}:
        return unknown_column(is_key=True) if facts is None else column_of(facts, described)
    usual = _usual_text(facts.length, edges=True)
    return Column(usual, lambda cell: _text(facts, cell) or _any_text(cell, is_key=True))


def _never(cells: Sequence[str]) -> bool:
    return not any(cells)


# -- texts ---------------------------------------------------------------------------------------------------------


def _usual_text(length: int, *, edges: bool = False) -> Usual:
    """A batch whose joined text shows nothing unusual. The tests are a few passes of C code over one text."""
    doubtful = re.compile("\ufffd|[ÃÂ][\u0080-\u00bf\u2018-\u201d\u20ac\u2122]|â€").search

    def usual(cells: Sequence[str]) -> bool:
        longest = max(map(len, cells), default=0)
        if length and longest > length:
            return False
        if not MISSING.isdisjoint(set(map(str.lower, cells)) if longest < 200 else {c[:20].lower() for c in cells}):
            return False
        joined = "\n".join(cells)
        if not joined.isascii() and doubtful(joined):
            return False
        if ("e+" in joined or "E+" in joined) and any(map(_SCIENTIFIC.match, cells)):
            return False
        return not edges or not any(map(_EDGES.search, cells))

    return usual


def _text(facts: FieldFacts, cell: str) -> Problem | None:
    if facts.length and len(cell) > facts.length:
        return Problem(
            "LP0720", f"text longer than `{facts.name}` takes ({facts.length:,} characters)",
            "shorten it in the source, or map it to a longer field; Salesforce refuses the row and does not cut",
        )  # fmt: skip
    if facts.type == "email" and not _EMAIL.match(cell):
        return Problem("LP0728", f"`{facts.name}` is not an email address", "correct it, or leave the cell empty")
    return _any_text(cell, is_key=False)


def _any_text(cell: str, *, is_key: bool) -> Problem | None:
    if cell.lower() in MISSING:
        return Problem(
            "LP0729", "a word for a missing value would be saved as a text",
            "declare it: `source: {path: …, null: [NULL]}`; to clear the field write `empty: \"#N/A\"`", fails=False,
        )  # fmt: skip
    if _MOJIBAKE.search(cell):
        return Problem(
            "LP0735", "characters that come from reading a file in the wrong encoding",
            "export the file again as UTF-8, or name its encoding: `source: {path: …, encoding: cp1252}`", fails=False,
        )  # fmt: skip
    if _SCIENTIFIC.match(cell):
        return Problem(
            "LP0733", "a number as spreadsheet programs shorten it (1.23E+11): its digits are lost",
            "export the column as text", fails=False,
        )  # fmt: skip
    if is_key and _EDGES.search(cell):
        return Problem(
            "LP0730", "blanks around a key, or characters in it that nobody sees",
            "trim it in the source: Salesforce may trim it and rows are then told apart by another key", fails=False,
        )  # fmt: skip
    return None


def _picklist(facts: FieldFacts, cell: str) -> Problem | None:
    allowed = facts.values or frozenset()
    for part in cell.split(";") if facts.type == "multipicklist" else [cell]:
        if part in allowed or not part:
            continue
        if part in facts.inactive:
            return Problem("LP0725", f"a value of `{facts.name}` that is inactive", "activate it in the org, or map it")
        near = did_you_mean(part, sorted(allowed)[:300])
        same = [v for v in allowed if v.lower() == part.strip().lower()]
        how = f"it differs only in case or blanks from `{same[0]}`: map it" if same else ""
        listed = f"values: {', '.join(sorted(allowed)[:8])}" + (" …" if len(allowed) > 8 else "")
        return Problem("LP0725", f"a value that the restricted picklist `{facts.name}` lacks", how or near or listed)
    return None


# -- numbers, dates, booleans --------------------------------------------------------------------------------------


def _usual_numbers(facts: FieldFacts) -> Usual:
    whole = facts.type in {"int", "long"}
    most = _most_digits(facts)

    def usual(cells: Sequence[str]) -> bool:
        if not _NUMBER_SIGNS.issuperset("".join(cells)):
            return False
        try:
            found = [float(c) for c in cells if c]
        except ValueError:
            return False
        if max(map(abs, found), default=0.0) >= 10.0**most:
            return False
        return not whole or all(map(float.is_integer, found))

    return usual


def _most_digits(facts: FieldFacts) -> int:
    """Digits before the point."""
    if facts.type in {"int", "long"}:
        return facts.digits or 18
    return facts.precision - facts.scale if facts.precision else 18


def _number(facts: FieldFacts, cell: str) -> Problem | None:
    if not _NUMBER.match(cell):
        foreign = _FOREIGN_NUMBER.match(cell) and any(c.isdigit() for c in cell)
        hint = "write it with a point and nothing else, for example 1234.5" if foreign else "correct it in the source"
        return Problem("LP0721", f"`{facts.name}` is not a number", hint)
    value = float(cell)
    if facts.type in {"int", "long"} and not value.is_integer():
        return Problem("LP0721", f"`{facts.name}` takes whole numbers only", "round it in the source")
    if abs(value) >= 10.0 ** _most_digits(facts):
        return Problem("LP0721", f"`{facts.name}` takes {_most_digits(facts)} digits before the point", "correct it")
    return None


def _boolean(cell: str) -> Problem | None:
    if cell.lower() in {"true", "false", "1", "0"}:
        return None
    hint = "map it: `{column: …, map: {yes: true, no: false}}`"
    return Problem("LP0724", "not a boolean: true, false, 1 or 0", hint)


def _date(cell: str) -> Problem | None:
    match = _DATE.match(cell)
    if match is not None and _is_day(match[1], match[2], match[3]):
        return None
    hint = "write it as 2026-06-30"
    if _TIME.match(cell):
        hint = "the field holds a date without a time: write 2026-06-30, or the day may shift with the time zone"
    elif match is None and re.match(r"\d{1,2}[./-]\d{1,2}[./-]\d{2,4}\Z", cell):
        hint = "write it as 2026-06-30: day and month of other forms cannot be told apart"
    return Problem("LP0722", "not a date", hint)


def _datetime(cell: str) -> Problem | None:
    match = _TIME.match(cell)
    if match is None:
        match_day = _DATE.match(cell)
        if match_day is not None and _is_day(match_day[1], match_day[2], match_day[3]):
            return Problem(
                "LP0734", "a date and time without its zone is taken for UTC", "write 2026-06-30T12:00:00+02:00", fails=False
            )  # fmt: skip
        return Problem("LP0723", "not a date and time", "write it as 2026-06-30T12:00:00Z")
    if not _is_day(match[1], match[2], match[3]):
        return Problem("LP0723", "not a date and time", "the calendar has no such day")
    if not match[5]:
        return Problem(
            "LP0734", "a date and time without its zone is taken for UTC", "write 2026-06-30T12:00:00+02:00", fails=False
        )  # fmt: skip
    return None


def _is_day(year: str, month: str, day: str) -> bool:
    try:
        date(int(year), int(month), int(day))
    except ValueError:
        return False
    return int(year) >= 1700


# -- ids -----------------------------------------------------------------------------------------------------------


def own_id_column(object_name: str, facts: FieldFacts, described: Described) -> Column:
    """The rule of `Id`: records of the step's own object."""
    return _reference_column(facts, described, (object_name,))


def _reference_column(facts: FieldFacts, described: Described, targets: tuple[str, ...] = ()) -> Column:
    targets = targets or facts.reference_to
    prefixes = {p for name in targets if (p := described.prefix_of.get(name.lower()))}
    whole = bool(targets) and len(prefixes) == len(targets)
    names = " or ".join(targets[:3])

    def usual(cells: Sequence[str]) -> bool:
        found = [c for c in cells if c]
        joined = "".join(found)
        if not (joined.isascii() and (joined.isalnum() or not joined) and {15, 18}.issuperset(map(len, found))):
            return False
        return not whole or prefixes.issuperset(c[:3] for c in found)

    def judge(cell: str) -> Problem | None:
        if not _ID.match(cell):
            hint = (
                "a parent is named by its external id with `lookups`, by its row with `id_of`, or by its 18 characters"
            )
            return Problem("LP0726", f"`{facts.name}` is not a record id", hint)
        if whole and cell[:3] not in prefixes:
            other = described.prefixes.get(cell[:3])
            is_of = f"it is an id of {other}" if other else f"ids of {names} begin with {', '.join(sorted(prefixes))}"
            return Problem("LP0726", f"`{facts.name}` holds the id of another object than {names}", is_of)
        return None

    return Column(usual, judge)
