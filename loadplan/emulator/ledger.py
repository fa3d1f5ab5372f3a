"""What was really applied, row by row: the witness a test asks whether anything was lost or applied twice."""

from __future__ import annotations

import json
import sqlite3
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from .store import Store


@dataclass(frozen=True, slots=True)
class Application:
    """One application of one row."""

    job: str
    row: int
    object: str
    operation: str
    key: str
    record_id: str


class Ledger:
    """Writes and reads the ledger of a store, one entry for each chunk of rows."""

    def __init__(self, store: Store, lock: AbstractContextManager[Any]) -> None:
        self._store = store
        self._lock = lock

    def add(
        self, job: str, object_name: str, operation: str, rows: Sequence[int], keys: Sequence[str], ids: Sequence[str]
    ) -> None:
        """Note applied rows of one chunk, in the open transaction: numbers of rows in the file, keys, record ids."""
        if rows:
            data = json.dumps([rows, keys, ids])
            values = (job, rows[0], object_name, operation, data)
            self._store.db.execute("insert into ledger values(?,?,?,?,?)", values)

    def applied(self, object_name: str) -> dict[str, int]:
        """Times each key was applied: the external id if the row had one, else the record id, else the row's content."""
        counts: Counter[str] = Counter()
        text = "select data from ledger where object=? collate nocase order by rowid"
        with self._lock:
            for (data,) in self._store.db.execute(text, (object_name,)):
                counts.update(json.loads(data)[1])
        return dict(counts)

    def objects(self) -> list[str]:
        """Names of the objects that have entries."""
        with self._lock:
            found = self._store.db.execute("select distinct object from ledger order by object")
            return [str(name) for (name,) in found]

    def entries(self, object_name: str | None = None) -> list[Application]:
        """Every application in order, of one object or of all."""
        with self._lock:
            return list(entries(self._store.db, object_name))


def entries(db: sqlite3.Connection, object_name: str | None = None) -> Iterator[Application]:
    """Every application in order, of one object or of all, one after the other."""
    text = "select job, object, operation, data from ledger"
    wanted: tuple[str, ...] = ()
    if object_name is not None:
        text, wanted = text + " where object=? collate nocase", (object_name,)
    for job, name, operation, data in db.execute(text + " order by rowid", wanted):
        for row, key, record in zip(*json.loads(data), strict=True):
            yield Application(job, row, name, operation, key, record)
