"""The journal: append-only JSON lines, each fsynced before the next effect, each carrying the hash of the line before.

A torn last line (the machine died while writing it) is dropped: its effect had not been announced. Anything else that
does not fit the chain is refused, never guessed at. The chain proves every line but the last; that one proves itself by the
checksum at its end. Journals of earlier releases have none.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

from loadplan.clock import Clock, parse_timestamp, timestamp
from loadplan.disk import disk
from loadplan.durable import local_error, sync_dir
from loadplan.errors import LocalError
from loadplan.run.events import Event, Recorded, from_json, to_json

FORMAT = {"format": "loadplan.journal", "version": 1, "min_reader": 1}
START = "0" * 64
CHECKSUM = re.compile(rb',"crc":"([0-9a-f]{8})"\}\n\Z')
"""How a line ends: the CRC-32 of the line as it would be without it."""


class Journal(Protocol):
    """Where events become durable. `append` returns only when the record would survive a power cut."""

    def append(self, event: Event) -> Recorded: ...


class FileJournal:
    """A journal in one file, held open by its only writer. Raises `LocalError` when the disk refuses."""

    def __init__(self, path: Path, clock: Clock, *, seq: int, prev: str) -> None:
        self._path, self._clock, self._seq, self._prev = path, clock, seq, prev
        try:
            self._fd = disk().appending(path)
        except OSError as error:
            raise local_error(error, path) from error

    @classmethod
    def create(cls, path: Path, clock: Clock) -> FileJournal:
        journal = cls(path, clock, seq=0, prev=START)
        journal._write(dict(FORMAT))
        # An fsync of a file does not save its name. A journal that a power cut takes away is a run that is begun anew.
        try:
            sync_dir(path.parent)
        except OSError as error:
            raise local_error(error, path) from error
        return journal

    @classmethod
    def reopen(cls, path: Path, clock: Clock) -> tuple[FileJournal, list[Recorded]]:
        """Read what is there, cut off a torn last line, and go on after it."""
        records, prev, good = read_journal(path)
        if good != path.stat().st_size:
            disk().truncate(path, good)
        return cls(path, clock, seq=records[-1].seq if records else 0, prev=prev), records

    def append(self, event: Event) -> Recorded:
        at = self._clock.now()
        self._seq += 1
        self._write({"seq": self._seq, "at": timestamp(at), **to_json(event)})
        return Recorded(self._seq, parse_timestamp(timestamp(at)), event)

    def close(self) -> None:
        os.close(self._fd)

    def _write(self, record: dict[str, Any]) -> None:
        line = _with_checksum(
            json.dumps({**record, "prev": self._prev}, ensure_ascii=False, separators=(",", ":")).encode()
        )
        try:
            written = disk().write(self._fd, line)
            if written != len(line):
                raise OSError(28, "the disk took only part of the record")
            disk().fsync(self._fd)
        except OSError as error:
            raise LocalError(
                f"cannot write the journal: {error.strerror}",
                code="LP0602",
                where=str(self._path),
                hint="free space or make the folder writable, then resume; nothing was sent that is not on record",
            ) from error
        self._prev = hashlib.sha256(line).hexdigest()


def read_journal(path: Path) -> tuple[list[Recorded], str, int]:
    """(records, hash of the last whole line, bytes up to and including it). Raises `LocalError` on a damaged journal."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise LocalError(f"cannot read the journal: {error.strerror}", code="LP0603", where=str(path)) from error
    records: list[Recorded] = []
    prev, good, checked = START, 0, False
    for number, line in enumerate(_whole_lines(raw), start=1):
        is_last = good + len(line) == len(raw)
        try:
            data = json.loads(line)
            _check_line(data, prev, number)
            checked = _check_sum(line, required=checked)
            if number > 1:
                records.append(Recorded(data["seq"], parse_timestamp(data["at"]), from_json(data)))
        except (ValueError, KeyError, TypeError) as error:
            if is_last and isinstance(error, json.JSONDecodeError):
                break
            raise LocalError(
                f"the journal is damaged at line {number}: {error}",
                code="LP0603",
                where=f"{path}:{number}",
                hint="restore the run folder from a copy; loadplan will not guess what was sent",
            ) from error
        prev = hashlib.sha256(line).hexdigest()
        good += len(line)
    return records, prev, good


def _whole_lines(raw: bytes) -> Iterator[bytes]:
    for line in raw.splitlines(keepends=True):
        if line.endswith(b"\n"):
            yield line


def _with_checksum(text: bytes) -> bytes:
    """The line of a record, from its JSON object."""
    return b'%b,"crc":"%08x"}\n' % (text[:-1], zlib.crc32(text))


def _check_sum(line: bytes, *, required: bool) -> bool:
    """Whether the line has a checksum; once one line has, all that follow must. Raises KeyError when it is not the line's."""
    found = CHECKSUM.search(line)
    if found is None:
        if required:
            raise KeyError("its checksum is missing")
        return False
    if int(found[1], 16) != zlib.crc32(line[: found.start()] + b"}"):
        raise KeyError("it is not as it was written (checksum)")
    return True


def _check_line(data: dict[str, Any], prev: str, number: int) -> None:
    if data.get("prev") != prev:
        raise KeyError("it does not follow the line before it (hash chain)")
    if number == 1:
        if data.get("format") != FORMAT["format"]:
            raise KeyError("it is not a loadplan journal")
        if data.get("min_reader", 0) > FORMAT["version"]:
            raise KeyError(f"it needs a newer loadplan (journal version {data.get('version')})")
    elif data.get("seq") != number - 1:
        raise KeyError("a record is missing")
