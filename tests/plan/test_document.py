"""The YAML door: what a file means, and what it refuses with a place."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loadplan.plan.document import MAX_BYTES, parse_document, parse_partly, read_document


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("NO", "NO"), ("yes", "yes"), ("on", "on"), ("01234", "01234"), ("12:30:45", "12:30:45"), ("0x1f", "0x1f"),
        ("0o17", "0o17"), ("2026-06-30", "2026-06-30"), ("2026-06-30T12:00:00Z", "2026-06-30T12:00:00Z"), ("1_000", "1_000"),
        ("true", True), ("False", False), ("null", None), ("~", None), ("", None), ("42", 42), ("-7", -7), ("1.5", 1.5),
        ("1e3", 1000.0), ("'42'", "42"), ('"true"', "true"),
        ("1234567890123456789012", "1234567890123456789012"),
    ],
)  # fmt: skip
def test_a_scalar_is_read_by_yaml_1_2(written: str, value: Any) -> None:
    """Only the core schema's words and numbers are anything but text, so a country code or a zip survives."""
    document, problems = parse_document(f"a: {written}\n".encode(), "p.yaml")
    assert problems == []
    assert document is not None
    assert document.data == {"a": value}
    assert type(document.data["a"]) is type(value)


REFUSED = {
    "alias": (b"a: 1\nb: *x\n", "LP0103", 2, 4),
    "anchor": (b"a: &x 1\n", "LP0103", 1, 4),
    "merge key": (b"a:\n  <<: {b: 1}\n", "LP0103", 2, 3),
    "tag": (b"a: !!python/object:os.system x\n", "LP0104", 1, 4),
    "duplicate key": (b"a: 1\nb: 2\na: 3\n", "LP0105", 3, 1),
    "several documents": (b"a: 1\n---\nb: 2\n", "LP0106", 2, 1),
    "not UTF-8": (b"a: 1\nb: caf\xe9\n", "LP0102", 2, 0),
    "control character": (b"a: \x07", "LP0102", 1, 4),
    "empty": (b"", "LP0101", 1, 1),
    "unclosed quote": (b'a: 1\nb: "x\n', "LP0101", 2, 4),
    "line separator that editors do not show": ("a: 1\nb: x\u2028y\n".encode(), "LP0102", 2, 5),
    "mark that turns the reading direction": ("a: \u202ex\n".encode(), "LP0102", 1, 4),
    "UTF-16": ("a: 1\n".encode("utf-16"), "LP0102", 1, 0),
    "tab that indents": (b"a:\n\tb: 1\n", "LP0101", 2, 1),
    "template without quotes": (b"a: {{ x }}\n", "LP0101", 1, 4),
    "template without quotes, and more": (b"a: 1\nb: {{ x }}.csv\n", "LP0101", 2, 4),
    "colon in a value": (b"a: b: c\n", "LP0101", 1, 5),
    "a character with a meaning": (b"a: 1\nb: @x\n", "LP0101", 2, 4),
    "key that is a list": (b"[a]: 1\n", "LP0101", 1, 1),
    "too deep": (b"[" * 65 + b"]" * 65, "LP0107", 1, 65),
    "too large": (b"#" * (MAX_BYTES + 1), "LP0107", 0, 0),
}


@pytest.mark.parametrize("situation", REFUSED)
def test_a_file_that_cannot_be_trusted_is_refused_at_its_place(situation: str) -> None:
    """One diagnostic, with its code, line and column, and no document."""
    text, code, line, column = REFUSED[situation]
    document, problems = parse_document(text, "p.yaml")
    assert document is None
    assert [(p.code, p.place.line, p.place.column) for p in problems] == [(code, line, column)]


def test_a_duplicate_key_shows_both_places() -> None:
    """The second place is the error, the first one a note."""
    _, (problem,) = parse_document(b"steps:\n  a: 1\n  a: 2\n", "p.yaml")
    assert (problem.place.line, problem.place.column, problem.place.end_column) == (3, 3, 4)
    assert [(n.place.line, n.place.column) for n in problem.notes] == [(2, 3)]


def test_a_quoted_merge_mark_is_an_ordinary_key() -> None:
    """Only the plain `<<` merges in other parsers."""
    document, problems = parse_document(b'"<<": 1\n', "p.yaml")
    assert (problems, document and document.data) == ([], {"<<": 1})


def test_values_remember_their_place_and_their_digits() -> None:
    """A place is found for values, keys, and for what is missing: its nearest parent."""
    document, _ = parse_document(b"steps:\n  a: {limit: 1.10}\n", "p.yaml")
    assert document is not None
    assert document.raw(("steps", "a", "limit")) == "1.10"
    assert str(document.place(("steps", "a", "limit"))) == "p.yaml:2:14"
    assert str(document.key_place(("steps", "a", "limit"))) == "p.yaml:2:7"
    assert document.place(("steps", "a", "source")) == document.place(("steps", "a"))


