"""Id map: from a parent row's key to the Salesforce id its results gave it, exactly, on disk, whatever the number of rows.

Decisions
- Keys are compared byte for byte, as they stand in the source: no trimming, no case, no other spelling. A hash finds the
  place, the stored key decides, so two keys with one hash can never be taken for each other.
- A key whose rows were given two different ids has no id: it is ambiguous, and `why` says so. An id wins over "did not
  land", whatever their order, so the results of every attempt can be streamed as they are.
- The files are a rendering of result files and can be deleted at any time. They carry the digest of what they were made
  from and their own: a map that is torn, changed or of other results is not opened, and its owner builds it again.

Never: which row of a part a result belongs to (that is matching's), nor what happens to a child without a parent.

    records.bin  per key, in order of their hashes: length of the key, the key, 18 characters of id
    starts.bin   where the records of each slot begin in it; a slot is the leading bits of the hash, about one key each
"""

from __future__ import annotations

import hashlib
import json
import mmap
import sys
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from enum import Enum
from pathlib import Path
from types import TracebackType
from typing import Any

from loadplan.durable import local_error
from loadplan.sources.hashing import hash64


class Why(Enum):
    """Why a key has no id. Values are words for messages."""

    UNKNOWN = "no row has this key"
    NOT_LANDED = "the row with this key did not land"
    AMBIGUOUS = "rows with this key have different ids"


FORMAT = "loadplan.idmap"
VERSION = 1
SMALL = 200_000
"""Up to this many keys with an id are held in a dict (about 150 bytes each); more are looked up on disk."""

ID_LENGTH = 18
NOT_LANDED = b"-" * ID_LENGTH
AMBIGUOUS = b"=" * ID_LENGTH
_WITHOUT = {NOT_LANDED: Why.NOT_LANDED, AMBIGUOUS: Why.AMBIGUOUS}
LONG = 255
"""A key of fewer bytes has its length in one byte; this one says that four bytes with the length follow."""
_HEADS = [bytes([size]) for size in range(256)]
FILES = ("starts.bin", "records.bin")
MANIFEST = "manifest.json"


class IdMap:
    """An open map. `keys` counts distinct keys, `landed` those with an id, `ambiguous` those with several; `in_memory` says that
    the keys with an id are held in a dict. `records`, `starts` and `shift` are for `idmaparrays`.

    Look-ups never raise for a key; they may be made in any order and number. Close it, or use it in a `with`."""

    def __init__(self, folder: Path, manifest: dict[str, Any], *, small: int) -> None:
        self.folder = folder
        self.keys: int = manifest["keys"]
        self.landed: int = manifest["landed"]
        self.ambiguous: int = manifest["ambiguous"]
        self.shift = 64 - int(manifest["bits"])
        self._stack = ExitStack()
        self.records = self._map(folder / "records.bin")
        self.starts: memoryview = self._stack.enter_context(memoryview(self._map(folder / "starts.bin")).cast("Q"))
        self._ids = dict(self._walk()) if self.keys <= small else None

    def _map(self, path: Path) -> mmap.mmap | bytes:
        with path.open("rb") as file:
            if not path.stat().st_size:
                return b""
            return self._stack.enter_context(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))

    @property
    def in_memory(self) -> bool:
        return self._ids is not None

    def _walk(self) -> Iterator[tuple[bytes, bytes]]:
        for key, sf_id in _records_in(self.records[:]):
            if sf_id not in _WITHOUT:
                yield key, sf_id

    def find(self, key: bytes) -> bytes | None:
        """The id, 18 characters, of the row with this key; None when it has none (`why` tells)."""
        if self._ids is not None:
            return self._ids.get(key)
        value = self._stored(key)
        return None if value in _WITHOUT else value

    def find_all(self, keys: Iterable[bytes]) -> list[bytes | None]:
        """`find` for each of `keys`, faster: equal keys in a row cost one look-up."""
        if self._ids is not None:
            return list(map(self._ids.get, keys))
        starts, records, shift = self.starts, self.records, self.shift
        last, value = None, None
        found: list[bytes | None] = []
        add = found.append
        for key in keys:
            if key != last:
                last, value, at = key, None, 0
                slot = hash64(key) >> shift
                data = records[starts[slot] : starts[slot + 1]]
                while at < len(data):
                    if data[at] == LONG:
                        value = _value_in(data, key)
                        break
                    end = at + 1 + data[at]
                    if data[at + 1 : end] == key:
                        value = data[end : end + ID_LENGTH]
                        break
                    at = end + ID_LENGTH
                if value in _WITHOUT:
                    value = None
            add(value)
        return found

    def why(self, key: bytes) -> Why | None:
        """Why `find` has nothing for this key; None when it has an id."""
        value = self._stored(key)
        if value is None:
            return Why.UNKNOWN
        return _WITHOUT.get(value)

    def _stored(self, key: bytes) -> bytes | None:
        slot = hash64(key) >> self.shift
        return _value_in(self.records[self.starts[slot] : self.starts[slot + 1]], key)

    def close(self) -> None:
        self._stack.close()
        self._ids = None

    def __enter__(self) -> IdMap:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()


def _value_in(slot: bytes, key: bytes) -> bytes | None:
    """What the records of one slot say of `key`."""
    return next((value for stored, value in _records_in(slot) if stored == key), None)


def _records_in(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    at = 0
    while at < len(data):
        begin, size = at + 1, data[at]
        if size == LONG:
            begin, size = at + 5, int.from_bytes(data[at + 1 : at + 5], "little")
        at = begin + size + ID_LENGTH
        yield data[begin : begin + size], data[begin + size : at]


def head_of(size: int) -> bytes:
    """What stands before a key of `size` bytes."""
    return _HEADS[size] if size < LONG else _HEADS[LONG] + size.to_bytes(4, "little")


def open_id_map(folder: Path, digest: str, *, small: int = SMALL) -> IdMap | None:
    """The map in `folder`, when it is whole and was made from what has this digest; else None: build it.

    `small` is the number of keys up to which they are held in memory. Raises LocalError when the disk refuses."""
    try:
        manifest = read_manifest((folder / MANIFEST).read_bytes())
        if manifest is None or manifest["digest"] != digest or not _is_whole(folder, manifest["files"]):
            return None
        return IdMap(folder, manifest, small=small)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise local_error(error, folder) from error


def _is_whole(folder: Path, files: dict[str, Any]) -> bool:
    for name in FILES:
        with (folder / name).open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != files[name]:
                return False
    return True


def write_manifest(manifest: dict[str, Any]) -> bytes:
    """The bytes of `manifest.json`: what the map is, and a digest of that."""
    body = {"format": FORMAT, "version": VERSION, "byteorder": sys.byteorder, **manifest}
    return json.dumps({"sha256": _digest_of(body), "map": body}, indent=1).encode() + b"\n"


def read_manifest(data: bytes) -> dict[str, Any] | None:
    """The inverse; None when it is not whole, or of another version or kind of machine."""
    try:
        given = json.loads(data)
        body: dict[str, Any] = given["map"]
        whole = given["sha256"] == _digest_of(body)
    except (ValueError, KeyError, TypeError):
        return None
    known = whole and (body["format"], body["version"], body["byteorder"]) == (FORMAT, VERSION, sys.byteorder)
    return body if known else None


def _digest_of(body: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()
