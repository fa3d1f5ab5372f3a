"""HTTP to one origin, with one token: the only module that knows requests and urllib3.

It repeats nothing except a call whose token had expired (once). The token goes to the pinned origin only: redirects and
URLs that a server supplies are never followed. Whatever goes wrong leaves as a fault of `port`, never as an exception of a
library.
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlsplit

from loadplan.clock import Clock
from loadplan.errors import OrgError
from loadplan.masking import mask, redact
from loadplan.salesforce.port import AuthRefused, NotFound, OrgFault, QuotaExceeded, Refused, Unavailable
from loadplan.version import __version__

if TYPE_CHECKING:
    import requests

SALESFORCE_HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.(my\.salesforce\.(com|mil)|my\.sfcrmproducts\.cn)\Z")
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
PASSING_STATUS = frozenset({406, 408, 420, 429})
PASSING_CODES = frozenset({"SERVER_UNAVAILABLE", "TXN_SECURITY_METERING_ERROR", "UNKNOWN_EXCEPTION"})

RequestListener = Callable[[str, str, int | None, float], None]


@dataclass(frozen=True)
class Timeouts:
    """Seconds: to connect, and between two bytes."""

    connect: float = 10.0
    read: float = 60.0


def check_origin(url: str) -> str:
    """`scheme://host[:port]` of an instance URL. Raises `OrgError` unless it is https to a Salesforce My Domain, or
    loopback."""
    parts = urlsplit(url.strip())
    host = (parts.hostname or "").lower()
    if parts.username or parts.password or parts.query or parts.fragment or parts.path.strip("/"):
        raise OrgError(f"instance_url `{redact(url)}` must be only https://host", code="LP0404")
    if host in LOOPBACK and parts.scheme in {"http", "https"}:
        return f"{parts.scheme}://{parts.netloc}"
    if parts.scheme != "https":
        raise OrgError(
            f"instance_url `{url}` is not https",
            code="LP0404",
            hint="plain http is accepted for a loopback address only",
        )
    if not SALESFORCE_HOST.match(host):
        raise OrgError(
            f"`{host}` is not a Salesforce My Domain host",
            code="LP0404",
            hint="use the org's My Domain URL, such as https://acme.my.salesforce.com (Setup, My Domain)",
        )
    return f"https://{parts.netloc.lower()}"


def new_session() -> requests.Session:
    """A requests session without netrc, without retries, with large blocks for uploads."""
    import requests
    from requests.adapters import HTTPAdapter

    class BigBlocks(HTTPAdapter):
        def init_poolmanager(self, *args: Any, **rest: Any) -> None:
            super().init_poolmanager(*args, blocksize=1 << 20, **rest)

    class NoAuth(requests.auth.AuthBase):
        # An auth object keeps requests from looking into ~/.netrc; proxies of the environment stay in force.
        def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
            return request

    session = requests.Session()
    session.auth = NoAuth()
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
        self._session: requests.Session | None = None

    def call(
        self,
        method: str,
        path: str,
        *,
        body: bytes | IO[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        stream: bool = False,
    ) -> requests.Response:
        """One request; the answer if it is 2xx. Raises the faults of `port`. With `stream` the caller reads and closes."""
        name = f"{method} {path}"
        answer = self._send(name, method, path, body, headers, params, stream, refresh=False)
        if answer.status_code == 401:
            answer.close()
            if body is not None and not isinstance(body, bytes):
                body.seek(0)
            answer = self._send(name, method, path, body, headers, params, stream, refresh=True)
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
        text = answer.content
        try:
            return json.loads(text)
        except ValueError:
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

    def _send(
        self,
        name: str,
        method: str,
        path: str,
        body: bytes | IO[bytes] | None,
        headers: Mapping[str, str] | None,
        params: Mapping[str, str] | None,
        stream: bool,
        *,
        refresh: bool,
    ) -> requests.Response:
        import requests
        import urllib3

        if self._session is None:
            self._session = new_session()
        full = {
            "Authorization": f"Bearer {self._token(refresh)}",
            "Sforce-Call-Options": f"client=loadplan/{__version__}",
            "User-Agent": f"loadplan/{__version__}",
            "Accept-Encoding": "gzip" if stream else "identity",
            **(headers or {}),
        }
        began = time.monotonic()
        status: int | None = None
        try:
            answer = self._session.request(
                method, self.origin + path, data=body, headers=full, params=params, stream=stream,
                allow_redirects=False, timeout=(self._timeouts.connect, self._timeouts.read),
            )  # fmt: skip
            status = answer.status_code
            return answer
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            raise Unavailable(name, reason(error)) from error
        finally:
            if self._on_request:
                self._on_request(method, path, status, time.monotonic() - began)

    def _fault(self, name: str, answer: requests.Response) -> OrgFault:
        status = answer.status_code
        try:
            text = answer.content
        except Exception as error:  # noqa: BLE001, RUF100 - the body of an error may break like any other
            return Unavailable(name, f"{status}, and the answer broke off: {reason(error)}", status=status)
        finally:
            answer.close()
        if 300 <= status < 400:
            return Unavailable(name, f"{status} redirect, which is never followed with a token", status=status)
        wish = answer.headers.get("Retry-After", "")
        after = float(wish) if wish.isdigit() else None
        code, message = _error_of(text)
        if status >= 500 or status in PASSING_STATUS or code in PASSING_CODES:
            what = f"{code}: {mask(message)}" if code else f"no JSON{_title(text)}"
            return Unavailable(name, f"{status} {what}", status=status, retry_after=after)
        if not code:
            # Whoever spoke here was not the API: it proves nothing about the request.
            return Unavailable(name, f"{status} without a JSON error{_title(text)}", status=status, retry_after=after)
        if status == 404:
            return NotFound(name, status, code, message)
        if code == "REQUEST_LIMIT_EXCEEDED" or "Limit exceeded" in message:
            return QuotaExceeded(name, status, code, message)
        return Refused(name, status, code, message)


def reason(error: BaseException) -> str:
    """A library's exception in a few safe words, without URLs."""
    name = type(error).__name__
    words = {
        "ConnectTimeout": "no connection within the time limit",
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


def _error_of(text: bytes) -> tuple[str, str]:
    """(errorCode, message) of a REST error array or an OAuth error object; empty when it is neither."""
    try:
        data = json.loads(text)
    except ValueError:
        return "", ""
    if isinstance(data, list) and data and isinstance(data[0], dict) and data[0].get("errorCode"):
        return str(data[0]["errorCode"]), str(data[0].get("message", ""))
    if isinstance(data, dict) and data.get("error"):
        return str(data["error"]), str(data.get("error_description", ""))
    return "", ""


def _title(text: bytes) -> str:
    found = re.search(rb"<title[^>]*>(.{1,120}?)</title>", text, re.DOTALL | re.IGNORECASE)
    if found:
        return f" but an HTML page: {mask(found.group(1).decode('utf-8', 'replace').strip())}"
    return " but an HTML page" if b"<html" in text[:2000].lower() else ""
