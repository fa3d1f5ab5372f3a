"""How the embedded org behaves: its speed, its limits, and a switch for every answer that Salesforce's documents leave open.

Where sources disagree or are silent the default is the choice of the protocol page; docs/reference/emulator-settings.md lists them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields, replace
from difflib import get_close_matches
from math import inf
from typing import Any

DAY = 86_400.0
WORDS = {
    "open_job_ends_as": ("Aborted", "Failed"),
    "retention_from": ("completion", "creation"),
    "lock_rows": ("off", "masters", "lookups"),
    "sink_prepares": ("gzip", "plain"),
}
"""Settings that are one of a few words."""


_MOST = 1_000_000_000_000
_FROM_ONE = dict.fromkeys(
    ("page_size", "rest_page_size", "list_page_size", "max_rows_per_request", "parallel_batches"), 1
) | {"rows_per_second": 0.001}
_ENDLESS = ("rows_per_second", "token_lifetime", "open_job_lifetime", "retention")


@dataclass(frozen=True, slots=True)
class Settings:
    """Every field can be given to `emulator serve` as `--set name=value`. Raises ValueError for a word of none of WORDS."""

    # speed
    latency: float = 0.05  # seconds between close (or query create) and InProgress
    rows_per_second: float = 20_000.0  # of one job
    finishing: float = 0.0  # seconds an ingest job stays InProgress with all its rows processed
    request_latency: float = 0.0  # seconds every request waits before it is handled
    max_rows_per_request: int = 50_000  # rows of a job one request works off when no worker does
    # sizes
    page_size: int = 50_000  # rows of a query results page when maxRecords is absent
    rest_page_size: int = 2_000  # records of a REST query page; at least 200 can be asked for with batchSize
    list_page_size: int = 1_000  # jobs of a page of GET /jobs/ingest
    max_upload_bytes: int = 150_000_000  # of one job
    max_multipart_characters: int = 100_000  # of the data of a multipart create
    # times
    token_lifetime: float = 7_200.0  # seconds an access token is good for
    open_job_lifetime: float = DAY  # seconds a job may stay open
    open_job_ends_as: str = "Aborted"  # unknown: the state of a job left open too long (Aborted or Failed)
    retention: float = 7 * DAY  # ended jobs and their results go after this
    retention_from: str = "completion"  # disputed: completion or creation
    # allocations, rolling 24 hours
    api_requests_max: int = 100_000  # REST and Bulk requests; beyond it 403 REQUEST_LIMIT_EXCEEDED
    batches_max: int = 15_000  # batches of 10,000 rows; beyond it a job fails and its rest is not recorded
    records_max: int = 150_000_000  # rows of ingest jobs; beyond it a job fails and its rest is unprocessed
    query_jobs_max: int = 10_000  # query jobs; beyond it the create is refused
    query_storage_max_mb: int = 976_562  # megabytes of query results; beyond it the create is refused
    query_quota_code: str = "LIMIT_EXCEEDED"  # disputed: or API_ERROR
    # who may do what
    clients: tuple[tuple[str, str], ...] = ()  # (client id, secret) pairs; empty: any client is taken
    users: tuple[tuple[str, str], ...] = ()  # (user name, password) pairs; empty: any user is taken
    hard_delete_allowed: bool = True  # False: a hardDelete is refused with FEATURENOTENABLED
    bulk_unsupported: tuple[str, ...] = ()  # objects answered with INVALIDENTITY
    hidden_fields: tuple[str, ...] = ()  # Object.Field names that field-level security hides from the user
    read_only_fields: tuple[str, ...] = ()  # Object.Field names that it lets the user see and not change
    # create and upload
    unknown_properties_refused: bool = True  # inferred: JSON_PARSER_ERROR
    second_put_refused_at_put: bool = False  # disputed: False is 201, and the closing PATCH answers 400
    second_put_code: str = "INVALIDJOB"  # disputed: or BULK_API_ERROR
    oversize_upload_status: int = 400  # unknown: or 413
    closed_upload_status: int = 400  # unknown: a PUT to a job that is not open
    close_without_content_status: int = 400  # inferred: a close without a PUT (or 404); its text is confirmed
    odd_state_status: int = 400  # unknown: a PATCH to a state other than UploadComplete and Aborted
    multipart_refused_status: int = 400  # unknown: a part is missing, the boundary is bad, or the data is too long
    enums_any_case: bool = False  # inferred: the values of operation, lineEnding and their like are case-sensitive
    short_key_error: bool = False  # disputed: a bad externalIdFieldName is refused with the shorter text of v47
    gzip_uploads: bool = False  # undocumented: False answers 415
    line_endings_in_quotes: bool = False  # disputed: True judges newlines inside quoted cells too
    crlf_at_end_required: bool = False  # disputed: a CRLF file must end in CRLF
    bom_ignored: bool = False  # disputed: True takes a byte order mark away instead of into the first header
    empty_upload_fails: bool = False  # disputed: an empty upload completes, or fails with `Records not found`
    max_cell_characters: int = 131_072  # disputed: 32,000 on older pages
    missing_key_fails_job: bool = False  # unknown: an update without Id column fails row by row
    # results
    early_results_status: int = 400  # unknown: results asked for before the job has ended (or 404)
    results_follow_job: bool = True  # inferred: result files have the job's delimiter and line ending, or comma and LF
    bad_locator_status: int = 400  # unknown: a locator that is wrong or no longer known
    empty_results_as_204: bool = False  # disputed: 200 with the header alone
    scientific_numbers: bool = True  # numbers come back as parsed: 912260031 as 9.12260031E8
    shuffle_results: bool = True  # rows come back in another order than sent
    newline_at_end: bool = True  # disputed: whether the last row of a result file ends with a newline
    chunked_answers: bool = False  # unknown: whether plain CSV comes chunked instead of with Content-Length
    gzip_answers: bool = True  # False: never compressed, whatever is asked
    picklist_error_with_label: bool = True  # disputed: `Rating: bad value for …`, or without the label
    key_error_with_object: bool = False  # disputed: an error of a foreign key ends with `:Account --`, or with no field
    lock_id_separator: str = ","  # disputed: between the records of UNABLE_TO_LOCK_ROW, or a comma and a blank
    query_error_message: bool = True  # disputed: a Failed query job says why
    next_pages_key: str = "nextRecordsUrl"  # disputed: or nextRecordUrl, in resultPages
    # rows of one parent in parallel batches
    lock_rows: str = "off"  # what a row locks: off, masters (and itself), or lookups (those too)
    lock_chance: float = 0.5  # how often a row is refused whose parent another batch holds, from 0 to 1
    lock_seed: int = 0  # another seed refuses other rows
    parallel_batches: int = 5  # inferred: batches of one job that run beside each other; nobody publishes the number
    # the org
    short_job_ids: bool = True  # unknown: job ids of 15 characters are understood in paths
    versions: tuple[int, int] = (31, 67)  # lowest and highest API version; below 410, above 404
    deprecated_below: int = 0  # versions below it answer with a Warning header
    org_id: str = "00D000000000001EAA"  # id of the Organization record and of the identity
    instance_name: str = "EMB1"  # InstanceName of the Organization record
    is_sandbox: bool = True  # IsSandbox of the Organization record
    request_log: int = 10_000  # how many requests are remembered
    sink: bool = False  # take rows without validating or keeping them, for measuring clients
    sink_prepares: str = "gzip"  # the form in which the sink has results ready when a job ends; or plain

    def __post_init__(self) -> None:
        for name, known in WORDS.items():
            if getattr(self, name) not in known:
                raise ValueError(f"{name} is {', '.join(known[:-1])} or {known[-1]}, not {getattr(self, name)!r}")
        for entry in fields(self):
            value = getattr(self, entry.name)
            if isinstance(value, bool) or not isinstance(value, int | float):
                continue
            low, high = _bounds(entry.name)
            if not low <= value <= high:  # NaN lies nowhere
                raise ValueError(f"{entry.name} lies between {low:g} and {high:g}, and {value:g} does not")
        if self.versions[0] > self.versions[1]:
            raise ValueError("versions are the lowest and the highest one, in this order")


def _bounds(name: str) -> tuple[float, float]:
    """The smallest and the largest value of a setting that is a number."""
    if name.endswith("_status"):
        return 400, 599
    if name == "lock_chance":
        return 0, 1
    if name == "lock_seed":
        return -_MOST, _MOST
    return _FROM_ONE.get(name, 0), inf if name in _ENDLESS else _MOST


def sink_settings() -> Settings:
    """The defaults of the sink: no latency, no limit on rows per second, no allocation that is used up."""
    most = 1_000_000_000
    return Settings(
        sink=True,
        latency=0.0,
        rows_per_second=inf,
        api_requests_max=most,
        query_jobs_max=most,
        query_storage_max_mb=most,
    )


def with_texts(settings: Settings, pairs: Iterable[str]) -> Settings:
    """`name=value` texts laid over settings, read by the type of each field. Raises ValueError naming what is wrong."""
    known = {entry.name: getattr(settings, entry.name) for entry in fields(settings)}
    changes: dict[str, Any] = {}
    for pair in pairs:
        name, sign, text = pair.partition("=")
        if name not in known:
            close = get_close_matches(name, known, 1, 0.7)
            meant = f"did you mean {close[0]}?" if close else f"settings are {', '.join(sorted(known))}"
            raise ValueError(f"{name!r} is not a setting; {meant}")
        if not sign:
            raise ValueError(f"{pair!r} has no value: {name}={_shown(known[name])}")
        try:
            changes[name] = _read(known[name], text)
        except (ValueError, KeyError):
            raise ValueError(f"{pair!r}: {text!r} is no value like {known[name]!r}") from None
    return replace(settings, **changes)


def _shown(value: Any) -> str:
    """A value as it is written behind `--set name=`."""
    if isinstance(value, bool):
        return str(value).lower()
    return ",".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _read(like: Any, text: str) -> Any:
    if isinstance(like, bool):
        return {"true": True, "false": False}[text.lower()]
    if isinstance(like, int):
        return int(text)
    if isinstance(like, float):
        return float(text)
    if isinstance(like, tuple):
        parts = [part for part in text.split(",") if part]
        if like and isinstance(like[0], int):
            low, high = (int(part) for part in parts)
            return (low, high)
        # `id:secret` pairs; a list of names has no colon
        return tuple(tuple(part.split(":", 1)) if ":" in part else part for part in parts)
    return text