def test_a_byte_order_mark_is_dropped() -> None:
    """Editors on Windows write one."""
    document, _ = parse_document(b"\xef\xbb\xbfa: 1\n", "p.yaml")
    assert document is not None
    assert document.data == {"a": 1}


def test_a_file_that_cannot_be_read_says_what_to_type(tmp_path: Path) -> None:
    """A misspelt name, a folder, a pipe and a name that no file can have are told like any other problem."""
    (tmp_path / "plan.yaml").write_text("a: 1\n", encoding="utf-8")
    os.mkfifo(tmp_path / "pipe")
    for name, summary, hint in (
        ("plam.yaml", "does not exist", "did you mean `plan.yaml`?"),
        ("", "is a folder", f"name a file in it: `{tmp_path}/plan.yaml`"),
        ("pipe", "is not a regular file", "name a YAML file"),
        ("x" * 300, "cannot read", "correct the path"),
        ("a\0b", "cannot read", "correct the path"),
    ):
        document, (problem,) = read_document(tmp_path / name)
        assert document is None
        assert problem.code == "LP0100"
        assert summary in problem.summary
        assert hint in problem.hint


def test_windows_line_endings_change_no_value_and_no_place() -> None:
    """A plan saved on Windows, with its byte order mark, means the same."""
    text = "a: 1\nb: |\n  x\n  y\nc: 'é'   # end\nd: [1, 2]\n"
    unix, _ = parse_document(text.encode(), "p.yaml")
    windows, problems = parse_document(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode(), "p.yaml")
    assert unix is not None
    assert windows is not None
    assert problems == []
    assert (windows.data, windows.raws, windows.lines) == (unix.data, unix.raws, unix.lines)
    assert all(windows.place(p) == unix.place(p) for p in unix.raws)


def test_the_rest_of_the_file_is_read_around_what_is_refused() -> None:
    """Every refused part is told in one pass, and what stands between them is known."""
    text = b"a: 1\na: 2\nb: *x\nc: &y 3\nd: !t 4\n<<: {}\ne: [1, *x, 2]\n? [q]\n: 1\nf: {{ g }}\n---\nz: 1\n"
    document, problems = parse_partly(text, "p.yaml")
    assert [(p.code, p.place.line, p.place.column) for p in problems] == [
        ("LP0105", 2, 1), ("LP0103", 3, 4), ("LP0103", 4, 4), ("LP0104", 5, 4), ("LP0103", 6, 1), ("LP0103", 7, 8),
        ("LP0101", 8, 3), ("LP0101", 10, 4), ("LP0106", 11, 1),
    ]  # fmt: skip
    assert document is not None
    assert document.data == {"a": 1, "c": 3, "e": [1, 2], "f": {}}
    assert not document.is_whole("a")
    assert not document.is_whole("e")
    assert document.is_whole("c")


def test_a_copy_without_some_parts_keeps_the_places_of_the_rest() -> None:
    """Items move up and keys get another name; each still knows its line in the file."""
    document, _ = parse_document(b"a:\n  - x\n  - {q: 1}\n  - y\nb: 2\n", "p.yaml")
    assert document is not None
    copy = document.without([("a", 0)], renamed={("b",): "c"})
    assert copy.data == {"a": [{"q": 1}, "y"], "c": 2}
    assert str(copy.place(("a", 0, "q"))) == "p.yaml:3:9"
    assert str(copy.key_place(("a", 0, "q"))) == "p.yaml:3:6"
    assert (copy.raw(("a", 1)), str(copy.place(("a", 1)))) == ("y", "p.yaml:4:5")
    assert str(copy.key_place(("c",))) == "p.yaml:5:1"
    assert copy.dropped == ("x",)
    assert not copy.is_whole("a")
    assert document.data == {"a": ["x", {"q": 1}, "y"], "b": 2}


def test_a_word_is_found_inside_a_value_of_many_lines() -> None:
    """The place of a misspelt variable is its own, not that of the text around it."""
    document, _ = parse_document(b"a:\n  soql: >\n    SELECT x\n    FROM yy, y\n", "p.yaml")
    assert document is not None
    assert str(document.place_of(("a", "soql"), "y")) == "p.yaml:4:14"
    assert str(document.place_of(("a", "soql"), "x")) == "p.yaml:3:12"
    assert document.place_of(("a", "soql"), "x", in_template=True) == document.place(("a", "soql"))
    assert document.place_of(("a", "soql"), "x", nth=1) == document.place(("a", "soql"))
    assert document.place_of(("a", "soql"), "nowhere") == document.place(("a", "soql"))


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200) | st.text("a:-[]{}<&*!|>'\"#\n\t ,?%@`~0é", max_size=120).map(str.encode))
def test_no_bytes_make_the_door_raise(text: bytes) -> None:
    """Any input is either a document or diagnostics, each with a hint."""
    document, problems = parse_document(text, "p.yaml")
    assert (document is None) == (problems != [])
    assert all(p.hint for p in problems)
