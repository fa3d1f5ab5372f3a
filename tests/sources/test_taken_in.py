"""Standard input and the results of a step: sources that a run takes in."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import BinaryIO

import pytest
from loadplan.errors import InvalidInputError
from loadplan.plan.model import ResultsSource, StdinSource
from loadplan.sources.base import Reader
from loadplan.sources.registry import open_source
from loadplan.sources.results import ResultKind
from loadplan.sources.surroundings import Outcome, Surroundings

from sources.conformance import ReaderConformance, TextConformance, fresh, read
from sources.test_readers import text_of


def never() -> BinaryIO | None:
    raise AssertionError("standard input was read again")


def piped(data: bytes) -> Callable[[], BinaryIO | None]:
    return lambda: io.BytesIO(data)


class TestStdin(TextConformance):
    data: bytes = b""

    def make(self, folder: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Reader:
        return self.make_of_bytes(folder, text_of(header, rows))

    def make_of_bytes(self, folder: Path, data: bytes) -> Reader:
        return open_source(StdinSource(), around=Surroundings(folder=fresh(folder), stdin=piped(data)))

    def files(self, folder: Path) -> list[Path]:
        return []

    def make_huge(self, folder: Path) -> Reader:
        return self.make_of_bytes(folder, b'Id,N\n1,"' + b"x" * 20_000_000)


def test_standard_input_is_read_once_and_kept_as_it_came(tmp_path: Path) -> None:
    """Every later opening, also in another process, reads the file; it is for its owner only."""
    data = b"\xef\xbb\xbfId;N\r\n1;a\r\n"
    source = StdinSource(delimiter=";")
    first = open_source(source, around=Surroundings(folder=tmp_path / "in", stdin=piped(data)))
    again = open_source(source, around=Surroundings(folder=tmp_path / "in", stdin=never))
    assert [(row.line, row.cells) for row in read(first)] == [(2, ["1", "a"])]
    assert [(row.line, row.cells) for row in read(again)] == [(2, ["1", "a"])]
    (kept,) = (tmp_path / "in").iterdir()
    assert (kept.read_bytes(), kept.stat().st_mode & 0o777) == (data, 0o600)
    assert (tmp_path / "in").stat().st_mode & 0o777 == 0o700


def test_a_terminal_is_no_source(tmp_path: Path) -> None:
    """Nobody is waited for."""
    with pytest.raises(InvalidInputError) as caught:
        open_source(StdinSource(), around=Surroundings(folder=tmp_path, stdin=lambda: None))
    assert caught.value.code == "LP0383"
    assert list(tmp_path.iterdir()) == []


def test_standard_input_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    """Half of it never passes for the whole at the next try."""

    class Broken(io.BytesIO):
        def read(self, size: int | None = -1, /) -> bytes:
            if self.tell():
                raise OSError(5, "broken")
            return super().read(3)

    with pytest.raises(InvalidInputError) as caught:
        open_source(StdinSource(), around=Surroundings(folder=tmp_path, stdin=lambda: Broken(b"Id\n1\n")))
    assert caught.value.code == "LP0302"
    assert list(tmp_path.iterdir()) == []


def test_standard_input_may_be_of_another_format(tmp_path: Path) -> None:
    """As the plan says."""
    around = Surroundings(folder=tmp_path, stdin=piped(b'{"A": 1.10}\n'))
    assert [row.cells for row in read(open_source(StdinSource("jsonl"), around=around))] == [["1.10"]]


# -- results of a step ---------------------------------------------------------------------------------------------


def results(folder: Path, kind: ResultKind, *outcomes: Outcome) -> Reader:
    source = ResultsSource("accounts", kind)
    return open_source(source, around=Surroundings(folder=fresh(folder), outcomes=lambda step, fate: outcomes))


def outcome(path: Path, text: str, rows: int, resent: Sequence[str] = ()) -> Outcome:
    path.write_text(text, encoding="utf-8", newline="")
    return Outcome(path, ",", rows, frozenset(resent))


class TestResults(ReaderConformance):
    FIRST_LINE = 0
    HOLDS_NUL = False

    def make(self, folder: Path, header: Sequence[str], rows: Sequence[Sequence[str]]) -> Reader:
        half = len(rows) // 2
        (folder / "1.csv").write_bytes(text_of(header, rows[:half]))
        (folder / "2.csv").write_bytes(text_of(header, rows[half:]))
        self.counts = half, len(rows) - half
        return self.open_again(folder)

    def open_again(self, folder: Path) -> Reader:
        found = [Outcome(folder / f"{n}.csv", ",", rows) for n, rows in enumerate(self.counts, 1)]
        return results(folder, "unprocessed", *found)

    def test_a_value_beyond_salesforces_limit_is_refused(self, tmp_path: Path) -> None:
        """It is not here: Salesforce itself gave it."""
        reader = self.make(tmp_path, ["Id"], [["x" * 200_000]])
        assert [len(row.cells[0]) for row in read(reader)] == [200_000]

    def make_huge(self, folder: Path) -> None:
        """Result files come from Salesforce, which has limits of its own."""


FAILED = '"sf__Id","sf__Error",Ext__c,Name\n'


def test_the_columns_of_salesforce_keep_their_names(tmp_path: Path) -> None:
    """What the org said of each row stands beside the row."""
    one = outcome(tmp_path / "a.csv", FAILED + '"","X:no:N --","1","a\nb"\n', 1)
    two = outcome(tmp_path / "b.csv", 'Name,"sf__Id",Ext__c,"sf__Error"\n"c","","2","Y:no:--"\n', 1)
    reader = results(tmp_path, "failed", one, two)
    assert (reader.name, reader.header) == ("failed results of accounts", ("sf__Id", "sf__Error", "Ext__c", "Name"))
    assert [row.cells for row in read(reader)] == [["", "X:no:N --", "1", "a\nb"], ["", "Y:no:--", "2", "c"]]


def test_rows_that_were_sent_again_are_left_out(tmp_path: Path) -> None:
    """They failed with a code that is retried; the file of the retry says what became of them."""
    text = FAILED + '"","UNABLE_TO_LOCK_ROW:busy:--","1","a"\n"","X:no:--","2","b"\n'
    one = outcome(tmp_path / "a.csv", text, 1, ["UNABLE_TO_LOCK_ROW"])
    assert [row.cells[2] for row in read(results(tmp_path, "failed", one))] == ["2"]


def test_no_rows_are_a_source_without_columns(tmp_path: Path) -> None:
    """Nothing failed: a good answer, and no column that the step reads can be missing."""
    for found in ([], [outcome(tmp_path / "a.csv", "", 0)]):
        reader = results(tmp_path, "failed", *found)
        assert (reader.header, read(reader)) == ((), [])


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        (FAILED + '"","X:no:--","1","a"\n', 2),
        (FAILED + '"","X:no:--","1","a"\n', 0),
        (FAILED + '"","X:no:--","1"\n', 1),
        (FAILED + '"","X:no:--","1","a\n', 1),
        ("Name\nx\n", 1),
    ],
    ids=["one is missing", "one too many", "ragged", "cut", "other columns"],
)
def test_results_that_are_not_those_on_record_are_refused(tmp_path: Path, text: str, rows: int) -> None:
    """A damaged file is not read as a shorter one."""
    good = outcome(tmp_path / "good.csv", FAILED + '"","X:no:--","0","z"\n', 1)
    with pytest.raises(InvalidInputError) as caught:
        results(tmp_path, "failed", good, outcome(tmp_path / "a.csv", text, rows))
    assert caught.value.code == "LP0386"


def test_the_results_of_a_step_are_taken_in_once(tmp_path: Path) -> None:
    """A later retry of that step changes its results, and the rows of this step stay those that were sent."""
    source = ResultsSource("accounts", "failed")
    path = tmp_path / "a.csv"
    found = [outcome(path, FAILED + '"","X:no:--","1","a"\n', 1)]
    around = Surroundings(folder=tmp_path / "in", outcomes=lambda step, kind: found)
    first = read(open_source(source, around=around))
    found.clear()
    assert read(open_source(source, around=around)) == first
