"""Perform the actions of a query: walk its pages, count them against the job, write the output.

A page is on record only when it is whole, on disk, and the next link of the chain. The page after it is asked for as soon as its
last byte has come. With `parallel_pages` more than 1 the org
names pages ahead (`resultPages`), the links are put on record, and several pages are fetched at once; they are recorded in
their order all the same. What a crash leaves of pages beyond the recorded ones is fetched again: nothing says whether such
a file is whole.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from loadplan.disk import disk
from loadplan.errors import LocalError
from loadplan.lean import dataclass
from loadplan.plan.model import Step
from loadplan.run import chain
from loadplan.run import decide as do
from loadplan.run import events as ev
from loadplan.run.output import write_output
from loadplan.run.reconcile import reconcile_query
from loadplan.run.room import require_room_for_pages
from loadplan.salesforce.port import NotFound, Page, PageLinks, Truncated

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from loadplan.run.ahead import Walk
    from loadplan.run.engine import Engine
    from loadplan.run.state import Attempt

LOOKS = 3
"""How often a page or its links are asked for before a contradiction in them is believed."""

FOLLOWED = 3
"""Pages at most that are not on record yet, where each is asked for with what the one before it says: one waits to be put there, one
is worked on, one comes in."""


@dataclass(frozen=True)
class _Job:
    """The query job an action is about."""

    engine: Engine
    action: do.Action
    attempt: Attempt
    step: Step

    def about(self, resource: str = "", **rest: Any) -> dict[str, Any]:
        a = self.action
        path = f"/services/data/v{self.attempt.api_version}/jobs/query/{self.attempt.job}{resource}"
        request = f"GET {path}" if resource else ""
        return {
            "step": a.step,
            "part": a.part,
            "attempt": a.attempt,
            "job": self.attempt.job,
            "request": request,
            **rest,
        }

    @property
    def tries(self) -> int:
        return self.engine.timers.failures.get(self.action.key, 0) + 1

    def fetch(self, page: int, locator: str | None, received: Callable[[str], None] | None = None) -> Page:
        """One page to its place on disk. Called on any thread."""
        to = self.engine.folder.page(self.step.id, self.attempt.number, page)
        with self.engine.activity.work("fetching", self.step.id, page) as work:
            return self.engine.org.fetch_page(
                self.attempt.job,
                locator,
                self.step.max_records,
                to,
                delimiter="COMMA",
                api_version=self.attempt.api_version,
                tap=lambda block: work.add(0, len(block)),
                received=received,
            )

    def ask_links(self, locator: str | None) -> PageLinks:
        """Links to pages. Called on any thread."""
        return self.engine.org.result_pages(self.attempt.job, locator, api_version=self.attempt.api_version)


def _job(engine: Engine, action: do.Action) -> _Job:
    attempt = engine.run.attempt(action.step, action.part, action.attempt)
    return _Job(engine, action, attempt, engine.plan.steps[action.step])


# -- pages ---------------------------------------------------------------------------------------------------------


def fetch_page(engine: Engine, action: do.Action) -> None:
    """The next page in order: fetch it, or wait for the thread that fetches it, prove it and put it on record."""
    job = _job(engine, action)
    if engine.ahead.begins(action.step, action.attempt):
        _sweep(engine.folder.page(action.step, action.attempt, 1).parent)
    require_room_for_pages(job.step, job.attempt, engine.folder)
    try:
        if job.step.parallel_pages == 1:
            _follow(job, engine.ahead.walk(action.step, action.attempt, size=2))
        else:
            _walk(job, engine.ahead.walk(action.step, action.attempt, size=job.step.parallel_pages))
    except NotFound as fault:
        engine.emit(ev.JobGone(**job.about("/results", http=fault.status)))
    if job.attempt.phase != "paging":
        engine.ahead.end(action.step, action.attempt)


def _sweep(pages: Path) -> None:
    """Remove what a killed process had begun to write. No other process writes here: the run is locked."""
    for begun in pages.glob(".*.part"):
        disk().unlink(begun)


def _follow(job: _Job, walk: Walk) -> None:
    """Take the next page. It was asked for as soon as the last byte of the one before had come: one page at a time is on the wire,
    while the one before it is unpacked, counted, hashed and synced."""
    attempt = job.attempt
    number = len(attempt.pages) + 1
    locator = attempt.pages[-1].locator_out if attempt.pages else None
    call = partial(_linked, job, walk, number, locator)
    asked, page = walk.pages.take(number, call, job.engine.check_stop)
    if asked != locator:
        # The page before was asked for twice, and named another one the second time. This file is written once more.
        _, page = walk.pages.take(number, call, job.engine.check_stop)
    _record(job, locator, page)


def _linked(job: _Job, walk: Walk, number: int, locator: str | None) -> tuple[str | None, Page]:
    """A page and what it was asked for with; it has the one after it fetched. Called on any thread.

    Not the first page, whose size tells whether there is room for all of them."""

    def received(following: str) -> None:
        if number > 1 and following != chain.END:
            walk.pages.want(number + 1, partial(_linked, job, walk, number + 1, following), most=FOLLOWED)

    return locator, job.fetch(number, locator, received)


def _walk(job: _Job, walk: Walk) -> None:
    """Take the next page from the threads, after giving them all that is known to be ahead."""
    if not _know_ahead(job, walk):
        return
    attempt = job.attempt
    number = len(attempt.pages) + 1
    # `check_page` lets no page on record name another one unless that one is known by now.
    ahead: list[str | None] = [*chain.links_ahead(attempt)] if attempt.pages else [None]
    for page, locator in enumerate(ahead, number):
        walk.pages.want(page, partial(job.fetch, page, locator))
    got = walk.pages.take(number, partial(job.fetch, number, ahead[0]), job.engine.check_stop)
    _record(job, ahead[0], got)


def _know_ahead(job: _Job, walk: Walk) -> bool:
    """See that as many pages are known as may be fetched at once, and ask for the links after them in good time: they are
    there when they are needed, at the same place of the journal in every run. False when the walk is over."""
    attempt = job.attempt
    if not attempt.plans and not _plan(job, walk, None):
        return False
    while attempt.pages and len(chain.links_ahead(attempt)) < job.step.parallel_pages:
        if (after := chain.following(attempt)) is None:
            break
        if not _plan(job, walk, after):
            return False
    if (after := chain.following(attempt)) is not None:
        walk.links.want(after, partial(job.ask_links, after))
    return True


def _plan(job: _Job, walk: Walk, locator: str | None) -> bool:
    """Put the links that `locator` asks for on record. False when they contradict the pages, which ends the walk."""
    links = walk.links.take(locator, partial(job.ask_links, locator), job.engine.check_stop)
    problem = chain.check_links(job.attempt, locator, links.locators, links.following)
    if problem:
        _contradicted(job, "/resultPages", problem)
        return False
    job.engine.emit(
        ev.PagesPlanned(
            **job.about("/resultPages", http=links.http), locator_in=locator, locators=links.locators,
            following=links.following,
        )
    )  # fmt: skip
    return True


def _record(job: _Job, locator: str | None, page: Page) -> None:
    number = len(job.attempt.pages) + 1
    problem = _header_differs(job, page) or chain.check_page(job.attempt, locator, page.locator)
    if problem:
        _contradicted(job, "/results", problem)
        return
    got = page.received
    job.engine.emit(
        ev.PageFetched(
            **job.about("/results", http=got.http), page=number, locator_in=locator, locator_out=page.locator,
            rows=got.rows, header_rows=page.header_rows, bytes=got.bytes, sha256=got.sha256,
            file=job.engine.folder.relative(got.path), tries=job.tries,
        )
    )  # fmt: skip


def _header_differs(job: _Job, page: Page) -> str:
    """Every page repeats the header; it is that of page 1, byte for byte but for a line end that may be missing."""
    if not job.attempt.pages:
        return ""
    name = page.received.header.rstrip(b"\r\n")
    first = job.engine.folder.path(job.attempt.pages[0].file)
    try:
        with first.open("rb") as file:
            start = file.read(len(name) + 1)
    except OSError as error:
        raise LocalError(
            f"page 1 of `{job.step.id}` cannot be read: {error.strerror}", code="LP0335", where=str(first),
            hint="restore the file, or start a new run",
        ) from error  # fmt: skip
    if start[: len(name)] == name and start[len(name) :] in {b"", b"\r", b"\n"}:
        return ""
    return f"page {len(job.attempt.pages) + 1} has another header than page 1"


def _contradicted(job: _Job, resource: str, problem: str) -> None:
    """What the org says of its pages does not fit together. It is asked again a few times, since whoever stands between may
    have mixed up an answer; then the walk ends, the gate is shut, and a retry begins with a new job."""
    if job.tries < LOOKS:
        raise Truncated(job.about(resource)["request"], problem)
    pages = job.attempt.pages
    job.engine.emit(
        ev.QueryReconciled(
            **job.about(), pages=len(pages), rows=pages.rows, job_rows=job.attempt.processed,
            agree=False, problem=problem,
        )
    )  # fmt: skip


# -- the end -------------------------------------------------------------------------------------------------------


def reconcile(engine: Engine, action: do.Action) -> None:
    """The rows of all pages against the job's own count."""
    job = _job(engine, action)
    rows = job.attempt.pages.rows
    problem = reconcile_query(rows=rows, job_rows=job.attempt.processed)
    engine.emit(
        ev.QueryReconciled(
            **job.about(), pages=len(job.attempt.pages), rows=rows, job_rows=job.attempt.processed,
            agree=not problem, problem=problem,
        )
    )  # fmt: skip


def write(engine: Engine, action: do.Action) -> None:
    """The pages at the step's `output`, in the form that its ending asks for."""
    job = _job(engine, action)
    try:
        written = write_output(job.step, job.attempt, engine.folder)
    except LocalError as error:
        raise LocalError(
            error.summary, code=error.code, where=error.where, details=error.details, hint=error.hint,
            next_commands=[engine.resume_command],
        ) from error  # fmt: skip
    engine.emit(written)
