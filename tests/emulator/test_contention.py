"""Rows of one parent in batches that run beside each other (Salesforce, "Record Locking Cheat Sheet")."""

from __future__ import annotations

from typing import Any

import pytest

from support.facts import fact
from support.wire import Org

TEXT = "UNABLE_TO_LOCK_ROW:unable to obtain exclusive access to this record or 1 records: {}:--"


def beside(org: Org, *files: tuple[str, str, str]) -> list[dict[str, Any]]:
    """Jobs (object, operation, file) that run at the same time, a chunk each in turn, as they ended."""
    jobs = []
    for name, operation, text in files:
        job = org.create(name, operation)["id"]
        assert org.put(job, text).status == 201
        jobs.append(job)
    for job in jobs:
        org.close(job)
    for _ in range(100):
        org.clock.now += 1.0
        states = [org.info(job) for job in jobs]
        if all(state["state"] == "JobComplete" for state in states):
            return states
    raise AssertionError(states)


def contacts(account: str, prefix: str, count: int = 2_000) -> str:
    """A file of contacts of one account."""
    return "LastName,AccountId\n" + "".join(f"{prefix}{number},{account}\n" for number in range(count))


def refused(org: Org, job: dict[str, Any]) -> dict[str, str]:
    """LastName -> error of the failed rows."""
    return {row[2]: row[1] for row in org.results(job, "failedResults").rows[1:]}


def collide(**settings: Any) -> tuple[list[dict[str, str]], list[dict[str, Any]]]:
    """Two jobs on contacts of one account: their failed rows, and the jobs."""
    with Org(rows_per_second=400.0, **settings) as org:
        account = org.add(Name="Acme")
        jobs = beside(org, ("Contact", "insert", contacts(account, "a")), ("Contact", "insert", contacts(account, "b")))
        found = [refused(org, job) for job in jobs]
        assert {text for rows in found for text in rows.values()} <= {TEXT.format(account)}
        return found, jobs


@fact("unable-to-lock", "lock-records-named", "retries-counted")
def test_rows_of_one_parent_collide_in_jobs_that_run_beside_each_other() -> None:
    """The parent is named; the job counts its retries; chance decides which rows, and decides the same again."""
    found, jobs = collide(lock_rows="masters")
    failed = sum(map(len, found))
    assert 200 <= failed <= 3_000
    assert sum(job["numberRecordsFailed"] for job in jobs) == failed
    assert all((job["retries"] > 0) == bool(rows) for job, rows in zip(jobs, found, strict=True))
    assert collide(lock_rows="masters")[0] == found
    assert collide(lock_rows="masters", lock_seed=1)[0] != found


def test_nothing_collides_unless_it_is_asked_for() -> None:
    """By default no row is refused, and nothing is retried."""
    found, jobs = collide()
    assert found == [{}, {}]
    assert [job["retries"] for job in jobs] == [0, 0]
    assert collide(lock_rows="masters", lock_chance=0.0)[0] == [{}, {}]


def test_jobs_one_after_the_other_do_not_collide() -> None:
    """Whoever has ended holds nothing."""
    with Org(lock_rows="lookups", lock_chance=1.0) as org:
        account = org.add(Name="Acme")
        for prefix in "ab":
            assert org.load(contacts(account, prefix), "Contact")["numberRecordsFailed"] == 0


@pytest.mark.parametrize(("locks", "fails"), [("masters", False), ("lookups", True)])
def test_a_lookup_locks_what_it_points_at_only_when_lookups_do(locks: str, fails: bool) -> None:
    """Leads have no parents; contacts report to contacts by a lookup that is no master."""
    with Org(rows_per_second=200.0, lock_rows=locks, lock_chance=1.0) as org:
        boss = org.add("Contact", LastName="Boss")
        text = "LastName,ReportsToId\n" + "".join(f"{{}}{number},{boss}\n" for number in range(300))
        jobs = beside(
            org, ("Contact", "insert", text.replace("{}", "a")), ("Contact", "insert", text.replace("{}", "b"))
        )
        assert any(job["numberRecordsFailed"] for job in jobs) is fails


def test_two_jobs_that_change_one_record_collide() -> None:
    """A change locks the record itself; a delete locks the parent that its record has."""
    with Org(rows_per_second=200.0, lock_rows="masters", lock_chance=1.0) as org:
        account = org.add(Name="Acme")
        contact = org.add("Contact", LastName="Doe", AccountId=account)
        ids = [org.add("Contact", LastName=f"More {number}") for number in range(250)]
        same = f"Id,Phone\n{contact},1\n" + "".join(f"{record},1\n" for record in ids)
        one, other = beside(org, ("Contact", "update", same), ("Contact", "update", same.replace(",1", ",2")))
        failed = (one["numberRecordsFailed"], other["numberRecordsFailed"])
        assert min(failed) == 0 < max(failed)
        gone = f"Id\n{contact}\n" + "".join(f"{record}\n" for record in ids)
        one, other = beside(org, ("Contact", "delete", gone), ("Contact", "insert", contacts(account, "new", 250)))
        failed = (one["numberRecordsFailed"], other["numberRecordsFailed"])
        assert min(failed) == 0 < max(failed)


def test_batches_of_one_job_collide_with_their_neighbours() -> None:
    """10,000 rows are a batch; with one batch at a time there is no neighbour."""
    for parallel, failed in ((5, 200), (1, 0)):
        with Org(lock_rows="masters", lock_chance=1.0, parallel_batches=parallel) as org:
            account = org.add(Name="Acme")
            job = org.load(contacts(account, "a", 10_200), "Contact")
            assert job["numberRecordsFailed"] == failed


def test_rows_of_other_parents_go_their_way() -> None:
    """Sorted by parent, two jobs do not meet."""
    with Org(rows_per_second=200.0, lock_rows="lookups", lock_chance=1.0) as org:
        one, other = org.add(Name="One"), org.add(Name="Other")
        jobs = beside(org, ("Contact", "insert", contacts(one, "a")), ("Contact", "insert", contacts(other, "b")))
        assert [job["numberRecordsFailed"] for job in jobs] == [0, 0]
