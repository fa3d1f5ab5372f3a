"""HTTP to one origin, with one token: the only module that knows requests and urllib3.

It repeats nothing except a call whose token had expired (once). The token goes to the pinned origin only: redirects and
URLs that a server supplies are never followed. Calls may come from several threads: requests does not promise that a session
may be shared, so that each thread has its own, and one of them at a time asks for another token. Whatever goes wrong leaves
as a fault of `port`, never as an exception of a library.
"""

from __future__ import annotations

import json
import os
import re
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from loadplan.clock import Clock
from loadplan.errors import OrgError
from loadplan.masking import mask, printable, redact
from loadplan.salesforce.port import AuthRefused, Content, NotFound, OrgFault, QuotaExceeded, Refused, Unavailable
from loadplan.version import __version__

if TYPE_CHECKING:
    import requests

SALESFORCE_HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.(my\.salesforce\.(com|mil)|my\.sfcrmproducts\.cn)\Z")
LOGIN_HOSTS = {"login.salesforce.com", "test.salesforce.com"}
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
PASSING_STATUS = frozenset({406, 408, 420, 429})
PASSING_CODES = frozenset({"SERVER_UNAVAILABLE", "TXN_SECURITY_METERING_ERROR", "UNKNOWN_EXCEPTION"})

QUOTA_CODES = frozenset({"REQUEST_LIMIT_EXCEEDED", "LIMIT_EXCEEDED"})
QUOTA_WORDS = re.compile(r"Limit exceeded|per 24 hrs has been (reached|exceeded)")

CROWDED = re.compile(r"^Concurrent")
"""Too many requests at this moment, not in this day: it passes."""
REFUSED_BY_STATUS = frozenset({413, 414, 415})
"""Whoever answers these, the API or a gateway before it, has not let the request through."""
MAX_BODY = 64 << 20
"""Bytes of an answer that is held in memory (JSON, an error): more is no answer of the API."""
TOKEN = re.compile(r"[\x21-\x7e]+\Z")

RequestListener = Callable[[str, str, int | None, float], None]


@dataclass(frozen=True)
class Timeouts:
    """Seconds: to connect, and between two bytes."""

    connect: float = 10.0
    read: float = 60.0


def check_origin(url: str) -> str:
    """`scheme://host[:port]` of an instance URL. Raises `OrgError` unless it is https to a Salesforce My Domain, or
    loopback."""
    try:
        parts = urlsplit(url.strip())
        host, port = (parts.hostname or "").lower(), f":{parts.port}" if parts.port else ""
    except ValueError:
        raise OrgError("instance_url is not a URL", code="LP0404", hint="write https://host and nothing more") from None
    if "@" in parts.netloc or parts.query or parts.fragment or parts.path.strip("/"):
        raise OrgError(
            f"the instance_url for `{printable(host)}` must be https://host and nothing more: "
            "no user, path, query or fragment",
            code="LP0404",
        )
    if host in LOOPBACK and parts.scheme in {"http", "https"}:
        return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}"
    if parts.scheme != "https":
        raise OrgError(
            f"the instance_url for `{printable(host)}` is not https",
            code="LP0404",
            hint="plain http is accepted for a loopback address only",
        )
    if not SALESFORCE_HOST.match(host):
        raise OrgError(
            f"`{printable(host)}` is not a Salesforce My Domain host",
            code="LP0404",
            hint="use the org's My Domain URL, such as https://acme.my.salesforce.com (Setup, My Domain)",
        )
    return f"https://{host}{port}"


def check_login_url(url: str) -> str:
    """Like `check_origin`, and the two login hosts of Salesforce besides: credentials go nowhere else."""
    parts = urlsplit(url.strip())
    if parts.scheme == "https" and parts.netloc.lower() in LOGIN_HOSTS and not parts.path.strip("/"):
        return f"https://{parts.netloc.lower()}"
    return check_origin(url)


