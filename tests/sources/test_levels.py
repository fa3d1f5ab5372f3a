"""Levels: every parent before its children, whatever the order of the rows; what cannot be ordered is shown."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loadplan.errors import StaleError
from loadplan.plan.model import FileSource, FromColumn, Hierarchy, Lookup, Step
from loadplan.sources import levels as module
from loadplan.sources.check import step_shape
from loadplan.sources.level_files import find_step_levels, write_levels
from loadplan.sources.level_problems import level_problems
from loadplan.sources.levels import Levels, find_levels
from loadplan.sources.registry import open_source

Links = list[tuple[str, str]]


def levels_of(folder: Path, links: Links, max_depth: int = 50) -> Levels:
    rows = [(line, key.encode(), parent.encode()) for line, (key, parent) in enumerate(links, 2)]
    found = find_levels(rows, folder, max_depth=max_depth)
    assert list(folder.iterdir()) == []
    return found


def words(levels: Levels, max_depth: int = 50) -> list[tuple[str, int, str]]:
    found = level_problems(levels, source="a.csv", column="parent_id", max_depth=max_depth)
    return [(d.code, d.place.line, d.summary) for d in found]


def test_rows_in_no_order_get_their_levels(tmp_path: Path) -> None:
    """A child may stand before its parent, and a tree may have several tops."""
    found = levels_of(tmp_path, [("c", "b"), ("a", ""), ("d", "c"), ("b", "a"), ("x", ""), ("y", "x")])
    assert list(found.of) == [3, 1, 4, 2, 1, 2]
    assert (found.rows, found.ok, found.depth) == ((2, 2, 1, 1), True, 4)


def test_no_rows_have_no_levels(tmp_path: Path) -> None:
    """A source whose rows were all filtered out is no special case."""
    found = levels_of(tmp_path, [])
    assert (found.rows, found.ok, list(found.of)) == ((), True, [])


def test_a_parent_outside_the_source_is_counted_and_its_child_goes_first(tmp_path: Path) -> None:
    """It may be in the org already; `#N/A` clears the field and names nobody."""
    found = levels_of(tmp_path, [("b", "a"), ("a", "elsewhere"), ("c", "#N/A"), ("d", "")])
    assert list(found.of) == [2, 1, 1, 1]
    assert (list(found.outside), found.ok) == ([1], True)


@pytest.mark.parametrize(("key", "parent"), [("acc-1", "ACC-1"), ("Müller", "MÜLLER"), ("straße", "STRASSE")])
def test_a_parent_in_another_case_is_waited_for(tmp_path: Path, key: str, parent: str) -> None:
    """Salesforce finds it without regard to case, so the child must not be sent first."""
    assert list(levels_of(tmp_path, [("child", parent), (key, "")]).of) == [2, 1]


def test_where_case_counts_another_spelling_is_another_key(tmp_path: Path) -> None:
    """A field that is declared case sensitive, or a parent that is found by the rows' own key."""
    rows = [(2, b"a", b"A"), (3, b"b", b"a")]
    found = find_levels(rows, tmp_path, any_case=False)
    assert (list(found.of), list(found.outside), found.ok) == ([1, 2], [0], True)
    assert not find_levels(rows, tmp_path).ok


def test_a_parent_in_the_same_case_is_preferred(tmp_path: Path) -> None:
    """Where both spellings are keys, the exact one is the parent."""
    found = levels_of(tmp_path, [("a", "x"), ("x", ""), ("A", "a"), ("child", "A")])
    assert list(found.of) == [2, 1, 3, 4]


def test_a_circle_is_shown_with_its_rows(tmp_path: Path) -> None:
    """The rows below it have no level either; the rest has."""
    found = levels_of(tmp_path, [("under", "a"), ("b", "c"), ("a", "b"), ("c", "a"), ("top", ""), ("fine", "top")])
    assert list(found.of) == [0, 0, 0, 0, 1, 2]
    assert (found.ok, found.circle_count, found.lost) == (False, 1, 4)
    assert words(found) == [("LP0350", 3, "3 rows are each other's parents: b -> c -> a -> b")]
    (problem,) = level_problems(found, source="a.csv", column="parent_id", max_depth=50)
    assert [(n.place.line, n.text) for n in problem.notes] == [(5, "`c`"), (4, "`a`")]
    assert "second pass" in problem.hint


def test_a_row_that_names_itself_is_a_problem_of_its_own(tmp_path: Path) -> None:
    """Some exports write a top's own key as its parent: the hint says what to do."""
    found = levels_of(tmp_path, [("a", "a"), ("b", "a")])
    assert words(found) == [("LP0351", 2, "the row `a` names itself as its parent")]
    assert found.lost == 2


