"""aiosalesforce logs in: over SOAP, by client credentials; wrongly; and again when its session ends."""

from __future__ import annotations

import os
import urllib.request
from typing import Any

import httpx
from aiosalesforce import Salesforce
from aiosalesforce.auth import ClientCredentialsFlow, SoapLogin
from offline import HOST, main, outcome


async def work(http: httpx.AsyncClient, _: Any) -> Any:
    told: dict[str, Any] = {}
    soap = Salesforce(http, HOST, SoapLogin("ada@example.org", "pw", "TOKEN"), version="60.0")
    told["soap"] = (await soap.get_limits())["DailyApiRequests"]["Max"]
    credentials = Salesforce(http, HOST, ClientCredentialsFlow("app", "s3cret"), version="60.0")
    told["credentials"] = (await credentials.get_limits())["DailyApiRequests"]["Max"]
    told["wrong"] = await outcome(Salesforce(http, HOST, SoapLogin("ada@example.org", "no", "no")).get_limits())
    told["wrong app"] = await outcome(Salesforce(http, HOST, ClientCredentialsFlow("x", "y")).get_limits())
    end = urllib.request.Request(f"{os.environ['SF_INSTANCE_URL']}/__control__/tokens", method="DELETE")
    urllib.request.urlopen(end).close()
    told["renewed"] = (await soap.get_limits())["DailyApiRequests"]["Max"]
    return told


main(work)
