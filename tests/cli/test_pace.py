"""When a job may be done: told only when there is something to go by."""

from __future__ import annotations

import io

import pytest
from loadplan.cli.console import Console
from loadplan.cli.events import listeners
from loadplan.cli.pace import Pace, rounded
from loadplan.cli.progress import Board

from support.reported import small
from support.story import FakeClock


def seen(total: int, *looks: tuple[float, int | None]) -> Pace:
    pace = Pace(total)
    for at, processed in looks:
        pace.look(at, processed)
    return pace


def test_a_steady_job_is_told_to_end_when_it_will() -> None:
    """Half of the rows in a minute: the other half takes another."""
    pace = seen(1_000, (0, 0), (30, 250), (60, 500))
    assert pace.left() == pytest.approx(60)
    assert pace.words() == "500 of 1,000 rows (50%), about 1 min left"


@pytest.mark.parametrize(
    "looks",
    [
        [],  # not looked at yet
        [(5.0, None), (10.0, None)],  # an org that does not say
        [(5.0, 900)],  # one look has no pace
        [(0.0, 0), (5.0, 99)],  # not a tenth yet
        [(0.0, 0), (5.0, 200), (10.0, 400), (40.0, 400)],  # it stands still
    ],
)
def test_nothing_is_told_where_there_is_nothing_to_go_by(looks: list[tuple[float, int | None]]) -> None:
    """Before a tenth, from one look, from an org that does not say, or while the job stands still."""
    pace = seen(1_000, *looks)
    assert pace.left() is None
    assert "left" not in pace.words()


def test_time_that_passes_since_the_last_look_counts() -> None:
    """The estimate goes down between two looks that brought nothing new, and never below nothing."""
    pace = seen(1_000, (0, 0), (50, 500), (60, 500))
    assert pace.left() == pytest.approx(40)
    assert seen(1_000, (0, 0), (50, 990), (60, 990)).left() == 0
    assert rounded(0) == "a few seconds"


def test_a_job_without_a_known_size_tells_its_rows() -> None:
    """A query does not know how many rows it will have."""
    assert seen(0, (1, 10), (2, 4_000)).words() == "4,000 rows"


def test_a_log_has_one_line_a_change_and_a_heartbeat_with_the_pace(tmp_path: object) -> None:
    """Polls that bring nothing new say nothing for half a minute."""
    clock = FakeClock()
    err = io.StringIO()
    nothing: object = None
    _, on_poll = listeners(Console(err=err), nothing, clock)  # type: ignore[arg-type]
    for processed in range(0, 1_000, 100):
        on_poll("accounts", 1, 1, "InProgress", processed, 10.0)
        clock.seconds += 10
    lines = err.getvalue().splitlines()
    assert len(lines) == 3
    assert lines[0] == "10:15:30Z wait    accounts             InProgress 300 rows, next look in 10 s"


def test_the_board_shows_what_jobs_are_at_and_how_many_steps_are_done(tmp_path_factory: pytest.TempPathFactory) -> None:
    """From the journal of a run that was killed: a line a step with its job, and the steps."""
    from loadplan.cli.loading import fresh_run
    from loadplan.plan.graph import compile_graph
    from loadplan.run import events as ev
    from loadplan.run.activity import Activity
    from loadplan.run.journal import read_journal
    from loadplan.run.state import apply

    told = small(tmp_path_factory.mktemp("board"))
    records = read_journal(told.run_folder.journal)[0]
    run = fresh_run(compile_graph(told.plan))
    board = Board(FakeClock(), Activity(FakeClock()))
    assert board.rows() == []
    shown: list[tuple[str, str, str]] = []
    done: set[str] = set()
    for record in records:
        apply(run, record)
        board.on_event(record, run)
        if isinstance(record.event, ev.JobObserved) and record.event.state == "InProgress":
            board.on_poll(record.event.step, record.event.part, record.event.attempt, "InProgress", 200, 5.0)
        shown += board.rows()
        done.add(board.steps_done())
    assert any(step == "accounts" and "waiting for 1 job: 200 of 400 rows" in doing for step, _, doing in shown)
    assert {"0 of 5 steps done", "5 of 5 steps done"} <= done
    assert board.rows() == []
