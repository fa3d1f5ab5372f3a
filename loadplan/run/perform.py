"""Perform one action: write down the intent, act, write down the outcome. One function per action; no loop, no choice of
what comes next. Raises the org's faults for the engine to judge. The actions of a query are in `extract`.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from loadplan.durable import write_atomic
from loadplan.errors import InvalidInputError, StaleError
from loadplan.masking import mask
from loadplan.plan.model import Step, StepSource
from loadplan.run import cutting, extract
from loadplan.run import decide as do
from loadplan.run import events as ev
from loadplan.run.activity import ToldBody, ToldReader
from loadplan.run.decide import shut_parent
from loadplan.run.gates import decide_gate, settle_state
from loadplan.run.polling import next_poll
from loadplan.run.reconcile import reconcile_job
from loadplan.run.retry import select_retry
from loadplan.salesforce.port import (
    IngestSpec,
    NotFound,
    QuerySpec,
    QuotaExceeded,
    Received,
    Refused,
    ResultKind,
    Unavailable,
)
from loadplan.sources.partdata import PartData, changed

if TYPE_CHECKING:
    from loadplan.run.engine import Engine
    from loadplan.run.state import Attempt

MULTIPART_CHARACTERS = 100_000


def perform(engine: Engine, action: do.Action) -> None:
    """Do what `action` says and journal it. Raises `OrgFault` kinds, `StaleError`, `LocalError`."""
    PERFORMERS[type(action)](engine, action)


def _attempt(engine: Engine, action: do.Action) -> Attempt:
    return engine.run.attempt(action.step, action.part, action.attempt)


def _about(engine: Engine, action: do.Action, **rest: Any) -> dict[str, Any]:
    job = _attempt(engine, action).job
    return {"step": action.step, "part": action.part, "attempt": action.attempt, "job": job, **rest}


def _step(engine: Engine, action: do.Action) -> Step:
    return engine.plan.steps[action.step]


# -- steps ---------------------------------------------------------------------------------------------------------


def _start(engine: Engine, action: do.Action) -> None:
    step = _step(engine, action)
    if engine.run.steps[step.id].state == "waiting":
        engine.emit(ev.StepStarted(step.id))
    if step.is_query or engine.run.steps[step.id].prepared is not None:
        return  # a query has nothing to prepare; a step that a person asked to send again has been cut before
    rows = engine.rows
    if isinstance(step.source, StepSource):
        try:
            with engine.activity.work("reading", step.id) as work:
                checked = cutting.check(rows, step, tick=work.add)
        except InvalidInputError as error:
            first = error.diagnostics[0].summary if error.diagnostics else error.summary
            engine.emit(ev.StepRefused(step.id, f"its rows cannot be sent: {mask(first)}"))
            return
    expected = engine.inputs.get(step.id)
    if isinstance(step.source, StepSource):
        expected = checked
    try:
        with engine.activity.work("cutting", step.id):
            cut = cutting.cut(rows, step, expected)
    except StaleError as error:
        raise StaleError(
            error.summary, code=error.code, where=error.where, details=error.details, hint=error.hint,
            next_commands=[engine.resume_command],
        ) from error  # fmt: skip
    most = engine.max_delete_rows
    if step.facts.destructive and most is not None and cut.rows_selected > most:
        reason = f"it would delete {cut.rows_selected:,} rows and the org's entry allows {most:,} (max_delete_rows in orgs.yaml)"
        engine.emit(ev.StepRefused(step.id, reason))
        return
    engine.emit(cut)


def _cut_level(engine: Engine, action: do.Action) -> None:
    assert isinstance(action, do.CutLevel)
    with engine.activity.work("cutting", action.step):
        cut = cutting.cut_level(engine.rows, _step(engine, action), action.level)
    engine.emit(cut)


def _release(engine: Engine, action: do.Action) -> None:
    engine.emit(cutting.release(engine.rows, _step(engine, action)))


def _block(engine: Engine, action: do.Action) -> None:
    step = engine.run.steps[action.step]
    found = shut_parent(engine.plan, [engine.run.steps[p] for p in step.parents])
    assert found is not None
    parent, because = found
    engine.emit(ev.StepBlocked(step.id, parent.id, because))


def _settle(engine: Engine, action: do.Action) -> None:
    step = engine.run.steps[action.step]
    spec = _step(engine, action)
    query = step.query
    problem = step.problem
    if query and query.query is None and not problem:
        problem = f"the query job ended {query.state}: {query.error}".rstrip(": ")
    elif query and query.query and not query.query.agree:
        problem = query.query.problem
    broken = next((a.reconciled.problem for a in step.attempts if a.reconciled and not a.reconciled.agree), "")
    problem_found = problem or broken
    excused = 0 if problem_found else engine.excused(engine.run, step.id)
    verdict = decide_gate(
        spec.gate,
        step.counts,
        is_query=spec.is_query,
        reconciled=step.reconciled,
        problem=problem_found,
        excused=excused,
    )
    engine.emit(
        ev.GateDecided(
            step.id, "open" if verdict.is_open else "shut", verdict.rule, verdict.because,
            reconciled=step.reconciled and not problem, sent=step.counts.sent, left_over=step.counts.left_over,
            excused=min(excused, step.counts.left_over),
        )
    )  # fmt: skip
    engine.emit(ev.StepSettled(step.id, settle_state(step, verdict)))


# -- ingest --------------------------------------------------------------------------------------------------------


def _create(engine: Engine, action: do.Action) -> None:
    assert isinstance(action, do.CreateJob)
    step = _step(engine, action)
    kind = "query" if step.is_query else "ingest"
    fact = None if step.is_query else engine.run.steps[step.id].parts[action.part].fact
    if engine.quota is not None:
        engine.quota.check(engine.run, kind, fact.rows if fact else 0)
    part = engine.rows.part(step, action.part, action.round) if fact else None
    multipart = part is not None and _goes_multipart(step, part)
    version = engine.plan.api_version
    base: dict[str, Any] = {"step": step.id, "part": action.part, "attempt": action.attempt}
    path = f"POST /services/data/v{version}/jobs/{kind}"
    engine.emit(
        ev.JobIntended(
            **base, request=path, kind=kind, multipart=multipart, api_version=version,
            file=fact.file if fact else "", rows=fact.rows if fact else 0, round=action.round,
        )
    )  # fmt: skip
    try:
        if step.is_query:
            info = engine.org.create_query(QuerySpec(step.operation, step.soql or ""), api_version=version)
        elif multipart and part is not None:
            info = engine.org.create_multipart(_spec(step), _whole(part), api_version=version)
        else:
            info = engine.org.create_ingest(_spec(step), api_version=version)
    except QuotaExceeded as fault:
        # Nothing was applied, and asking again soon is no use: the attempt is over, the run stops and can go on later.
        engine.emit(ev.CreateLost(**base, request=path, http=fault.status, detail=fault.detail))
        raise
    except Refused as fault:
        engine.emit(
            ev.JobRefused(**base, request=path, http=fault.status, message=f"{fault.error_code}: {fault.message}")
        )
        engine.emit(ev.StepRefused(step.id, f"the org refused the job: {fault.error_code}: {fault.message}"))
    except Unavailable as fault:
        engine.emit(ev.CreateLost(**base, request=path, http=fault.status, detail=fault.detail))
        raise
    else:
        engine.emit(ev.JobCreated(**base, request=path, http=info.http, job=info.id, state=info.state))
        if multipart or step.is_query:
            _schedule_poll(engine, (step.id, action.part, action.attempt), step)


def _goes_multipart(step: Step, part: PartData) -> bool:
    if step.upload == "staged" or not step.facts.repeatable or part.size >= MULTIPART_CHARACTERS * 4:
        return False
    return len(_whole(part).decode("utf-8")) < MULTIPART_CHARACTERS


def _whole(part: PartData) -> bytes:
    with part.open() as body:
        content = b"".join(iter(body.read, b""))
        if not body.is_as_planned:
            raise changed(part.path)
    return content


def _spec(step: Step) -> IngestSpec:
    return IngestSpec(
        object=step.object or "",
        operation=step.operation,
        external_id=step.external_id,
        delimiter=step.csv.delimiter,
        line_ending=step.csv.line_ending,
        assignment_rule_id=step.assignment_rule_id,
    )


def _admit_create_lost(engine: Engine, action: do.Action) -> None:
    engine.emit(ev.CreateLost(**_about(engine, action), detail="loadplan stopped before an answer was on record"))


def _admit_upload_lost(engine: Engine, action: do.Action) -> None:
    engine.emit(ev.UploadLost(**_about(engine, action), detail="loadplan stopped before an answer was on record"))


def _url(attempt: Attempt, verb: str, tail: str = "") -> str:
    return f"{verb} /services/data/v{attempt.api_version}/jobs/{attempt.kind}/{attempt.job}{tail}"


def _upload(engine: Engine, action: do.Action) -> None:
    attempt, step = _attempt(engine, action), _step(engine, action)
    about = _about(engine, action, request=_url(attempt, "PUT", "/batches"))
    part = engine.rows.part(step, attempt.part, attempt.round)
    with part.open() as body:
        engine.emit(ev.UploadIntended(**about))
        try:
            with engine.activity.work("sending", step.id, attempt.part, rows=part.rows, bytes_=part.size) as work:
                http = engine.org.upload(attempt.job, ToldBody(body, work), api_version=attempt.api_version)
        except NotFound as fault:
            engine.emit(ev.JobGone(**about, http=fault.status))
            return
        except (Refused, Unavailable) as fault:
            engine.emit(ev.UploadLost(**about, http=fault.status, detail=fault.detail))
            if isinstance(fault, Unavailable | QuotaExceeded):
                raise
            return
        if not body.is_as_planned:
            # The source was changed under the upload. The job is open and has done nothing: it is never closed.
            engine.emit(ev.UploadLost(**about, http=http, detail="the source changed while it was sent"))
            raise changed(part.path)
        engine.emit(ev.PartUploaded(**about, http=http))


def _close(engine: Engine, action: do.Action) -> None:
    attempt = _attempt(engine, action)
    about = _about(engine, action, request=_url(attempt, "PATCH") + " UploadComplete")
    engine.emit(ev.CloseIntended(**about))
    try:
        info = engine.org.close_upload(attempt.job, api_version=attempt.api_version)
    except NotFound as fault:
        engine.emit(ev.JobGone(**about, http=fault.status))
    except QuotaExceeded:
        raise
    except Refused as fault:
        engine.emit(ev.CloseRefused(**about, http=fault.status, message=f"{fault.error_code}: {fault.message}"))
    else:
        engine.emit(ev.UploadClosed(**about, http=info.http, state=info.state))
        _schedule_poll(engine, action.key, _step(engine, action))


def _abort(engine: Engine, action: do.Action) -> None:
    attempt = _attempt(engine, action)
    about = _about(engine, action, request=_url(attempt, "PATCH") + " Aborted")
    engine.emit(ev.AbortIntended(**about, why=attempt.abort_why or "replace"))
    try:
        info = engine.org.abort(
            "query" if attempt.kind == "query" else "ingest", attempt.job, api_version=attempt.api_version
        )
    except NotFound as fault:
        engine.emit(ev.JobGone(**about, http=fault.status))
    except QuotaExceeded:
        raise
    except Refused as fault:
        engine.emit(ev.AbortAnswered(**about, http=fault.status, detail=fault.detail))
    else:
        engine.emit(ev.AbortAnswered(**about, http=info.http, detail=info.state))


def _ask(engine: Engine, action: do.Action) -> None:
    attempt = _attempt(engine, action)
    about = _about(engine, action, request=_url(attempt, "GET"))
    kind = "query" if attempt.kind == "query" else "ingest"
    try:
        info = engine.org.job(kind, attempt.job, api_version=attempt.api_version)  # type: ignore[arg-type]
    except NotFound as fault:
        engine.emit(ev.JobGone(**about, http=fault.status))
        return
    step = _step(engine, action)
    wait = None if info.is_terminal else _schedule_poll(engine, action.key, step)
    for listen in engine.poll_listeners:
        listen(action.step, action.part, action.attempt, info.state, info.processed, wait or 0.0)
    if info.state != attempt.state or attempt.phase in {"closing", "doubtful", "aborting"} or info.is_terminal:
        engine.emit(
            ev.JobObserved(
                **about, http=info.http, state=info.state, processed=info.processed, failed=info.failed,
                error=info.error or "", next_poll=wait,
            )
        )  # fmt: skip
    if info.is_terminal:
        engine.timers.due.pop(action.key, None)
    elif attempt.phase == "processing":
        _check_deadline(engine, attempt, step)
    elif info.state == "Open":
        engine.timers.due.pop(action.key, None)


def _schedule_poll(engine: Engine, key: tuple[str, int, int], step: Step) -> float:
    polls = engine.timers.polls.get(key, 0)
    engine.timers.polls[key] = polls + 1
    wait = next_poll(step.poll, polls, _running_for(engine, key))
    engine.timers.due[key] = engine.clock.monotonic() + wait
    return wait


def _running_for(engine: Engine, key: tuple[str, int, int]) -> float:
    """Seconds since the org has had the job."""
    attempt = engine.run.attempt(*key)
    return max(0.0, (engine.clock.now() - (attempt.closed_at or attempt.at)).total_seconds())


def _check_deadline(engine: Engine, attempt: Attempt, step: Step) -> None:
    since = attempt.closed_at or attempt.at
    if (engine.clock.now() - since).total_seconds() > step.poll.deadline:
        raise engine.detached(
            f"{step.id} {attempt.job} is still {attempt.state} after its deadline of {step.poll.deadline:g} s"
        )


def _save_result(engine: Engine, action: do.Action) -> None:
    assert isinstance(action, do.SaveResult)
    attempt, step = _attempt(engine, action), _step(engine, action)
    tail = {"successful": "successfulResults", "failed": "failedResults", "unprocessed": "unprocessedrecords"}[
        action.kind
    ]
    about = _about(engine, action, request=_url(attempt, "GET", f"/{tail}"))
    to = engine.folder.result(step.id, attempt.job, action.kind)
    kind: ResultKind = action.kind  # type: ignore[assignment]
    tally = engine.rows.tally(step, attempt, kind)
    try:
        with engine.activity.work("fetching", step.id, attempt.part, rows=attempt.rows) as work:
            got = engine.org.fetch_result(
                attempt.job,
                kind,
                to,
                delimiter=step.csv.delimiter,
                api_version=attempt.api_version,
                reader=ToldReader(tally, work),
            )
    except NotFound as fault:
        engine.emit(ev.JobGone(**about, http=fault.status))
        return
    except QuotaExceeded:
        raise
    except Refused as fault:
        if attempt.state != "Aborted":
            raise
        # Only the unprocessed rows of an aborted job are promised. What is refused would be refused at every resume: it
        # counts as no rows, and the counts have to meet without them.
        write_atomic(to, b"")
        got = Received(to, 0, 0, sha256().hexdigest(), fault.status or 0)
    engine.rows.keep(attempt, kind, tally)
    tries = engine.timers.failures.get(action.key, 0) + 1
    engine.emit(
        ev.ResultSaved(
            **about, http=got.http, kind=action.kind, file=engine.folder.relative(to), rows=got.rows, bytes=got.bytes,
            sha256=got.sha256, tries=tries,
        )
    )  # fmt: skip


def _reconcile(engine: Engine, action: do.Action) -> None:
    attempt, step = _attempt(engine, action), _step(engine, action)
    counts: dict[str, Any] = {k: attempt.results[k].rows for k in ("successful", "failed", "unprocessed")}
    if not attempt.was_closed and not attempt.processed:
        counts = {"successful": 0, "failed": 0, "unprocessed": attempt.rows}
    problem = reconcile_job(
        sent=attempt.rows, **counts, processed=attempt.processed, server_failed=attempt.server_failed
    )
    rows = engine.rows
    seen = rows.reckon(step, attempt)
    problem = problem or seen.problem
    engine.emit(
        ev.JobReconciled(
            **_about(engine, action), sent=attempt.rows, **counts, agree=not problem, problem=problem, codes=seen.codes,
            errors=seen.errors, retriable=seen.retriable,
        )
    )  # fmt: skip
    part = engine.run.steps[step.id].parts[action.part]
    again = select_retry(step.retry, part)
    if again:
        engine.timers.due[action.key] = engine.clock.monotonic() + again.delay


def _prepare_retry(engine: Engine, action: do.Action) -> None:
    assert isinstance(action, do.PrepareRetry)
    step = _step(engine, action)
    part = engine.run.steps[step.id].parts[action.part]
    prepared = engine.rows.left_over_part(step, part, action.again, by_hand=part.reopened)
    engine.timers.due.pop(action.key, None)
    engine.emit(prepared)


PERFORMERS: dict[type[do.Action], Callable[[Engine, Any], None]] = {
    do.StartStep: _start,
    do.BlockStep: _block,
    do.SettleStep: _settle,
    do.CreateJob: _create,
    do.AdmitCreateLost: _admit_create_lost,
    do.AdmitUploadLost: _admit_upload_lost,
    do.UploadPart: _upload,
    do.CloseUpload: _close,
    do.AbortJob: _abort,
    do.AskJob: _ask,
    do.SaveResult: _save_result,
    do.ReconcileJob: _reconcile,
    do.PrepareRetry: _prepare_retry,
    do.CutLevel: _cut_level,
    do.ReleaseHeld: _release,
    do.FetchPage: extract.fetch_page,
    do.ReconcileQuery: extract.reconcile,
    do.WriteOutput: extract.write,
}
