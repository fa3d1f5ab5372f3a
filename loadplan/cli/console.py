"""The only module that prints. Results go to stdout, progress and messages to stderr; JSON only to stdout."""

from __future__ import annotations

import json
import os
import re
import shlex
import sys
import traceback
from collections.abc import Mapping
from contextlib import suppress
from typing import Any, TextIO

from loadplan.errors import InvalidInputError, LoadplanError, LocalError
from loadplan.github import as_github, is_actions, neutral, neutral_json
from loadplan.lean import dataclass
from loadplan.masking import printable, redact

STYLES = {"red": "31", "green": "32", "yellow": "33", "blue": "34", "bold": "1", "dim": "2"}


_COLOR = re.compile(r"(\x1b\[[0-9;]*m)")
_COMMAND = re.compile(r"(?m)^((?:\x1b\[[0-9;]*m|\s)*)::")

_OLD_COMMAND = re.compile(r"##((?:\x1b\[[0-9;]*m)*)\[")


def harmless(text: str) -> str:
    """Text of whatever origin as a terminal and the log of a CI runner may have it: no token, no escape but colours, no line that
    a runner of GitHub takes for a command (`::name` at its beginning, `##[name` anywhere)."""
    pieces = _COLOR.split(redact(text).replace("\r", "?").replace("\x85", "?"))
    text = "".join(piece if i % 2 else printable(piece) for i, piece in enumerate(pieces))
    return _OLD_COMMAND.sub(r"## \1[", _COMMAND.sub(r"\1: :", text))


class ReaderGoneError(Exception):
    """Whoever read the output has ended, as `head` does."""


def forget(stream: TextIO) -> None:
    """What could not be written there is not tried once more when the process ends, which would take the place of its exit code."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


_OF_A_RUN = re.compile(r"(loadplan (?:abort|report|resolve|resume|retry|status) \d{8}T\d{6}Z-[a-z0-9-]+-[0-9a-f]{4})")
"""A command about a run, as far as the run's id."""


@dataclass
class Console:
    """Where text goes and how it looks. `verbosity`: -1 quiet, 0 normal, 1 requests, 2 tracebacks too."""

    color: bool = False
    verbosity: int = 0
    as_json: bool = False
    may_ask: bool = False
    forced: bool = False
    """Colour was asked for, so that results have it too when they go into a file."""
    in_actions: bool = False
    state_dir: str = ""
    """Where the runs of this command are, when it is not where the next one will look."""
    out: TextIO | None = None
    err: TextIO | None = None

    @classmethod
    def from_environment(cls, environ: Mapping[str, str], *, color: str = "auto") -> Console:
        """Colour by NO_COLOR, FORCE_COLOR, TERM and whether stderr is a terminal, unless `color` says otherwise."""
        console = cls()
        console.set_color(color, environ)
        console.in_actions = is_actions(environ)
        console.may_ask = sys.stdin is not None and sys.stdin.isatty() and sys.stderr.isatty()
        return console

    def set_color(self, wish: str, environ: Mapping[str, str]) -> None:
        self.forced = wish == "always" or bool(
            wish == "auto" and environ.get("FORCE_COLOR") and not environ.get("NO_COLOR")
        )
        if wish != "auto":
            self.color = wish == "always"
        elif environ.get("NO_COLOR"):
            self.color = False
        elif environ.get("FORCE_COLOR"):
            self.color = True
        else:
            self.color = sys.stderr.isatty() and environ.get("TERM") != "dumb"

    def style(self, text: str, *names: str) -> str:
        if not self.color or not names:
            return text
        codes = ";".join(STYLES[n] for n in names)
        return f"\x1b[{codes}m{text}\x1b[0m"

    def result_style(self, text: str, *names: str) -> str:
        """Like `style`, for what goes to stdout."""
        return self.style(text, *names) if self.forced or (self.out or sys.stdout).isatty() else text

    def plain(self, text: str) -> str:
        """The text as it is; on GitHub Actions with nothing in it that the runner would take for a command."""
        return neutral(text) if self.in_actions else text

    def result(self, text: str) -> None:
        """Text that was asked for: stdout, at once, so that a log of both streams has it before what is said of it."""
        self._write(self.plain(self.placed(text)))

    def command(self, text: str) -> None:
        """Workflow commands of our own, their values escaped: stderr, where they are in the way of no output."""
        self._say(text)

    def json(self, data: Any, *, compact: bool = False) -> None:
        text = json.dumps(data, ensure_ascii=False) if compact else json.dumps(data, indent=2, ensure_ascii=False)
        self._write(neutral_json(text) if self.in_actions else text)

    def verbatim(self, text: str, end: str = "\n") -> None:
        """What was asked for byte by byte: a schema, a script, annotations whose values are escaped."""
        self._write(text, end)

    def _write(self, text: str, end: str = "\n") -> None:
        """To stdout. Raises LocalError (exit 9) when there is no room for it, ReaderGoneError when nobody reads it any more."""
        try:
            print(text, end=end, file=self.out or sys.stdout, flush=True)
        except OSError as error:
            forget(self.out or sys.stdout)
            if isinstance(error, BrokenPipeError):
                raise ReaderGoneError from error
            why = (error.strerror or str(error)).lower()
            hint = "send it where there is room; what is on record is not lost by this"
            raise LocalError(
                f"cannot write the output: {why}", code="LP0601", where="standard output", hint=hint
            ) from error

    def message(self, text: str) -> None:
        """Progress and remarks: stderr, silent with -q."""
        if self.verbosity >= 0:
            self._say(self.plain(harmless(self.placed(text))))

    def error(self, text: str) -> None:
        self._say(self.plain(harmless(self.placed(text))))

    def _say(self, text: str) -> None:
        """To stderr. That nobody reads it any more, or that there is no room for it, ends no load."""
        try:
            print(text, file=self.err or sys.stderr, flush=True)
        except OSError as error:
            if not isinstance(error, BlockingIOError):  # who is slow may take the next line
                forget(self.err or sys.stderr)

    def placed(self, text: str) -> str:
        """The text, its commands about runs with the state folder where they would not find it by themselves."""
        if not self.state_dir:
            return text
        return _OF_A_RUN.sub(lambda found: f"{found[1]} --state-dir {shlex.quote(self.state_dir)}", text)

    def last_words(self, text: str) -> None:
        """Text from a thread that ends the process: straight to the terminal, since the stream's lock may be held."""
        os.write(2, f"\n{self.placed(text)}\n".encode())

    def show_error(self, error: LoadplanError, or_else: str = "") -> None:
        """What happened, where, and the next command: `or_else` where the error names none."""
        if isinstance(error, InvalidInputError) and error.diagnostics:
            from loadplan.diagnostic_formats import render_full

            self.error(render_full(error.diagnostics, color=self.color))
            if self.in_actions:
                self.command(as_github(error.diagnostics))
        code = f"[{error.code}]" if error.code else ""
        self.error(f"{self.style(f'error{code}', 'red', 'bold')}: {error.summary}")
        if error.where:
            self.error(f"  --> {error.where}")
        for line in error.details:
            self.error(f"  {line}")
        if error.hint:
            self.error(f"{self.style('help', 'blue')}: {error.hint}")
        for command in error.next_commands or filter(None, (or_else,)):
            self.error(f"{self.style('next', 'blue')}: {command}")

    def show_bug(self, error: BaseException) -> None:
        self.error(f"error: this is a bug in loadplan: {type(error).__name__}: {error}")
        if self.verbosity >= 2:
            self.error("".join(traceback.format_exception(error)))
        else:
            self.error("next: run it again with -vv and report the traceback; a run that had begun can be resumed")
