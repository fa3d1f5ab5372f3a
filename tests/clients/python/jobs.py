"""Jobs by hand with aiosalesforce: made, listed, aborted, deleted."""

from __future__ import annotations

from typing import Any

import httpx
from aiosalesforce import Salesforce
from offline import HOST, Token, main, outcome


async def work(http: httpx.AsyncClient, _: Any) -> Any:
    ingest = Salesforce(http, HOST, Token(), version="60.0").bulk_v2.ingest
    made = [await ingest.create_job("insert", "Account") for _ in range(3)]
    listed = [job.id async for job in ingest.list_jobs()]
    aborted = await ingest.abort_job(made[0].id)
    await ingest.delete_job(made[0].id)
    gone = await outcome(ingest.get_job(made[0].id))
    return {"made": [job.id for job in made], "listed": listed, "aborted": aborted.state, "gone": gone}


main(work)
