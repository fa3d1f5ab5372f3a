"""Sends answers that are spoiled on purpose: cut, damaged, stalled, slow. Which answer is spoiled is decided in faults.py.

The forms are those that HTTP clients were seen to take for whole answers: a body without length that ends with its
connection, and a gzip stream that ends early inside a message that is complete.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Protocol

from .faults import Rule
from .streams import PIECE, FileBody, gzip_blocks
from .wire import Response

_ALIASES = {"truncate": "short"}
# effect: (framing, whether only a share of the body is sent, whether it is gzip, whether the framing ends as it must)
_FORMS: dict[str, tuple[str, bool, bool, bool]] = {
    "short": ("length", True, False, False),
    "chunked cut": ("chunked", True, False, False),
    "close cut": ("close", True, False, False),
    "gzip cut": ("close", True, True, False),
    "gzip cut length": ("length", True, True, True),
    "gzip cut chunked": ("chunked", True, True, True),
    "gzip crc": ("length", False, True, True),
}


class Wire(Protocol):
    """What the sender needs of a connection."""

    def head(self, response: Response, framing: str, size: int, encoding: str) -> None:
        """Send status and headers; `framing` is length, chunked or close."""

    def send(self, data: bytes) -> None:
        """Send bytes at once."""

    def wait(self, seconds: float) -> None:
        """Send nothing for a time."""


@dataclass(frozen=True, slots=True)
class _Data:
    """The body's bytes, made again each time, and their number."""

    blocks: Callable[[], Iterator[bytes]]
    size: int


def send(wire: Wire, response: Response, rule: Rule, *, takes_gzip: bool) -> bool:
    """Send the answer as the rule spoils it. False: the connection must be closed."""
    effect = _ALIASES.get(rule.effect, rule.effect)
    body = FileBody([response.body]) if isinstance(response.body, bytes) else response.body
    plain, encoding = body.blocks, body.encoding
    if effect in ("stall", "slow"):
        _in_pieces(wire, response, _measured(plain), rule, encoding)
        return True
    framing, is_cut, zipped, ends = _FORMS[effect]
    if zipped and takes_gzip and not encoding:
        plain, encoding = _zipped(plain), "gzip"
    data = _measured(plain)
    shown = int(data.size * rule.share) if is_cut else data.size
    wire.head(response, framing, shown if ends else data.size, encoding)
    blocks = _first(data.blocks(), shown)
    for block in _with_bad_crc(blocks, data.size) if effect == "gzip crc" and encoding else blocks:
        wire.send(b"%x\r\n%b\r\n" % (len(block), block) if framing == "chunked" else block)
    if ends and framing == "chunked":
        wire.send(b"0\r\n\r\n")
    return ends


def _zipped(plain: Callable[[], Iterator[bytes]]) -> Callable[[], Iterator[bytes]]:
    return lambda: gzip_blocks(plain())


def _measured(blocks: Callable[[], Iterator[bytes]]) -> _Data:
    return _Data(blocks, sum(len(block) for block in blocks()))


def _first(blocks: Iterable[bytes], size: int) -> Iterator[bytes]:
    for block in blocks:
        if size <= 0:
            return
        yield block[:size]
        size -= len(block)


def _with_bad_crc(blocks: Iterable[bytes], size: int) -> Iterator[bytes]:
    """The trailer of a gzip stream is its CRC and its length, four bytes each: turn over the CRC."""
    place = 0
    for block in blocks:
        changed = bytearray(block)
        for at in range(max(0, size - 8 - place), min(len(block), size - 4 - place)):
            changed[at] ^= 0xFF
        place += len(block)
        yield bytes(changed)


def _in_pieces(wire: Wire, response: Response, data: _Data, rule: Rule, encoding: str) -> None:
    if not data.size:
        wire.wait(rule.seconds)
    wire.head(response, "length", data.size, encoding)
    sent, edge = 0, int(data.size * rule.share)
    step = min(PIECE, max(1, data.size // 20)) if rule.effect == "slow" else PIECE
    stalled = False
    for block in data.blocks():
        for start in range(0, len(block), step):
            piece = block[start : start + step]
            if rule.effect == "slow":
                wire.wait(rule.seconds * len(piece) / max(1, data.size))
            elif not stalled and sent + len(piece) > edge:
                wire.send(piece[: edge - sent])
                wire.wait(rule.seconds)
                stalled = True
                piece = piece[edge - sent :]
                sent = edge
            wire.send(piece)
            sent += len(piece)
