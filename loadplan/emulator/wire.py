"""The shapes that cross the wire: requests, responses, errors, dates and record ids. Knows no state."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

JSON_TYPE = "application/json;charset=UTF-8"
CSV_TYPE = "text/csv; charset=UTF-8"
_BASE62 = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_CHECK = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request. `headers` has lower-case names; an upload's body is a file at `spool`, and `body` is empty."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    spool: Path | None = None

    def json(self) -> dict[str, Any]:
        """The JSON object of the body; raises ApiError JSON_PARSER_ERROR."""
        try:
            value = json.loads(self.body or b"{}")
        except ValueError as problem:
            raise ApiError(400, "JSON_PARSER_ERROR", f"Unexpected character: {problem}") from None
        if not isinstance(value, dict):
            raise ApiError(400, "JSON_PARSER_ERROR", "A JSON object was expected")
        return value


@dataclass(frozen=True, slots=True)
class Response:
    """One HTTP answer. `drop` closes the connection instead; `cut` sends only that share of the body."""

    status: int
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    drop: bool = False
    cut: float | None = None
    cut_quietly: bool = False


class ApiError(Exception):
    """An answer in Salesforce's error shape: a JSON array of one object, `errorCode` first."""

    def __init__(self, status: int, code: str, message: str, fields: list[str] | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.fields = status, code, message, fields

    def response(self) -> Response:
        """The error as an answer (Bulk API 2.0 Developer Guide, 'HTTP Status Codes')."""
        entry: dict[str, Any] = {"errorCode": self.code, "message": self.message}
        if self.fields is not None:
            entry["fields"] = self.fields
        extra = {"WWW-Authenticate": "Token"} if self.status == 401 else {}
        return json_response([entry], self.status, extra)


def not_found() -> ApiError:
    """404 for an unknown path, version or job."""
    return ApiError(404, "NOT_FOUND", "The requested resource does not exist")


def json_response(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON answer, printed as Salesforce prints it (two blanks, a blank on both sides of the colon)."""
    text = json.dumps(value, indent=2, separators=(",", " : "), ensure_ascii=False)
    return Response(status, text.encode(), {"Content-Type": JSON_TYPE, **(headers or {})})


def stamp(seconds: float) -> str:
    """Epoch seconds as `2024-09-09T19:25:27.000+0000`."""
    return datetime.fromtimestamp(int(seconds), UTC).strftime("%Y-%m-%dT%H:%M:%S.000+0000")


def id18(value: str) -> str:
    """The 18-character form of a 15-character id; an 18-character id comes back with its checksum recomputed."""
    head = value[:15]
    tail = ""
    for start in (0, 5, 10):
        bits = sum(1 << place for place, char in enumerate(head[start : start + 5]) if "A" <= char <= "Z")
        tail += _CHECK[bits]
    return head + tail


def looks_like_id(value: str) -> bool:
    """Whether the text has the form of a 15- or 18-character record id."""
    return len(value) in (15, 18) and value.isascii() and value.isalnum()


def make_id(prefix: str, number: int) -> str:
    """An 18-character id with a key prefix and a running number."""
    digits = ""
    while number:
        number, rest = divmod(number, 62)
        digits = _BASE62[rest] + digits
    return id18(prefix + "Em" + digits.rjust(10, "0"))


def quote_row(cells: Iterable[str], delimiter: str, ending: str) -> str:
    """One CSV row with every cell quoted."""
    return delimiter.join('"' + cell.replace('"', '""') + '"' for cell in cells) + ending
