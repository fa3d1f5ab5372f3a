"""aiosalesforce over REST: records, queries, composite, batch, limits."""

from __future__ import annotations

from typing import Any

import httpx
from aiosalesforce import Salesforce
from offline import HOST, Token, main, outcome


async def work(http: httpx.AsyncClient, _: Any) -> Any:
    client = Salesforce(http, HOST, Token(), version="60.0")
    told: dict[str, Any] = {}
    made = await client.sobject.create("Account", {"Name": "Acme", "Legacy_Id__c": "A1"})
    await client.sobject.update("Account", made, {"Phone": "1"})
    told["read"] = await client.sobject.get("Account", made, fields=["Name", "Phone"])
    told["by key"] = await client.sobject.get("Account", "A1", external_id_field="Legacy_Id__c")
    changed = await client.sobject.upsert("Account", "A1", "Legacy_Id__c", {"Site": "x"})
    new = await client.sobject.upsert("Account", "A2", "Legacy_Id__c", {"Name": "Beta"})
    told["upserted"] = [changed.created, new.created]
    await client.sobject.delete("Account", made)
    told["gone"] = await outcome(client.sobject.get("Account", made))
    told["refused"] = await outcome(client.sobject.create("Account", {"Site": "x"}))
    told["malformed"] = await outcome(anext(aiter(client.query("SELEKT Id FROM Account"))))

    async with client.composite(all_or_none=True) as composite:
        account = composite.sobject.create("Account", {"Name": "Parent"})
        contact = composite.sobject.create("Contact", {"LastName": "Doe", "AccountId": str(account.reference.id)})
    told["composite"] = [account.id, contact.id]
    async with client.composite() as composite:
        account = composite.sobject.create("Account", {"Name": "Other"})
        lost = composite.sobject.create("Contact", {"LastName": "Doe", "AccountId": account.reference.id})
    told["reference as it is"] = lost.response_body
    await client.sobject.delete("Account", account.id)
    async with client.composite.batch() as batch:
        found = batch.query("SELECT Name FROM Account ORDER BY Name")
        bad = batch.sobject.create("Account", {"Site": "x"})
    told["batch"] = [[record["Name"] for record in found.records], bad.status_code]
    for n in range(12):
        await client.sobject.create("Lead", {"LastName": f"L{n:02d}", "Company": "x"})
    told["pages"] = [record["LastName"] async for record in client.query("SELECT LastName FROM Lead ORDER BY LastName")]
    told["deleted too"] = len([1 async for _ in client.query("SELECT Id FROM Account", include_all_records=True)])
    told["batches"] = (await client.get_limits())["DailyBulkApiBatches"]["Max"]
    return told


main(work)
