"""The top of the comment: what a reviewer has to see stands there, is counted, and says in which plan it is."""

from __future__ import annotations

import html
import re
from pathlib import Path

from .conftest import Command, commit, edit


def top(text: str) -> str:
    """The comment above what is folded, as it reads."""
    return html.unescape(re.sub(r"<[^>]+>", "", text.partition("<details>")[0]))


def deletes(count: int) -> str:
    return "".join(f"  d{n}: {{object: Case, operation: delete, source: data/gone.csv}}\n" for n in range(count))


def test_a_new_delete_is_named_among_many_that_were_there(repository: Path, loadplan: Command) -> None:
    """It stands first, and those that do not fit are counted."""
    head = "version: 1\nname: wipe\nsteps:\n"
    (repository / "plans/data/gone.csv").write_text("Id\n500000000000001AAA\n", encoding="utf-8")
    (repository / "plans/wipe.yaml").write_text(head + deletes(24), encoding="utf-8")
    commit(repository, "two")
    (repository / "plans/wipe.yaml").write_text(head + deletes(25), encoding="utf-8")
    commit(repository, "three")
    text = top(loadplan("diff", "HEAD~1..HEAD", "--format", "markdown").out)
    assert "**Deletes data:** d24 delete Case (**new**), d0 delete Case" in text
    assert "d18 delete Case and 5 more\n" in text


def test_a_step_that_becomes_a_delete_says_what_it_was(repository: Path, loadplan: Command) -> None:
    """The line of deletes marks it."""
    (repository / "plans/data/ids.csv").write_text("Id\n500000000000001AAA\n", encoding="utf-8")
    plan = "version: 1\nname: cases\nsteps:\n  old: {object: Case, operation: OPERATION, source: data/ids.csv}\n"
    file = repository / "plans/cases.yaml"
    file.write_text(plan.replace("OPERATION", "update"), encoding="utf-8")
    commit(repository, "two")
    file.write_text(plan.replace("OPERATION", "delete"), encoding="utf-8")
    commit(repository, "three")
    text = top(loadplan("diff", "HEAD~1..HEAD", "--format", "markdown").out)
    assert "**Deletes data:** old delete Case (**was update**)" in text


def test_rows_of_a_delete_stand_at_the_top_with_their_plan(repository: Path, loadplan: Command) -> None:
    """Two plans have a step of the same name: each line says which it is."""
    (repository / "plans/data/gone.csv").write_text("Id\n500000000000001AAA\n", encoding="utf-8")
    for name in ("one", "two"):
        step = "  d0: {object: Case, operation: delete, source: data/gone.csv}\n"
        (repository / f"plans/{name}.yaml").write_text(f"version: 1\nname: {name}\nsteps:\n{step}", encoding="utf-8")
    commit(repository, "two")
    with (repository / "plans/data/gone.csv").open("a", encoding="utf-8") as file:
        file.write("500000000000002AAA\n")
    commit(repository, "three")
    text = top(loadplan("diff", "HEAD~1..HEAD", "--format", "markdown").out)
    for name in ("one", "two"):
        assert f"- **R3** plans/{name}.yaml rows of data/gone.csv (d0): " in text
        assert f"d0 delete Case in plans/{name}.yaml" in text


def test_more_than_fits_is_counted(repository: Path, loadplan: Command) -> None:
    """Sixty gates that were loosened: fifty lines, and ten more."""
    steps = "".join(f"  s{n}: {{object: Case, operation: insert, source: data/contacts.csv}}\n" for n in range(60))
    file = repository / "plans/many.yaml"
    file.write_text(f"version: 1\nname: many\nsteps:\n{steps}", encoding="utf-8")
    commit(repository, "two")
    edit(repository, "contacts.csv}", "contacts.csv, gate: {on_fail: continue}}", "plans/many.yaml")
    commit(repository, "three")
    text = top(loadplan("diff", "HEAD~1..HEAD", "--format", "markdown").out)
    assert text.count("- **R3** ") == 51
    assert "- **R3** and 10 more" in text
