"""Loads by aiosalesforce, one after the other. Input: [{operation, sobject, data, external_id_field?, max_records?, plain?}, …].

`plain` takes the short call, whose pause between two polls is five seconds."""

from __future__ import annotations

from typing import Any

import httpx
from aiosalesforce import Salesforce
from offline import HOST, Token, main, outcome


async def one(client: Salesforce, load: dict[str, Any]) -> list[dict[str, Any]]:
    """The results of each job of a load."""
    if load.pop("plain", False):
        done = await getattr(client.bulk_v2, load.pop("operation"))(**load)
        results = [(done.jobs[0], done.successful_results, done.failed_results, done.unprocessed_records)]
    else:
        jobs = client.bulk_v2.ingest.perform_operation(**load, polling_interval=0.05)
        results = [(j.job_info, j.successful_results, j.failed_results, j.unprocessed_records) async for j in jobs]
    return [
        {"id": info.id, "state": info.state, "successful": good, "failed": bad, "unprocessed": rest}
        for info, good, bad, rest in results
    ]


async def work(http: httpx.AsyncClient, loads: list[dict[str, Any]]) -> Any:
    client = Salesforce(http, HOST, Token(), version="60.0")
    return [await outcome(one(client, load)) for load in loads]


main(work)
