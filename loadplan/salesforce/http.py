"""HTTP to one origin, with one token: the only module that knows requests and urllib3.

It repeats nothing except a call whose token had expired (once). The token goes to the pinned origin only: redirects and
URLs that a server supplies are never followed. Calls may come from several threads: requests does not promise that a session
may be shared, so that each thread has its own, and one of them at a time asks for another token. Whatever goes wrong leaves
as a fault of `port`, never as an exception of a library.
"""

from __future__ import annotations

import itertools
import json
import os
import re
import threading
import time
from collections.abc import Callable, Mapping
from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any, cast

from loadplan.clock import Clock
from loadplan.errors import OrgError
from loadplan.lean import dataclass
from loadplan.salesforce.faults import PASSING_STATUS, NotJson, as_org_error, fault_of, read_json, title, wish_to_wait
from loadplan.salesforce.origins import check_origin, is_loopback
from loadplan.salesforce.port import AuthRefused, Content, OrgFault, Unavailable
from loadplan.salesforce.reasons import reason
from loadplan.version import __version__

if TYPE_CHECKING:
    import requests

MAX_BODY = 64 << 20
"""Bytes of an answer that is held in memory (JSON, an error): more is no answer of the API."""
BLOCK = 1 << 17
"""Bytes that are sent at once. Each block has the connect timeout to itself: larger ones would shut out slow lines."""
TOKEN = re.compile(r"[\x21-\x7e]+\Z")

RequestListener = Callable[[str, str, int | None, float], None]


@dataclass(frozen=True)
class Timeouts:
    """Seconds: to connect, and between two bytes."""

    connect: float = 10.0
    read: float = 60.0


def new_session(origin: str) -> requests.Session:
    """A requests session for one origin: no netrc, no cookies, no retries. Proxies and CA files of the environment are in
    force, except that a loopback address is never asked through a proxy."""
    import requests
    from requests.adapters import HTTPAdapter

    class Blocks(HTTPAdapter):
        def init_poolmanager(self, *args: Any, **rest: Any) -> None:
            super().init_poolmanager(*args, blocksize=BLOCK, **rest)

        def proxy_manager_for(self, proxy: str, **rest: Any) -> Any:
            return super().proxy_manager_for(proxy, blocksize=BLOCK, **rest)

    class NoAuth(requests.auth.AuthBase):
        # An auth object keeps requests from looking into ~/.netrc; proxies of the environment stay in force.
        def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
            return request

    class StaysHere(requests.Session):
        # Not following is not enough: requests would still parse Location, and trip over one that is not text.
        def get_redirect_target(self, resp: requests.Response) -> None:
            return None

    session = StaysHere()
    session.auth = NoAuth()
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.trust_env = not is_loopback(origin)
    if os.environ.get("SSL_CERT_FILE") and not os.environ.get("REQUESTS_CA_BUNDLE"):
        session.verify = os.environ["SSL_CERT_FILE"]
    for scheme in ("https://", "http://"):
        session.mount(scheme, Blocks(pool_maxsize=8, max_retries=0))
    return session


