"""Extracts, one page at a time and five: each page proven, the chain in order, the output the same whatever went wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from loadplan.emulator.faults import Rule
from loadplan.emulator.settings import Settings
from loadplan.emulator.wire import Response
from loadplan.errors import InterruptedRunError, LocalError, OrgError
from loadplan.reports.artifacts import write_artifacts
from loadplan.run import events as ev
from loadplan.run.engine import Patience
from loadplan.run.journal import read_journal

from support.changed_answers import INFO, LINKS, PAGE, Wire, body, fill, header, text, zipped
from support.story import Killed, KillPoint, Story

PLAN = """\
version: 1
name: story
defaults: {poll: {first: 100ms, factor: 1, max: 100ms}}
steps:
  all:
    operation: query
    soql: SELECT Id, Name FROM Account ORDER BY Name
    parallel_pages: WIDE
    output: out/all.csv
"""
ROWS = 13
PAGES = 7


@contextmanager
def story(folder: Path, *, wide: int = 5, rows: int = ROWS, size: int = 2) -> Iterator[Story]:
    """An org with accounts and a plan that extracts them in pages of two."""
    folder.mkdir(exist_ok=True)
    with Story(folder, PLAN.replace("WIDE", str(wide)), settings=Settings(page_size=size)) as told:
        if rows:
            fill(told, rows)
        yield told


def output(told: Story) -> bytes:
    return (told.folder / "out" / "all.csv").read_bytes()


def audit(told: Story) -> list[dict[str, Any]]:
    """The pagination audit, made from the journal as it is on disk."""
    records = read_journal(told.run_folder.journal)[0]
    write_artifacts(told.plan, told.run, records, told.run_folder, [])
    lines = (told.run_folder.root / "pagination.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]


def assert_whole(told: Story, rows: int = ROWS, pages: int = PAGES) -> None:
    """Every row once and in order, the chain unbroken, the job's count met, nothing half-written left."""
    assert told.run.exit == 0
    lines = output(told).decode().splitlines()
    assert lines[0] == '"Id","Name"'
    assert [line.split(",", 1)[1] for line in lines[1:]] == [f'"Company ""{n:04}"", Inc."' for n in range(rows)]
    attempt = told.run.steps["all"].query
    assert attempt is not None
    assert [p.page for p in attempt.pages] == list(range(1, pages + 1))
    assert [p.locator_in for p in attempt.pages] == [None, *[p.locator_out for p in attempt.pages[:-1]]]
    assert attempt.pages[-1].locator_out == "null"
    assert attempt.query is not None
    assert (attempt.query.rows, attempt.query.job_rows, attempt.query.agree) == (rows, rows, True)
    assert list(told.folder.rglob("*.part")) == []


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The output of a run to which nothing happens."""
    with story(tmp_path_factory.mktemp("undisturbed"), wide=1) as told:
        told.drive()
        assert_whole(told)
        return output(told)


# -- several at a time ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("wide", [1, 2, 5])
def test_so_many_pages_are_under_way_at_once_and_no_more(tmp_path: Path, undisturbed: bytes, wide: int) -> None:
    """Counted by the org, each of whose answers takes a while."""
    with story(tmp_path, wide=wide) as told:
        wire = Wire(told, hold=wide, latency=2.0)
        told.drive()
        assert wire.most == wide
        assert_whole(told)
        assert output(told) == undisturbed
        assert len(wire.pages_asked()) == PAGES


def test_pages_that_arrive_out_of_order_are_on_record_in_order(tmp_path: Path, undisturbed: bytes) -> None:
    """The links are on record before any of them is asked for, and pages follow one another whatever came first."""
    with story(tmp_path) as told:
        Wire(told, hold=3, latency=0.05)
        told.drive()
        events = [r.event for r in read_journal(told.run_folder.journal)[0]]
        kinds = [e.TYPE for e in events if isinstance(e, ev.PagesPlanned | ev.PageFetched)]
        assert kinds[0] == "PagesPlanned"
        assert [e.page for e in events if isinstance(e, ev.PageFetched)] == list(range(1, PAGES + 1))
        known: set[str | None] = {None}
        for event in events:
            if isinstance(event, ev.PagesPlanned):
                known |= set(event.locators)
            elif isinstance(event, ev.PageFetched):
                assert event.locator_in in known
        assert output(told) == undisturbed


def test_the_audit_names_links_pages_and_the_end(tmp_path: Path) -> None:
    """`planned` before its pages, then a line per page, then the end; the readable form says how many links there were."""
    with story(tmp_path) as told:
        told.drive()
        lines = audit(told)
        assert [line.get("kind", "end") for line in lines if line.get("kind") != "planned"] == ["query"] * PAGES + [
            "end"
        ]
        assert lines[0]["kind"] == "planned"
        assert len(lines[0]["locators"]) == 5
        assert lines[-1] == lines[-1] | {"end": True, "pages": PAGES, "rows": ROWS, "job_rows": ROWS, "agree": True}
        page = (told.run_folder.root / "pagination.md").read_text(encoding="utf-8")
        assert "7 links were named by `resultPages`" in page
        assert "they agree" in page


def test_links_that_begin_with_page_2_are_understood(tmp_path: Path, undisturbed: bytes) -> None:
    """Salesforce does not say whether the first link is page 1 itself: what page 1 names tells."""

    def without_first(response: Response) -> Response:
        data = json.loads(text(response))
        return body(lambda _: json.dumps({**data, "resultPages": data["resultPages"][1:]}))(response)

    with story(tmp_path) as told:
        wire = Wire(told)
        wire.change(LINKS, without_first, 1)
        told.drive()
        assert_whole(told)
        assert output(told) == undisturbed


def test_the_other_spelling_of_the_next_link_is_read_too(tmp_path: Path, undisturbed: bytes) -> None:
    """The guide's table says nextRecordUrl."""
    with story(tmp_path) as told:
        Wire(told).change(LINKS, body(lambda t: t.replace("nextRecordsUrl", "nextRecordUrl")))
        told.drive()
        assert output(told) == undisturbed


