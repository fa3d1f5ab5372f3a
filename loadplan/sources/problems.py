"""Problem: the one way this layer words a fault in a data file, so that each has a code, a file and a line.

Nothing here decides what is a fault.
"""

from __future__ import annotations

from typing import NoReturn

from loadplan.diagnostics import Diagnostic, Place
from loadplan.errors import InvalidInputError


class RecordFaultError(Exception):
    """A record that cannot be read. `line` counts from 1, `column` in characters (0: the whole line). `fatal` says
    that nobody can tell where the next record begins."""

    def __init__(
        self, code: str, summary: str, line: int, *, column: int = 0, hint: str = "", fatal: bool = False
    ) -> None:
        super().__init__(summary)
        self.code = code
        self.summary = summary
        self.line = line
        self.column = column
        self.hint = hint
        self.fatal = fatal

    def diagnostic(self, file: str) -> Diagnostic:
        """The same fault with the file it is in."""
        return Diagnostic(self.code, self.summary, Place(file, self.line, self.column), hint=self.hint)


def refuse(*diagnostics: Diagnostic) -> NoReturn:
    """Raise InvalidInputError (exit 2) that carries these problems; the first one names it."""
    first = diagnostics[0]
    raise InvalidInputError(
        first.summary, diagnostics, code=first.code, where=str(first.place), hint=first.hint or None
    ) from None


def refuse_file(code: str, summary: str, file: str, line: int = 0, hint: str = "") -> NoReturn:
    """Raise InvalidInputError with one problem of a whole file, or of one of its lines."""
    refuse(Diagnostic(code, summary, Place(file, line), hint=hint))
