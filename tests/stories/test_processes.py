"""Real processes: the embedded org served to another process, and loadplan killed, detached and started twice."""

from __future__ import annotations

from pathlib import Path

import pytest
from loadplan.emulator.server import EmbeddedOrg

from support.processes import APPLY, count, ran, read_until, resumed, started, typed
from support.stalling import StallingWire


@pytest.mark.parametrize("said", ["created", "UploadComplete", "JobComplete", "gate"])
@pytest.mark.parametrize("times", [1, 2])
def test_kill_9_and_resume(project: Path, served: dict[str, str], said: str, times: int) -> None:
    """SIGKILL at any line of progress; resume ends with each row in the org once."""
    before = count(served, "Account"), count(served, "Contact")
    with started(project, served, *APPLY) as process:
        read_until(process, said, times)
        process.kill()
    rows = resumed(project, served)
    assert rows == {"sent": 5, "successful": 5, "failed": 0, "unprocessed": 0, "held": 0}
    assert (count(served, "Account") - before[0], count(served, "Contact") - before[1]) == (2, 3)


def test_a_run_that_died_before_its_last_page_is_rendered_by_resume(project: Path, served: dict[str, str]) -> None:
    """The end is in the journal and the power went: resume has nothing to send, and leaves every rendering all the same."""
    assert ran(project, served, *APPLY)[0] == 0
    (folder,) = (project / ".loadplan/runs").iterdir()
    pages = {
        name: (folder / name).read_bytes() for name in ("runbook.md", "runbook.json", "pagination.md", "summary.json")
    }
    for name in pages:
        (folder / name).unlink()
    code, _, said = ran(project, served, "resume")
    assert (code, "nothing to resume" in said) == (0, True), said
    assert {name: (folder / name).read_bytes() for name in pages} == pages


def test_async_leaves_and_resume_collects(project: Path, served: dict[str, str]) -> None:
    """--async exits 7 while the job runs on; resume reads its results and goes on with the children."""
    code, _, said = ran(project, served, *APPLY, "--async")
    assert code == 7, said
    assert resumed(project, served)["successful"] == 5


def test_a_second_runner_is_told_who_holds_the_lock(project: Path, served: dict[str, str]) -> None:
    """Two applies on one org: the second exits 4 and says who. The first is kept busy by an org that does not answer."""
    with (
        StallingWire(served["SF_ORG_INSTANCE_URL"], rb"^GET \S+/jobs/ingest/\w+ ") as wire,
        started(project, {**served, "SF_ORG_INSTANCE_URL": wire.url}, *APPLY) as first,
    ):
        assert wire.silent.wait(30)
        code, _, said = ran(project, served, *APPLY)
        assert code == 4, said
        assert f"pid {first.pid}" in said
        assert " s ago)" in said
    assert count(served, "Account") == 2


def test_a_changed_input_is_refused_on_resume(project: Path, served: dict[str, str]) -> None:
    """The children's file changed since the run began: exit 6, nothing of it is sent."""
    with started(project, served, *APPLY) as process:
        read_until(process, "UploadComplete")
        process.kill()
    (project / "contacts.csv").write_text("last,account\nEve,A1\n", encoding="utf-8")
    code, _, said = ran(project, served, "resume")
    assert code == 6, said
    assert count(served, "Contact") == 0


def test_an_embedded_org_in_use_names_its_owner_and_can_be_waited_for(project: Path, served: dict[str, str]) -> None:
    """A second command on the same embedded org: exit 4 with who, which command and since when; a wait ends with it."""
    assert ran(project, served, "apply", "plan.yaml", "-o", "embedded")[0] == 0
    data = project / ".loadplan" / "embedded" / "embedded"
    with EmbeddedOrg(data):
        code, _, said = typed(project, served, "org", "check", "-o", "embedded")
        assert (code, "command loadplan apply" in said, "pid " in said) == (4, True, True), said
        code, _, said = typed(project, served, "apply", "plan.yaml", "-o", "embedded", "--lock-timeout", "300ms")
        assert (code, said.count("waiting up to 0.3 s")) == (4, 1), said
    assert (
        typed(
            project,
            served,
            "org",
            "check",
            "-o",
            "embedded",
        )[0]
        == 0
    )
    assert typed(project, served, "resume", "--lock-timeout", "soon")[0] == 2
