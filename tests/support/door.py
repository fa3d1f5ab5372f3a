"""A door in front of the embedded org: it counts the requests for pages in flight, and changes answers on their way out.

It speaks HTTP on both sides and knows nothing of what the org is inside.
"""

from __future__ import annotations

import csv
import gzip
import http.client
import io
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from loadplan.salesforce.orgs import connect_with_token
from loadplan.salesforce.port import IngestSpec

from support.story import Story

PAGE = r"GET .*/jobs/query/\w+/results"
LINKS = r"GET .*/jobs/query/\w+/resultpages"
INFO = r"GET .*/jobs/query/\w+"


@dataclass(frozen=True)
class Answer:
    """An answer of the org, unpacked. `encoded`: the body is gzip already, whole or not. `drop` sends nothing at all, `cut`
    only that share of the bytes that were announced."""

    status: int
    headers: dict[str, str]
    body: bytes = b""
    encoded: bool = False
    drop: bool = False
    cut: float | None = None

    @property
    def text(self) -> str:
        return self.body.decode()


Make = Callable[[Answer], Answer]


@dataclass
class Change:
    """Changes the answers whose place among those of their kind is in `nth` (from 1; None is every one)."""

    kind: re.Pattern[str]
    nth: set[int] | None
    make: Make
    seen: int = 0


@dataclass
class Door:
    """In front of the story's org until the story ends. With `hold`, a request for a page waits until that many are in
    flight, or for `latency` seconds: whoever asks several at a time is seen to."""

    story: Story
    hold: int = 1
    latency: float = 0.0
    most: int = 0
    asked: list[str] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._crowd = threading.Condition()
        self._flying = 0
        server = _Server(("127.0.0.1", 0), _Handler)
        server.door = self
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        self.story.url = f"http://127.0.0.1:{server.server_address[1]}"

        def close() -> None:
            server.shutdown()
            server.server_close()

        self.story.closing.append(close)

    def change(self, kind: str, make: Make, *nth: int) -> None:
        """Change the nth answers of a kind; every one when none is named."""
        self.changes.append(Change(re.compile(kind + r"/?\Z", re.IGNORECASE), set(nth) or None, make))

    def pages_asked(self) -> list[str]:
        """The locator of each request for a page, in the order of their coming; empty for none."""
        found = [urlsplit(a) for a in self.asked]
        return [
            parse_qs(u.query).get("locator", [""])[0] for u in found if re.fullmatch(PAGE + "/?", u.path, re.IGNORECASE)
        ]

    def pass_on(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        """Ask the org, and change what it answers."""
        name = f"{method} {urlsplit(target).path}"
        with self._crowd:
            self.asked.append(f"{method} {target}")
            matching = []
            for change in self.changes:
                if change.kind.match(name):
                    change.seen += 1
                    if change.nth is None or change.seen in change.nth:
                        matching.append(change)
        with self._in_flight(bool(re.fullmatch(PAGE + "/?", name, re.IGNORECASE))):
            answer = self._ask(method, target, headers, body)
        for change in matching:
            answer = change.make(answer)
        return answer

    def _ask(self, method: str, target: str, headers: dict[str, str], body: bytes) -> Answer:
        host = urlsplit(self.story.org.instance_url).netloc
        connection = http.client.HTTPConnection(host, timeout=30)
        try:
            connection.request(method, target, body, {**headers, "Host": host, "Accept-Encoding": "identity"})
            got = connection.getresponse()
            kept = {k: v for k, v in got.getheaders() if k.lower() not in _OF_THE_FRAME}
            return Answer(got.status, kept, got.read())
        except (http.client.HTTPException, ConnectionError):
            return Answer(0, {}, drop=True)
        finally:
            connection.close()

    @contextmanager
    def _in_flight(self, counted: bool) -> Iterator[None]:
        if not counted:
            yield
            return
        with self._crowd:
            self._flying += 1
            self.most = max(self.most, self._flying)
            self._crowd.notify_all()
            self._crowd.wait_for(lambda: self.most >= self.hold, timeout=self.latency)
        try:
            yield
        finally:
            with self._crowd:
                self._flying -= 1


_OF_THE_FRAME = {
    "content-length",
    "transfer-encoding",
    "content-encoding",
    "connection",
    "date",
    "server",
    "set-cookie",
}


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    door: Door

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is no news."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = 65536
    server: _Server

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Nothing is printed."""

    def _serve(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        answer = self.server.door.pass_on(self.command, self.path, dict(self.headers.items()), body)
        if answer.drop:
            self.close_connection = True
            return
        data, zipped = answer.body, answer.encoded
        if not zipped and "gzip" in self.headers.get("Accept-Encoding", "") and data:
            data, zipped = gzip.compress(data, 1), True
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if zipped:
            self.send_header("Content-Encoding", "gzip")
        if answer.status != 204:
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data if answer.cut is None else data[: int(len(data) * answer.cut)])
        self.wfile.flush()
        self.close_connection = answer.cut is not None

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _serve  # noqa: N815


# -- changes -------------------------------------------------------------------------------------------------------


def header(name: str, value: str | None) -> Make:
    """Another value of a header, or none."""

    def make(answer: Answer) -> Answer:
        kept = {k: v for k, v in answer.headers.items() if k != name}
        return replace(answer, headers=kept if value is None else {**kept, name: value})

    return make


def body(make_text: Callable[[str], str]) -> Make:
    """Another text."""
    return lambda answer: replace(answer, body=make_text(answer.text).encode())


def zipped(spoil: Callable[[bytes], bytes]) -> Make:
    """The answer as gzip that somebody spoiled, in a frame that is whole."""
    return lambda answer: replace(answer, body=spoil(gzip.compress(answer.body)), encoded=True)


# -- rows ----------------------------------------------------------------------------------------------------------


def fill(story: Story, rows: int) -> None:
    """Put accounts into the org, by the protocol and before the run."""
    client = connect_with_token(story.org.instance_url, story.org.access_token, clock=story.clock)
    part = story.folder / "fill.csv"
    content = io.StringIO()
    csv.writer(content, lineterminator="\n").writerows([["Name"], *[[f'Company "{n:04}", Inc.'] for n in range(rows)]])
    part.write_text(content.getvalue(), encoding="utf-8")
    job = client.create_ingest(IngestSpec("Account", "insert"), api_version="66.0")
    client.upload(job.id, part, api_version="66.0")
    client.close_upload(job.id, api_version="66.0")
    while not client.job("ingest", job.id, api_version="66.0").is_terminal:
        story.clock.wait(1.0)
    part.unlink()
