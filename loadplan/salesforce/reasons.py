"""Exceptions of the HTTP libraries in a few safe words. Knows them by name only, so that nothing heavy is imported.

A reason says what to look at: the name server, the proxy, the certificate, the line. It never quotes an exception: those
hold URLs, and the proxy's may hold a password.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from loadplan.salesforce.faults import clean


def reason(error: BaseException) -> str:
    """A library's exception in a few safe words, without URLs and without what they may hold."""
    chain = list(_chain(error))
    names = {type(e).__name__ for e in chain}
    texts = " ".join(str(e) for e in chain)
    if names & {"NameResolutionError", "gaierror"}:
        return "the name of the host cannot be resolved"
    if untrusted := next((e for e in chain if type(e).__name__ == "SSLCertVerificationError"), None):
        why = clean(getattr(untrusted, "verify_message", ""), 120)
        return f"the TLS certificate is not trusted ({why}); REQUESTS_CA_BUNDLE may name another CA file"
    if "CA certificate bundle" in texts or "NO_CERTIFICATE_OR_CRL_FOUND" in texts:
        return "the CA file that REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE or SSL_CERT_FILE names cannot be used"
    if tunnel := re.search(r"Tunnel connection failed: (\d{3})", texts):
        return f"the proxy refused: {tunnel[1]}"
    if "ProxyError" in names:
        return "the proxy of the environment cannot be reached"
    if names & {"InvalidProxyURL", "ProxySchemeUnknown", "ProxySchemeUnsupported"} or "SOCKS" in texts:
        return "the proxy of the environment cannot be used: HTTPS_PROXY must be http://host:port"
    for name, words in _WORDS.items():
        if name in names:
            return words
    return f"the request failed ({type(error).__name__})"


_WORDS = {
    "SSLError": "the TLS handshake failed",
    "ConnectTimeout": "no connection within the time limit",
    "ConnectTimeoutError": "no connection within the time limit",
    "NewConnectionError": "cannot connect (network or firewall)",
    "ReadTimeout": "no byte within the time limit (stalled connection)",
    "ReadTimeoutError": "no byte within the time limit (stalled connection)",
    "TimeoutError": "no byte was taken within the time limit (stalled connection)",
    "UnicodeDecodeError": "a header of the answer is not text",
    "ChunkedEncodingError": "the answer broke off",
    "IncompleteRead": "the answer broke off",
    "RemoteDisconnected": "the connection was closed without an answer",
    "ProtocolError": "the connection broke",
    "ConnectionError": "the connection broke",
    "ConnectionResetError": "the connection broke",
    "BrokenPipeError": "the connection broke",
}
"""Class names of the libraries, the telling ones first."""


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The exception and what it wraps: its first argument, its `reason`, its cause or context. At most eight."""
    seen: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting and len(seen) < 8:
        one = waiting.pop(0)
        if isinstance(one, BaseException) and not any(one is s for s in seen):
            seen.append(one)
            yield one
            waiting += [*one.args, getattr(one, "reason", None), one.__cause__, one.__context__]
