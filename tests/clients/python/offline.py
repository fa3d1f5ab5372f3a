"""What every program here needs: a client whose requests go to the embedded org, its input, and one JSON as output."""

from __future__ import annotations

import asyncio
import json
import os
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
from aiosalesforce import Salesforce
from aiosalesforce.auth import Auth

HOST = "https://acme.my.salesforce.com"


class Offline(httpx.AsyncHTTPTransport):  # type: ignore[misc]
    """Sends what is meant for Salesforce to the embedded org."""

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        here = httpx.URL(os.environ["SF_INSTANCE_URL"])
        request.url = request.url.copy_with(scheme=here.scheme, host=here.host, port=here.port)
        return await super().handle_async_request(request)


class Token(Auth):  # type: ignore[misc]
    """The token of the environment."""

    async def _acquire_new_access_token(self, client: Salesforce) -> str:
        return os.environ["SF_ACCESS_TOKEN"]


def wrong(error: BaseException) -> dict[str, Any]:
    """An error as JSON."""
    return {"error": {"name": type(error).__name__, "message": str(error)}}


async def outcome(work: Awaitable[Any]) -> dict[str, Any]:
    """What comes of it: a value, or an error."""
    try:
        return {"value": await work}
    except Exception as error:
        return wrong(error)


def main(work: Callable[[httpx.AsyncClient, Any], Awaitable[Any]]) -> None:
    """Run a program with its input; print what it answers."""

    async def run() -> Any:
        async with httpx.AsyncClient(transport=Offline(), timeout=30) as http:
            return await work(http, json.load(sys.stdin))

    json.dump(asyncio.run(run()), sys.stdout)
