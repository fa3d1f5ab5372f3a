"""`kill -9` of real processes at random moments. The long form: `python tests/simulator/soak.py --kill9 500`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from simulator.killed import PLAN, ledger, problem_of, served
from support.processes import APPLY, ran

SEEDS = range(3)


@pytest.fixture(scope="module")
def org(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, str]]]:
    folder = tmp_path_factory.mktemp("killed")
    with served(folder) as environ:
        yield folder, environ


@pytest.mark.parametrize("seed", SEEDS)
def test_a_process_killed_at_any_moment_loses_nothing(org: tuple[Path, dict[str, str]], seed: int) -> None:
    """Killed during `apply` and again during `resume`: every row is in the org's ledger once."""
    assert problem_of(seed, *org) == ""


def test_a_folder_that_cannot_be_written_is_told_before_anything_is_sent(org: tuple[Path, dict[str, str]]) -> None:
    """Not even root makes a folder in /proc: exit 9, the folder named, and no job in the org."""
    folder, environ = org
    project = folder / "elsewhere"
    (project / ".git").mkdir(parents=True)
    (project / "plan.yaml").write_text(PLAN, encoding="utf-8")
    for name in ("people", "more"):
        (project / f"{name}.csv").write_text(f"LastName\n{name} of nobody\n", encoding="utf-8")
    code, _, said = ran(project, environ, *APPLY, "--state-dir", "/proc/loadplan")
    assert code == 9, said
    assert "/proc/loadplan" in said
    assert not [key for key in ledger(environ) if "of nobody" in key]
