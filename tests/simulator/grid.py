"""The grid: what loadplan does after each kind of trouble with each kind of request, and whether the story ends well.

`EXPECTED` is the table that is promised. What was done is read off the requests that left afterwards, not off loadplan's own word.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

from simulator.judge import check, compare
from simulator.scenarios import SCENARIOS
from simulator.stories import place, undisturbed
from simulator.wire import CUTS, Fault, Sent
from simulator.world import World

RETRY_AFTER = 7.0
"""Seconds that the 429 of the wire asks for."""


@dataclass(frozen=True)
class Row:
    """A kind of request, in a scenario that sends it several times. `before` are the faults that make it be sent at all."""

    title: str
    kind: str
    scenario: str
    before: tuple[Fault, ...] = ()


@dataclass(frozen=True)
class Column:
    """A kind of trouble in one or more forms: (effect, after how many requests what is late arrives)."""

    title: str
    forms: tuple[tuple[str, int], ...]


def _lost_uploads(*numbers: int) -> tuple[Fault, ...]:
    return tuple(Fault("upload", "reset after", nth) for nth in numbers)


ROWS = (
    Row("POST token", "token", "chain"),
    Row("GET API versions", "versions", "chain"),
    Row("GET identity, org", "other", "chain"),
    Row("POST ingest job", "create ingest", "chain"),
    Row("PUT data", "upload", "chain"),
    Row("PATCH UploadComplete", "close", "chain"),
    Row("POST job with data (multipart)", "create multipart", "whole"),
    Row("GET ingest job", "job info", "chain"),
    Row("GET successful", "successful", "chain"),
    Row("GET failed", "failed", "chain"),
    Row("GET unprocessed", "unprocessed", "chain"),
    Row("PATCH Aborted", "abort", "chain", _lost_uploads(1, 3, 5)),
    Row("POST query job", "create query", "queries"),
    Row("GET query job", "query info", "queries"),
    Row("GET page of results", "page", "queries"),
    Row("GET links to pages", "result pages", "pages"),
)
COLUMNS = (
    Column("crash before send", (("crash before send", 0),)),
    Column("crash after send", (("crash after send", 0),)),
    Column("crash before record", (("crash before record", 0),)),
    Column("reset, not applied", (("reset before", 0),)),
    Column("reset, applied", (("reset after", 0),)),
    Column("delayed", (("delayed", 1), ("delayed", 2), ("delayed", 4))),
    Column("sent twice, at once", (("duplicated", 0),)),
    Column("sent twice, the second late", (("duplicated", 1), ("duplicated", 3))),
    Column("5xx or HTML", (("500", 0), ("503", 0), ("503 after", 0), ("html", 0))),
    Column("429", (("429", 0),)),
    Column("401", (("401", 0),)),
    Column("cut or damaged body", tuple((cut, 0) for cut in CUTS)),
    Column("stall", (("stall", 0),)),
)
MEANING = {
    "R": "asked again",
    "O": "forgotten: another job is created; what was left behind is empty, open and does nothing",
    "A": "aborted and seen `Aborted`, then another job",
    "G": "the job is asked what became of it; the same request again only where it is still `Open`",
    "V": "what was received is dropped, and fetched again",
    "T": "a new token is asked for once, then the same request again",
    "W": "`Retry-After` is waited for, then as the letter after it says",
    "ok": "nothing has to be done",
    "stop": "a refused login is not repeated: exit 3, and somebody looks",
}
_READ = ("R", "R", "R", "R", "R", "R", "ok", "ok", "R", "W R", "T", "R", "R")
_FETCH = ("V", "V", "V", "V", "V", "V", "ok", "ok", "V", "W V", "T", "V", "V")
_CREATE = ("O", "O", "O", "O", "O", "O", "ok", "ok", "O", "W O", "T", "O", "O")
_CHANGE = ("G", "G", "G", "G", "G", "G", "ok", "ok", "G", "W G", "T", "G", "G")
EXPECTED: dict[str, tuple[str, ...]] = {
    "token": ("R", "R", "R", "R", "R", "R", "ok", "ok", "R", "W R", "stop", "R", "R"),
    "versions": ("R", "R", "R", "R", "R", "R", "ok", "ok", "R", "W R", "ok", "R", "R"),
    "other": _READ,
    "create ingest": _CREATE,
    "upload": ("A", "A", "A", "A", "A", "A", "A", "ok", "A", "W A", "T", "A", "A"),
    "close": _CHANGE,
    "create multipart": _CREATE,
    "job info": _READ,
    "successful": _FETCH,
    "failed": _FETCH,
    "unprocessed": _FETCH,
    "abort": _CHANGE,
    "create query": _CREATE,
    "query info": _READ,
    "page": _FETCH,
    "result pages": _READ,
}
"""Two that surprise. A second PUT at once is only noticed at the PATCH, which the org refuses: two contents. A second PUT that is
late meets a closed job and is refused itself. Versions are told to anybody, so that a token that has ended does not matter."""
OCCURRENCES = ("first", "middle", "last")


@dataclass(frozen=True)
class Cell:
    row: Row
    column: Column
    effect: str
    late: int
    occurrence: str
    nth: int

    @property
    def expected(self) -> str:
        return EXPECTED[self.row.kind][COLUMNS.index(self.column)]


@cache
def _times(row: Row) -> int:
    """How often the request is sent when nothing but `before` happens."""
    if not row.before:
        return undisturbed(row.scenario)[2].count(row.kind)
    with World(place(), SCENARIOS[row.scenario]).planned(*row.before) as world:
        world.to_the_end()
        return [sent.kind for sent in world.wire.log].count(row.kind)


def cells() -> Iterator[Cell]:
    """Every request, every form of every trouble, its first, middle and last occurrence (fewer where it is sent less often)."""
    for row in ROWS:
        total = _times(row)
        numbers = {"first": 1, "middle": (total + 1) // 2, "last": total}
        chosen = {nth: name for name, nth in reversed(numbers.items())}
        for column in COLUMNS:
            for effect, late in _forms(row, column):
                for nth, name in sorted(chosen.items()):
                    yield Cell(row, column, effect, late, name, nth)


def _forms(row: Row, column: Column) -> Iterator[tuple[str, int]]:
    """The forms of a trouble that this request can meet: an upload is answered without a body, and only downloads are packed."""
    for effect, late in column.forms:
        if effect in CUTS and row.kind == "upload" and effect != "chunked cut":
            continue
        if effect == "gzip crc" and EXPECTED[row.kind] is not _FETCH:
            continue
        yield effect, late


def sample(every: int, seed: int) -> list[Cell]:
    """Some of the cells: of each row and column at least one."""
    chance = random.Random(seed)
    found = []
    for group in _by_place():
        found += chance.sample(group, max(1, len(group) // every))
    return found


def _by_place() -> Iterator[list[Cell]]:
    groups: dict[tuple[str, str], list[Cell]] = {}
    for cell in cells():
        groups.setdefault((cell.row.kind, cell.column.title), []).append(cell)
    yield from groups.values()


def problem_of(cell: Cell) -> str:
    """Live through one cell; what is not as promised, or the empty text."""
    wanted = undisturbed(cell.row.scenario)[0]
    fault = Fault(cell.row.kind, cell.effect, cell.nth, cell.late)
    with World(place(), SCENARIOS[cell.row.scenario]).planned(*cell.row.before, fault) as world:
        try:
            world.to_the_end()
            check(world)
            compare(world, wanted)
        except Exception as error:
            return f"{type(error).__name__}: {error}"
        done = what_was_done(world.wire.log, cell)
    return "" if done == cell.expected else f"{done} instead of {cell.expected}"


def tried(chosen: Sequence[Cell]) -> list[tuple[Cell, str]]:
    """The cells that did not come out as promised, with what happened."""
    return [(cell, problem) for cell in chosen if (problem := problem_of(cell))]


# reading the wire


def what_was_done(log: Sequence[Sent], cell: Cell) -> str:
    """The letter for what loadplan sent after the trouble."""
    at = [place for place, sent in enumerate(log) if sent.kind == cell.row.kind][cell.nth - 1]
    hit, after = log[at], log[at + 1 :]
    if cell.row.kind == "token" and cell.effect == "401":
        return _after_refusal(hit, after)
    if cell.effect == "401" and hit.path.endswith("/userinfo") and hit.status == 403:
        # An ended token is 403 there, as one without the scope is. The root of the API is asked instead, and its 401 renews the token.
        return "T" if [sent.kind for sent in after[:3]] == ["other", "token", "other"] else "R"
    related = [sent for sent in after if _about(sent, hit)]
    if not related or _went_on(hit, log, cell):
        return "ok"
    following = related[0]
    token = any(sent.kind == "token" for sent in after[: after.index(following)])
    if cell.effect == "401" and token and (following.kind, following.path) == (hit.kind, hit.path):
        return "T"
    waited = "W " if cell.effect == "429" and following.waited - hit.waited >= RETRY_AFTER - 0.001 else ""
    return waited + _letter(hit, following, related)


def _after_refusal(hit: Sent, after: Sequence[Sent]) -> str:
    return "stop" if hit.status == 400 and all(sent.kind == "token" for sent in after[:1]) else "R"


def _about(sent: Sent, hit: Sent) -> bool:
    """Whether a request is about the same thing: the same job, or where there is none yet the same path."""
    return sent.job == hit.job if hit.job else (sent.method, sent.path) == (hit.method, hit.path)


def _went_on(hit: Sent, log: Sequence[Sent], cell: Cell) -> bool:
    """The answer was taken, and nothing was sent more often than in a story without trouble."""
    if not 200 <= hit.status < 300 or cell.effect not in {"duplicated", "401"}:
        return False
    kinds = [sent.kind for sent in log]
    return kinds.count(hit.kind) == _times(cell.row) and (hit.kind == "abort" or "abort" not in kinds)


def _letter(hit: Sent, following: Sent, related: Sequence[Sent]) -> str:
    if hit.kind.startswith("create"):
        return "O"
    if hit.kind == "upload":
        return _after_upload(related)
    if hit.kind in {"close", "abort"}:
        return "G" if following.kind == "job info" else "R"
    if hit.kind in {"successful", "failed", "unprocessed", "page"}:
        return "V" if following.kind == hit.kind else "ok"
    return "R" if following.path == hit.path else "ok"


def _after_upload(related: Sequence[Sent]) -> str:
    kinds = [sent.kind for sent in related]
    if "upload" in kinds:
        return "uploaded twice"
    if "abort" not in kinds:
        return "ok"
    return "A" if "job info" in kinds[kinds.index("abort") :] else "not seen aborted"
