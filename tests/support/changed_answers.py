"""What the embedded org sees and says of an extract: requests for pages in flight, and answers changed on their way out."""

from __future__ import annotations

import csv
import gzip
import io
import re
import threading
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from loadplan.emulator.faults import Rule
from loadplan.emulator.wire import Request, Response
from loadplan.salesforce.orgs import connect_with_token
from loadplan.salesforce.port import IngestSpec

from support.story import Story

PAGE = r"GET .*/jobs/query/\w+/results"
LINKS = r"GET .*/jobs/query/\w+/resultpages"
INFO = r"GET .*/jobs/query/\w+"


@dataclass
class Change:
    """Changes the answers whose place among the requests of its kind is in `nth` (from 1; None is every one)."""

    kind: re.Pattern[str]
    nth: set[int] | None
    make: Callable[[Response], Response]
    seen: int = 0


@dataclass
class Wire:
    """Stands between the story's server and its org. With `hold`, a request for a page waits until that many are in flight,
    or for `latency` seconds: that is the latency of the answer, and whoever asks several at a time is seen to."""

    story: Story
    hold: int = 1
    latency: float = 0.0
    most: int = 0
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        org: Any = self.story.org.org
        self._handle = org.handle
        self._crowd = threading.Condition()
        self._flying = 0
        self._changes: list[Change] = []
        org.handle = self.handle

    def change(self, kind: str, make: Callable[[Response], Response], *nth: int) -> None:
        """Change the nth answers of a kind; every one when none is named."""
        self._changes.append(Change(re.compile(kind + r"/?\Z", re.IGNORECASE), set(nth) or None, make))

    def pages_asked(self) -> list[str]:
        """The locator of each request for a page, in the order of their coming; empty for none."""
        return [a.partition("?locator=")[2] for a in self.asked if re.match(PAGE + r"(\?|\Z)", a)]

    def handle(self, request: Request, now: float, rule: Rule | None = None) -> Response:
        name = f"{request.method} {request.path}"
        matching = []
        with self._crowd:
            self.asked.append(name + (f"?locator={request.query['locator']}" if "locator" in request.query else ""))
            for change in self._changes:
                if change.kind.match(name):
                    change.seen += 1
                    if change.nth is None or change.seen in change.nth:
                        matching.append(change)
        with self._in_flight(bool(re.fullmatch(PAGE + "/?", name, re.IGNORECASE))):
            if matching:
                # A change is made to the text itself.
                plain = {k: v for k, v in request.headers.items() if k != "accept-encoding"}
                request = replace(request, headers=plain)
            response: Response = self._handle(request, now, rule)
        for change in matching:
            before, response = response, change.make(response)
            if before.body is not response.body and not isinstance(before.body, bytes):
                before.body.close()
        return response

    @contextmanager
    def _in_flight(self, counted: bool) -> Any:
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


# -- changes -------------------------------------------------------------------------------------------------------


def text(response: Response) -> str:
    """The body of a small answer."""
    if isinstance(response.body, bytes):
        return response.body.decode()
    try:
        return b"".join(response.body.blocks()).decode()
    finally:
        response.body.close()


def header(name: str, value: str | None) -> Callable[[Response], Response]:
    """Another value of a header, or none."""

    def make(response: Response) -> Response:
        kept = {k: v for k, v in response.headers.items() if k != name}
        return replace(response, headers=kept if value is None else {**kept, name: value})

    return make


def body(make_text: Callable[[str], str]) -> Callable[[Response], Response]:
    """Another text."""
    return lambda response: replace(response, body=make_text(text(response)).encode())


def zipped(spoil: Callable[[bytes], bytes]) -> Callable[[Response], Response]:
    """The answer as gzip that somebody spoiled, in a frame that is whole. Only for answers under a kilobyte, which the server
    does not compress itself."""

    def make(response: Response) -> Response:
        data = spoil(gzip.compress(text(response).encode()))
        return replace(response, body=data, headers={**response.headers, "Content-Encoding": "gzip"})

    return make


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
