"""Files that a plan reads with other values of its variables than those of the comparison."""

from __future__ import annotations

import json
from pathlib import Path

from .conftest import Command, commit, edit


def told(command: Command, *arguments: str) -> list[tuple[str, str]]:
    ran = command("diff", "HEAD~1..HEAD", "--json", *arguments)
    assert ran.exit == 0, ran.err
    return [(c["risk"], c["path"]) for p in json.loads(ran.out)["plans"] for c in p["changes"]]


def test_a_file_of_another_region(repository: Path, loadplan: Command) -> None:
    """It is told, with the variable; a file that no template may name is not."""
    (repository / "plans/data/accounts_amer.csv").write_text("id,name,rating\nZ,z,\n", encoding="utf-8")
    (repository / "plans/data/other_amer.csv").write_text("id\n", encoding="utf-8")
    commit(repository, "two")
    assert told(loadplan) == [("R2", "accounts.file plans/data/accounts_amer.csv")]
    ran = loadplan("diff", "HEAD~1..HEAD")
    assert "not compared: read with other values of `region`" in ran.out
    assert "compared with region = emea" in ran.out
    assert "accounts.file" not in loadplan("diff", "HEAD~1..HEAD", "--var", "region=amer").out


def test_values_that_a_variable_lists_are_the_only_ones(repository: Path, loadplan: Command) -> None:
    """A file of no listed value is never read."""
    edit(repository, "{type: string, default: emea}", "{type: string, values: [emea, amer], default: emea}")
    commit(repository, "values")
    for region in ("amer", "apac"):
        (repository / f"plans/data/accounts_{region}.csv").write_text("id,name,rating\n", encoding="utf-8")
    commit(repository, "two")
    assert told(loadplan) == [("R2", "accounts.file plans/data/accounts_amer.csv")]


def test_a_file_of_another_region_under_a_delete(repository: Path, loadplan: Command) -> None:
    """Other records may be deleted with it."""
    edit(repository, "source: {step: stale}", 'source: "{{ region }}/gone.csv"')
    commit(repository, "delete")
    (repository / "plans/amer").mkdir()
    (repository / "plans/amer/gone.csv").write_text("Id\n", encoding="utf-8")
    commit(repository, "two")
    assert told(loadplan) == [("R3", "purge.file plans/amer/gone.csv")]
