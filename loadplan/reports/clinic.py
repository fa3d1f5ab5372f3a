"""The error clinic: why rows are left over, in clusters, each with the likely cause and what to do. Pure.

Rows are counted once, however often they were sent: a row that a retry healed is not here. `TABLE` is also the page
docs/reference/row-errors.md. Texts rest on the error lists of the Bulk API 2.0 Developer Guide and of the Object Reference.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Sequence
from typing import Any, Literal

from loadplan.lean import dataclass
from loadplan.masking import mask
from loadplan.run.errorgroups import errors_left
from loadplan.run.events import RunStarted
from loadplan.run.state import Attempt, Run, StepRun

Cure = Literal["time", "org", "rows", "plan", "parents"]
"""What makes the rows land: sending them again, mending the org first, mending the rows, mending the plan, their parents."""
WORDS: dict[Cure, str] = {
    "time": "retry", "org": "mend the org, then retry", "rows": "mend the rows, then `retry --rows`",
    "plan": "mend the plan, then a new run", "parents": "they go out with their parents",
}  # fmt: skip


@dataclass(frozen=True)
class Ailment:
    """A status code (rows) or an exception code (jobs), where `pattern` tells its messages apart."""

    code: str
    cause: str
    action: str
    cure: Cure
    pattern: str = ""


A = Ailment
TABLE: tuple[Ailment, ...] = (
    # -- rows, passing
    A(
        "UNABLE_TO_LOCK_ROW",
        "another process, or another batch of the same load, held the record or its parent",
        "send them again when it is quiet; fewer `--parallelism`, and rows of one parent together, avoid it",
        "time",
    ),
    A("TXN_SECURITY_METERING_ERROR", "a transaction security policy was too busy", "send them again", "time"),
    A("REQUEST_LIMIT_EXCEEDED", "a limit of the org was used up", "send them again when the limit has room", "time"),
    A("SERVER_UNAVAILABLE", "Salesforce was too busy", "send them again", "time"),
    A(
        "QUERY_TIMEOUT",
        "a trigger or a rule of the org asked for too much",
        "send them again in smaller parts (`parts.max_rows`)",
        "time",
    ),
    # -- rows, parents
    A(
        "INVALID_FIELD",
        "no record has this external id: the parent was not loaded, or its key is written differently",
        "load the parent and retry, or correct the key in the rows",
        "org",
        r"Foreign key external ID",
    ),
    A(
        "INVALID_CROSS_REFERENCE_KEY",
        "an id names a record that is not there, or that the user may not see",
        "load it or share it, or correct the id in the rows",
        "org",
    ),
    A(
        "FIELD_INTEGRITY_EXCEPTION",
        "an id names a record of another object, or a pair of fields does not fit (state and country)",
        "correct the values in the rows",
        "rows",
    ),
    A(
        "DUPLICATE_EXTERNAL_ID",
        "more than one record of the org has this external id",
        "merge or correct those records, then retry",
        "org",
    ),
    # -- rows, values
    A(
        "REQUIRED_FIELD_MISSING",
        "a field that the object needs is empty in these rows",
        "fill it in the rows, or give it a default with `columns`",
        "rows",
    ),
    A(
        "INVALID_FIELD",
        "the row has another number of cells than the header",
        "correct the quotes and delimiters of the row",
        "rows",
        r"Number of fields in header",
    ),
    A(
        "INVALID_FIELD",
        "a value is not of the field's type (date, number, yes or no)",
        "write it as Salesforce reads it: dates as 2026-11-24, a point in numbers",
        "rows",
        r"not a valid value for the type",
    ),
    A("INVALID_FIELD", "a value or a field does not fit", "correct the rows", "rows"),
    A("STRING_TOO_LONG", "a text is longer than its field", "shorten it in the rows, or lengthen the field", "rows"),
    A("INVALID_EMAIL_ADDRESS", "a text is not an e-mail address", "correct or empty it in the rows", "rows"),
    A(
        "INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST",
        "a value is not on the field's list",
        "use a value of the list (`map:` translates), or add it to the field",
        "rows",
    ),
    A(
        "BAD_CUSTOM_ENTITY_PARENT_DOMAIN",
        "a lookup names a record that its filter leaves out",
        "correct the lookup in the rows",
        "rows",
    ),
    A(
        "FIELD_FILTER_VALIDATION_EXCEPTION",
        "a lookup names a record that its filter leaves out",
        "correct the lookup in the rows",
        "rows",
    ),
    A("NUMBER_OUTSIDE_VALID_RANGE", "a number has more digits than its field", "correct it in the rows", "rows"),
    A("INVALID_TYPE_ON_FIELD_IN_RECORD", "a value is not of the field's type", "correct it in the rows", "rows"),
    A("MALFORMED_ID", "a text is not a record id, or one of another object", "correct it in the rows", "rows"),
    A("MISSING_ARGUMENT", "the row has no `Id`", "fill it in the rows, or take them out", "rows"),
    A(
        "FIELD_CUSTOM_VALIDATION_EXCEPTION",
        "a validation rule of the org refuses the row, in the words of the rule",
        "correct the rows, or have the rule let the load pass",
        "rows",
    ),
    A(
        "CANNOT_INSERT_UPDATE_ACTIVATE_ENTITY",
        "a trigger or a flow of the org failed",
        "have its owner look at it, then retry",
        "org",
    ),
    A("CANNOT_EXECUTE_FLOW_TRIGGER", "a flow of the org failed", "have its owner look at it, then retry", "org"),
    # -- rows, what is there already
    A(
        "DUPLICATE_VALUE",
        "the same external id stands twice among these rows",
        "keep one of them (`dedupe`)",
        "rows",
        r"Duplicate external id specified",
    ),
    A(
        "DUPLICATE_VALUE",
        "a record with this unique value is there already: perhaps the row was loaded before",
        "upsert by that field, or correct the value in the rows",
        "rows",
    ),
    A(
        "DUPLICATES_DETECTED",
        "a duplicate rule of the org takes the row for a record that is there",
        "correct the rows, or let the rule allow the loading user",
        "rows",
    ),
    A(
        "ENTITY_IS_DELETED",
        "the record was deleted before: a delete of it is done already",
        "take the rows out; restore the record if it should be there",
        "rows",
    ),
    A("DELETE_FAILED", "other records need this one", "delete those first, then retry", "org"),
    # -- rows, permissions and space
    A(
        "INVALID_FIELD_FOR_INSERT_UPDATE",
        "an insert makes new records, and these rows come with an `Id`",
        "leave `Id` out with `columns`, or use `operation: update`",
        "plan",
        r"cannot specify Id in an insert",
    ),
    A(
        "INVALID_FIELD_FOR_INSERT_UPDATE",
        "the loading user may not write a field, or it cannot be changed",
        "give the user the field, then retry; or leave it out of `columns`",
        "org",
    ),
    A(
        "INSUFFICIENT_ACCESS_ON_CROSS_REFERENCE_ENTITY",
        "the loading user may not use the record that a lookup names",
        "share it with the user, then retry",
        "org",
    ),
    A(
        "INSUFFICIENT_ACCESS_OR_READONLY",
        "the loading user may not write the record",
        "give the user access, then retry",
        "org",
    ),
    A("CANNOT_INSERT_UPDATE", "the loading user may not write the record", "give the user access, then retry", "org"),
    A(
        "OP_WITH_INVALID_USER_TYPE_EXCEPTION",
        "the kind of the user does not allow it",
        "correct the owner in the rows",
        "rows",
    ),
    A(
        "INACTIVE_OWNER_OR_USER",
        "the owner is not an active user",
        "correct the owner in the rows, or activate the user",
        "rows",
    ),
    A("ENTITY_IS_LOCKED", "an approval holds the record", "end the approval, then retry", "org"),
    A("STORAGE_LIMIT_EXCEEDED", "the org's data storage is full", "free or buy storage, then retry", "org"),
    A("LIMIT_EXCEEDED", "a limit of the org is reached", "see which in the message, make room, then retry", "org"),
    # -- whole jobs
    A(
        "InvalidBatch",
        "the org does not know a column that is sent: misspelt, or hidden from the loading user",
        "correct `columns`, or give the user the field",
        "plan",
        r"Field name not found",
    ),
    A(
        "InvalidBatch",
        "a lookup is not written as this field needs it",
        "with `Object:Relationship.Field` only where a lookup has several objects",
        "plan",
        r"non polymorphic|find relationship",
    ),
    A(
        "InvalidBatch",
        "a delete may send nothing but `Id`",
        "leave other columns out",
        "plan",
        r"must contain only ids",
    ),
    A(
        "InvalidBatch",
        "the org could not read the file that was sent",
        "see the message; `csv:` sets the delimiter and the line ending",
        "plan",
    ),
    A(
        "ClientInputError",
        "the org could not read the file that was sent",
        "set `csv.line_ending` as the message says",
        "plan",
    ),
    A(
        "ExceededQuota",
        "a daily limit of Bulk API was used up",
        "send them again when it has room (it rolls over 24 hours)",
        "time",
    ),
    A("TooManyLockFailure", "the job met locks until Salesforce gave up", "send them again when it is quiet", "time"),
    A(
        "Timeout",
        "a batch ran over its five minutes too often: triggers and rules of the org take long",
        "send them again in smaller parts (`parts.max_rows`)",
        "time",
    ),
    A("InternalServerError", "Salesforce failed", "send them again", "time"),
    A("Unknown", "Salesforce failed without a reason", "send them again", "time"),
    A(
        "(aborted)",
        "a person aborted the job before it came to these rows",
        "send them again when that is wanted",
        "time",
    ),
    A("(unprocessed)", "the job ended before it came to these rows", "send them again", "time"),
    A(
        "(held)",
        "no row of the parent step has the key by which these rows name their parent",
        "correct the key in the rows; a parent that is missing goes into the source of its step first, in a new run",
        "rows",
        r"no row of the parent step",
    ),
    A(
        "(held)",
        "rows of the parent step have the same content, so the org's answer does not tell whose id is which",
        "look up the ids of the parents and send these rows in a plan of their own, from their retry file; before the next load "
        "send a column that tells the parents apart (their key, best of all as an external id)",
        "plan",
        r"two records",
    ),
    A("(held)", "their parents did not land", "mend the parents; these rows follow by themselves", "parents"),
    A("(other)", "many different reasons", "see the failed rows under `steps/`", "org"),
)
UNKNOWN = Ailment(
    "", "the org refuses the row, in its own words", "see the message; correct the rows, or the org", "org"
)


def diagnose(code: str, message: str) -> Ailment:
    """The likely cause of an error; `UNKNOWN` for a code that is not in the table."""
    fitting = (a for a in TABLE if a.code == code and re.search(a.pattern, message, re.IGNORECASE))
    return next(fitting, UNKNOWN)


@dataclass(frozen=True)
class Cluster:
    """Rows of a step that are left over for one reason. `message` is masked."""

    step: str
    code: str
    fields: str
    message: str
    rows: int
    ailment: Ailment

    def as_json(self) -> dict[str, Any]:
        return {
            "step": self.step, "code": self.code, "fields": self.fields, "message": self.message, "rows": self.rows,
            "cause": self.ailment.cause, "action": self.ailment.action, "cure": self.ailment.cure,
        }  # fmt: skip


def clusters(run: Run) -> list[Cluster]:
    """Every row that is left over, in clusters, the largest first."""
    found: dict[tuple[str, str, str, str], int] = {}
    for step in run.steps.values():
        for code, fields, message, rows in _of_step(step):
            key = (step.id, code, fields, message)
            found[key] = found.get(key, 0) + rows
    made = [Cluster(s, c, f, m, rows, diagnose(c, m)) for (s, c, f, m), rows in found.items()]
    return sorted(made, key=lambda c: (-c.rows, c.step, c.code, c.fields, c.message))


def _of_step(step: StepRun) -> Iterator[tuple[str, str, str, int]]:
    for attempt in step.attempts:
        for group in errors_left(attempt):
            yield group["code"], ", ".join(group["fields"]), group["message"], group["rows"]
        done = attempt.reconciled
        if done and (rows := done.unprocessed - attempt.resent_unprocessed) > 0:
            yield *_why_unprocessed(attempt), rows
    for fact in step.held:
        for why, rows in fact.why.items():
            yield "(held)", "", why, rows


def _why_unprocessed(attempt: Attempt) -> tuple[str, str, str]:
    if attempt.state == "Failed" and attempt.error:
        code, _, message = attempt.error.partition(" : ")
        return code.strip(), "", mask(message)
    return ("(aborted)" if attempt.state == "Aborted" else "(unprocessed)"), "", ""


def brief(found: Sequence[Cluster], most: int = 3) -> Iterator[str]:
    """A line each for the largest clusters, for a terminal; rows that only wait for those stand behind them, in one line."""
    causes = [c for c in found if c.ailment.cure != "parents"]
    for c in causes[:most]:
        where = f" ({c.fields})" if c.fields else ""
        code = f"{c.code}{where}: " if not c.code.startswith("(") else ""
        yield f"{c.rows:,} of {c.step}: {code}{c.ailment.cause}"
    if len(causes) > most:
        rows = sum(c.rows for c in causes[most:])
        yield f"{rows:,} more for {len(causes) - most} other reason{'s' if len(causes) - most > 1 else ''}: see the runbook"
    waiting: dict[str, int] = {}
    for c in found:
        if c.ailment.cure == "parents":
            waiting[c.step] = waiting.get(c.step, 0) + c.rows
    if waiting:
        steps = ", ".join(f"{rows:,} of {step}" for step, rows in waiting.items())
        yield f"{steps}: held, because their parents did not land; they follow by themselves"


# -- what to type next ---------------------------------------------------------------------------------------------


def next_commands(run: Run, left_over: Sequence[str] = ()) -> list[dict[str, str]]:
    """What to type next, each with why; `left_over` are steps with a retry file that is up to date. Empty when everything
    landed. Rows that only a mended file can save are not proposed to be sent again as they are."""
    name = run.header.run if run.header else ""
    if run.ended is None:
        return [{"command": f"loadplan resume {name}", "why": "go on where the run stopped"}]
    if run.header and run.header.rehearses:
        gates = [step.gate for step in run.steps.values() if step.gate]
        is_sure = bool(run.exit) or any(gate.left_over > gate.excused for gate in gates)
        return [_after_a_rehearsal(run.header, is_sure=is_sure)]
    found = clusters(run)
    again = [c for c in found if c.ailment.cure in {"time", "org"}]
    mend = list(dict.fromkeys(c.step for c in found if c.ailment.cure == "rows"))
    commands = []
    if again:
        files = ", ".join(f"retry/{s}.csv" for s in left_over)
        first = next((c for c in again if c.ailment.cure == "org"), None)
        why = first.ailment.action if first else "send the rows left over again"
        commands.append({"command": f"loadplan retry {name}", "why": f"{why} ({files})" if files else why})
    if mend:
        rows = " ".join(f"--rows {step}" for step in mend)
        files = ", ".join(f"retry/{step}.csv" for step in mend)
        commands.append({"command": f"loadplan retry {name} {rows}", "why": f"when the rows in {files} are corrected"})
    if not commands and any(c.ailment.cure == "plan" for c in found):
        commands.append(_new_run(run))
    if not commands and (found or any(s.state in {"failed", "blocked"} for s in run.steps.values())):
        why = "send the rows left over again" if found else "run again what failed or was held back"
        commands.append({"command": f"loadplan retry {name}", "why": why})
        if not found and any(s.problem for s in run.steps.values()):
            commands = _after_a_refusal(run, name)
    return commands


def _after_a_refusal(run: Run, name: str) -> list[dict[str, str]]:
    """What to type when a job was refused whole: its cause may be in the plan (a name) or in the org (a permission)."""
    same = {
        "command": f"loadplan retry {name}",
        "why": "run again what failed or was held back, when the org is mended",
    }
    # A new run would send what this one has landed once more: that is said second where there is any.
    return [same, _new_run(run)] if _has_landed(run) else [_new_run(run), same]


def _new_run(run: Run) -> dict[str, str]:
    again = "; it sends all rows again, and inserts make second records" if _has_landed(run) else ""
    return {"command": f"loadplan apply {_plan(run)}", "why": f"a new run, when the plan is mended{again}"}


def _has_landed(run: Run) -> bool:
    return any(s.counts.successful for s in run.steps.values())


UNNAMED = frozenset({"", "env", "embedded"})
"""Names of an org that say nothing to who reads them elsewhere."""


def _after_a_rehearsal(head: RunStarted, *, is_sure: bool) -> dict[str, str]:
    """The one command: as long as something fails for sure, the org need not be asked."""
    plan = shlex.quote(head.plan_file)
    if is_sure:
        why = "rehearse again, when the rows or the plan are mended"
        return {"command": f"loadplan apply {plan} -o {head.org}", "why": why}
    name = "ORG" if head.rehearses in UNNAMED else shlex.quote(head.rehearses)
    why = "asks the org for the keys and parents that a twin has not"
    return {"command": f"loadplan plan {plan} -o {name}", "why": why}


def _plan(run: Run) -> str:
    return f"{run.header.plan_file} -o {run.header.org}" if run.header else "PLAN -o ORG"
