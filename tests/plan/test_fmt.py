"""The one style: what a plan means and every comment stay, whatever it looked like before."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from loadplan.errors import InvalidInputError
from loadplan.plan.document import parse_document
from loadplan.plan.fmt import DEFAULTS, GATE, ROOT, SOURCE, STEP, VARIABLE, format_plan
from loadplan.plan.schema import load_schema

from support.processes import typed

ROOT_FOLDER = Path(__file__).parents[2]
PLANS = sorted((ROOT_FOLDER / "plans").glob("*/plan.yaml"))
MESSY = """\
# yaml-language-server: $schema=x
steps:
    a:    # the first
        source: {path: x.csv,   # where
           delimiter: ";"}
        object: Account
        # about the operation
        operation:   insert


        gate: {on_fail: stop, max_failed_rows: 1}
        # end of a
    # before b
    b: {object: Contact, operation: upsert, external_id: Legacy_Id__c, source: data/long/path/of/rows.csv, columns: {LastName: last}}
    q:
        operation: query
        soql: |
            SELECT Id
              FROM Account   # not a comment
        depends_on:
        - a     # why
        # more
        - b
version: 1
name: "messy"   # quoted
# the end
"""
NEAT = """\
# yaml-language-server: $schema=x
version: 1
name: "messy"   # quoted

steps:
  a:  # the first
    object: Account
    # about the operation
    operation: insert
    source:
      path: x.csv  # where
      delimiter: ";"

    gate: {max_failed_rows: 1, on_fail: stop}
    # end of a

  # before b
  b:
    object: Contact
    operation: upsert
    external_id: Legacy_Id__c
    source: data/long/path/of/rows.csv
    columns: {LastName: last}

  q:
    operation: query
    soql: |
      SELECT Id
        FROM Account   # not a comment
    depends_on:
      - a  # why
      # more
      - b
