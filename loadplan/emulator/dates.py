"""Date literals of SOQL (`TODAY`, `LAST_N_MONTHS:3`, …): which days they mean. Days are UTC, weeks begin on Sunday, the fiscal
year is the calendar's. SOQL and SOSL Reference, "Date Formats and Date Literals in WHERE". Knows no fields.
"""

from __future__ import annotations

import re
from datetime import date, timedelta

_UNITS = "DAY|WEEK|MONTH|QUARTER|YEAR|FISCAL_QUARTER|FISCAL_YEAR"
_NAMED = re.compile(rf"(LAST|THIS|NEXT)_({_UNITS.removeprefix('DAY|')})")
_COUNTED = re.compile(rf"(?:(LAST|NEXT)_N_({_UNITS})S|N_({_UNITS})S_AGO):(\d{{1,4}})")
_FIXED = {"TODAY": (0, 0), "YESTERDAY": (-1, -1), "TOMORROW": (1, 1), "LAST_90_DAYS": (-90, 0), "NEXT_90_DAYS": (1, 90)}


def is_date_word(word: str) -> bool:
    """Whether a word in capitals is a date literal."""
    return word in _FIXED or bool(_NAMED.fullmatch(word) or _COUNTED.fullmatch(word))


def span(word: str, today: date) -> tuple[date, date]:
    """First and last day that a date literal means."""
    if word in _FIXED:
        first, last = _FIXED[word]
        return today + timedelta(days=first), today + timedelta(days=last)
    named = _NAMED.fullmatch(word)
    if named:
        return _units(named[2], today, *{"LAST": (-1, -1), "THIS": (0, 0), "NEXT": (1, 1)}[named[1]])
    counted = _COUNTED.fullmatch(word)
    if counted is None:
        raise ValueError(f"{word} is no date literal")
    side, unit, ago, number = counted[1], counted[2], counted[3], int(counted[4])
    if ago:
        return _units(ago, today, -number, -number)
    if side == "NEXT":
        return _units(unit, today, 1, number)
    # the last days have today in them, the last weeks and longer units end before the one that is running
    return _units(unit, today, -number, 0 if unit == "DAY" else -1)


def _units(unit: str, today: date, first: int, last: int) -> tuple[date, date]:
    """From the first day of the unit that lies `first` units away to the last day of that `last` away."""
    after = _begin(unit, today, last + 1)
    return _begin(unit, today, first), after - timedelta(days=1) if after > date.min else after


def _begin(unit: str, today: date, away: int) -> date:
    if unit == "DAY":
        return today + timedelta(days=away)
    if unit == "WEEK":
        return today - timedelta(days=(today.weekday() + 1) % 7) + timedelta(weeks=away)
    months = {"MONTH": 1, "QUARTER": 3, "YEAR": 12}[unit.removeprefix("FISCAL_")]
    number = (today.year * 12 + today.month - 1) // months * months + away * months
    return date(max(1, min(9999, number // 12)), number % 12 + 1, 1)
