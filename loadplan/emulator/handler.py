"""HTTP/1.1 on one connection: receiving, framing, compression, and trouble on purpose. Decides nothing of the answers."""

from __future__ import annotations

import re
import socket
import struct
import sys
import time
import traceback
import uuid
import zlib
from collections.abc import Iterator
from dataclasses import replace
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote

from . import control, trouble
from .faults import Rule, kind_of
from .listening import Server
from .receiving import UnreadableError, pieces
from .streams import Body, FileBody, Slice, gzip_blocks
from .wire import ApiError, Request, Response, wrong_method

_LARGEST_BODY = 16 << 20
_NO_LINGER = struct.pack("ii", 1, 0)
_LOST = ("drop before", "drop after", "reset", "reset after")


class _ResetError(Exception):
    """The connection ends here, without a word."""


class Handler(BaseHTTPRequestHandler):
    """Serves the requests of one connection."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 65536
    rbufsize = 65536
    server: Server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing is printed."""

    def _serve(self) -> None:
        began = time.perf_counter()
        path, _, asked = self._target().partition("?")
        headers = {name.lower(): value for name, value in self.headers.items()}
        spool = self.server.spool / uuid.uuid4().hex if self.command == "PUT" else None
        query = dict(parse_qsl(asked, keep_blank_values=True))
        request = Request(self.command, unquote(path), query, headers, b"", spool, path)
        self._sent, rule, status, response, effect = 0, None, 0, Response(0), ""
        try:
            if spool is not None:
                rule = self.server.org.meet(request)
                self._receive(request, spool, rule)
            else:
                request = replace(request, body=self._body(headers))
                if not control.is_for(request):
                    rule = self.server.org.meet(request)
            self.server.stopping.wait(self._pause(rule))
            response = self._answer(request, rule)
            effect = response.trouble.effect if response.trouble is not None else ""
            if effect not in _LOST:
                self._send(response, request)
                status = response.status
        except _ResetError:
            effect = "reset"
        except UnreadableError as problem:
            response = ApiError(problem.status, problem.code, str(problem)).response()
            status, self.close_connection = response.status, True
            self._send(response, request)
        except (ConnectionError, EOFError):
            self.close_connection = True
        finally:
            if not isinstance(response.body, bytes):
                response.body.close()
            if spool is not None:
                spool.unlink(missing_ok=True)
            # Before the last bytes go: who has the answer finds its line in the log.
            self.server.log.write(request, kind_of(request), status, self._sent, time.perf_counter() - began, rule)
            self._end(effect)

    def _end(self, effect: str) -> None:
        """Let the answer go, or break the connection off."""
        try:
            if effect in ("drop before", "drop after"):
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)
            elif effect in ("reset", "reset after"):
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
                self.close_connection = True
                self.connection.close()
            else:
                self.wfile.flush()
        except OSError:  # the client has gone
            self.close_connection = True

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _serve  # noqa: N815
    do_OPTIONS = do_TRACE = do_CONNECT = _serve  # noqa: N815 - who is asked says what is allowed

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """What the library refuses by itself, such as a line that is no request: in the org's shape, and the connection ends."""
        self.close_connection, self.request_version, self._sent = True, "HTTP/1.1", 0
        self.command = self.command or ""
        if code == HTTPStatus.NOT_IMPLEMENTED:
            problem = wrong_method(self.command, "GET", "POST", "PUT", "PATCH", "DELETE")
        else:
            problem = ApiError(code, HTTPStatus(code).name, message or HTTPStatus(code).phrase)
        self._send_whole(problem.response(), Request(self.command, ""))
        self.wfile.flush()

    def _target(self) -> str:
        """Path and query; of an address with scheme and host, as proxies get it, what comes after them."""
        text = self.path.partition("#")[0]
        return re.sub(r"^[A-Za-z][A-Za-z0-9+.-]*://[^/?]*", "", text)

    def _pause(self, rule: Rule | None) -> float:
        late = rule.seconds if rule is not None and rule.effect == "late" else 0.0
        return self.server.org.settings.request_latency + late

    def _answer(self, request: Request, rule: Rule | None) -> Response:
        try:
            if control.is_for(request):
                return control.handle(self.server.org, request, self.server.clock)
            return self.server.org.handle(request, self.server.clock(), rule)
        except Exception:
            if self.server.stopping.is_set():
                raise EOFError from None
            traceback.print_exc(file=sys.stderr)
            text = "An unexpected error occurred. Please include this ErrorId if you contact support: 1"
            return ApiError(500, "UNKNOWN_EXCEPTION", text).response()

    # receiving

    def handle_expect_100(self) -> bool:
        """Ask for the body at once: the interim answer must not wait in the buffer of the final one."""
        going_on = super().handle_expect_100()
        self.wfile.flush()
        return going_on

    def _receive(self, request: Request, spool: Path, rule: Rule | None) -> None:
        """Write an upload to its spool; a `reset` breaks the connection in the middle of it."""
        if rule is not None and rule.effect == "reset":
            next(pieces(self.rfile, dict(request.headers)), None)
            self.server.org.note(request, self.server.clock(), 0, rule)
            raise _ResetError
        with spool.open("wb", buffering=0) as file:
            for piece in pieces(self.rfile, dict(request.headers)):
                file.write(piece)

    def _body(self, headers: dict[str, str]) -> bytes:
        parts, size = [], 0
        for piece in pieces(self.rfile, headers):
            size += len(piece)
            if size > _LARGEST_BODY:
                raise UnreadableError(413, "REQUEST_ENTITY_TOO_LARGE", f"The body exceeds {_LARGEST_BODY} bytes")
            parts.append(bytes(piece))
        data = b"".join(parts)
        if headers.get("content-encoding", "").lower() == "gzip":
            try:
                return zlib.decompressobj(31).decompress(data, _LARGEST_BODY)
            except zlib.error:
                raise UnreadableError(400, "BAD_REQUEST", "The gzip data is damaged") from None
        return data

    # sending

    def _send(self, response: Response, request: Request) -> None:
        """Send the answer as the fault wants it, but for its last bytes, which may wait in the buffer."""
        rule = response.trouble
        if rule is None or rule.effect == "late":
            self._send_whole(response, request)
        elif not trouble.send(_Spoiled(self), response, rule, takes_gzip=request.takes_gzip):
            self.close_connection = True

    def _send_whole(self, response: Response, request: Request) -> None:
        settings = self.server.org.settings
        body: Body = FileBody([response.body]) if isinstance(response.body, bytes) else response.body
        packed = "Content-Encoding" in response.headers  # an answer that was packed already is not packed again
        zips = settings.gzip_answers and request.takes_gzip and body.length() != 0 and not packed
        encoding = body.encoding or ("gzip" if zips else "")
        length = None if encoding or (settings.chunked_answers and body is response.body) else body.length()
        framing = "length" if length is not None else "chunked"
        if framing == "chunked" and self.request_version == "HTTP/1.0":
            framing = "close"
        self.head(response, framing, length or 0, encoding)
        if self.command == "HEAD" or response.status in (204, 304):
            return
        if encoding and not body.encoding:
            self._send_blocks(gzip_blocks(body.blocks()), framing)
        elif isinstance(body, FileBody):
            self._send_pieces(body, framing)
        else:
            self._send_blocks(body.blocks(), framing)

    def head(self, response: Response, framing: str, size: int, encoding: str) -> None:
        """Status and headers."""
        self.send_response(response.status)
        for name, value in response.headers.items():
            self.send_header(name, value)
        if encoding:
            self.send_header("Content-Encoding", encoding)
        if framing == "chunked":
            self.send_header("Transfer-Encoding", "chunked")
        elif framing == "close":
            self.send_header("Connection", "close")
            self.close_connection = True
        elif response.status != 204:
            self.send_header("Content-Length", str(size))
        self.end_headers()

    def _send_blocks(self, blocks: Iterator[bytes], framing: str) -> None:
        for block in blocks:
            if block:
                self.put(b"%x\r\n%b\r\n" % (len(block), block) if framing == "chunked" else block)
        if framing == "chunked":
            self.put(b"0\r\n\r\n")

    def _send_pieces(self, body: FileBody, framing: str) -> None:
        """Texts and ranges of files; ranges go from the file to the socket without passing through here."""
        for piece in body.pieces:
            size = piece.size if isinstance(piece, Slice) else len(piece)
            if not size:  # a chunk of no bytes would end the body
                continue
            if framing == "chunked":
                self.wfile.write(b"%x\r\n" % size)
            if isinstance(piece, Slice):
                self.wfile.flush()
                self._sent += self.connection.sendfile(piece.file, piece.start, piece.size)
            else:
                self.put(piece)
            if framing == "chunked":
                self.wfile.write(b"\r\n")
        if framing == "chunked":
            self.wfile.write(b"0\r\n\r\n")

    def put(self, data: bytes) -> None:
        """Bytes of a body."""
        self._sent += len(data)
        self.wfile.write(data)


class _Spoiled:
    """The connection as trouble.py sees it."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    def head(self, response: Response, framing: str, size: int, encoding: str) -> None:
        self._handler.head(response, framing, size, encoding)

    def send(self, data: bytes) -> None:
        if self._handler.command != "HEAD":
            self._handler.put(data)
            self._handler.wfile.flush()

    def wait(self, seconds: float) -> None:
        self._handler.server.stopping.wait(seconds)
