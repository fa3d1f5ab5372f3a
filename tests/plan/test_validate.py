"""What `loadplan validate` prints: the messages of a whole plan word by word, and of files that are hardly plans."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from loadplan.cli.main import run

GOLDEN = Path(__file__).parents[1] / "golden" / "mistakes"
PLAN = "version: 1\nname: demo\nsteps:\n  a: {operation: query, soql: SELECT Id FROM A}\n"


@pytest.fixture(autouse=True)
def _outside_of_ci(monkeypatch: pytest.MonkeyPatch) -> None:
    """Annotations of a CI system do not belong to the text."""
    monkeypatch.delenv("GITHUB_ACTIONS", raising=False)


@pytest.mark.parametrize("form", ["full", "concise"])
def test_a_plan_full_of_mistakes_is_told_word_by_word(
    form: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The committed text is what an author reads; `loadplan validate --format FORM plan.yaml > FORM.txt` renews it."""
    monkeypatch.chdir(GOLDEN)
    assert run(["validate", "--color", "never", "--format", form, "plan.yaml"]) == 2
    printed = capsys.readouterr()
    assert printed.out == (GOLDEN / f"{form}.txt").read_text(encoding="utf-8")
    assert printed.err == "1 plan checked: 32 errors, 2 warnings\nnext: loadplan explain LP0206\n"


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (PLAN.replace("  a:", "\ta:").encode(), ["plan.yaml:4:1", "a tab cannot indent", "use spaces"]),
        (PLAN.encode("utf-16"), ["plan.yaml:1", "UTF-16", "save the file as UTF-8"]),
        (PLAN.encode().replace(b"demo", b"d\xe9mo"), ["plan.yaml:2", "0xe9", "save the file as UTF-8"]),
        (b"", ["the file is empty", "version: 1"]),
        (b"# only words\n", ["the file is empty"]),
        (b"just words\n", ["the file must be a map of keys, not `just words`"]),
        (b"PK\x03\x04zip", ["control character 0x03"]),
    ],
    ids=["tab", "UTF-16", "Latin-1", "empty", "comment", "no map", "binary"],
)
def test_a_file_that_is_hardly_a_plan_says_what_to_do(
    tmp_path: Path, content: bytes, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit 2, one message with its place and a way out."""
    (tmp_path / "plan.yaml").write_bytes(content)
    assert run(["validate", str(tmp_path / "plan.yaml")]) == 2
    printed = capsys.readouterr().out
    assert printed.count("error[") == 1
    assert all(w in printed for w in [*words, "help: "])


@pytest.mark.parametrize(
    "make", [str.encode, lambda t: t.replace("\n", "\r\n").encode(), lambda t: b"\xef\xbb\xbf" + t.encode()]
)
def test_a_plan_from_any_editor_is_read_the_same(
    tmp_path: Path, make: object, capsys: pytest.CaptureFixture[str]
) -> None:
    """Unix and Windows line endings, with and without a byte order mark: also the place of a mistake."""
    assert callable(make)
    (tmp_path / "plan.yaml").write_bytes(make(PLAN))
    assert run(["validate", str(tmp_path / "plan.yaml")]) == 0
    (tmp_path / "plan.yaml").write_bytes(make("name: Große Ladung\n" + PLAN.replace("name: demo\n", "")))
    assert run(["validate", str(tmp_path / "plan.yaml")]) == 2
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].endswith("plan.yaml:1:7")
    assert lines[3:5] == ["  1| name: Große Ladung", "   |       ^^^^^^^^^^^^"]


def test_a_folder_names_the_plans_in_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And a folder without any says so."""
    (tmp_path / "one.yaml").write_text(PLAN, encoding="utf-8")
    assert run(["validate", str(tmp_path)]) == 2
    printed = capsys.readouterr().out
    assert f"{tmp_path} is a folder" in printed
    assert f"name a file in it: `{tmp_path}/one.yaml`" in printed


@pytest.mark.skipif(not os.path.isfile("/proc/self/mem"), reason="needs a file that opens and cannot be read")  # noqa: PTH113
def test_a_file_that_cannot_be_read_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    """The words of the system, and no traceback."""
    assert run(["validate", "/proc/self/mem"]) == 2
    assert "cannot read /proc/self/mem: Input/output error" in capsys.readouterr().out


def test_an_output_in_a_state_folder_of_its_own_place_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--state-dir` moves the folder where runs are kept, and the rule moves with it."""
    plan = PLAN.replace("FROM A}", "FROM Account, output: state/a.csv}")
    (tmp_path / "plan.yaml").write_text(plan, encoding="utf-8")
    state = ["--state-dir", str(tmp_path / "state")]
    assert run(["apply", str(tmp_path / "plan.yaml"), "-o", "embedded", *state]) == 2
    assert "lies in the folder where runs are kept" in capsys.readouterr().err
    assert not (tmp_path / "state").exists()
