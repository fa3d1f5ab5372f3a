"""sent = successful + failed + unprocessed, and the org's own counters: or a named mismatch. Pure."""

from __future__ import annotations


def reconcile_job(
    *, sent: int, successful: int, failed: int, unprocessed: int, processed: int | None, server_failed: int | None
) -> str:
    """The empty string when everything agrees, else what does not, with both numbers.

    `processed` and `server_failed` are the job's counters (`numberRecordsProcessed` includes the failed rows); None when
    the org did not say. Bulk API 2.0 Developer Guide, "Get Job Info".
    """
    problems = []
    if sent != successful + failed + unprocessed:
        problems.append(
            f"{sent:,} rows sent, but the result files hold {successful:,} successful + {failed:,} failed + "
            f"{unprocessed:,} unprocessed = {successful + failed + unprocessed:,}"
        )
    if processed is not None and processed != successful + failed:
        problems.append(f"the job says {processed:,} rows processed, its result files hold {successful + failed:,}")
    if server_failed is not None and server_failed != failed:
        problems.append(f"the job says {server_failed:,} rows failed, its result file holds {failed:,}")
    return "; ".join(problems)


def reconcile_query(*, rows: int, job_rows: int | None) -> str:
    """The same for an extract: rows over all pages against the job's counter."""
    if job_rows is not None and rows != job_rows:
        return f"the pages hold {rows:,} rows, the job says {job_rows:,}"
    return ""