def new_session(origin: str) -> requests.Session:
    """A requests session for one origin: no netrc, no retries, large blocks for uploads. Proxies and CA files of the
    environment are in force, except that a loopback address is never asked through a proxy."""
    import requests
    from requests.adapters import HTTPAdapter

    class BigBlocks(HTTPAdapter):
        def init_poolmanager(self, *args: Any, **rest: Any) -> None:
            super().init_poolmanager(*args, blocksize=1 << 20, **rest)

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
    session.trust_env = (urlsplit(origin).hostname or "") not in LOOPBACK
    if os.environ.get("SSL_CERT_FILE") and not os.environ.get("REQUESTS_CA_BUNDLE"):
        session.verify = os.environ["SSL_CERT_FILE"]
    for scheme in ("https://", "http://"):
        session.mount(scheme, BigBlocks(pool_maxsize=8, max_retries=0))
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
        if answer.status_code == 401:
            # The rest of the answer does not matter; an upload cut short by it must not reuse the connection.
            answer.close()
            if body is not None and not isinstance(body, bytes):
                body.seek(0)
            token = self._token_after(token)
            answer = self._send(name, method, path, body, headers, params, stream, token=token)
            if answer.status_code == 401:
                answer.close()
                raise AuthRefused(name, "401 twice: a fresh token was refused too", status=401)
        if not 200 <= answer.status_code < 300:
            raise self._fault(name, answer)
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
            return json.loads(text)
        except (ValueError, RecursionError):
            raise Unavailable(name, f"the answer is not JSON{_title(text)}", status=answer.status_code) from None

    def read_json(self, path: str, clock: Clock, *, params: Mapping[str, str] | None = None, tries: int = 4) -> Any:
        """GET for the time before a run: repeated a few times, then `OrgError` (exit 3)."""
        for left in range(tries - 1, -1, -1):
            try:
                return self.json("GET", path, params=params)[1]
            except Unavailable as fault:
                if not left:
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

    def _fault(self, name: str, answer: requests.Response) -> OrgFault:
        status = answer.status_code
        try:
            text = body_of(name, answer)
        except Unavailable as fault:
            return fault
        if 300 <= status < 400:
            return Unavailable(name, f"{status} redirect, which is never followed with a token", status=status)
        wish = answer.headers.get("Retry-After", "")
        after = float(wish) if wish.isdigit() else None
        code, message = _error_of(text)
        if status >= 500 or status in PASSING_STATUS or code in PASSING_CODES:
            what = f"{code}: {mask(message)}" if code else f"no JSON{_title(text)}"
            return Unavailable(name, f"{status} {what}", status=status, retry_after=after)
        if not code and status in REFUSED_BY_STATUS:
            return Refused(name, status, f"HTTP_{status}", answer.reason or "the request was not let through")
        if not code:
            # Whoever spoke here was not the API: it proves nothing about the request.
            return Unavailable(name, f"{status} without a JSON error{_title(text)}", status=status, retry_after=after)
        if status == 404:
            return NotFound(name, status, code, message)
        if code in QUOTA_CODES and CROWDED.search(message):
            return Unavailable(name, f"{status} {code}: {message}", status=status, retry_after=after)
        if code in QUOTA_CODES or QUOTA_WORDS.search(message):
            return QuotaExceeded(name, status, code, message)
        return Refused(name, status, code, message)


def reason(error: BaseException) -> str:
    """A library's exception in a few safe words, without URLs."""
    name = type(error).__name__
    words = {
        "ConnectTimeout": "no connection within the time limit",
        "ReadTimeoutError": "no byte within the time limit (stalled connection)",
        "UnicodeDecodeError": "a header of the answer is not text",
        "ReadTimeout": "no byte within the time limit (stalled connection)",
        "SSLError": "the TLS certificate or handshake was refused",
        "ChunkedEncodingError": "the answer broke off",
        "ProtocolError": "the answer broke off",
        "IncompleteRead": "the answer broke off",
        "ProxyError": "the proxy refused",
    }
    if name == "ConnectionError" and "NewConnectionError" in repr(error):
        return "cannot connect (name, network or firewall)"
    return words.get(name, "the connection broke" if "Connection" in name else name)


def as_org_error(fault: OrgFault, origin: str) -> OrgError:
    """A fault met outside a run, as exit 3 with what to check."""
    if isinstance(fault, AuthRefused):
        return OrgError(
            f"the org does not accept the credentials: {fault.detail}", code="LP0401", where=origin,
            hint="check that the token or the app's user is still active and belongs to this org",
        )  # fmt: skip
    if isinstance(fault, Refused):
        return OrgError(
            f"the org refused {fault.request}: {fault.detail}", code="LP0402", where=origin,
            hint="check the permissions of the user: API Enabled, and access to the objects of the plan",
        )  # fmt: skip
    return OrgError(
        f"the org cannot be reached: {fault.detail}", code="LP0405", where=origin,
        hint="check the network, the proxy settings, instance_url, and the org's status page",
    )  # fmt: skip


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
    name = "POST /services/oauth2/token"
    try:
        answer = new_session(url).post(url, data=dict(form), timeout=(10, 30), allow_redirects=False, stream=True)
        body = body_of(name, answer)
    except broken_link() as error:
        raise OrgError(f"the login host cannot be reached: {reason(error)}", code="LP0405", where=url) from None
    except Unavailable as fault:
        raise OrgError(f"the login host gives no answer: {fault.detail}", code="LP0405", where=url) from None
    if answer.status_code >= 500 or answer.status_code in PASSING_STATUS or 300 <= answer.status_code < 400:
        raise OrgError(
            f"the login host gives no answer: {answer.status_code}{_title(body)}", code="LP0405", where=url,
            hint="check login_url and instance_url, the proxy settings, and the org's status page",
        )  # fmt: skip
    return answer.status_code, body


def _error_of(text: bytes) -> tuple[str, str]:
    """(errorCode, message) of the API's error array; empty for anything else.

    An object with `error` is what gateways and proxies write: it does not prove that the API refused the request."""
    try:
        data = json.loads(text)
    except ValueError:
        return "", ""
    if isinstance(data, list) and data and isinstance(data[0], dict) and data[0].get("errorCode"):
        return clean(str(data[0]["errorCode"])), clean(str(data[0].get("message", "")))
    return "", ""


def clean(words: str) -> str:
    """Salesforce's words, fit to be shown: no token, no control character, no novel."""
    return printable(redact(words))[:2000]


def _title(text: bytes) -> str:
    found = re.search(rb"<title[^>]*>(.{1,120}?)</title>", text, re.DOTALL | re.IGNORECASE)
    if found:
        return f" but an HTML page: {mask(found.group(1).decode('utf-8', 'replace').strip())}"
    return " but an HTML page" if b"<html" in text[:2000].lower() else ""
