"""What was really applied, row by row: the witness a test asks whether anything was lost or applied twice."""

from __future__ import annotations

import threading
from collections.abc import Callable
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
    """Reads the ledger of a store."""

    def __init__(self, store: Store, lock: threading.RLock) -> None:
        self._store = store
        self._lock = lock

    def applied(self, object_name: str) -> dict[str, int]:
        """Times each key was applied: the external id if the row had one, else the record id, else the row's content."""
        text = "select key, count(*) from ledger where object=? collate nocase group by key"
        with self._lock:
            return {str(key): int(times) for key, times in self._store.db.execute(text, (object_name,))}

    def entries(self, object_name: str | None = None) -> list[Application]:
        """Every application in order, of one object or of all."""
        text = "select job, row, object, operation, key, id from ledger"
        wanted: tuple[Any, ...] = ()
        if object_name is not None:
            text, wanted = text + " where object=? collate nocase", (object_name,)
        make: Callable[..., Application] = Application
        with self._lock:
            return [make(*row) for row in self._store.db.execute(text + " order by rowid", wanted)]
