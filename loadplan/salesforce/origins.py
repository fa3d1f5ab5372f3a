"""Where a token or a credential may be sent at all: https to a Salesforce My Domain or login host, or a loopback address.

Pure: it reads URLs and opens nothing. What passes is rebuilt from scheme, host and port; nothing else of a URL survives.
"""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from loadplan.errors import OrgError
from loadplan.masking import printable

SALESFORCE_HOST = re.compile(r"[a-z0-9-]+(\.[a-z0-9-]+)*\.(my\.salesforce\.(com|mil)|my\.sfcrmproducts\.cn)\Z")
LOGIN_HOSTS = {"login.salesforce.com", "test.salesforce.com"}
LOOPBACK = {"127.0.0.1", "localhost", "::1"}
USER_INTERFACE = re.compile(r"(?P<domain>[a-z0-9-]+(\.(sandbox|scratch|develop))?)\.lightning\.force\.com\Z")


def is_loopback(url: str) -> bool:
    return (urlsplit(url).hostname or "") in LOOPBACK


def check_origin(url: str, key: str = "instance_url") -> str:
    """`scheme://host[:port]` of an instance URL. Raises `OrgError` (LP0404) unless it is https to a Salesforce My Domain, or
    loopback. `key` is what the message calls it."""
    try:
        parts = urlsplit(url.strip())
        host, port = (parts.hostname or "").lower(), f":{parts.port}" if parts.port else ""
    except ValueError:
        raise OrgError(f"{key} is not a URL", code="LP0404", hint="write https://host and nothing more") from None
    if not host:
        raise OrgError(
            f"{key} names no host",
            code="LP0404",
            hint="write the org's My Domain URL, such as https://acme.my.salesforce.com",
        )
    shown = printable(host)
    if "@" in parts.netloc or parts.query or parts.fragment or parts.path.strip("/"):
        raise OrgError(
            f"the {key} for `{shown}` must be https://host and nothing more: no user, path, query or fragment",
            code="LP0404",
            hint=f"write https://{shown}",
        )
    if host in LOOPBACK and parts.scheme in {"http", "https"}:
        return f"{parts.scheme}://{f'[{host}]' if ':' in host else host}{port}"
    if parts.scheme != "https":
        raise OrgError(
            f"the {key} for `{shown}` is not https", code="LP0404",
            hint="plain http is accepted for a loopback address only",
        )  # fmt: skip
    if not SALESFORCE_HOST.match(host):
        meant = USER_INTERFACE.match(host)
        raise OrgError(
            f"`{shown}` is not a Salesforce My Domain host",
            code="LP0404",
            hint=f"that is where people work; the API is at https://{meant['domain']}.my.salesforce.com"
            if meant
            else "use the org's My Domain URL, such as https://acme.my.salesforce.com (Setup, My Domain)",
        )
    return f"https://{host}{port}"


def check_login_url(url: str) -> str:
    """Like `check_origin`, and the two login hosts of Salesforce besides: credentials go nowhere else."""
    if (bare := url.strip().lower().rstrip("/")) in {f"https://{host}" for host in LOGIN_HOSTS}:
        return bare
    return check_origin(url, "login_url")
