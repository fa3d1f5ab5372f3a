"""How diagnostics read: a frame for people, lines for machines."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

from loadplan.diagnostic_formats import RENDERERS, as_concise, as_json, as_junit, as_sarif, render_full
from loadplan.diagnostics import Diagnostic, Note, Place, Severity
from loadplan.github import as_github


def test_the_frame_shows_the_line_and_a_caret_under_the_word(tmp_path: Path) -> None:
    """Line number, text, carets with their label, the way out and the page of the code."""
    file = tmp_path / "plan.yaml"
    file.write_text("a: 1\nb: 2\na: 3\n", encoding="utf-8")
    first = Note(Place(str(file), 1, 1, 2), "first here")
    frame = render_full(
        [
            Diagnostic(
                "LP0105", "key `a` is written twice", Place(str(file), 3, 1, 2), "again here", "remove one", (first,)
            )
        ]
    )
    assert frame.splitlines() == [
        "error[LP0105]: key `a` is written twice",
        f"  --> {file}:3:1",
        "   |",
        "  1| a: 1",
        "   | - first here",
        "   |",
        "  3| a: 3",
        "   | ^ again here",
        "   |",
        "help: remove one",
        "docs: loadplan explain LP0105",
    ]


def test_a_terminal_sequence_in_a_plan_is_not_passed_on(tmp_path: Path) -> None:
    """Quoted lines and messages hold no escape characters."""
    file = tmp_path / "plan.yaml"
    file.write_text("a: \x1b[31mred\n", encoding="utf-8")
    frame = render_full([Diagnostic("LP0102", "control \x1b[2J", Place(str(file), 1, 4))])
    assert "\x1b" not in frame


def test_a_place_without_a_file_has_no_frame() -> None:
    """The command line cannot be quoted."""
    text = render_full([Diagnostic("LP0221", "no variable", Place("command line"))])
    assert text.splitlines()[:2] == ["error[LP0221]: no variable", "  --> command line"]
    assert "^" not in text


HOSTILE = Diagnostic("LP0204", "50%\n::error::x", Place("a,b:c.yaml", 2, 5), hint="fix\r\nit")


def test_a_github_annotation_stays_one_line() -> None:
    """Text cannot start a command of its own, and the file's commas and colons are escaped."""
    line = as_github([HOSTILE])
    assert "\n" not in line
    assert "\r" not in line
    assert line.startswith("::error file=a%2Cb%3Ac.yaml,line=2,col=5,title=LP0204::50%25")


def test_the_machine_formats_parse() -> None:
    """JSON, SARIF and JUnit carry the code, the place and the severity."""
    warning = Diagnostic("LP0217", "unused", Place("p.yaml", 3, 1), severity=Severity.WARNING)
    found = json.loads(as_json([HOSTILE, warning]))["diagnostics"]
    assert [(d["code"], d["severity"], d["line"]) for d in found] == [("LP0204", "error", 2), ("LP0217", "warning", 3)]
    results = json.loads(as_sarif([HOSTILE, warning]))["runs"][0]["results"]
    assert [(r["ruleId"], r["level"]) for r in results] == [("LP0204", "error"), ("LP0217", "warning")]
    suite = ElementTree.fromstring(as_junit([HOSTILE, warning]).encode())
    assert (suite.get("failures"), len(suite.findall("testcase/failure"))) == ("1", 1)
    assert as_concise([warning]) == "p.yaml:3:1: warning LP0217 unused"


def test_every_format_takes_an_empty_list() -> None:
    """No problems is a result, too."""
    for name, render in RENDERERS.items():
        assert isinstance(render([]), str), name


def test_a_caret_stands_under_a_word_behind_wide_and_combined_characters(tmp_path: Path) -> None:
    """A terminal gives some characters two columns and an accent of its own none; a tab is one blank."""
    file = tmp_path / "plan.yaml"
    file.write_text("a: '東京' x\nb:\té: 'e\u0301' x\nc: 🎉 x\n", encoding="utf-8-sig")
    for line, column, expected in ((1, 9, " " * 10 + "^"), (2, 12, " " * 10 + "^"), (3, 6, " " * 6 + "^")):
        frame = render_full([Diagnostic("LP0204", "x", Place(str(file), line, column, column + 1))])
        assert frame.splitlines()[4] == f"   | {expected}"


def test_a_file_that_changed_is_quoted_as_it_is_now(tmp_path: Path) -> None:
    """A long-lived process checks a plan again and again."""
    file = tmp_path / "plan.yaml"
    for text in ("a: 1\n", "b: 2\n"):
        file.write_text(text, encoding="utf-8")
        assert f"  1| {text.strip()}" in render_full([Diagnostic("LP0204", "x", Place(str(file), 1, 1))])


def test_a_place_without_a_line_is_no_line_of_an_annotation() -> None:
    """GitHub would refuse line 0; a file's name is a URI for SARIF."""
    whole = Diagnostic("LP0100", "gone", Place("plans/my plan.yaml"))
    assert as_github([whole]).startswith("::error file=plans/my plan.yaml,title=LP0100::")
    located = Diagnostic("LP0204", "x", Place("plans/my plan.yaml", 2, 3, 7))
    region = json.loads(as_sarif([located]))["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert region == {
        "artifactLocation": {"uri": "plans/my%20plan.yaml"},
        "region": {"startLine": 2, "startColumn": 3, "endColumn": 7},
    }


def test_a_name_with_a_line_break_stays_in_its_line(tmp_path: Path) -> None:
    """What stands behind the break would be a line of its own, and a CI runner might take it for a command."""
    whole = Diagnostic("LP0206", "`a\n::error::hi` cannot be a name", Place("p\n.yaml", 4), hint="not\nso")
    assert not [line for line in render_full([whole]).splitlines() if line.startswith("::")]
    assert render_full([whole]).splitlines()[0] == "error[LP0206]: `a\\n::error::hi` cannot be a name"
