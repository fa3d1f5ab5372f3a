"""Independent steps at the same time: nothing waits that could run, and a job that is done is soon noticed."""

from __future__ import annotations

from pathlib import Path

import pytest
from loadplan.emulator.settings import Settings

from support.story import Story

JOBS, PARALLELISM, SECONDS = 20, 4, 10.0
STEPS = "".join(f"  s{i:02d}: {{object: Account, operation: insert, source: rows.csv}}\n" for i in range(JOBS))


@pytest.mark.parametrize("parallelism", [1, PARALLELISM])
def test_twenty_steps_of_ten_seconds_take_little_longer_than_they_must(tmp_path: Path, parallelism: int) -> None:
    """On a clock that only waiting moves: within a tenth of the optimum, the mean delay in noticing under a tenth of a job,
    no job asked about more than once a second, and never more jobs at work than allowed."""
    settings = Settings(latency=SECONDS / 2, rows_per_second=2 / (SECONDS / 2))
    files = {"rows.csv": [["Name"], ["Alder"], ["Brook"]]}
    plan = f"version: 1\nname: parallel\nsteps:\n{STEPS}"
    with Story(tmp_path, plan, files, settings=settings, parallelism=parallelism) as story:
        run = story.drive()
        jobs = list(story.org.org.jobs)
        looks: dict[str, list[float]] = {job.id: [] for job in jobs}
        for seen in story.org.org.requests:
            job_id = seen.path.rpartition("/")[2]
            if seen.method == "GET" and job_id in looks:
                looks[job_id].append(seen.time)
    assert all(step.state == "succeeded" for step in run.steps.values())
    noticed = {job: times[-1] for job, times in looks.items()}
    late = [noticed[job.id] - job.ended for job in jobs]
    assert len(jobs) == JOBS
    assert sum(late) / JOBS < 0.1 * SECONDS
    assert max(map(len, looks.values())) <= SECONDS
    assert story.clock.seconds <= 1.1 * JOBS / parallelism * SECONDS
    moments = sorted([(job.created, 1) for job in jobs] + [(noticed[job.id], -1) for job in jobs])
    at_work = most = 0
    for _, change in moments:
        at_work += change
        most = max(most, at_work)
    assert most == parallelism