class Http:
    """Calls to one org. `token(refresh)` gives the access token; with `refresh` True a new one."""

    def __init__(
        self,
        origin: str,
        token: Callable[[bool], str],
        *,
        timeouts: Timeouts | None = None,
        on_request: RequestListener | None = None,
    ) -> None:
        self.origin = check_origin(origin)
        self._token = token
        self._timeouts = timeouts or Timeouts()
        self._on_request = on_request
        self._counting = itertools.count(1)
        self.requests = 0
        """How many were sent."""
        self._of_thread = threading.local()
        self._token_lock = threading.Lock()
        self._no_other: tuple[str, AuthRefused] | None = None

    def call(
        self,
        method: str,
        path: str,
        *,
        body: bytes | Content | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        stream: bool = False,
    ) -> requests.Response:
        """One request; the answer if it is 2xx, for `body_of` or (with `stream`, which asks for gzip) `download.save`, which
        read and close it. Raises the faults of `port`."""
        name = f"{method} {path}"
        token = self._token_now()
        answer = self._send(name, method, path, body, headers, params, stream, token=token)
        if _token_refused(answer):
            # The rest of the answer does not matter; an upload cut short by it must not reuse the connection.
            answer.close()
            if body is not None and not isinstance(body, bytes):
                body.seek(0)
            token = self._token_after(token)
            answer = self._send(name, method, path, body, headers, params, stream, token=token)
            if _token_refused(answer):
                answer.close()
                raise AuthRefused(name, "401 twice: a fresh token was refused too", status=401)
        if not 200 <= answer.status_code < 300:
            # An answer that repeats the token must not show it.
            text = body_of(name, answer).replace(token.encode(), b"***")
            phrase = (answer.reason or "").replace(token, "***")
            raise fault_of(name, answer.status_code, phrase, answer.headers, text)
        return answer

    def json(
        self, method: str, path: str, data: object = None, *, params: Mapping[str, str] | None = None
    ) -> tuple[int, Any]:
        """(status, parsed body). A 2xx answer that is not JSON is `Unavailable`: something else answered."""
        body = None if data is None else json.dumps(data).encode()
        headers = {"Accept": "application/json"}
        if body is not None:
            headers["Content-Type"] = "application/json; charset=UTF-8"
        answer = self.call(method, path, body=body, headers=headers, params=params)
        return answer.status_code, self.parse(f"{method} {path}", answer)

    def parse(self, name: str, answer: requests.Response) -> Any:
        """The JSON of an answer. Raises `Unavailable` when it is anything else."""
        text = body_of(name, answer)
        try:
            return read_json(text)
        except NotJson:
            raise Unavailable(name, f"the answer is not JSON{title(text)}", status=answer.status_code) from None

    def read(self, path: str, clock: Clock, *, params: Mapping[str, str] | None = None, tries: int = 4) -> Any:
        """GET for the time before a run: repeated a few times while it may pass, then `OrgError` (exit 3)."""
        for left in range(tries - 1, -1, -1):
            try:
                return self.json("GET", path, params=params)[1]
            except Unavailable as fault:
                if not left or (400 <= (fault.status or 0) < 500 and fault.status not in PASSING_STATUS):
                    raise as_org_error(fault, self.origin) from fault
                clock.wait(min(fault.retry_after or 0.0, 30.0) or 2.0 ** (tries - left - 1) * 0.5)
            except OrgFault as fault:
                raise as_org_error(fault, self.origin) from fault
        raise AssertionError("unreachable")

    def _token_now(self) -> str:
        with self._token_lock:
            return self._token(False)

    def _token_after(self, expired: str) -> str:
        """A token that is not `expired`. Of several callers whose token ended one asks; the rest take what it got, or its
        refusal: a refused login is never repeated."""
        with self._token_lock:
            if self._no_other is not None and self._no_other[0] == expired:
                raise self._no_other[1]
            current = self._token(False)
            if current != expired:
                return current
            try:
                return self._token(True)
            except AuthRefused as refusal:
                self._no_other = (expired, refusal)
                raise

    def _session(self) -> requests.Session:
        """The session of this thread: it keeps its connection from one call to the next."""
        session: requests.Session | None = getattr(self._of_thread, "session", None)
        if session is None:
            session = self._of_thread.session = new_session(self.origin)
        return session

    def _send(
        self,
        name: str,
        method: str,
        path: str,
        body: bytes | Content | None,
        headers: Mapping[str, str] | None,
        params: Mapping[str, str] | None,
        stream: bool,
        *,
        token: str,
    ) -> requests.Response:
        if not TOKEN.match(token):
            raise AuthRefused(name, "the access token is empty or holds characters that no token has")
        full = {
            "Authorization": f"Bearer {token}",
            "Sforce-Call-Options": f"client=loadplan/{__version__}",
            "User-Agent": f"loadplan/{__version__}",
            "Accept-Encoding": "gzip" if stream else "identity",
            **(headers or {}),
        }
        began = time.monotonic()
        status: int | None = None
        self.requests = next(self._counting)
        try:
            answer = self._session().request(
                method, self.origin + path, data=cast(Any, body), headers=full, params=params, stream=True,
                allow_redirects=False, timeout=(self._timeouts.connect, self._timeouts.read),
            )  # fmt: skip
            status = answer.status_code
            return answer
        except broken_link() as error:
            # Without its cause: the exceptions of requests carry the request, and the request carries the token.
            raise Unavailable(name, reason(error)) from None
        finally:
            if self._on_request:
                self._on_request(method, path, status, time.monotonic() - began)


def _token_refused(answer: requests.Response) -> bool:
    """Whether the org itself says that the token is no good. A page of HTML with 401 is somebody else's, and proves nothing:
    neither that a new token helps, nor that the request was not applied."""
    return answer.status_code == 401 and "html" not in answer.headers.get("Content-Type", "").lower()


def broken_link() -> tuple[type[Exception], ...]:
    """What the libraries raise when a connection breaks; a header that is not text raises UnicodeError."""
    import requests
    import urllib3

    return requests.RequestException, urllib3.exceptions.HTTPError, OSError, UnicodeError


def body_of(name: str, answer: requests.Response) -> bytes:
    """The whole body, in memory and under `MAX_BODY`. Raises `Unavailable` when it breaks off. Ends the exchange."""
    blocks: list[bytes] = []
    size = 0
    try:
        for block in answer.iter_content(1 << 16):
            size += len(block)
            if size > MAX_BODY:
                raise Unavailable(name, "the answer does not end", status=answer.status_code)
            blocks.append(block)
    except broken_link() as error:
        raise Unavailable(name, f"{answer.status_code}, and then {reason(error)}", status=answer.status_code) from None
    finally:
        answer.close()
    return b"".join(blocks)


def post_form(url: str, form: Mapping[str, str]) -> tuple[int, bytes]:
    """POST to a token endpoint: no redirect followed, no netrc. Raises `OrgError` (LP0405) without a usable answer."""

    def unanswered(why: str) -> OrgError:
        return OrgError(
            why, code="LP0405", where=url,
            hint="check login_url and instance_url, the network, the proxy settings, and the org's status page",
        )  # fmt: skip

    try:
        with new_session(url) as session:
            answer = session.post(url, data=dict(form), timeout=(10, 30), allow_redirects=False, stream=True)
            body = body_of("POST /services/oauth2/token", answer)
    except broken_link() as error:
        raise unanswered(f"the login host cannot be reached: {reason(error)}") from None
    except Unavailable as fault:
        raise unanswered(f"the login host gives no answer: {fault.detail}") from None
    if answer.status_code >= 500 or answer.status_code in PASSING_STATUS or 300 <= answer.status_code < 400:
        silence = unanswered(f"the login host gives no answer: {answer.status_code}{title(body)}")
        silence.retry_after = wish_to_wait(answer.headers.get("Retry-After"), answer.headers.get("Date"))
        raise silence
    return answer.status_code, body
