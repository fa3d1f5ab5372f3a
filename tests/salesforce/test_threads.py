"""One client, several threads: a session each, and one renewal of the token for all."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from loadplan.clock import SystemClock
from loadplan.emulator.server import EmbeddedOrg
from loadplan.emulator.settings import Settings
from loadplan.salesforce.bulk2 import Bulk2Org
from loadplan.salesforce.http import Http, Timeouts
from loadplan.salesforce.orgs import connect_with_token
from loadplan.salesforce.port import AuthRefused, QuerySpec

from support.raw_server import RawServer, http

V = "66.0"
JOB = "750000000000001AAA"
JSON = "Content-Type: application/json;charset=UTF-8"


@pytest.fixture
def server() -> Iterator[EmbeddedOrg]:
    with EmbeddedOrg(settings=Settings(latency=0.0)) as org:
        yield org


def at_once(workers: int, do: Callable[[int], Any]) -> list[Any]:
    """What `do` gives in each of the threads, all begun together."""
    together = threading.Barrier(workers)

    def one(number: int) -> Any:
        together.wait(10)
        return do(number)

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(one, range(workers)))


def test_a_token_that_ends_under_five_requests_is_renewed_once(server: EmbeddedOrg) -> None:
    """Whoever meets the 401 first asks; the others take what it got, and every call is answered."""
    given: list[str] = []

    def hand_out() -> str:
        given.append(server.access_token())
        return given[-1]

    org = connect_with_token(server.instance_url, hand_out, clock=SystemClock())
    job = org.create_query(QuerySpec("query", "SELECT Id FROM Account"), api_version=V)
    for _ in range(10):
        before = len(given)
        server.faults.expire_tokens()
        infos = at_once(5, lambda _: org.job("query", job.id, api_version=V))
        assert [i.id for i in infos] == [job.id] * 5
        assert len(given) == before + 1


def test_a_renewal_that_was_refused_is_not_asked_for_by_every_thread() -> None:
    """Refused logins lock users out: one is enough."""
    asked: list[int] = []

    def token(refresh: bool) -> str:
        if refresh:
            asked.append(1)
            raise AuthRefused("POST /services/oauth2/token", "400 invalid_grant")
        return "token"

    with RawServer(http("401 Unauthorized", b"[]", JSON)) as raw:
        org = Bulk2Org(Http(raw.url, token, timeouts=Timeouts(5, 5)))

        def ask(_: int) -> str:
            with pytest.raises(AuthRefused, match="invalid_grant") as caught:
                org.job("query", JOB, api_version=V)
            return caught.value.detail

        assert set(at_once(5, ask)) == {"400 invalid_grant"}
    assert asked == [1]


def test_each_thread_keeps_a_session_of_its_own() -> None:
    """And one thread keeps one for all its calls, so that its connection is used again."""
    client = Http("http://127.0.0.1:9", lambda _: "token")
    sessions = at_once(3, lambda _: (client._session(), client._session()))
    assert all(first is second for first, second in sessions)
    assert len({id(first) for first, _ in sessions}) == 3


def test_answers_of_threads_are_not_mixed_up() -> None:
    """Each caller gets the answer to its own question."""
    ids = [f"75000000000000{n}AAA" for n in range(5)]
    with EmbeddedOrg(settings=Settings(latency=0.0)) as server:
        org = connect_with_token(server.instance_url, server.access_token, clock=SystemClock())
        made = [org.create_query(QuerySpec("query", "SELECT Id FROM Account"), api_version=V).id for _ in ids]
        for _ in range(5):
            assert [i.id for i in at_once(5, lambda n: org.job("query", made[n], api_version=V))] == made
