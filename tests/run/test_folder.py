"""The folders of runs: which is the newest."""

from __future__ import annotations

import os
from pathlib import Path

from loadplan.run.folder import RunFolder, find_run, list_runs


def run(state: Path, name: str, frozen_at: int) -> None:
    folder = RunFolder(state / "runs" / name)
    folder.root.mkdir(parents=True)
    folder.journal.write_text("", encoding="utf-8")
    folder.plan_json.write_text("{}", encoding="utf-8")
    os.utime(folder.plan_json, ns=(frozen_at, frozen_at))


def test_of_two_runs_of_one_second_the_newest_is_the_one_that_began_later(tmp_path: Path) -> None:
    """A script that starts loadplan again at once makes two runs whose ids have the same time: `resume` takes the later one."""
    run(tmp_path, "20261123T101500Z-two-ffff", 1_000)
    run(tmp_path, "20261123T101500Z-two-0000", 2_000)
    run(tmp_path, "20261123T101459Z-two-8888", 3_000)
    names = [folder.id[-4:] for folder in list_runs(tmp_path)]
    assert names == ["8888", "ffff", "0000"]
    assert find_run(tmp_path, None).id.endswith("0000")