# the end
"""


def formatted(text: str) -> str:
    return format_plan(text.encode(), "plan.yaml")


def meaning(text: str) -> Any:
    document, problems = parse_document(text.encode(), "plan.yaml")
    assert problems == []
    assert document is not None
    return document.data


def test_a_plan_in_disorder_comes_out_in_the_one_style() -> None:
    """Order of keys, two blanks, a blank line between steps, long brackets as blocks; each comment with what it speaks of."""
    assert formatted(MESSY) == NEAT
    assert formatted(NEAT) == NEAT


@pytest.mark.parametrize("file", PLANS, ids=lambda p: p.parent.name)
def test_the_plans_of_this_project_are_in_the_one_style(file: Path) -> None:
    """What we show is what we write."""
    assert formatted(file.read_text(encoding="utf-8")) == file.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("map_", "order"),
    [("step", STEP), ("step", DEFAULTS), ("source", SOURCE), ("gate", GATE), ("", ROOT), ("vars", VARIABLE)],
)
def test_every_key_of_the_schema_has_its_place(map_: str, order: tuple[str, ...]) -> None:
    """A key that is added to the schema is added here."""
    schema = load_schema("plan")
    if map_ == "vars":
        keys = schema["properties"]["vars"]["additionalProperties"]["properties"]
    else:
        keys = (schema["$defs"][map_] if map_ else schema)["properties"]
    assert set(keys) <= set(order)


# -- whatever the plan ---------------------------------------------------------------------------------------------

WORDS = st.one_of(
    st.sampled_from(["plain", "a b", "01234", "NO", "1.10", "null", "true", "12", "x:y", "a#b", "-1", "~"]),
    st.text(
        st.characters(codec="utf-8", exclude_categories=("C", "Z"), exclude_characters="\ufffe\uffff"),
        min_size=1,
        max_size=8,
    ).map(lambda t: json.dumps(t, ensure_ascii=False)),
    st.sampled_from(['"with # in it"', "'it''s'", '"{{ var }}"', '""', "''", '"a\\nb"', '"a: b"']),
)
KEYS = st.one_of(
    st.sampled_from(
        ["object", "operation", "gate", "source", "columns", "path", "where", "poll", "name", "version", "vars"]
    ),
    st.from_regex(r"[a-z][a-z0-9_]{0,5}", fullmatch=True),
    st.sampled_from(["'a b'", '"c:d"', "Contact:Who.X__c", "on", "null", "1"]),
)
VALUES = st.recursive(
    WORDS,
    lambda inner: st.one_of(
        st.dictionaries(KEYS, inner, max_size=4),
        st.lists(inner, max_size=4),
    ),
    max_leaves=12,
)
COMMENTS = st.sampled_from(["", "", "", "  # note", " #tight", "   # é: {x}, [y]"])
ABOVE = st.sampled_from(["", "", "", "\n", "# alone\n", "\n\n\n", "\n# one\n# two\n\n"])


@st.composite
def plans(draw: st.DrawFn) -> str:
    """A YAML text of our kind: any nesting, blocks and brackets, texts of several lines, comments and blank lines anywhere."""
    step = draw(st.integers(1, 4))
    counter = iter(range(10_000))

    def comment() -> str:
        text = draw(COMMENTS)
        return f"{text} {next(counter)}" if text else ""

    def above(indent: int) -> str:
        text = draw(ABOVE)
        return re.sub(
            r"^#.*$",
            lambda m: " " * draw(st.integers(0, indent + 2)) + f"{m[0]} {next(counter)}",
            text,
            flags=re.MULTILINE,
        )

    def flow(value: Any, *, may_break: bool) -> str:
        gap = (
            draw(st.sampled_from([" ", " ", "\n" + " " * 20, f"   # in {next(counter)}\n" + " " * 20]))
            if may_break
            else " "
        )
        if isinstance(value, dict):
            return "{" + f",{gap}".join(f"{k}: {flow(v, may_break=may_break)}" for k, v in value.items()) + "}"
        if isinstance(value, list):
            return "[" + f",{gap}".join(flow(v, may_break=may_break) for v in value) + "]"
        return str(value)

    def block(value: Any, indent: int) -> str:
        if isinstance(value, dict | list) and value and draw(st.integers(0, 2)):
            inner = indent + step
            lines = ""
            for item in value.items() if isinstance(value, dict) else value:
                lines += above(inner)
                lines += " " * inner + (
                    f"{item[0]}:{block(item[1], inner)}" if isinstance(value, dict) else f"-{block(item, inner)}"
                )
            return f"{comment()}\n{lines}"
        if isinstance(value, dict | list):
            return f" {flow(value, may_break=True)}{comment()}\n"
        if draw(st.integers(0, 6)) == 0:
            mark = draw(st.sampled_from(["|", "|-", ">", ">-"]))
            pad = " " * (indent + step + 1)
            return f" {mark}{comment()}\n{pad}one # no comment\n{pad}  two\n\n{pad}three\n"
        if draw(st.integers(0, 6)) == 0:
            return f" plain text\n{' ' * (indent + step + 1)}going on{comment()}\n"
        return f" {value}{comment()}\n"

    whole = draw(st.dictionaries(KEYS, VALUES, min_size=1, max_size=4))
    text = above(0)
    for key, value in {
        **whole,
        "version": "1",
        "steps": draw(st.dictionaries(KEYS, VALUES, min_size=1, max_size=3)),
    }.items():
        text += above(0) + f"{key}:{block(value, 0)}"
    return text + above(0)


def notes(text: str) -> list[str]:
    """The comments that the generator wrote, by their numbers, in order of number."""
    return sorted(re.findall(r"#[^\n#]*? \d+(?=\n|\Z)|# in \d+", text))


@settings(max_examples=120, deadline=None)
@given(plans())
def test_no_meaning_no_comment_is_lost_and_a_second_time_changes_nothing(text: str) -> None:
    """Any text of our kind of YAML: equal values, the same comments, and what comes out is a fixed point."""
    first = formatted(text)
    assert meaning(first) == meaning(text)
    numbers = [int(n) for n in re.findall(r"(?:note|tight|\[y\]|alone|one|two|in) (\d+)", text)]
    kept = [int(n) for n in re.findall(r"(?:note|tight|\[y\]|alone|one|two|in) (\d+)", first)]
    assert sorted(kept) == sorted(numbers)
    assert formatted(first) == first
    assert not re.search(r"[ \t]$", first, re.MULTILINE)
    assert "\n\n\n" not in first


def test_windows_line_ends_and_a_byte_order_mark_go() -> None:
    """One style, also of the file."""
    assert format_plan(b"\xef\xbb\xbfversion: 1\r\nname: x\r\n\r\n\r\n", "p") == "version: 1\nname: x\n"


def test_a_text_whose_blank_lines_count_is_left_alone() -> None:
    """`|+` keeps the blank lines behind it; what would change them is refused, and says so."""
    with pytest.raises(InvalidInputError) as caught:
        formatted("version: 1\nsteps:\n  q:\n    soql: |+\n      SELECT\n\n\n")
    assert [d.code for d in caught.value.diagnostics] == ["LP0108"]


# -- the command ---------------------------------------------------------------------------------------------------


def test_fmt_writes_checks_and_shows(tmp_path: Path) -> None:
    """`--check` exits 1 and changes nothing; `--diff` shows; without them the file is written, and then all is well."""
    import os

    plan = tmp_path / "plan.yaml"
    plan.write_text(MESSY, encoding="utf-8")
    plan.chmod(0o640)
    code, out, said = typed(tmp_path, os.environ, "fmt", "--check", "plan.yaml")
    assert (code, out, said.splitlines()[-1]) == (1, "", "next: loadplan fmt plan.yaml")
    code, out, said = typed(tmp_path, os.environ, "fmt", "--diff", "plan.yaml")
    assert code == 0
    assert "+++ plan.yaml (formatted)" in out
    assert plan.read_text(encoding="utf-8") == MESSY
    assert typed(tmp_path, os.environ, "fmt", "plan.yaml")[0] == 0
    assert plan.read_text(encoding="utf-8") == NEAT
    assert plan.stat().st_mode & 0o777 == 0o640
    code, _, said = typed(tmp_path, os.environ, "fmt", "--check", "plan.yaml")
    assert (code, said) == (0, "all in the one style\n")


def test_fmt_of_a_file_that_is_no_yaml_changes_nothing_and_says_where(tmp_path: Path) -> None:
    """The others are formatted all the same."""
    import os

    (tmp_path / "bad.yaml").write_text("a: 1\na: 2\n", encoding="utf-8")
    (tmp_path / "good.yaml").write_text("name: x\nversion: 1\n", encoding="utf-8")
    code, _, said = typed(tmp_path, os.environ, "fmt", "bad.yaml", "good.yaml")
    assert code == 2
    assert "error[LP0105]" in said
    assert "bad.yaml:2:1" in said
    assert (tmp_path / "bad.yaml").read_text(encoding="utf-8") == "a: 1\na: 2\n"
    assert (tmp_path / "good.yaml").read_text(encoding="utf-8") == "version: 1\nname: x\n"
