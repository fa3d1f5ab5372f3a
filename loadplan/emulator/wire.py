"""The shapes that cross the wire: requests, responses, errors, dates and record ids. Knows no state."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

if TYPE_CHECKING:
    from .faults import Rule
    from .streams import Body

JSON_TYPE = "application/json;charset=UTF-8"
CSV_TYPE = "text/csv; charset=UTF-8"
DEEPEST = 100
"""Lists and objects of a JSON body that may be in each other."""
_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECK = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. `headers` has lower-case names; an upload's body is a file at `spool`, and `body` is empty. `path` is decoded,
    `encoded` as it was sent: there a key with a slash can be told from two steps."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    spool: Path | None = None
    encoded: str = ""

    @property
    def steps(self) -> list[str]:
        """The steps of the path, decoded; a slash at the end makes no step."""
        return [unquote(step) for step in (self.encoded or quote(self.path)).removesuffix("/").split("/")]

    def json(self) -> dict[str, Any]:
        """The JSON object of the body; raises ApiError JSON_PARSER_ERROR."""
        try:
            value = read_json(self.body or b"{}")
        except ValueError as problem:
            raise ApiError(400, "JSON_PARSER_ERROR", f"Unexpected character: {problem}") from None
        if not isinstance(value, dict):
            raise ApiError(400, "JSON_PARSER_ERROR", "A JSON object was expected")
        return value

    @property
    def takes_gzip(self) -> bool:
        """Whether the answer may be gzip. Deflate is not honoured (Bulk API 2.0 Developer Guide, 'Use Compression')."""
        for entry in self.headers.get("accept-encoding", "").lower().split(","):
            coding, _, weight = entry.partition(";")
            if coding.strip() == "gzip" and weight.strip().replace(" ", "") not in (
                "q=0",
                "q=0.0",
                "q=0.00",
                "q=0.000",
            ):
                return True
        return False


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP answer. `body` is bytes, or a stream that is sent in pieces. `trouble` spoils how it is sent."""

    status: int
    body: bytes | Body = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    trouble: Rule | None = None


class ApiError(Exception):
    """An answer in Salesforce's error shape: a JSON array of one object, `errorCode` first."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        fields: list[str] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.fields = status, code, message, fields
        self.headers = dict(headers or {})

    def response(self) -> Response:
        """The error as an answer (Bulk API 2.0 Developer Guide, 'HTTP Status Codes')."""
        entry: dict[str, Any] = {"errorCode": self.code, "message": self.message}
        if self.fields is not None:  # errors of records print the message first
            entry = {"message": self.message, "errorCode": self.code, "fields": self.fields}
        extra = {"WWW-Authenticate": "Token"} if self.status == 401 else {}
        return json_response([entry], self.status, {**extra, **self.headers})


def read_json(data: bytes, *, once: bool = False) -> Any:
    """What a JSON text says. Raises ValueError for what is no JSON (NaN is none), nests deeper than `DEEPEST` or holds a number beyond
    every double. Half of a surrogate pair becomes `?`, as in Java: a text that is no text could be neither stored nor sent. With
    `once` a key may not be there twice: of a file that people write one of the two would be lost."""
    try:
        hook = _each_once if once else None
        value = json.loads(data, parse_constant=_no_constant, parse_float=_finite, object_pairs_hook=hook)
        if data.count(b"[") + data.count(b"{") > DEEPEST and _depth(value) > DEEPEST:
            raise RecursionError
    except RecursionError:
        text = f"Document nesting depth ({DEEPEST + 1}) exceeds the maximum allowed ({DEEPEST})"
        raise ValueError(text) from None
    if b"\\u" in data:
        value = json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    return value


def _each_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"the key {next(name for name in names if names.count(name) > 1)!r} is there twice")
    return found


def _no_constant(text: str) -> Any:
    raise ValueError(f"{text} is no JSON")


def _finite(text: str) -> float:
    number = float(text)
    if not isfinite(number):
        raise ValueError(f"the number {text} is out of range")
    return number


def _depth(value: Any) -> int:
    """How many lists and objects are in each other."""
    deepest, waiting = 0, [(value, 1)]
    while waiting:
        entry, depth = waiting.pop()
        inner = entry.values() if isinstance(entry, dict) else entry if isinstance(entry, list) else None
        if inner is not None:
            deepest = max(deepest, depth)
            waiting += [(one, depth + 1) for one in inner]
    return deepest


def whole_number(text: str) -> int | None:
    """The number that plain digits say, up to a billion; None for everything else."""
    return int(text) if re.fullmatch(r"[0-9]{1,9}", text) else None


def not_found() -> ApiError:
    """404 for an unknown path, version or job."""
    return ApiError(404, "NOT_FOUND", "The requested resource does not exist")


def wrong_method(method: str, *allowed: str) -> ApiError:
    """405 in the org's words; a resource that answers GET answers HEAD too."""
    listed = ",".join(["HEAD", *allowed] if "GET" in allowed else allowed)
    message = f"HTTP Method '{method}' not allowed. Allowed are {listed}"
    return ApiError(405, "METHOD_NOT_ALLOWED", message, headers={"Allow": listed})


def json_response(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer, printed as Salesforce prints it (two blanks, a blank on both sides of the colon)."""
    text = json.dumps(value, indent=2, separators=(",", " : "), ensure_ascii=False)
    return Response(status, text.encode(), {"Content-Type": JSON_TYPE, **(headers or {})})


def stamp(seconds: float) -> str:
    """Epoch seconds as `2024-09-09T19:25:27.000+0000`."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def _check(five: str) -> str:
    return _CHECK[sum(1 << place for place, char in enumerate(five) if "A" <= char <= "Z")]


def id18(value: str) -> str:
    """The 18-character form of a 15-character id; an 18-character id comes back with its checksum recomputed."""
    head = value[:15]
    return head + _check(head[:5]) + _check(head[5:10]) + _check(head[10:15])


def looks_like_id(value: str) -> bool:
    """Whether the text has the form of a 15- or 18-character record id."""
    return len(value) in (15, 18) and value.isascii() and value.isalnum()


_PAIRS = [(a + b, sum(bit for char, bit in ((a, 8), (b, 16)) if "A" <= char <= "Z")) for a in _BASE62 for b in _BASE62]


def make_ids(prefix: str, first: int, count: int) -> list[str]:
    """18-character ids with a key prefix and the running numbers from `first` on."""
    made: list[str] = []
    head = prefix + "Em"
    while len(made) < count:
        high, low = divmod(first + len(made), len(_PAIRS))
        digits = ""
        while high:
            high, rest = divmod(high, 62)
            digits = _BASE62[rest] + digits
        digits = digits.rjust(8, "0")
        stem, middle = head + digits, _check(head) + _check(digits[:5])
        bits = _CHECK.index(_check(digits[5:]))
        wanted = _PAIRS[low : low + count - len(made)]
        made += [stem + pair + middle + _CHECK[bits | more] for pair, more in wanted]
    return made


def make_id(prefix: str, number: int) -> str:
    """The 18-character id of one running number."""
    return make_ids(prefix, number, 1)[0]


def number_of(record_id: str) -> int:
    """The running number of an id made here."""
    number = 0
    for char in record_id[5:15]:
        number = number * 62 + _BASE62.index(char)
    return number


def quote_row(cells: Iterable[str], delimiter: str, ending: str) -> str:
    """One CSV row with every cell quoted."""
    return delimiter.join('"' + cell.replace('"', '""') + '"' for cell in cells) + ending
