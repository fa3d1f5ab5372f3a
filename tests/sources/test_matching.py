"""Matching: result files as orgs really write them, and every way in which they can fail to be a partition."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from loadplan.errors import LocalError
from loadplan.plan.model import DELIMITERS, LINE_ENDINGS, CsvDialect
from loadplan.sources.encode import row_encoder
from loadplan.sources.matching import Fates, ResultPaths, match_results

HEADS = {"successful": ["sf__Id", "sf__Created"], "failed": ["sf__Id", "sf__Error"], "unprocessed": []}
OWN = {"successful": ["001000000000001", "true"], "failed": ["", "INVALID_FIELD:no: none:A,B --"], "unprocessed": []}


class Job:
    """A part and its result files in one folder. `returns` says which rows each file holds."""

    def __init__(self, folder: Path, rows: list[list[str]], dialect: CsvDialect = CsvDialect()) -> None:  # noqa: B008
        self.folder = folder
        self.rows = rows
        self.dialect = dialect
        encode = row_encoder(DELIMITERS[dialect.delimiter], LINE_ENDINGS[dialect.line_ending])
        self.part = folder / "0001.csv"
        self.part.write_bytes(b"".join(map(encode, [["A", "B"], *rows])))

    def match(self, key: str | None = None, header: tuple[str, ...] = ("A", "B"), **returns: list[list[str]]) -> Fates:
        delimiter, end = DELIMITERS[self.dialect.delimiter], LINE_ENDINGS[self.dialect.line_ending]
        paths = {}
        for kind, own in HEADS.items():
            paths[kind] = self.folder / f"{kind}.csv"
            lines = [delimiter.join([*own, *header])]
            for row in returns.get(kind, []):
                lines.append(delimiter.join('"' + c.replace('"', '""') + '"' for c in [*OWN[kind], *row]))
            paths[kind].write_bytes((end.join(lines) + end).encode() if kind in returns else b"")
        return match_results(self.part, ResultPaths(**paths), dialect=self.dialect, key=key)


def kinds(fates: Fates) -> list[str | None]:
    return [fate.kind if fate else None for fate in fates.rows]


@pytest.mark.parametrize("key", ["A", None])
def test_files_without_a_byte_have_no_rows(tmp_path: Path, key: str | None) -> None:
    """An org answers an empty category with 204; all rows in one file are still a partition."""
    fates = Job(tmp_path, [["1", "x"], ["2", "y"]]).match(key, successful=[["2", "y"], ["1", "x"]])
    assert (fates.agree, fates.problem, kinds(fates)) == (True, "", ["successful", "successful"])


@pytest.mark.parametrize("key", ["A", None])
def test_no_result_at_all_leaves_every_row_missing(tmp_path: Path, key: str | None) -> None:
    """Silence is never taken for `unprocessed`."""
    fates = Job(tmp_path, [["1", "x"], ["2", "y"]]).match(key)
    assert (fates.agree, fates.missing, kinds(fates)) == (False, 2, [None, None])
    assert fates.problem == "2 of 2 sent rows are in no result file"


def test_a_part_without_rows_agrees_with_empty_results(tmp_path: Path) -> None:
    """Nothing sent, nothing returned."""
    assert Job(tmp_path, []).match("A").agree


@pytest.mark.parametrize("ending", ["LF", "CRLF"])
@pytest.mark.parametrize("delimiter", ["BACKQUOTE", "CARET", "PIPE", "SEMICOLON", "TAB"])
def test_results_follow_the_dialect_of_the_job(tmp_path: Path, delimiter: str, ending: str) -> None:
    """The delimiter and the line ending of the job are those of its result files; line breaks in cells stay."""
    rows = [["1", f"a{DELIMITERS[delimiter]}b"], ["2", 'c\nd "e"'], ["3", "f\r\ng"]]
    job = Job(tmp_path, rows, CsvDialect(delimiter, ending))  # type: ignore[arg-type]
    fates = job.match(successful=[rows[1]], failed=[rows[2]], unprocessed=[rows[0]])
    assert (fates.agree, kinds(fates)) == (True, ["unprocessed", "successful", "failed"])


def test_columns_in_another_order_and_case_are_the_same_columns(tmp_path: Path) -> None:
    """Old versions sort the columns of failed results; names are spelled as the object spells them."""
    fates = Job(tmp_path, [["1", "x"], ["2", "y"]]).match("A", ("b", "a"), failed=[["y", "2"], ["x", "1"]])
    assert (fates.agree, kinds(fates)) == (True, ["failed", "failed"])


def test_a_column_that_comes_back_blank_does_not_lose_its_row(tmp_path: Path) -> None:
    """A header whose case differs from the field's gives blank cells in results."""
    rows = [["1", "x"], ["2", "y"]]
    fates = Job(tmp_path, rows).match(successful=[["", "y"]], failed=[["", "x"]])
    assert (fates.agree, kinds(fates)) == (True, ["failed", "successful"])


