"""Two versions of a source, compared by key."""

from __future__ import annotations

import random
from collections import Counter
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loadplan.plan.model import FileSource
from loadplan.review.rowdiff import RowDiff, compare_rows
from loadplan.sources.base import Reader
from loadplan.sources.registry import open_source

Rows = list[tuple[str, str, str]]


def diff(folder: Path, old: str, new: str, key: str | None = "id", *, show_values: bool = False) -> RowDiff:
    (folder / "old.csv").write_text(old, encoding="utf-8", newline="")
    (folder / "new.csv").write_text(new, encoding="utf-8", newline="")

    def opened(name: str) -> Reader:
        return open_source(FileSource(name, folder / name, "csv"))

    return compare_rows(
        lambda: opened("old.csv"), lambda: opened("new.csv"), key, folder / "wait", show_values=show_values
    )


def text(rows: Rows) -> str:
    return "id,a,b\n" + "".join(f"{','.join(row)}\n" for row in rows)


WORDS = st.sampled_from(["x", "y", "z"])
TABLES = st.dictionaries(st.sampled_from([f"k{n}" for n in range(12)]), st.tuples(WORDS, WORDS), max_size=12)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(old=TABLES, new=TABLES, seed=st.integers(0, 9))
def test_it_counts_what_a_dictionary_would(
    old: dict[str, tuple[str, str]], new: dict[str, tuple[str, str]], seed: int, tmp_path: Path
) -> None:
    """Whatever the order of the rows; the columns too."""
    sides = [[(k, *v) for k, v in table.items()] for table in (old, new)]
    random.Random(seed).shuffle(sides[1])
    found = diff(tmp_path, text(sides[0]), text(sides[1]))
    both = old.keys() & new.keys()
    assert (found.added, found.removed) == (len(new.keys() - old.keys()), len(old.keys() - new.keys()))
    assert found.changed == sum(old[k] != new[k] for k in both)
    assert found.unchanged == sum(old[k] == new[k] for k in both)
    cells = Counter(name for k in both for at, name in enumerate("ab") if old[k][at] != new[k][at])
    assert found.columns == dict(cells)


def test_columns_that_come_or_go_change_no_row(tmp_path: Path) -> None:
    """Rows are compared by what both versions have."""
    found = diff(tmp_path, "id,a\n1,x\n", "b,id,a\nnew,1,x\n")
    assert (found.unchanged, found.columns_added, found.columns_removed) == (1, ("b",), ())


def test_rows_without_a_key_come_and_go_whole(tmp_path: Path) -> None:
    """Two equal rows are two rows."""
    found = diff(tmp_path, "a\nx\nx\ny\n", "a\nx\nz\n", None)
    assert (found.unchanged, found.added, found.removed, found.changed) == (1, 1, 2, 0)


def test_a_key_that_stands_twice_is_matched_with_its_equals_first(tmp_path: Path) -> None:
    """One of two stayed, the other changed."""
    found = diff(tmp_path, "id,a\n1,x\n1,y\n", "id,a\n1,y\n1,z\n", show_values=True)
    assert (found.unchanged, found.changed, found.added, found.removed) == (1, 1, 0, 0)
    assert found.samples == [("1", {"a": ("x", "z")})]
