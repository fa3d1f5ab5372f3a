"""`loadplan diff` of git revisions whose files are links, lie in submodules, or are kept elsewhere."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from .conftest import Command, commit, edit, git

DELETE = "version: 1\nname: clean\nsteps:\n  kill: {object: Account, operation: delete, source: data/del.csv, columns: {Id: id}}\n"
LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:{}\nsize 12345\n"


def ids(*numbers: int) -> str:
    return "id\n" + "".join(f"001000000000{n:03}AAA\n" for n in numbers)


@pytest.fixture
def shared(repository: Path) -> Path:
    """A delete whose source is committed as a link to a file elsewhere in the tree."""
    (repository / "shared").mkdir()
    (repository / "shared/del.csv").write_text(ids(1), encoding="utf-8")
    (repository / "plans/clean.yaml").write_text(DELETE, encoding="utf-8")
    (repository / "plans/data/del.csv").symlink_to("../../shared/del.csv")
    commit(repository, "base")
    return repository


def document(loadplan: Command, *arguments: str) -> dict[str, Any]:
    ran = loadplan("diff", "HEAD~1..HEAD", "--json", *arguments)
    assert ran.exit == 0, ran.err
    found: dict[str, Any] = json.loads(ran.out)
    return found


def rows(loadplan: Command, name: str = "clean") -> dict[str, Any]:
    [plan] = [p for p in document(loadplan)["plans"] if p["name"] == name]
    [found] = plan["rows"]
    return dict(found)


def test_a_source_that_is_a_link_is_the_file_it_leads_to(shared: Path, loadplan: Command) -> None:
    """More rows behind it are a delete of more rows."""
    (shared / "shared/del.csv").write_text(ids(1, 2, 3), encoding="utf-8")
    commit(shared, "more")
    found = rows(loadplan)
    assert (found["risk"], found["added"], found["why"]) == ("R3", 2, "a delete of more rows")


def test_a_link_that_leads_elsewhere_now_is_another_file(shared: Path, loadplan: Command) -> None:
    """By way of a chain of links and a linked folder."""
    (shared / "other").mkdir()
    (shared / "other/real.csv").write_text(ids(1, 7), encoding="utf-8")
    (shared / "alias").symlink_to("other")
    (shared / "shared/chain.csv").symlink_to("../alias/real.csv")
    (shared / "plans/data/del.csv").unlink()
    (shared / "plans/data/del.csv").symlink_to("../../shared/chain.csv")
    commit(shared, "elsewhere")
    assert (rows(loadplan)["risk"], rows(loadplan)["added"]) == ("R3", 1)


def test_a_folder_of_data_that_is_a_link(repository: Path, loadplan: Command) -> None:
    """In the middle of the path, with `..` behind it, as the operating system reads it."""
    (repository / "store/day").mkdir(parents=True)
    (repository / "store/del.csv").write_text(ids(1), encoding="utf-8")
    (repository / "plans/now").symlink_to("../store/day")
    (repository / "plans/clean.yaml").write_text(DELETE.replace("data/del.csv", "now/../del.csv"), encoding="utf-8")
    (repository / "store/day/keep.csv").write_text("x\n", encoding="utf-8")
    commit(repository, "base")
    (repository / "store/del.csv").write_text(ids(1, 2), encoding="utf-8")
    commit(repository, "more")
    assert (rows(loadplan)["risk"], rows(loadplan)["added"]) == ("R3", 1)


def test_a_plan_that_is_a_link(repository: Path, loadplan: Command) -> None:
    """Its text is that of the file it leads to, and so is its folder."""
    (repository / "tpl/data").mkdir(parents=True)
    (repository / "tpl/clean.txt").write_text(DELETE, encoding="utf-8")
    (repository / "tpl/data/del.csv").write_text(ids(1), encoding="utf-8")
    (repository / "plans/clean.yaml").symlink_to("../tpl/clean.txt")
    commit(repository, "base")
    (repository / "tpl/clean.txt").write_text(DELETE.replace("delete", "hardDelete"), encoding="utf-8")
    commit(repository, "harder")
    [plan] = document(loadplan)["plans"]
    assert [(c["path"], c["risk"]) for c in plan["changes"]] == [("kill.operation", "R3")]
    assert plan["file"] == "plans/clean.yaml"


def test_a_second_name_of_a_plan_tells_nothing_twice(repository: Path, loadplan: Command) -> None:
    """A link to a plan that is listed itself."""
    (repository / "plans/current.yaml").symlink_to("crm.yaml")
    commit(repository, "base")
    edit(repository, "max_failed_rows: 2", "max_failed_rows: 1")
    commit(repository, "stricter")
    assert [p["file"] for p in document(loadplan)["plans"]] == ["plans/crm.yaml"]


def test_orgs_yaml_that_is_a_link(repository: Path, loadplan: Command) -> None:
    """What it leads to counts."""
    text = "version: 1\norgs: {uat: {embedded: {}, limits: {max_delete_rows: 5}}}\n"
    (repository / "orgs.real").write_text(text, encoding="utf-8")
    (repository / "orgs.yaml").symlink_to("orgs.real")
    commit(repository, "base")
    (repository / "orgs.real").write_text(text.replace("5", "5000"), encoding="utf-8")
    commit(repository, "raised")
    [change] = document(loadplan)["orgs"]
    assert (change["risk"], change["path"]) == ("R3", "orgs.uat.limits.max_delete_rows")


def test_a_value_table_that_is_a_link(repository: Path, loadplan: Command) -> None:
    """As a source."""
    edit(repository, "Rating: rating", "Rating: {column: rating, map: data/map.csv}")
    (repository / "real.csv").write_text("from,to\nHot,Hot\n", encoding="utf-8")
    (repository / "plans/data/map.csv").symlink_to("../../real.csv")
    commit(repository, "base")
    (repository / "real.csv").write_text("from,to\nHot,Cold\n", encoding="utf-8")
    commit(repository, "two")
    assert [c["path"] for p in document(loadplan)["plans"] for c in p["changes"]] == ["accounts.map data/map.csv"]


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("/etc/passwd", "leads out of the repository"),
        ("../../../outside.csv", "leads out of the repository"),
        ("../../.git/config", "leads out of the repository"),
        ("del.csv", "leads in a circle"),
        ("../../gone.csv", "which this revision does not have"),
    ],
)
def test_a_link_that_cannot_be_followed(target: str, why: str, shared: Path, loadplan: Command) -> None:
    """It feeds a delete, so not to know is R3; an update is R2 then."""
    (shared / "plans/data/del.csv").unlink()
    (shared / "plans/data/del.csv").symlink_to(target)
    commit(shared, "two")
    found = rows(loadplan)
    assert (found["risk"], found["compared"]) == ("R3", False)
    assert found["why"].startswith("cannot be compared: in head, ")
    assert why in found["why"]


def test_an_insert_behind_a_link_that_leads_out_is_r2(repository: Path, loadplan: Command) -> None:
    """No row disappears, but nobody can say what is sent."""
    (repository / "plans/data/contacts.csv").unlink()
    (repository / "plans/data/contacts.csv").symlink_to("/tmp/x.csv")
    commit(repository, "two")
    assert rows(loadplan, "crm")["risk"] == "R2"
    assert rows(loadplan, "crm")["why"].startswith("cannot be compared: in head, ")


def test_a_link_that_leads_out_on_both_sides_alike_is_no_change(shared: Path, loadplan: Command) -> None:
    """What is outside is not part of the change."""
    (shared / "plans/data/del.csv").unlink()
    (shared / "plans/data/del.csv").symlink_to("/tmp/x.csv")
    commit(shared, "out")
    commit(shared, "nothing")
    assert document(loadplan)["plans"] == []


def test_a_link_to_another_file_that_is_made_later(shared: Path, loadplan: Command) -> None:
    """Neither is in the repository; that it is another one is known all the same."""
    for name in ("one.csv", "two.csv"):
        (shared / "plans/data/del.csv").unlink()
        (shared / "plans/data/del.csv").symlink_to(f"../../out/{name}")
        commit(shared, name)
    assert (rows(loadplan)["risk"], "out/two.csv" in rows(loadplan)["why"]) == ("R3", True)


def test_a_source_in_a_submodule(repository: Path, loadplan: Command) -> None:
    """Its commit is pinned: the same commit is the same file, another one cannot be looked into."""
    (repository / "plans/clean.yaml").write_text(DELETE.replace("data/del.csv", "../vendor/del.csv"), encoding="utf-8")
    pin(repository, "1" * 40)
    pin(repository, "1" * 40)
    assert [p["name"] for p in document(loadplan)["plans"]] == []
    pin(repository, "2" * 40)
    found = rows(loadplan)
    assert (found["risk"], found["compared"]) == ("R3", False)
    assert "in base, it lies in the submodule `vendor`, pinned at 111111111111" in found["why"]
    assert "pinned at 222222222222" in found["why"]


def pin(folder: Path, to: str) -> None:
    git(folder, "add", "-A", "plans")
    git(folder, "update-index", "--add", "--cacheinfo", f"160000,{to},vendor")
    git(folder, "commit", "-q", "--allow-empty", "-m", "pin")


def test_a_plan_that_became_a_link_out_of_the_tree(shared: Path, loadplan: Command) -> None:
    """It was a plan; what it is now nobody can say."""
    (shared / "plans/clean.yaml").unlink()
    (shared / "plans/clean.yaml").symlink_to("/tmp/clean.yaml")
    commit(shared, "out")
    ran = loadplan("diff", "HEAD~1..HEAD", "--fail-on", "R3")
    assert (ran.exit, "cannot be compared: in head, `plans/clean.yaml` leads out of the repository" in ran.out) == (
        1,
        True,
    )


def test_rows_in_git_lfs_are_not_there(shared: Path, loadplan: Command) -> None:
    """A pointer is no rows: said, and R3 under a delete, also when one version has the rows."""
    (shared / "shared/del.csv").write_text(LFS.format("a" * 64), encoding="utf-8")
    commit(shared, "pointer")
    assert (rows(loadplan)["risk"], "kept in Git LFS" in rows(loadplan)["why"]) == ("R3", True)
    (shared / "shared/del.csv").write_text(LFS.format("b" * 64), encoding="utf-8")
    commit(shared, "another")
    assert (rows(loadplan)["risk"], rows(loadplan)["why"].startswith("cannot be compared: ")) == ("R3", True)


def test_two_files_follow_links_as_the_system_does(shared: Path, loadplan: Command) -> None:
    """Outside git."""
    (shared / "new/data").mkdir(parents=True)
    (shared / "new/clean.yaml").write_text(DELETE, encoding="utf-8")
    (shared / "shared/more.csv").write_text(ids(1, 2), encoding="utf-8")
    (shared / "new/data/del.csv").symlink_to("../../shared/more.csv")
    ran = loadplan("diff", "plans/clean.yaml", "new/clean.yaml", "--json")
    [found] = json.loads(ran.out)["plans"][0]["rows"]
    assert (found["risk"], found["added"]) == ("R3", 1)


def test_nothing_is_written_through_a_link(shared: Path, loadplan: Command, tmp_path: Path) -> None:
    """A tree may hold a link and, on another side, a folder of the same name: every file stays below the working folder."""
    (shared / "escape").symlink_to("..")
    (shared / "plans/clean.yaml").write_text(DELETE.replace("data/del.csv", "../escape/del.csv"), encoding="utf-8")
    commit(shared, "two")
    before = sorted(p.name for p in tmp_path.iterdir())
    assert loadplan("diff", "HEAD~1..HEAD").exit == 0
    assert sorted(p.name for p in tmp_path.iterdir()) == before
