"""A wire without sockets: what requests sends is handled by the org in the same call, and its answer is read by the real client.

Every request is a boundary twice: it is about to be sent; it has had its effect. Faults are planned by the kind of request and
its occurrence (`Fault`). What the org answers crosses as bytes of HTTP, which http.client and urllib3 parse, so that a cut or
damaged body is met as it would be.
"""

from __future__ import annotations

import http.client
import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import requests
import urllib3
from loadplan.emulator import trouble
from loadplan.emulator.faults import Rule, kind_of
from loadplan.emulator.org import Org
from loadplan.emulator.wire import Request, Response
from requests.adapters import HTTPAdapter

from simulator.clock import VirtualClock
from simulator.crash import Fuse

CUTS = ("short", "close cut", "chunked cut", "gzip cut", "gzip cut length", "gzip cut chunked", "gzip crc")
TRAVEL = 0.01
"""Seconds of virtual time that a request takes."""
STALL = 60.0


@dataclass(frozen=True)
class Fault:
    """Trouble for the `nth` request of a kind, counted from 1 over the whole story. `late` is after how many further requests a
    delayed or duplicated one arrives (0: at once)."""

    kind: str
    effect: str
    nth: int = 1
    late: int = 1


EFFECTS = (
    "crash before send", "crash after send", "crash before record", "reset before", "reset after", "delayed", "duplicated",
    "500", "503", "503 after", "429", "html", "401", *CUTS, "stall",
)  # fmt: skip


@dataclass(frozen=True)
class Sent:
    """One request as it left, and what came of it: status 0 is no answer. `waited` is the virtual seconds waited until it was sent."""

    kind: str
    method: str
    path: str
    effect: str
    status: int
    waited: float

    @property
    def job(self) -> str:
        return next((part for part in self.path.split("/") if part.startswith("750")), "")


@dataclass
class _Bytes:
    """A connection as trouble.py sees it: it keeps what is sent."""

    data: bytearray = field(default_factory=bytearray)

    def head(self, response: Response, framing: str, size: int, encoding: str) -> None:
        lines = [f"HTTP/1.1 {response.status} {http.client.responses.get(response.status, 'Status')}"]
        lines += [f"{name}: {value}" for name, value in response.headers.items()]
        if encoding:
            lines.append(f"Content-Encoding: {encoding}")
        if framing == "chunked":
            lines.append("Transfer-Encoding: chunked")
        elif framing == "length" and response.status != 204:
            lines.append(f"Content-Length: {size}")
        self.data += ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")

    def send(self, data: bytes) -> None:
        self.data += data

    def wait(self, seconds: float) -> None:
        """Time is the wire's."""


class _Socket:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, mode: str) -> io.BytesIO:
        return io.BytesIO(self._data)


