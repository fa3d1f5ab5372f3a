"""Every exit other than 0 ends with something to type."""

from __future__ import annotations

import ast
import os
import signal
from pathlib import Path

import click
import pytest
from loadplan import errors
from loadplan.cli import main
from loadplan.diagnostics import Diagnostic, Place
from loadplan.errors import InterruptedRunError, InvalidInputError, LoadplanError, UsageError

from support.processes import started
from support.raw_server import RawServer
from support.stalling import StallingWire

PACKAGE = Path(__file__).parent.parent / "loadplan"
KINDS = {
    name
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, LoadplanError) and kind is not LoadplanError
}


def failing(
    error: BaseException, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> tuple[int, str]:
    """What `loadplan runs` says when it meets this error: (exit code, stderr)."""

    @click.command("runs")
    def command() -> None:
        raise error

    monkeypatch.setattr(main.LazyGroup, "get_command", lambda *_: command)
    code = main.run(["runs"])
    return code, capsys.readouterr().err


BARE: list[tuple[BaseException, int, str]] = [
    (kind("what happened"), kind.exit_code, "next: loadplan runs --help")
    for name, kind in sorted((n, vars(errors)[n]) for n in KINDS)
    if kind is not InterruptedRunError
]
OTHERS: list[tuple[BaseException, int, str]] = [
    (InterruptedRunError("stopped", signal_number=signal.SIGTERM, code="LP0506"), 143, "next: loadplan explain LP0506"),
    (UsageError("what", code="LP0603"), 2, "next: loadplan explain LP0603"),
    (UsageError("what", next_commands=["this one"]), 2, "next: this one"),
    (InvalidInputError("what", [Diagnostic("LP0301", "gone", Place("a.csv"))]), 2, "next: loadplan explain LP0301"),
    (click.UsageError("what"), 2, "next: loadplan runs --help"),
    (KeyboardInterrupt(), 130, "next: loadplan runs"),
    (main.Terminated(), 143, "next: loadplan runs"),
    (ZeroDivisionError("oh"), 70, "next: run it again with -vv"),
]


@pytest.mark.parametrize(("error", "code", "words"), BARE + OTHERS)
def test_an_error_that_names_no_command_still_ends_with_one(
    error: BaseException, code: int, words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its own, its explanation, or the help of the command; after an interrupt the same command."""
    found, said = failing(error, monkeypatch, capsys)
    assert found == code
    assert words in said.splitlines()[-1]


def test_every_error_that_is_raised_says_what_to_do() -> None:
    """A hint, a next command, a code that is explained, or diagnostics that have one each."""
    silent = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Name) or node.func.id not in KINDS:
                continue
            given = {keyword.arg for keyword in node.keywords}
            diagnostics = node.func.id == "InvalidInputError" and len(node.args) > 1
            if not diagnostics and not given & {"hint", "next_commands", "code"}:
                silent.append(f"{path.relative_to(PACKAGE)}:{node.lineno} {node.func.id}")
    assert silent == []


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_before_a_run_has_begun_ends_the_command(number: int, code: int, tmp_path: Path) -> None:
    """While the org does not even say who it is: nothing is sent, nothing is left, and the code is that of a run."""
    with RawServer(b"") as server, StallingWire(server.url, rb"^GET ") as wire:
        environ = {**os.environ, "SF_ACCESS_TOKEN": "00D!x", "SF_ORG_INSTANCE_URL": wire.url}
        with started(tmp_path, environ, "org", "check", "-o", "env") as process:
            assert wire.silent.wait(30)
            process.send_signal(number)
            _, said = process.communicate(timeout=15)
    assert process.returncode == code, said
    assert said.splitlines()[-1] == "next: loadplan org check -o env"
