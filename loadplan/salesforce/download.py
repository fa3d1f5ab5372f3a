"""Bring a CSV answer to disk and prove that it is whole. Truncation is never taken for an end.

requests accepts a gzip body that was cut inside a complete message, and a plain body that ends with the connection: so the
raw bytes are read, gunzipped here up to the end-of-stream marker, and the text must end on a record boundary.
"""

from __future__ import annotations

import hashlib
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from loadplan.durable import open_atomic
from loadplan.salesforce.http import reason
from loadplan.salesforce.port import Received, Truncated, Unavailable

if TYPE_CHECKING:
    import requests

BLOCK = 1 << 20
MAX_RATIO = 2000
"""Plain bytes per byte received: beyond this it is a decompression bomb, not a CSV file."""


class Counter:
    """Counts records in a CSV stream without parsing it: newlines outside quotes."""

    _KEEP = bytes(i for i in range(256) if i not in b'\n"')

    def __init__(self) -> None:
        self.records = 0
        self._open = 0
        self._last = b""

    def feed(self, block: bytes) -> None:
        if not block:
            return
        pieces = block.translate(None, self._KEEP).split(b'"')
        self.records += sum(map(len, pieces[self._open :: 2]))
        self._open = (self._open + len(pieces) - 1) & 1
        self._last = block[-1:]

    @property
    def ends_inside_quotes(self) -> bool:
        return bool(self._open)

    @property
    def total(self) -> int:
        """Records, the last one counted even without its newline."""
        return self.records + (1 if self._last not in {b"", b"\n"} else 0)


def save(name: str, answer: requests.Response, to: Path) -> Received:
    """Stream `answer` to `to`, durable. Raises `Truncated` or `Unavailable`; then nothing is left at `to`."""
    import requests
    import urllib3

    if answer.status_code == 204:
        with open_atomic(to):
            pass
        return Received(to, 0, 0, hashlib.sha256().hexdigest(), 204)
    framed = answer.headers.get("Content-Length") is not None or "chunked" in answer.headers.get(
        "Transfer-Encoding", ""
    )
    if not framed:
        answer.close()
        raise Truncated(name, "the answer has neither a length nor chunks, so its end cannot be proven")
    digest, counter, size = hashlib.sha256(), Counter(), 0
    try:
        with open_atomic(to) as file:
            for block in _plain(name, answer):
                digest.update(block)
                counter.feed(block)
                size += len(block)
                file.write(block)
            if counter.ends_inside_quotes:
                raise Truncated(name, "the CSV ends inside a quoted cell")
    except (requests.RequestException, urllib3.exceptions.HTTPError, ConnectionError, TimeoutError) as error:
        raise Truncated(name, reason(error)) from error
    finally:
        answer.close()
    return Received(to, max(0, counter.total - 1), size, digest.hexdigest(), answer.status_code)


def _plain(name: str, answer: requests.Response) -> Any:
    """Blocks of the decompressed body; the raw stream is read to its very end."""
    raw: Any = answer.raw
    encoding = answer.headers.get("Content-Encoding", "identity").lower()
    expected = answer.headers.get("Content-Length")
    if encoding not in {"identity", "", "gzip"}:
        raise Unavailable(name, f"the answer uses Content-Encoding {encoding}, which was not asked for")
    unzip = zlib.decompressobj(16 + zlib.MAX_WBITS) if encoding == "gzip" else None
    received = produced = 0
    while block := raw.read(BLOCK, decode_content=False):
        received += len(block)
        if unzip is None:
            yield block
            continue
        if unzip.eof:
            raise Truncated(name, "bytes follow the end of the gzip stream")
        while block:
            try:
                text = unzip.decompress(block, BLOCK)
            except zlib.error:
                raise Truncated(name, "the gzip stream is damaged") from None
            produced += len(text)
            if produced > MAX_RATIO * received + BLOCK:
                raise Unavailable(name, "the answer expands beyond all measure; it was not stored")
            yield text
            block = unzip.unconsumed_tail
        if unzip.unused_data:
            raise Truncated(name, "bytes follow the end of the gzip stream")
    if expected is not None and expected.isdigit() and received != int(expected):
        raise Truncated(name, f"{received:,} of {int(expected):,} bytes arrived")
    if unzip is not None:
        while tail := unzip.decompress(b"", BLOCK):
            yield tail
        if not unzip.eof:
            raise Truncated(name, "the gzip stream was cut short")
