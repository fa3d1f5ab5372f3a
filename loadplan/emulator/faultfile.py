"""Trouble from JSON, for `emulator serve --faults FILE` and the control endpoint.

The form is described by schemas/faults.schema.json and docs/reference/emulator.md; every problem is told with its place.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from .faults import EFFECTS, KINDS, LOCKED, Faults, JobFault, Rule
from .wire import read_json

_TOP = ("$schema", "seed", "rules", "rows", "jobs", "queries", "aborts")
_RULE = ("kind", "effect", "object", "nth", "times", "probability", "status", "body", "headers", "seconds", "share")
_ROWS = ("object", "code", "message", "fields", "times", "where", "share")
_JOB = ("object", "after_rows", "state", "message", "retries", "rows_per_second", "times")
_MOST = 1_000_000_000
_HEADER, _VALUE = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]+"), re.compile(r"[\t\x20-\x7e]*")


def load_faults(path: Path) -> Faults:
    """The faults a file describes. Raises ValueError naming the place and what is wrong with it."""
    try:
        data: Any = read_json(path.read_bytes(), once=True)
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} is not a JSON file: {error}") from error
    return read_faults(data, str(path))


def read_faults(data: Any, name: str) -> Faults:
    """The faults a JSON value describes; `name` is where it came from. Raises ValueError."""
    _keys(data, _TOP, name)
    seed = _number(data, "seed", 0, f"{name}: seed", whole=True)
    faults = Faults(seed=int(seed))
    faults.name = name
    for where, entry in _entries(data, "rules", name):
        faults.rules.append(replace(_rule(where, entry), seed=faults.seed, id=faults.new_id()))
    for where, entry in _entries(data, "rows", name):
        _keys(entry, _ROWS, where)
        code, message = _text(entry, "code", where, LOCKED[0]), _text(entry, "message", where, LOCKED[1])
        times = int(_number(entry, "times", 1, f"{where}: times", whole=True))
        cells, fields = _texts(entry, "where", where), entry.get("fields", [])
        if not isinstance(fields, list) or not all(isinstance(field, str) for field in fields):
            raise ValueError(f"{where}: fields is a list of field names")
        share = _share(entry, "share", 1.0, where)
        faults.refuse_rows(_text(entry, "object", where), code, message, fields, times=times, where=cells, share=share)
    for where, entry in _entries(data, "jobs", name):
        faults.jobs.append(replace(_job(where, entry), id=faults.new_id()))
    for where, entry in _entries(data, "queries", name):
        _keys(entry, ("object", "message"), where)
        faults.fail_query(
            _text(entry, "object", where), _text(entry, "message", where, "InternalServerError : Internal Error")
        )
    for where, entry in _entries(data, "aborts", name):
        if not isinstance(entry, str):
            raise ValueError(f"{where} must be a job id")
        faults.admin_abort(entry)
    return faults


def _rule(where: str, entry: Any) -> Rule:
    _keys(entry, _RULE, where)
    for key, known in (("kind", KINDS), ("effect", EFFECTS)):
        if entry.get(key) not in known:
            raise ValueError(f"{where}: {key} must be one of {', '.join(sorted(known))}")
    nth = entry.get("nth", 1)
    if nth is not None and (not _is_number(nth, whole=True) or not 1 <= nth <= _MOST):
        raise ValueError(f"{where}: nth counts from 1, or is null for every request")
    share, chance = _share(entry, "share", 0.5, where), _share(entry, "probability", 1.0, where)
    times = entry.get("times")
    if times is not None and (not _is_number(times, whole=True) or not 1 <= times <= _MOST):
        raise ValueError(f"{where}: times counts from 1, or is null for no end")
    status = int(_number(entry, "status", 503, f"{where}: status", whole=True))
    if not 200 <= status <= 599:
        raise ValueError(f"{where}: status is one of HTTP, from 200 to 599, not {status}")
    headers = _texts(entry, "headers", where)
    for text in (*(name for name in headers if not _HEADER.fullmatch(name)),
                 *(text for text in headers.values() if not _VALUE.fullmatch(text))):  # fmt: skip
        raise ValueError(f"{where}: {text!r} cannot stand in a header; its names and values are printable ASCII")
    return Rule(
        entry["kind"], entry["effect"], nth, status,
        _text(entry, "body", where, "").encode(), headers,
        _number(entry, "seconds", 1.0, f"{where}: seconds"), share, chance, times,
        object=_text(entry, "object", where, ""),
    )  # fmt: skip


def _job(where: str, entry: Any) -> JobFault:
    _keys(entry, _JOB, where)
    if "after_rows" not in entry and "rows_per_second" not in entry:
        raise ValueError(f"{where}: a job has after_rows, rows_per_second or both")
    rows = None
    if "after_rows" in entry:
        rows = int(_number(entry, "after_rows", 0, f"{where}: after_rows", whole=True))
    state, rate = (
        _text(entry, "state", where, "Failed"),
        _number(entry, "rows_per_second", 0.0, f"{where}: rows_per_second"),
    )
    if state not in ("Failed", "Aborted"):
        raise ValueError(f"{where}: state must be one of Aborted, Failed")
    if "rows_per_second" in entry and not rate:
        raise ValueError(f"{where}: rows_per_second must be more than 0")
    times = int(_number(entry, "times", 1, f"{where}: times", whole=True))
    retries = int(_number(entry, "retries", 0, f"{where}: retries", whole=True))
    return JobFault(
        _text(entry, "object", where), rows, state, _text(entry, "message", where, ""), retries, rate, times
    )


def _share(entry: Mapping[str, Any], key: str, default: float, where: str) -> float:
    share = _number(entry, key, default, f"{where}: {key}")
    if share > 1:
        raise ValueError(f"{where}: share and probability lie between 0 and 1")
    return share


def _keys(data: Any, known: tuple[str, ...], where: str) -> None:
    if not isinstance(data, dict):
        raise ValueError(f"{where} must be a JSON object with some of the keys {', '.join(known)}")
    unknown = sorted(set(data) - set(known))
    if unknown:
        raise ValueError(f"{where}: unknown key {', '.join(unknown)}; keys are {', '.join(known)}")


def _entries(data: Mapping[str, Any], key: str, name: str) -> list[tuple[str, Any]]:
    entries = data.get(key, [])
    if not isinstance(entries, list):
        raise ValueError(f"{name}: {key} must be a list")
    return [(f"{name}, {key} {number}", entry) for number, entry in enumerate(entries, 1)]


def _text(entry: Mapping[str, Any], key: str, where: str, default: str | None = None) -> str:
    value = entry.get(key, default)
    if not isinstance(value, str):
        raise ValueError(f"{where}: {key} must be a text")
    return value


def _texts(entry: Mapping[str, Any], key: str, where: str) -> dict[str, str]:
    value = entry.get(key, {})
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise ValueError(f"{where}: {key} must map names to texts")
    return dict(value)


def _is_number(value: Any, *, whole: bool) -> bool:
    return isinstance(value, int if whole else (int, float)) and not isinstance(value, bool)


def _number(entry: Mapping[str, Any], key: str, default: float, where: str, *, whole: bool = False) -> float:
    value = entry.get(key, default)
    # JSON of Python knows NaN and Infinity, and a pause of that length is none.
    if not _is_number(value, whole=whole) or value != value or value < 0:
        raise ValueError(f"{where} must be a {'whole ' if whole else ''}number, not negative")
    if value > _MOST:
        raise ValueError(f"{where} must be at most {_MOST:,}")
    return float(value)
