"""Builds an id map (`idmap.py` says what it is): pairs go to disk by their hash, come back a 256th at a time, sorted.

Decides what the pairs of one key come to, and that a map appears whole or not at all.
"""

from __future__ import annotations

import contextlib
import tempfile
from array import array
from collections.abc import Iterable
from contextlib import ExitStack
from itertools import accumulate, islice
from operator import itemgetter
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

from loadplan.disk import disk
from loadplan.durable import local_error, make_private, sync_dir, write_atomic
from loadplan.lean import dataclass
from loadplan.sources.durably import CountedFile, counted_file
from loadplan.sources.hashing import hash64
from loadplan.sources.idmap import (
    AMBIGUOUS,
    FILES,
    ID_LENGTH,
    MANIFEST,
    NOT_LANDED,
    SMALL,
    IdMap,
    head_of,
    write_manifest,
)
from loadplan.sources.ids import long_id
from loadplan.sources.spool import Spool, pack, unpack

if TYPE_CHECKING:
    from loadplan.sources.idmapbuild_arrays import Bucket

_BUCKETS = 256
_MANY = 50_000
"""Pairs from which on it pays to load numpy."""
_BUFFERED = 1 << 17
"""Pairs held in memory before they are filed: about 15 MB."""

_BELOW = 30
"""Bits of the hash, after the 8 that choose the bucket, that order a bucket's keys: numbers below 2**30 sort fastest."""

_Entry = tuple[int, bytes, bytes]
"""Those bits, the key, the id."""


def build_id_map(folder: Path, pairs: Iterable[tuple[bytes, bytes]], *, digest: str, small: int = SMALL) -> IdMap:
    """Build the map of `pairs` in `folder`, in place of what is there, and open it.

    A pair is a key and the id its row was given, 15 or 18 characters, or b"" for a row that did not land. Pairs may come
    in any order and repeat. `digest` names what they were made from (the caller's; any text). The folder appears whole
    or not at all; a build that was cut off leaves a folder beside it that the next one removes.

    Memory: about 30 MB and a 256th of the pairs. Raises ValueError for an empty key or an id of another length,
    LocalError (exit 9) when the disk refuses, and whatever `pairs` raises: the old map stays then."""
    make_private(folder.parent)
    _sweep(folder)
    try:
        work = Path(tempfile.mkdtemp(dir=folder.parent, prefix=_prefix(folder)))
    except OSError as error:
        raise local_error(error, folder) from error
    try:
        with Spool(work) as spool:
            count = _partition(spool, pairs)
            manifest = _write(work, spool, count)
        write_atomic(work / MANIFEST, write_manifest({"digest": digest, **manifest}))
        _replace(work, folder)
    except BaseException:
        disk().remove_tree(work)
        raise
    return IdMap(folder, manifest, small=small)


def _prefix(folder: Path) -> str:
    return f".{folder.name}."


def _sweep(folder: Path) -> None:
    """Remove what a build that was cut off has left. One writer at a time: the run's lock sees to it."""
    with contextlib.suppress(OSError):
        for left in folder.parent.glob(_prefix(folder) + "*"):
            disk().remove_tree(left)


def _replace(work: Path, folder: Path) -> None:
    try:
        if folder.exists():
            disk().remove_tree(folder)
        disk().rename(work, folder)
        sync_dir(folder.parent)
    except OSError as error:
        raise local_error(error, folder) from error


def _partition(spool: Spool, pairs: Iterable[tuple[bytes, bytes]]) -> int:
    """File the pairs by the first byte of their hash; how many there were."""
    total, taken = 0, iter(pairs)
    while batch := list(islice(taken, _BUFFERED)):
        keys = list(map(itemgetter(0), batch))
        ids = [sf_id if len(sf_id) == ID_LENGTH else _eighteen(sf_id) for _, sf_id in batch]
        if b"" in keys:
            raise ValueError("a row without a key has no place in an id map")
        if (arrays := _arrays(len(batch))) is not None:
            arrays.file_pairs(spool, keys, ids, buckets=_BUCKETS, below=_BELOW)
        else:
            _file(spool, keys, ids)
        total += len(batch)
    return total


def _arrays(count: int) -> ModuleType | None:
    if count < _MANY:
        return None
    try:
        from loadplan.sources import idmapbuild_arrays
    except ImportError:
        return None
    return idmapbuild_arrays


