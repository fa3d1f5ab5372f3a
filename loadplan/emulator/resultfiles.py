"""The result files of an ingest job over HTTP (page section 5): headers, order, and the rows that were never processed."""

from __future__ import annotations

import csv
import random
from collections.abc import Iterator
from itertools import islice
from typing import TYPE_CHECKING

from .csvfile import DELIMITERS, form_of, header_cells, header_text, rows
from .jobs import Job
from .streams import Body, FileBody, MadeBody
from .wire import CSV_TYPE, ApiError, Response, quote_row

if TYPE_CHECKING:
    from .org import Org

_PACK = 200


def results(org: Org, job: Job, which: str, *, gzip: bool) -> Response:
    """The three result files (page section 5): user header raw, every value quoted, rows in another order."""
    if not job.has_ended:
        status = org.settings.early_results_status
        text = f"Results are not available for a Job in state {job.state}"
        raise ApiError(status, "INVALIDJOBSTATE" if status != 404 else "NOT_FOUND", text)
    found = org.sink.results(job, which, gzip=gzip) if org.settings.sink else _results(org, job, which)
    if found is None and org.settings.empty_results_as_204:
        return Response(204)
    header = result_header(org, job, which).encode()
    return Response(200, found or header, {"Content-Type": CSV_TYPE})


def result_header(org: Org, job: Job, which: str) -> str:
    """The header line of a result file: two quoted columns, then the user's header as it was sent."""
    path, delimiter = org.files.upload(job), DELIMITERS[job.delimiter]
    between, ending = _form(org, job)
    sent = header_text(path) if path.exists() else ""
    if between != delimiter:
        sent = between.join(_split_header(sent, delimiter))
    if which == "unprocessedrecords":
        return sent + ending
    second = '"sf__Error"' if which == "failedresults" else '"sf__Created"'
    if which == "failedresults" and job.version < 50:
        names = _split_header(sent, between)
        sent = between.join(sorted(names, key=lambda name: name.strip('"')))
    return between.join(part for part in ('"sf__Id"', second, sent) if part) + ending


def _form(org: Org, job: Job) -> tuple[str, str]:
    """Delimiter and line ending of the result files."""
    return form_of(job.delimiter, job.line_ending, follows=org.settings.results_follow_job)


def _split_header(sent: str, delimiter: str) -> list[str]:
    """The raw cells of a header line."""
    plain = header_cells(sent, delimiter)
    raw = sent.split(delimiter)
    return raw if len(raw) == len(plain) else [quote_row([name], delimiter, "") for name in plain]


def _results(org: Org, job: Job, which: str) -> Body | None:
    """The body of a result file, or None when there is nothing in it."""
    header = result_header(org, job, which).encode()
    if which == "unprocessedrecords":
        lines = _unprocessed(org, job)
        if next(lines, None) is None:
            return None
        return MadeBody(lambda: _after(header, _unprocessed(org, job)))
    place = int(which == "failedresults")
    size = job.bad_size if place else job.good_size
    if not size:
        return None
    ends = [entry[place] for entry in job.batches] + [size]
    ranges = [(start, end - start) for start, end in zip([0, *ends], ends, strict=False) if end > start]
    if org.settings.shuffle_results:
        random.Random(job.id).shuffle(ranges)  # noqa: S311
    if not org.settings.newline_at_end:
        start, length = ranges[-1]
        ranges[-1] = (start, length - len(_form(org, job)[1]))
    return FileBody.of(org.files.bad(job) if place else org.files.good(job), ranges, header)


def _after(header: bytes, lines: Iterator[bytes]) -> Iterator[bytes]:
    yield header
    yield from lines


def _unprocessed(org: Org, job: Job) -> Iterator[bytes]:
    """Rows of a job that were never processed; those beyond the daily batches are not recorded."""
    path, delimiter = org.files.upload(job), DELIMITERS[job.delimiter]
    between, ending = _form(org, job)
    if not path.exists() or job.unrecorded:
        return
    order = random.Random(job.id)  # noqa: S311
    source = islice(rows(path, delimiter), 1 + job.done, None)
    try:
        while pack := [quote_row(cells, between, ending) for cells in islice(source, _PACK)]:
            if org.settings.shuffle_results:
                order.shuffle(pack)
            yield "".join(pack).encode()
    except (UnicodeDecodeError, csv.Error):
        return  # what is no CSV has no rows to give back


def header_of_query(org: Org, job: Job, which: str) -> Response:
    """What an ingest result path answers for the id of a query job: 200 and a header (page section 5.1)."""
    second = "sf__Error" if which == "failedresults" else "sf__Created"
    first = [] if which == "unprocessedrecords" else ["sf__Id", second]
    line = quote_row([*first, *job.columns], *_form(org, job))
    return Response(200, line.encode(), {"Content-Type": CSV_TYPE})