class Wire(HTTPAdapter):
    """The adapter that sessions of loadplan send with."""

    def __init__(self, fuse: Fuse, clock: VirtualClock) -> None:
        super().__init__()
        self.org: Org
        self.fuse, self.clock = fuse, clock
        self.plan: list[Fault] = []
        self.log: list[Sent] = []
        self.before: Callable[[Request, str], None] | None = None
        """Called for each request that is about to be sent, to interfere by other ways."""
        self.choose: Callable[[str], Fault | None] | None = None
        """Names the fault of each request, instead of `plan`."""
        self._seen: dict[str, int] = {}
        self._limbo: list[tuple[int, Request]] = []

    def send(self, request: requests.PreparedRequest, *_: Any, **__: Any) -> requests.Response:
        asked = _request(request)
        kind = name_of(asked)
        self.fuse.here(f"send {kind}")
        if self.before is not None:
            self.before(asked, kind)
        fault = self._fault(kind)
        effect = fault.effect if fault else ""
        if effect == "crash before send":
            self._note(asked, kind, effect, 0)
            self.fuse.blow()
        self.clock.seconds += TRAVEL
        try:
            return self._answer(request, asked, kind, effect, fault)
        finally:
            self._arrive()

    def _fault(self, kind: str) -> Fault | None:
        if self.choose is not None:
            return self.choose(kind)
        self._seen[kind] = nth = self._seen.get(kind, 0) + 1
        return next((fault for fault in self.plan if fault.kind == kind and fault.nth == nth), None)

    def _answer(
        self, request: requests.PreparedRequest, asked: Request, kind: str, effect: str, fault: Fault | None
    ) -> requests.Response:
        late = fault.late if fault else 0
        if effect == "delayed":
            self._limbo.append((late + 1, asked))
            self._lost(asked, kind, effect, requests.ReadTimeout("simulated: no answer in time"))
        if effect == "reset before":
            self._lost(asked, kind, effect, requests.ConnectionError("simulated: connection reset"))
        if instead := _INSTEAD.get(effect):
            self._note(asked, kind, effect, instead.status)
            return self._parsed(request, asked, instead, "")
        if effect == "401":
            if kind == "token":
                self._note(asked, kind, effect, 400)
                return self._parsed(request, asked, _NO_LOGIN, "")
            self.org.store.drop_tokens()
        response = self._handle(asked)
        if effect == "duplicated" and late:
            self._limbo.append((late + 1, asked))
        elif effect == "duplicated":
            self._handle(asked)
        if effect == "crash after send":
            self._note(asked, kind, effect, response.status)
            self.fuse.blow()
        self.fuse.here(f"answer {kind}")
        if effect == "reset after":
            self._lost(asked, kind, effect, requests.ConnectionError("simulated: connection reset"))
        if effect == "stall":
            self.clock.seconds += STALL
            self._lost(asked, kind, effect, requests.ReadTimeout("simulated: no byte for a minute"))
        if effect == "503 after":
            response = _INSTEAD["503"]
        if effect == "crash before record":
            self.fuse.until = "record"
        self._note(asked, kind, effect, response.status)
        return self._parsed(request, asked, response, effect)

    def _lost(self, asked: Request, kind: str, effect: str, error: requests.RequestException) -> None:
        self._note(asked, kind, effect, 0)
        raise error

    def _note(self, asked: Request, kind: str, effect: str, status: int) -> None:
        self.log.append(Sent(kind, asked.method, asked.path, effect, status, self.clock.waited))

    def _handle(self, asked: Request) -> Response:
        response = self.org.handle(asked, self.clock.epoch(), self.org.meet(asked))
        if isinstance(response.body, bytes):
            return response
        body = b"".join(response.body.blocks())
        response.body.close()
        return replace(response, body=body)

    def _arrive(self) -> None:
        """What was delayed or duplicated arrives when its time has come. Nobody hears the answer."""
        waiting, self._limbo = self._limbo, []
        for left, asked in waiting:
            if left > 1:
                self._limbo.append((left - 1, asked))
            else:
                self._handle(asked)

    def drain(self) -> None:
        """Everything that is still under way arrives."""
        for _, asked in self._limbo:
            self._handle(asked)
        self._limbo.clear()

    def _parsed(
        self, request: requests.PreparedRequest, asked: Request, response: Response, effect: str
    ) -> requests.Response:
        raw = _Bytes()
        if effect in CUTS:
            trouble.send(raw, response, Rule("any", effect), takes_gzip=asked.takes_gzip)
        else:
            assert isinstance(response.body, bytes)
            raw.head(response, "length", len(response.body), "")
            raw.send(response.body)
        answer = http.client.HTTPResponse(_Socket(bytes(raw.data)), method=asked.method)  # type: ignore[arg-type]
        answer.begin()
        shown = urllib3.HTTPResponse(
            body=answer, headers=urllib3.HTTPHeaderDict(answer.getheaders()), status=answer.status, reason=answer.reason,
            version=11, preload_content=False, decode_content=False, original_response=answer, request_method=asked.method,
        )  # fmt: skip
        return self.build_response(request, shown)


_HTML = {"Content-Type": "text/html; charset=UTF-8"}
_JSON = {"Content-Type": "application/json;charset=UTF-8"}
_INSTEAD: Mapping[str, Response] = {
    "500": Response(500, b'[{"errorCode":"UNKNOWN_EXCEPTION","message":"An unexpected error occurred."}]', _JSON),
    "503": Response(503, b"<html><title>Service Unavailable</title></html>", _HTML),
    "429": Response(429, b"", {**_HTML, "Retry-After": "7"}),
    "html": Response(200, b"<html><title>Maintenance</title></html>", _HTML),
}
"""Answers that do not come from the org."""
_NO_LOGIN = Response(400, b'{"error":"invalid_grant","error_description":"authentication failure"}', _JSON)


def name_of(request: Request) -> str:
    """The kind of a request as faults name it."""
    if request.path.rstrip("/") == "/services/data":
        return "versions"
    kind = kind_of(request)
    if kind == "create ingest" and "multipart" in request.headers.get("content-type", ""):
        return "create multipart"
    return kind


def _request(sent: requests.PreparedRequest) -> Request:
    """What the org gets: the bytes as they would have crossed."""
    parts = urlsplit(sent.url or "")
    body: Any = sent.body or b""
    data = body.encode() if isinstance(body, str) else body if isinstance(body, bytes) else _all_of(body)
    headers = {
        name.lower(): value if isinstance(value, str) else value.decode() for name, value in sent.headers.items()
    }
    return Request(
        sent.method or "GET", unquote(parts.path), dict(parse_qsl(parts.query, keep_blank_values=True)), headers, data
    )


def _all_of(body: Any) -> bytes:
    blocks = []
    while block := body.read(1 << 16):
        blocks.append(block)
    return b"".join(blocks)


__all__ = ["CUTS", "EFFECTS", "Fault", "Sent", "Wire", "name_of"]