def _eighteen(sf_id: bytes) -> bytes:
    if not sf_id:
        return NOT_LANDED
    long = long_id(sf_id.decode("ascii")).encode()
    if len(long) != ID_LENGTH:
        raise ValueError("a Salesforce id has 15 or 18 characters")
    return long


def _file(spool: Spool, keys: list[bytes], ids: list[bytes]) -> None:
    of_bucket: list[list[tuple[int, bytes, bytes]]] = [[] for _ in range(_BUCKETS)]
    for key, sf_id in zip(keys, ids, strict=True):
        hashed = hash64(key)
        of_bucket[hashed >> 56].append((hashed >> 26 & 0x3FFFFFFF, key, sf_id))
    for bucket, entries in enumerate(of_bucket):
        if entries:
            places, some, theirs = zip(*entries, strict=True)
            spool.put(bucket, pack([array("I", places)], [some, theirs]))


def _write(work: Path, spool: Spool, count: int) -> dict[str, Any]:
    arrays = _arrays(count)
    with ExitStack() as stack:
        files = {name: stack.enter_context(counted_file(work / name)) for name in FILES}
        writer = _Writer(files, bits=max(1, min(32, count.bit_length())))
        for bucket in range(_BUCKETS):
            if arrays is not None:
                writer.take_many(bucket, arrays.Bucket(spool.blocks(bucket), _one_of))
            else:
                writer.take(bucket, _merged(spool, bucket))
        return writer.finish()


def _merged(spool: Spool, bucket: int) -> list[_Entry]:
    """The keys of a bucket in order of their hashes, then of themselves, one entry each."""
    entries: list[_Entry] = []
    for block in spool.blocks(bucket):
        (places,), (keys, ids) = unpack(block, "I", 2)
        entries.extend(zip(places, keys, ids, strict=True))
    entries.sort()
    merged: list[_Entry] = []
    before: _Entry = (-1, b"", b"")
    for entry in entries:
        if entry[0] != before[0] or entry[1] != before[1]:
            merged.append(entry)
            before = entry
        elif entry[2] != before[2]:
            before = (entry[0], entry[1], _one_of(before[2], entry[2]))
            merged[-1] = before
    return merged


def _one_of(one: bytes, other: bytes) -> bytes:
    """What two different values of one key come to. Values are sorted: "did not land" is before every id."""
    return other if one == NOT_LANDED else AMBIGUOUS


@dataclass
class _Writer:
    """Appends keys in ascending order of their hashes."""

    files: dict[str, CountedFile]
    bits: int
    keys: int = 0
    landed: int = 0
    ambiguous: int = 0
    slots: int = 0

    def take(self, bucket: int, entries: list[_Entry]) -> None:
        shift, slots, above = 8 + _BELOW - self.bits, self.slots, bucket << _BELOW
        keys, ids = list(map(itemgetter(1), entries)), list(map(itemgetter(2), entries))
        records = list(map(b"".join, zip(map(head_of, map(len, keys)), keys, ids, strict=True)))
        starts: array[int] = array("Q")
        ends = accumulate(map(len, records), initial=self.files["records.bin"].bytes)
        for (place, _, _), begin in zip(entries, ends, strict=False):
            slot = (above | place) >> shift
            if slot >= slots:
                starts.extend([begin] * (slot + 1 - slots))
                slots = slot + 1
        self.slots = slots
        self._put(ids, starts.tobytes(), b"".join(records))

    def take_many(self, bucket: int, entries: Bucket) -> None:
        """The same for entries of the other kind."""
        records, begins = entries.records()
        starts, self.slots = entries.starts(
            begins + self.files["records.bin"].bytes, self.slots, bucket << _BELOW, 8 + _BELOW - self.bits
        )
        self._put(entries.ids, starts, records)

    def _put(self, ids: list[bytes], starts: bytes, records: bytes) -> None:
        self.keys += len(ids)
        self.ambiguous += ids.count(AMBIGUOUS)
        self.landed += len(ids) - ids.count(AMBIGUOUS) - ids.count(NOT_LANDED)
        self.files["starts.bin"].write(starts)
        self.files["records.bin"].write(records)

    def finish(self) -> dict[str, Any]:
        end = array("Q", [self.files["records.bin"].bytes])
        self.files["starts.bin"].write(end.tobytes() * ((1 << self.bits) + 1 - self.slots))
        return {
            "keys": self.keys, "landed": self.landed, "ambiguous": self.ambiguous, "bits": self.bits,
            "files": {name: file.sha256() for name, file in self.files.items()},
        }  # fmt: skip
