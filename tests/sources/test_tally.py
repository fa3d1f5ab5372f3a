"""What a tally counts is what the counter of a download counts, or it says that it does not know."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loadplan.salesforce.download import Counter
from loadplan.sources import evenlines
from loadplan.sources.tally import Tally

CELL = st.sampled_from(['""', '"a"', '"a,b"', '"a""b"', '"l1\nl2"', '"\r\n"', '"Ž"', "b", "", '"\n"', 'a"b', '"open'])
LINE = st.lists(CELL, min_size=2, max_size=5).map(",".join)
HEADER = '"sf__Id","sf__Created","K","N"'


@pytest.mark.parametrize("much", [0, 1 << 40], ids=["arrays", "bytes"])
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=400)
@given(lines=st.lists(LINE | st.sampled_from(["", '"1","true","k","n"']), max_size=9), end=st.sampled_from(["", "\n", "\r\n", "\n\n"]),
       ending=st.sampled_from(["\n", "\r\n"]), size=st.integers(1, 60))  # fmt: skip
def test_both_count_the_same_records(
    lines: list[str], end: str, ending: str, size: int, much: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of any text, whole or cut, in blocks of any size."""
    text = (ending.join([HEADER, *lines]) + end).encode()
    tally, counter = Tally("successful", ("K", "N"), "K", ","), Counter()
    with monkeypatch.context() as patch:
        patch.setattr(evenlines, "MUCH", much)
        for at in range(0, len(text), size):
            tally.feed(text[at : at + size])
            counter.feed(text[at : at + size])
        found = tally.counted()
    if found is not None:
        assert found == (counter.total, counter.header)
        assert not counter.ends_inside_quotes
        assert counter.ends_with_newline


@pytest.mark.parametrize("much", [0, 1 << 40], ids=["arrays", "bytes"])
def test_results_as_salesforce_writes_them_are_counted(much: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows with quotes and line breaks too; not a file whose last line end is missing, or one with a blank line."""
    monkeypatch.setattr(evenlines, "MUCH", much)
    rows = ['"1","true","k","n"', '"2","false","k,2","two\nlines"', '"3","true","k""3","n"']
    text = "\n".join([HEADER, *rows]) + "\n"
    for body, counted in ((text, 4), (text[:-1], None), (text + "\n", None), (text + '"4","true","k', None)):
        tally = Tally("successful", ("K", "N"), "K", ",")
        tally.feed(body.encode())
        found = tally.counted()
        assert (found and found[0]) == counted
        assert tally.counted() == found
