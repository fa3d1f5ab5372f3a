"""The YAML door: what a file means, and what it refuses with a place."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loadplan.plan.document import MAX_BYTES, parse_document, read_document


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
    "unclosed quote": (b'a: "x\n', "LP0101", 2, 1),
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


def test_a_file_that_is_not_there_is_a_diagnostic(tmp_path: Path) -> None:
    """A missing file and a folder are told like any other problem."""
    for path in (tmp_path / "none.yaml", tmp_path):
        document, problems = read_document(path)
        assert document is None
        assert [p.code for p in problems] == ["LP0100"]


@settings(max_examples=150, deadline=None)
@given(st.binary(max_size=200) | st.text("a:-[]{}<&*!|>'\"#\n\t ,?%@`~0é", max_size=120).map(str.encode))
def test_no_bytes_make_the_door_raise(text: bytes) -> None:
    """Any input is either a document or one diagnostic."""
    document, problems = parse_document(text, "p.yaml")
    assert (document is None) == (len(problems) == 1)
