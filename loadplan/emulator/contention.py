"""Rows that wait for one another: which record a row of a batch locks, and when another batch that runs beside it has it.

Salesforce, "Record Locking Cheat Sheet": saving a detail locks its master, saving a record with a lookup locks what it points
at, and a change locks the record itself. Here batches run one after the other; what would have run beside what is worked out:
all jobs in progress beside each other, and so many batches of one job. A chunk of 200 rows is one transaction: where it meets a
record that another batch holds, it waits in vain with `lock_chance`, and all its rows of that record are refused; else it has
waited and holds the record. Chance goes by `lock_seed`, the job and the chunk: the same loads collide in the same rows.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from .jobs import Job
from .rules import Batch
from .schema import Field, ObjectType
from .settings import Settings
from .tables import Tables
from .values import RowError

_NEVER = frozenset(("User", "Group", "RecordType", "Organization"))
_BATCH = 10_000


class Contention:
    """Who holds what. `running` answers the job of an id while it is in progress."""

    def __init__(self, settings: Settings, tables: Tables, running: Callable[[str], Job | None]) -> None:
        self.settings, self._tables, self._running = settings, tables, running
        self._holders: dict[str, tuple[str, int]] = {}

    def forget(self, job: Job) -> None:
        """A job has ended: it holds nothing any more."""
        self._holders = {record: held for record, held in self._holders.items() if held[0] != job.id}

    def meet(self, job: Job, kind: ObjectType, batch: Batch, targets: Sequence[str], first: int) -> int:
        """Refuse rows whose records another batch holds, and hold what the others lock; `first` is the number of the chunk's
        first row. Answers how many rows were refused."""
        number = first // _BATCH
        if first % _BATCH == 0:
            self._let_go(job.id, number - self.settings.parallel_batches)
        refused = 0
        lost: dict[str, bool] = {}
        for row, records in enumerate(self._locked(job, kind, batch, targets)):
            if row in batch.errors or not records:
                continue
            for record in records:
                if record not in lost:
                    lost[record] = self._is_held(record, job, number) and self._chance(job, first, record)
            wanted = [record for record in records if lost[record]]
            if wanted:
                listed = self.settings.lock_id_separator.join(wanted)
                text = f"unable to obtain exclusive access to this record or {len(wanted)} records: {listed}"
                batch.errors[row] = RowError("UNABLE_TO_LOCK_ROW", text)
                refused += 1
                continue
            for record in records:
                self._holders[record] = (job.id, number)
        return refused

    def _let_go(self, job: str, last: int) -> None:
        """Batches up to `last` are over: what they held is free. So memory is that of the batches that run."""
        if last >= 0:
            self._holders = {record: held for record, held in self._holders.items() if held[0] != job or held[1] > last}

    def _is_held(self, record: str, job: Job, number: int) -> bool:
        held = self._holders.get(record)
        if held is None or held == (job.id, number):
            return False
        if held[0] == job.id:
            return abs(held[1] - number) < self.settings.parallel_batches
        return self._running(held[0]) is not None

    def _chance(self, job: Job, first: int, record: str) -> bool:
        chance = random.Random(f"{self.settings.lock_seed} {job.number} {first} {record}").random()  # noqa: S311
        return chance < self.settings.lock_chance

    def _locked(self, job: Job, kind: ObjectType, batch: Batch, targets: Sequence[str]) -> list[list[str]]:
        """The records that each row locks: itself when it is there already, and its parents."""
        parents = [entry for entry in kind.references if self._locks(entry)]
        given = [batch.columns[entry.name] for entry in parents if entry.name in batch.columns]
        stored = {}
        if job.operation in ("delete", "hardDelete") and parents:
            names = [f'"{entry.name}"' for entry in parents]
            stored = self._tables.values(kind, names, [target for target in targets if target])
        found = []
        for row, target in enumerate(targets):
            records = [target] if target else []
            records += [values[row] for values in given if values[row]]
            records += [record for record in stored.get(target, ()) if record]
            found.append(records)
        return found

    def _locks(self, entry: Field) -> bool:
        if not _NEVER.isdisjoint(entry.reference_to):
            return False
        is_master = entry.raw["relationshipOrder"] is not None or bool(entry.raw["cascadeDelete"])
        return is_master or self.settings.lock_rows == "lookups"
