"""Keys: how two keys are told equal. Salesforce ids come with 15 or 18 characters and mean the same record.

External ids are compared exactly; Salesforce compares them without case unless the field says otherwise, so keys that
differ only in case are worth a warning, not an error.
"""

from __future__ import annotations

import hashlib
import re

_ID = re.compile(r"[A-Za-z0-9]{15}(?:[A-Z0-5]{3})?", re.ASCII)
_SUFFIX = "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"


def short_id(text: str) -> str:
    """The 15 case-sensitive characters of a Salesforce id written with 15 or 18; any other text as it is."""
    if len(text) == 18 and _ID.fullmatch(text) and _suffix(text[:15]) == text[15:]:
        return text[:15]
    return text


def long_id(text: str) -> str:
    """The 18 characters of a Salesforce id written with 15 or 18; any other text as it is."""
    return text + _suffix(text) if len(text) == 15 and _ID.fullmatch(text) else text


def _suffix(short: str) -> str:
    """Each of the last three characters says which of five characters are capitals."""
    out = ""
    for start in (0, 5, 10):
        bits = sum(1 << i for i, c in enumerate(short[start : start + 5]) if "A" <= c <= "Z")
        out += _SUFFIX[bits]
    return out


class KeySet:
    """The keys seen so far, 16 bytes each whatever their length. The only place that knows where they are kept."""

    def __init__(self) -> None:
        self._seen: set[bytes] = set()

    def add(self, key: str) -> bool:
        """Remember `key`; True when it is new."""
        before = len(self._seen)
        self._seen.add(digest_of(key))
        return len(self._seen) > before

    def __contains__(self, key: str) -> bool:
        return digest_of(key) in self._seen

    def __len__(self) -> int:
        return len(self._seen)


def digest_of(key: str) -> bytes:
    """16 bytes that stand for the text. Two texts sharing one by accident is less likely than a failing disk."""
    return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).digest()