@pytest.mark.parametrize("rows", [0, 1, 2, 3, 10, 11])
@pytest.mark.parametrize("wide", [1, 5])
def test_few_rows_and_none(tmp_path: Path, rows: int, wide: int) -> None:
    """No row is a header alone; a last page may be full, and links may end with a full answer."""
    with story(tmp_path, wide=wide, rows=rows) as told:
        told.drive()
        assert_whole(told, rows, max(1, (rows + 1) // 2))


def test_a_job_without_links_is_one_page(tmp_path: Path) -> None:
    """An empty list of links is what an org may say of no rows."""
    with story(tmp_path, rows=0) as told:
        Wire(told).change(LINKS, body(lambda _: '{"resultPages": [], "nextRecordsUrl": null, "done": true}'))
        told.drive()
        assert_whole(told, 0, 1)


# -- kills ---------------------------------------------------------------------------------------------------------


def test_kill_before_and_after_every_request(tmp_path: Path, undisturbed: bytes) -> None:
    """Also on the threads that fetch ahead: what they left is fetched again, and the output is the same to the byte."""
    with story(tmp_path / "whole") as told:
        counting = KillPoint(0, "before")
        told.drive(kill=counting)
        assert {"create_query", "job", "result_pages", "fetch_page"} <= set(counting.names)
    for at in range(1, counting.calls + 1):
        for when in ("before", "after"):
            with story(tmp_path / f"{at}-{when}") as told:
                with pytest.raises(Killed):
                    told.drive(kill=KillPoint(at, when))
                told.drive()
                assert_whole(told)
                assert output(told) == undisturbed


def test_kill_at_every_record(tmp_path: Path, undisturbed: bytes) -> None:
    """A page that is on disk and not on record does not count."""
    with story(tmp_path / "whole") as told:
        told.drive()
        total = len(read_journal(told.run_folder.journal)[0])
    for at in range(2, total + 1):
        with story(tmp_path / str(at)) as told:
            with pytest.raises(Killed):
                told.drive(kill_record=at)
            told.drive()
            assert_whole(told)
            assert output(told) == undisturbed


def test_what_a_crash_left_beyond_the_record_is_never_trusted(tmp_path: Path, undisturbed: bytes) -> None:
    """Pages ahead of the record may be anything by now: they are fetched again. Those on record are not."""
    with story(tmp_path) as told:
        with pytest.raises(Killed):
            told.drive(kill_record=11)
        pages = told.run_folder.page("all", 1, 1).parent
        recorded = len(told.run.steps["all"].query_attempts[0].pages)
        assert 0 < recorded < PAGES - 1
        for number in range(recorded + 1, PAGES + 1):
            (pages / f"{number:05d}.csv").write_bytes(b'"Id","Name"\n"x","stale"\n')
        (pages / ".00004.csv.abc.part").write_bytes(b"begun")
        wire = Wire(told)
        told.drive()
        assert_whole(told)
        assert output(told) == undisturbed
        assert len(wire.pages_asked()) == PAGES - recorded


def test_a_signal_while_pages_are_awaited_stops_at_once(tmp_path: Path, undisturbed: bytes) -> None:
    """The org is silent; the run ends resumable without waiting for it."""
    with story(tmp_path) as told:
        release = []

        def stop(response: Response) -> Response:
            told.engine.stop.signal = 15
            release.append(response)
            return response

        wire = Wire(told, hold=99, latency=1.5)
        wire.change(LINKS, stop, 2)
        with pytest.raises(InterruptedRunError):
            told.drive()
        assert release
        wire.hold = 1
        told.drive()
        assert_whole(told)
        assert output(told) == undisturbed


# -- trouble with one page -----------------------------------------------------------------------------------------

FAULTS: dict[str, Callable[[Response], Response]] = {
    "fewer rows than said": body(lambda t: "".join(t.splitlines(keepends=True)[:-1])),
    "more rows than said": body(lambda t: t + '"001","x"\n'),
    "cut inside quotes": body(lambda t: t[:-4]),
    "cut between two cells": body(lambda t: t[: t.rindex(',"')]),
    "gzip cut short": zipped(lambda z: z[:-9]),
    "gzip without checksum": zipped(lambda z: z[:-8]),
    "gzip with a wrong checksum": zipped(lambda z: z[:-8] + b"\0\0\0\0" + z[-4:]),
    "gzip with garbage behind": zipped(lambda z: z + b"\0"),
    "another header": body(lambda t: t.replace('"Id","Name"', '"Name","Id"', 1)),
    "one column more": body(lambda t: t.replace('"Id","Name"', '"Id","Name","X"', 1)),
    "no locator": header("Sforce-Locator", None),
    "an empty locator": header("Sforce-Locator", ""),
    "another locator": header("Sforce-Locator", "ZZZZ"),
    "no count": header("Sforce-NumberOfRecords", None),
    "a page of html": lambda r: Response(
        200, b"<html><title>Maintenance</title></html>", {"Content-Type": "text/html"}
    ),
    "503": lambda r: Response(503, b"busy", {"Content-Type": "text/plain"}),
    "connection dropped": lambda r: replace(r, trouble=Rule("page", "drop after")),
    "shorter than its length": lambda r: replace(r, trouble=Rule("page", "short")),
}
NOT_ON_PAGE_1 = {"another header", "one column more"}
"""Page 1 is what the others are compared with."""


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("wide", [1, 5])
def test_one_spoiled_answer_at_the_first_a_middle_and_the_last_page(
    tmp_path: Path, undisturbed: bytes, fault: str, wide: int
) -> None:
    """It is found, the page is fetched again, and the output is that of an undisturbed run."""
    for at in (1, 4, PAGES):
        if (at == 1 and fault in NOT_ON_PAGE_1) or (fault == "another locator" and wide == 1):
            continue
        with story(tmp_path / str(at), wide=wide) as told:
            wire = Wire(told)
            wire.change(PAGE, FAULTS[fault], at)
            told.drive()
            assert_whole(told)
            assert output(told) == undisturbed
            assert len(wire.pages_asked()) > PAGES
            failures = [e for r in read_journal(told.run_folder.journal)[0] if (e := r.event).TYPE == "RequestFailed"]
            assert len(failures) == 1


def test_a_gzip_of_two_members_is_one_page(tmp_path: Path, undisturbed: bytes) -> None:
    """Each member is proven; together they are the text."""
    import gzip

    def split(zipped_text: bytes) -> bytes:
        plain = gzip.decompress(zipped_text)
        return gzip.compress(plain[:20]) + gzip.compress(plain[20:])

    with story(tmp_path) as told:
        Wire(told).change(PAGE, zipped(split))
        told.drive()
        assert output(told) == undisturbed


@pytest.mark.parametrize("at", [1, 3, PAGES])
def test_a_page_that_never_comes_whole_stops_the_run_and_a_resume_goes_on(
    tmp_path: Path, undisturbed: bytes, at: int
) -> None:
    """The pages before it are kept and not asked for again."""
    with story(tmp_path) as told:
        wire = Wire(told)
        wire.change(PAGE, FAULTS["fewer rows than said"], *range(at, 100))
        with pytest.raises(OrgError, match="its header says") as stopped:
            told.drive(patience=Patience(tries=3))
        assert stopped.value.exit_code == 3
        assert any("loadplan resume" in c for c in stopped.value.next_commands)
        assert not (told.folder / "out").exists()
        attempt = told.run.steps["all"].query
        assert attempt is not None
        kept = [p.locator_in for p in attempt.pages]
        wire._changes.clear()
        wire.asked.clear()
        told.drive()
        assert_whole(told)
        assert output(told) == undisturbed
        assert not set(wire.pages_asked()) & {k or "" for k in kept}


# -- contradictions ------------------------------------------------------------------------------------------------


def assert_stopped(told: Story, words: str) -> None:
    """The walk ended with a named difference: gate shut, exit 1, no output, no end line."""
    step = told.run.steps["all"]
    assert told.run.exit == 1
    assert step.state == "failed"
    assert step.gate is not None
    assert words in step.gate.because
    assert not (told.folder / "out").exists()
    lines = audit(told)
    assert not any(line.get("end") for line in lines)
    assert lines[-1]["kind"] == "stopped"
    assert words in lines[-1]["problem"]
    assert "**The walk was stopped**" in (told.run_folder.root / "pagination.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("wide", [1, 5])
def test_a_locator_that_comes_again_and_again_stops_the_walk_and_a_retry_begins_anew(
    tmp_path: Path, undisturbed: bytes, wide: int
) -> None:
    """A loop guard. The retry has a job and a folder of its own."""
    with story(tmp_path, wide=wide) as told:
        wire = Wire(told)
        seen: list[str] = []

        def again(response: Response) -> Response:
            seen.append(dict(response.headers)["Sforce-Locator"])
            return header("Sforce-Locator", seen[0])(response)

        wire.change(PAGE, again)
        told.drive()
        assert_stopped(told, "which was already used; the walk would not end")
        wire._changes.clear()
        told.drive(retry=["all"])
        assert_whole(told)
        assert output(told) == undisturbed
        assert [a.number for a in told.run.steps["all"].query_attempts] == [1, 2]
        assert told.run_folder.page("all", 2, PAGES).exists()


def test_a_page_that_names_another_page_than_the_links_do_stops_the_walk(tmp_path: Path) -> None:
    """The links are believed only as links of the chain."""
    with story(tmp_path) as told:
        Wire(told).change(PAGE, header("Sforce-Locator", "ZZZZ"), *range(3, 100))
        told.drive()
        assert_stopped(told, "names locator ZZZZ as the next page, resultPages names locator")


def test_a_page_that_says_it_is_the_last_before_the_links_end_stops_the_walk(tmp_path: Path) -> None:
    """A row that is missing would be missed in the count as well; the links tell first."""
    with story(tmp_path) as told:
        Wire(told).change(PAGE, header("Sforce-Locator", "null"), *range(2, 100))
        told.drive()
        assert_stopped(told, "names the end as the next page")


def test_links_that_end_before_the_pages_do_stop_the_walk(tmp_path: Path) -> None:
    """resultPages forgets the second half."""
    with story(tmp_path) as told:
        Wire(told).change(LINKS, body(lambda t: json.dumps({**json.loads(t), "nextRecordsUrl": None})))
        told.drive()
        assert_stopped(told, "resultPages names no page after it")


def test_links_that_lead_back_stop_the_walk(tmp_path: Path) -> None:
    """The second answer names the pages of the first."""
    with story(tmp_path) as told:
        first: list[str] = []

        def same(response: Response) -> Response:
            first.append(text(response))
            return body(lambda _: first[0])(response)

        Wire(told).change(LINKS, same)
        told.drive()
        assert_stopped(told, "resultPages named a page twice")


@pytest.mark.parametrize("link", ["https://evil.example/services/data/v66.0/jobs/query/JOB/results?locator=x", "/x"])
def test_a_link_to_somewhere_else_is_not_followed(tmp_path: Path, link: str) -> None:
    """The whole answer is not taken: no page is asked for, and the run stops resumable."""
    with story(tmp_path) as told:
        wire = Wire(told)
        wire.change(LINKS, body(lambda _: json.dumps({"resultPages": [{"resultUrl": link}], "nextRecordsUrl": None})))
        with pytest.raises(OrgError, match="a link of the answer"):
            told.drive(patience=Patience(tries=2))
        assert wire.pages_asked() == []
        wire._changes.clear()
        told.drive()
        assert_whole(told)


@pytest.mark.parametrize("wide", [1, 5])
def test_rows_that_the_job_counts_otherwise_shut_the_gate(tmp_path: Path, wide: int) -> None:
    """All pages are whole, and still a row is missing or one too many: no output is written."""
    with story(tmp_path, wide=wide) as told:
        wrong = body(
            lambda t: t.replace(f'"numberRecordsProcessed" : {ROWS}', f'"numberRecordsProcessed" : {ROWS + 1}')
        )
        Wire(told).change(INFO, wrong)
        told.drive()
        assert told.run.exit == 1
        gate = told.run.steps["all"].gate
        assert gate is not None
        assert "the pages hold 13 rows, the job says 14" in gate.because
        assert not (told.folder / "out").exists()
        assert audit(told)[-1]["agree"] is False


# -- the org, the token, the header --------------------------------------------------------------------------------


def test_a_token_that_ends_under_five_pages_is_renewed_once(tmp_path: Path, undisturbed: bytes) -> None:
    """No page is lost, and nothing is counted as a failure."""
    with story(tmp_path) as told:
        wire = Wire(told, hold=5, latency=2.0)
        told.faults.add("page", "expire", 3)
        before = told.tokens
        told.drive()
        assert_whole(told)
        assert output(told) == undisturbed
        assert told.tokens == before + 2
        assert wire.most == 5
        assert [r.event.TYPE for r in read_journal(told.run_folder.journal)[0]].count("RequestFailed") == 0


@pytest.mark.parametrize("wide", [1, 5])
def test_a_job_that_vanishes_is_replaced_and_its_pages_never_mix(tmp_path: Path, undisturbed: bytes, wide: int) -> None:
    """The extract begins again in a folder of its own."""
    with story(tmp_path, wide=wide) as told:
        gone: list[str] = []

        def vanish(response: Response) -> Response:
            org = told.org.org
            for job in [j for j in org.jobs if j.kind == "query"] if not gone else []:
                gone.append(job.id)
                org.forget(job)
            return response

        Wire(told).change(PAGE, vanish, 3)
        told.drive()
        assert_whole(told)
        assert output(told) == undisturbed
        first, second = told.run.steps["all"].query_attempts
        assert (first.phase, first.job) == ("lost", gone[0])
        assert 0 < len(first.pages) < PAGES
        assert second.pages[0].file == "steps/all/pages-2/00001.csv"


@pytest.mark.parametrize("wide", [1, 5])
def test_a_newline_in_a_column_name_is_part_of_the_header(tmp_path: Path, wide: int) -> None:
    """The header ends at the first newline outside quotes, in the count as in the output."""
    with story(tmp_path, wide=wide) as told:
        Wire(told).change(PAGE, body(lambda t: t.replace('"Name"', '"Na\nme"', 1)))
        told.drive()
        assert told.run.exit == 0
        whole = output(told).decode()
        assert whole.startswith('"Id","Na\nme"\n')
        assert whole.count("Na\nme") == 1
        assert whole.count("\n") == ROWS + 2


def test_pages_without_their_last_newline_do_not_run_into_one_another(tmp_path: Path, undisturbed: bytes) -> None:
    """Whether Salesforce ends the last line is not documented."""
    with story(tmp_path) as told:
        Wire(told).change(PAGE, body(lambda t: t.removesuffix("\n")))
        told.drive()
        assert output(told) == undisturbed


def test_an_output_that_cannot_be_written_is_exit_9_and_a_resume_writes_it(tmp_path: Path, undisturbed: bytes) -> None:
    """A file comes to stand where the folder should be while the run works; nothing is fetched a second time."""

    def in_the_way(answer: Response) -> Response:
        (tmp_path / "out").write_text("in the way")
        return answer

    with story(tmp_path) as told:
        wire = Wire(told)
        wire.change(PAGE, in_the_way, 1)
        with pytest.raises(LocalError) as stopped:
            told.drive()
        assert stopped.value.exit_code == 9
        assert stopped.value.next_commands == (f"loadplan resume {told.run_folder.id}",)
        (tmp_path / "out").unlink()
        wire.asked.clear()
        told.drive()
        assert_whole(told)
        assert output(told) == undisturbed
        assert wire.asked == []
