"""What reaches a terminal or a CI log: no escapes, no workflow commands, no tokens, whoever wrote the text (T8, T12)."""

from __future__ import annotations

import io
import os
import re
from pathlib import Path

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st
from loadplan.cli.console import Console
from loadplan.cli.main import COMMANDS, cli, run
from loadplan.errors import UsageError

from support.processes import typed

TOKEN = "00D000000000001!AQ.canary_of_a_token"


def said(*texts: str, color: bool = False) -> str:
    err = io.StringIO()
    console = Console(color=color, err=err)
    for text in texts:
        console.message(text)
        console.error(text)
    return err.getvalue()


def commands_in(log: str) -> list[str]:
    """What a runner of GitHub takes for a command: `::name` at the beginning of a line, blanks left away; `##[name` anywhere."""
    return [line for line in re.split(r"[\r\n\x85\u2028\u2029]", log) if line.strip().startswith("::") or "##[" in line]


@pytest.mark.parametrize(
    "text",
    [
        "::add-mask::x", "  ::error file=a::x", "a\n::set-output name=x::y", "a\r::warning::x", "x ##[error]y", "\x1b[1m::error::x",
        "\u00a0::error::x",
    ],
)  # fmt: skip
def test_no_text_of_others_becomes_a_workflow_command(text: str) -> None:
    """A file name, an error message or a plan that begins a line with one: it is shown, and does nothing."""
    assert commands_in(re.sub(r"\x1b\[[0-9;]*m", "", said(text))) == []


@given(st.text(st.sampled_from(list("ab:#[ \n\r\t\x1b\x9b\x07m;1\u2028"))), st.booleans())
def test_no_text_of_others_moves_the_cursor_or_becomes_a_command(text: str, color: bool) -> None:
    """Only colours pass, and only those that the console itself puts in."""
    log = said(text, color=color)
    plain = re.sub(r"\x1b\[[0-9;]*m", "", log)
    assert not re.search(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]", plain)
    assert commands_in(plain) == []


def test_colours_of_the_console_pass() -> None:
    """They are its own."""
    console = Console(color=True, err=io.StringIO())
    console.message(console.style("x", "red"))
    assert console.err is not None
    assert console.err.getvalue() == "\x1b[31mx\x1b[0m\n"  # type: ignore[attr-defined]


@pytest.mark.parametrize("more", [[], ["-vv"]], ids=["short", "with a traceback"])
def test_a_crash_report_holds_no_token(
    more: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A bug whose words hold one: the report can be pasted into an issue."""

    @click.command("runs")
    @click.pass_context
    def command(context: click.Context) -> None:
        context.obj.verbosity = 2 if more else 0
        raise RuntimeError(f"Authorization: Bearer {TOKEN}")

    monkeypatch.setattr("loadplan.cli.main.LazyGroup.get_command", lambda *_: command)
    assert run(["runs"]) == 70
    shown = capsys.readouterr().err
    assert "RuntimeError" in shown
    assert TOKEN not in shown
    assert "canary" not in shown


def test_no_option_of_any_command_takes_a_secret() -> None:
    """Arguments are in the list of processes and in the history of the shell."""
    root = click.Context(cli)
    names: list[str] = []
    for name in COMMANDS:
        found = cli.get_command(root, name)
        assert found is not None
        inner = list(found.commands.values()) if isinstance(found, click.Group) else [found]
        names += [
            f"{name} {option}" for c in inner for p in c.params if isinstance(p, click.Option) for option in p.opts
        ]
    assert len(names) > 60
    assert [
        n for n in names if re.search(r"token|secret|password|private|refresh|key", n) and not n.startswith("emulator ")
    ] == []


def test_a_hostile_name_of_a_mended_file_is_only_shown(project: Path) -> None:
    """Escapes and commands in a name that a person pastes."""
    name = "a\x1b[2J\n::error::x=b"
    code, out, text = typed(project, os.environ, "retry", "x", "--rows", name)
    assert code == 2
    assert "\x1b" not in text + out
    assert commands_in(text) == []


def test_an_error_of_many_lines_is_still_readable() -> None:
    """Line ends of our own stay."""
    err = io.StringIO()
    Console(err=err).show_error(UsageError("what", details=["one", "two"], next_commands=["this"]))
    assert err.getvalue().splitlines() == ["error: what", "  one", "  two", "next: this"]
