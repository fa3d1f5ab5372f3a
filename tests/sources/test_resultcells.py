"""Cells of a result file are those that the careful reader finds."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loadplan.errors import LocalError
from loadplan.sources import evenlines
from loadplan.sources.resultcells import result_cells
from loadplan.sources.results import open_result

ROWS = st.lists(st.tuples(*[st.sampled_from(["", "a", 'q"', "l1\nl2", "a,b", "Ž", '"'])] * 3), max_size=10)


@pytest.mark.parametrize("much", [0, 1 << 40], ids=["arrays", "bytes"])
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
@given(rows=ROWS, ending=st.sampled_from(["\n", "\r\n"]), of_header=st.sampled_from(["\n", "\r\n"]))
def test_both_readers_find_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: list[tuple[str, ...]], ending: str, of_header: str, much: int
) -> None:
    """Quotes, line breaks and delimiters in values included; the header, which is the job's own text, may end in another way than
    the rows."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator=ending)
    writer.writerows([(f"001{n}", "true", *row[:2]) for n, row in enumerate(rows)])
    path = tmp_path / "successful.csv"
    path.write_text(f"sf__Id,sf__Created,K,N{of_header}{text.getvalue()}", encoding="utf-8", newline="")
    with monkeypatch.context() as patch:
        patch.setattr(evenlines, "MUCH", much)
        found = [pair for keys, ids in result_cells(path, ",", [2, 0], 4) for pair in zip(keys, ids, strict=True)]
    careful = [(row.cells[0].encode(), row.sf_id.encode()) for row in open_result(path).rows()]
    assert sorted(found) == sorted(careful)


@pytest.mark.parametrize("rest", ['"2","true","a"\n', '"2","true","a","b","c"\n', '"2","true","a","b'])
def test_a_file_that_is_no_longer_what_was_received_is_told(tmp_path: Path, rest: str) -> None:
    """A row of other cells, a quote that stays open."""
    path = tmp_path / "successful.csv"
    path.write_text('"sf__Id","sf__Created","K","N"\n"1","true","a","b"\n' + rest, encoding="utf-8")
    with pytest.raises(LocalError, match="cannot be read as it was received"):
        list(result_cells(path, ",", [2, 0], 4))