def test_a_key_returned_twice_is_not_another_key_in_another_spelling(tmp_path: Path) -> None:
    """`7` twice and `007` never: the second `7` must not stand in for the row that is missing."""
    fates = Job(tmp_path, [["7", "x"], ["007", "x"]]).match("A", successful=[["7", "x"], ["7", "x"]])
    assert (fates.agree, fates.missing, dict(fates.extra)) == (False, 1, {"successful": 1})
    assert kinds(fates) == ["successful", None]


def test_a_number_as_key_matches_in_another_spelling(tmp_path: Path) -> None:
    """An external id of type number comes back as Salesforce writes doubles."""
    rows = [["912260031", "x"], ["7", "x"]]
    fates = Job(tmp_path, rows).match("A", successful=[["7.0", "x"]], failed=[["9.12260031E8", "x"]])
    assert (fates.agree, kinds(fates)) == (True, ["failed", "successful"])


def test_equal_rows_are_matched_as_often_as_they_were_sent(tmp_path: Path) -> None:
    """Without a key two equal rows are told apart by their number only."""
    rows = [["1", "x"]] * 3
    job = Job(tmp_path, rows)
    assert kinds(job.match(successful=rows[:2], failed=rows[:1])) == ["successful", "successful", "failed"]
    assert job.match(successful=[*rows, rows[0]]).extra == {"successful": 1}
    assert job.match(successful=rows[:2]).missing == 1


TABLES = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from(["", "x", "1,5"])), min_size=1, max_size=10)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=80)
@given(data=st.data(), by_key=st.booleans(), repeat=st.booleans())
def test_one_row_lost_or_repeated_is_always_noticed(
    tmp_path: Path, data: st.DataObject, by_key: bool, repeat: bool
) -> None:
    """Whatever else came back, a partition with one row too few or too many never agrees."""
    table = [[f"{i}{a}" if by_key else a, b] for i, (a, b) in enumerate(data.draw(TABLES))]
    returns: dict[str, list[list[str]]] = {kind: [] for kind in HEADS}
    for row in table:
        returns[data.draw(st.sampled_from(sorted(HEADS)))].append(row)
    broken = data.draw(st.sampled_from([kind for kind in sorted(returns) if returns[kind]]))
    returns[broken] = [*returns[broken], returns[broken][0]] if repeat else returns[broken][1:]
    fates = Job(tmp_path, table).match("A" if by_key else None, ("A", "B"), **returns)
    assert (fates.agree, bool(fates.problem)) == (False, True)
    assert (fates.missing, sum(fates.extra.values())) == ((0, 1) if repeat else (1, 0))


def test_a_damaged_result_file_is_this_machines_fault(tmp_path: Path) -> None:
    """A file cut inside a quoted value is not read as a shorter one."""
    job = Job(tmp_path, [["1", "x"]])
    failed = tmp_path / "failed.csv"
    failed.write_bytes(b'"sf__Id","sf__Error",A,B\n"","X:y:--","1","x')
    with pytest.raises(LocalError) as caught:
        match_results(job.part, ResultPaths(failed=failed), dialect=job.dialect, key="A")
    assert caught.value.code == "LP0335"