def test_many_circles_are_counted_and_a_long_one_is_cut_short(tmp_path: Path) -> None:
    """Twenty are shown, ten rows of each."""
    long = [(f"l{i}", f"l{(i + 1) % 12}") for i in range(12)]
    pairs = [link for i in range(30) for link in ((f"a{i}", f"b{i}"), (f"b{i}", f"a{i}"))]
    found = levels_of(tmp_path, long + pairs)
    said = words(found)
    assert (found.circle_count, len(said)) == (31, 21)
    assert said[0][2].endswith("-> l9 -> (2 more)")
    assert said[-1][2] == "and 11 more circles of parents; 72 rows in them or below them in all"


def test_rows_below_the_depth_allowed_are_a_problem(tmp_path: Path) -> None:
    """Each level is a job: a chain of a thousand rows is more often broken data than a tree."""
    chain = [(str(i), str(i - 1) if i else "") for i in range(1000)]
    random.Random(1).shuffle(chain)
    deepest = 2 + chain.index(("999", "998"))
    found = levels_of(tmp_path, chain)
    assert (found.ok, found.too_deep, found.rows) == (False, 950, (1,) * 50)
    summary = "950 rows have more than 49 ancestors in the source; the row `999` has the most"
    assert words(found) == [("LP0352", deepest, summary)]
    assert levels_of(tmp_path, chain, 1000).ok


def test_a_chain_longer_than_a_level_can_count_is_no_circle(tmp_path: Path) -> None:
    """70,000 generations are too deep, and the answer comes without recursion."""
    found = levels_of(tmp_path, [(str(i), str(i - 1) if i else "") for i in range(70_000)])
    assert (found.circle_count, found.too_deep) == (0, 69_950)


def test_a_parent_that_is_two_rows_is_a_problem_of_its_child(tmp_path: Path) -> None:
    """A key that nobody names may repeat: Salesforce will say what it thinks of that."""
    found = levels_of(tmp_path, [("child", "p"), ("p", ""), ("q", ""), ("p", "q"), ("q", "")])
    said = level_problems(found, source="a.csv", column="parent_id", max_depth=50)
    assert [(d.code, d.place.line, [n.place.line for n in d.notes]) for d in said] == [
        ("LP0353", 2, [3, 5]),
        ("LP0353", 5, [4, 6]),
    ]
    assert not found.ok


def test_rows_without_a_key_can_only_be_children(tmp_path: Path) -> None:
    """Two of them are not the same row."""
    found = levels_of(tmp_path, [("", "a"), ("", "a"), ("a", "")])
    assert (list(found.of), found.ok) == ([2, 2, 1], True)


@settings(deadline=None, max_examples=80, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    parents=st.lists(st.integers(-1, 30), min_size=1, max_size=30), seed=st.integers(0, 99), buffered=st.integers(1, 40)
)
def test_every_row_is_one_below_its_parent_or_in_a_circle(
    tmp_path: Path, parents: list[int], seed: int, buffered: int
) -> None:
    """Against the definition, for any links and any number of spills to disk."""
    order = list(range(len(parents)))
    random.Random(seed).shuffle(order)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_BUFFERED", buffered)
        found = levels_of(tmp_path, [(f"k{i}", f"k{parents[i]}" if parents[i] >= 0 else "") for i in order])
    level = {i: found.of[at] for at, i in enumerate(order)}
    for i, parent in enumerate(parents):
        ancestors, at = set(), i
        while at not in ancestors and 0 <= at < len(parents):
            ancestors.add(at)
            at = parents[at]
        if 0 <= at < len(parents):
            assert level[i] == 0
        else:
            assert level[i] == (level[parent] + 1 if 0 <= parent < len(parents) else 1)
    assert sum(found.rows) + found.lost == len(parents)
    assert [order[at] for at in found.outside] == [i for i in order if parents[i] >= len(parents)]


@pytest.mark.parametrize("plain", [True, False])
def test_rows_that_were_added_since_their_levels_were_found_stop_it(tmp_path: Path, plain: bool) -> None:
    """Exit 6: nobody knows where they belong."""
    path = tmp_path / "tree.csv"
    path.write_text("K,P\nA,\nB,A\n", encoding="utf-8")
    source = FileSource("tree.csv", path, "csv", ",")
    hierarchy = Hierarchy("Parent.K", "P", Lookup("Parent.K", "P", "Parent", "K"))
    step = Step("a", "upsert", object="Account", external_id="K", key="K", source=source, hierarchy=hierarchy)
    step = replace(step, columns=(FromColumn("K", "K"),))
    reader = open_source(source, resolve_step=lambda _: [])
    shape = step_shape(step, reader)
    levels = find_step_levels(step, reader, shape, tmp_path / "work", plain=plain)
    reader.close()
    assert levels.rows == (1, 1)
    with path.open("a", encoding="utf-8") as file:
        file.write("C,B\n")
    again = open_source(source, resolve_step=lambda _: [])
    with pytest.raises(StaleError, match="it has more rows than before"):
        write_levels(step, again, shape, levels, tmp_path / "levels", plain=plain)
    again.close()
