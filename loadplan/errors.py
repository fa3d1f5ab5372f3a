"""The error tree: every failure a user can meet, with its exit code.

An error says what happened, where, and what to type next. Its type decides how loadplan exits (the numbers are public:
`docs/reference/exit-codes.md`); its code, when it has one, is explained by `loadplan explain CODE`.
Anything that is not a `LoadplanError` is a bug of ours and exits 70.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from collections.abc import Sequence

    from loadplan.diagnostics import Diagnostic


class LoadplanError(Exception):
    """The root. `summary` is one line, `details` are further lines, `hint` is the way out, `next_commands` can be
    pasted.

    None of the texts may hold a secret: they reach the screen, the journal and the runbook.
    """

    exit_code: ClassVar[int] = 1

    def __init__(
        self,
        summary: str,
        *,
        code: str | None = None,
        where: str | None = None,
        details: Sequence[str] = (),
        hint: str | None = None,
        next_commands: Sequence[str] = (),
    ) -> None:
        super().__init__(summary)
        self.summary = summary
        self.code = code
        self.where = where
        self.details = tuple(details)
        self.hint = hint
        self.next_commands = tuple(next_commands)


class LeftoverError(LoadplanError):
    """Exit 1: the run ended with something left over: a gate shut, a job failed."""

    exit_code = 1


class UsageError(LoadplanError):
    """Exit 2: the command line asks for something that cannot be done."""

    exit_code = 2


class InvalidInputError(LoadplanError):
    """Exit 2: a plan, a data file or `orgs.yaml` is wrong. Carries every diagnostic of one pass; nothing was sent."""

    exit_code = 2

    def __init__(self, summary: str, diagnostics: Sequence[Diagnostic] = (), **rest: object) -> None:
        super().__init__(summary, **rest)  # type: ignore[arg-type]
        self.diagnostics = tuple(diagnostics)


class OrgError(LoadplanError):
    """Exit 3: authentication, permission, the wrong org, or an org that cannot be reached. `retry_after` is how many seconds the
    other side asked to be left alone, where it did."""

    exit_code = 3
    retry_after: float | None = None


class LockedError(LoadplanError):
    """Exit 4: another run holds the lock."""

    exit_code = 4


class UndecidedError(LoadplanError):
    """Exit 5: the outcome of a request is unknown and a person must decide."""

    exit_code = 5


class StaleError(LoadplanError):
    """Exit 6: a saved plan is stale, or inputs changed since the run began."""

    exit_code = 6


class DetachedError(LoadplanError):
    """Exit 7: jobs are still running in Salesforce, or a limit has no room for another; the run can be resumed."""

    exit_code = 7


class LocalError(LoadplanError):
    """Exit 9: this machine: disk full, read-only folder, damaged state."""

    exit_code = 9


class InterruptedRunError(LoadplanError):
    """Exit 130 or 143: a signal asked loadplan to stop; the state is safe."""

    exit_code = 130

    def __init__(self, summary: str, *, signal_number: int, **rest: object) -> None:
        super().__init__(summary, **rest)  # type: ignore[arg-type]
        self.signal_number = signal_number


BUG_EXIT_CODE = 70

EXIT_CODES: dict[int, str] = {
    0: "done, every gate passed",
    1: "the run ended with something left over: a gate shut, a job failed",
    2: "bad usage, plan, data or config; nothing was sent",
    3: "authentication, permission, wrong org, org not reachable",
    4: "another run holds the lock",
    5: "the outcome of a request is unknown; a person must decide",
    6: "saved plan is stale, or inputs changed since the run began",
    7: "jobs are still running in Salesforce (`--async`, deadline), or a limit has no room: resume later",
    9: "this machine: disk full, read-only, damaged state",
    70: "a bug in loadplan",
    130: "interrupted (Ctrl-C); state is safe",
    143: "terminated (SIGTERM); state is safe",
}
