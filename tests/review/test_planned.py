"""What `plan` found in the comment about a change: only what a plan can look like gets in."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from .conftest import Command

HOSTILE = {
    "nothing but its format": '{"format": "loadplan.plan/1"}',
    "steps that are a text": '{"format": "loadplan.plan/1", "steps": "x", "plan": {"name": 7}}',
    "a document that is a list": '{"document": [1]}',
    "nested without end": '{"document": ' + "[" * 100_000,
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_file_that_no_plan_wrote_is_refused(what: str, project: Path, loadplan: Command) -> None:
    """Exit 2 and the command that makes one; not a traceback, not half a comment."""
    shutil.copy(project / "plans/crm.yaml", project / "plans/before.yaml")
    (project / "planned.json").write_text(HOSTILE[what], encoding="utf-8")
    ran = loadplan("diff", "plans/before.yaml", "plans/crm.yaml", "--planned", "planned.json")
    assert (ran.exit, "error[LP0760]" in ran.err, "next: loadplan plan" in ran.err) == (2, True, True), ran.err
    assert not ran.out


def test_a_part_that_is_missing_is_not_taken_for_nothing(project: Path, loadplan: Command) -> None:
    """A plan without the numbers of one step is refused, however whole the rest is."""
    shutil.copy(project / "plans/crm.yaml", project / "plans/before.yaml")
    planned = json.loads(loadplan("plan", "plans/crm.yaml", "--offline", "--json").out)
    (project / "planned.json").write_text(json.dumps(planned), encoding="utf-8")
    arguments = ("diff", "plans/before.yaml", "plans/crm.yaml", "--planned", "planned.json")
    assert loadplan(*arguments).exit == 0
    del planned["steps"][0]["rows"]
    (project / "planned.json").write_text(json.dumps(planned), encoding="utf-8")
    assert loadplan(*arguments).exit == 2
