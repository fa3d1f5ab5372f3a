"""One running ingest job: takes chunks of 200 rows from its file through the rules and says what became of each row.

Works by the column and by the chunk. Knows nothing of HTTP, of states, or of when a row may be processed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from .columns import Column, read_header
from .contention import Contention
from .csvfile import DELIMITERS, QUOTING, FileError, header_cells, header_text, loose_rows, rows
from .faults import Faults
from .jobs import Job
from .ledger import Ledger
from .records import Records
from .resultrows import ResultRows
from .rules import Batch
from .schema import Field, ObjectType
from .settings import Settings
from .values import NULL, Converter, RowError
from .wire import number_of

_CELLS = "Number of fields in header is different from the row. header = {} row = {}"
_MAX_RECORD = 400_000


@dataclass(slots=True)
class Outcome:
    """What became of a chunk: rows of the two result files, how many rows it had and how many of them failed."""

    good: bytes
    bad: bytes
    count: int
    failed: int


class Load:
    """The rows of one job from its first unprocessed one on. Raises FileError when its header is refused."""

    def __init__(
        self, job: Job, path: Path, records: Records, settings: Settings, faults: Faults, ledger: Ledger,
        contention: Contention | None = None,
    ) -> None:  # fmt: skip
        self.job, self.records, self.settings, self.faults, self.ledger = job, records, settings, faults, ledger
        self.contention = contention
        self.kind: ObjectType = records.schema.objects[job.object.lower()]
        delimiter = DELIMITERS[job.delimiter]
        text = header_text(path)
        names = header_cells(text.removeprefix("\ufeff") if settings.bom_ignored else text, delimiter)
        self.columns = read_header(records.schema, self.kind, names, job.operation) if names else []
        self._check_key()
        label = settings.picklist_error_with_label
        self._converters = [Converter(column.field, label_in_picklist_error=label) for column in self.columns]
        self._refers_to_itself = any(column.parent is self.kind for column in self.columns)
        self._rows: Generator[list[str] | None, None, None]
        self._rows = loose_rows(path, delimiter) if job.loose_quotes else rows(path, delimiter)
        self._source: Iterator[list[str] | None] = islice(self._rows, 1 + job.done, None)
        self.place = job.done
        self._lines = ResultRows(job, self.columns, settings)

    def _check_key(self) -> None:
        if not self.settings.missing_key_fails_job or not self.columns:
            return
        wanted = self.job.key if self.job.operation == "upsert" else None if self.job.operation == "insert" else "Id"
        if wanted and all(column.key is not None or column.field.name != wanted for column in self.columns):
            raise FileError(f"InvalidBatch : {wanted} not specified")

    def close(self) -> None:
        """Let go of the file."""
        self._rows.close()

    def chunk(self, size: int, now: float) -> Outcome:
        """Process the next `size` rows, in the open transaction."""
        first = self.place
        errors: dict[int, RowError] = {}
        cells = self._read(size, errors)
        self.place += len(cells)
        columns: list[Sequence[str]] = list(zip(*cells, strict=True)) or [[] for _ in self.columns]
        self._meet_faults(columns, errors)
        batch = Batch({}, errors)
        read: list[list[Any]] = []
        for place, column in enumerate(self.columns):
            values = self._convert(column, place, columns[place], errors)
            read.append(values)
            other = batch.columns.get(column.field.name)
            if other is not None:  # AccountId beside Account.Key__c: the later cell wins where it is filled
                values = [old if new == "" else new for old, new in zip(other, values, strict=True)]
            batch.columns[column.field.name] = values
        targets, ids = self._apply(batch, len(cells), first, now)
        good_rows = range(len(cells)) if not errors else [row for row in range(len(cells)) if row not in errors]
        self._note(first, good_rows, columns, ids)
        echoes = self._lines.echoes(columns, read)
        good = self._lines.good(good_rows, ids, targets, echoes, self.place)
        bad = self._lines.bad(errors, targets, echoes, self.place) if errors else b""
        return Outcome(good, bad, len(cells), len(errors))

    # reading

    def _read(self, size: int, errors: dict[int, RowError]) -> list[list[str]]:
        width = len(self.columns)
        cells: list[list[str]] = []
        for row, found in enumerate(islice(self._source, size)):
            if found is None:
                errors[row] = RowError("INVALID_FIELD", QUOTING)
            elif len(found) != width:
                errors[row] = RowError("INVALID_FIELD", _CELLS.format(width, len(found)))
            else:
                cells.append(found)
                continue
            cells.append([""] * width)  # such a row comes back blank
        longest = self.settings.max_cell_characters
        if max(map(len, map("".join, cells)), default=0) > min(longest, _MAX_RECORD):
            _refuse_giants(cells, errors, longest)
        return cells

    def _meet_faults(self, columns: list[Sequence[str]], errors: dict[int, RowError]) -> None:
        if not self.faults.has_row_faults(self.job.object):
            return
        headers = [column.header for column in self.columns]
        for row, texts in enumerate(zip(*columns, strict=True)):
            if row not in errors:
                problem = self.faults.row_fault(self.job.object, dict(zip(headers, texts, strict=True)))
                if problem is not None:
                    errors[row] = RowError(*problem)

    def _convert(self, column: Column, place: int, cells: Sequence[str], errors: dict[int, RowError]) -> list[Any]:
        if column.parent is None or column.key is None:
            return self._converters[place].column(cells, place, errors)
        found = self.records.find(column.parent, column.key, {cell for cell in cells if cell and cell != NULL})
        if column.parent.name == "RecordType":
            found = self.records.of_object(self.kind, found)
        if column.parent is self.kind and self.job.made:
            found = {text: [r for r in ids if not self._was_made_here(r)] for text, ids in found.items()}
        values: list[Any] = []
        for row, cell in enumerate(cells):
            if cell in ("", NULL):
                values.append(None if cell else "")
            elif len(ids := found.get(cell, [])) == 1:
                values.append(ids[0])
            else:
                text = f"Foreign key external ID: {cell} not found for field {column.key.name} in entity"
                told = (column.parent.name,) if self.settings.key_error_with_object else ()
                errors.setdefault(row, RowError("INVALID_FIELD", f"{text} {column.parent.name}", *told))
                values.append("")
        return values

    def _was_made_here(self, record: str) -> bool:
        """A row cannot refer to a record that another row of its job makes (page section 6)."""
        number = number_of(record)
        return any(first <= number <= last for first, last in self.job.made)

    # applying

    def _apply(self, batch: Batch, count: int, first: int, now: float) -> tuple[list[str], list[str]]:
        """(the record each row aims at, empty for a new one; the record each row ended in)."""
        operation, errors = self.job.operation, batch.errors
        if operation == "insert":
            targets = [""] * count
        elif operation == "upsert" and self.job.key != "Id":
            targets = self._matched(batch, count)
        else:
            targets = self._named(batch, count)
        if self.contention is not None and self.settings.lock_rows != "off":
            self.job.retries += bool(self.contention.meet(self.job, self.kind, batch, targets, first))
        if operation in ("delete", "hardDelete"):
            self.records.remove(self.kind, targets, errors, hard=operation == "hardDelete")
            return targets, targets
        ids = [""] * count
        for run in _runs(targets):
            part = batch if len(run) == count else _part(batch, run)
            saved = self.records.save(self.kind, part, [targets[r] for r in run], now, upsert=operation == "upsert")
            for row, record in zip(run, saved, strict=True):
                ids[row] = record
            if part is not batch:
                errors.update({run[row]: problem for row, problem in part.errors.items()})
        if self._refers_to_itself:
            self._remember([number_of(ids[r]) for r in range(count) if not targets[r] and r not in errors])
        return targets, ids

    def _remember(self, numbers: list[int]) -> None:
        for number in numbers:
            if self.job.made and self.job.made[-1][1] == number - 1:
                self.job.made[-1][1] = number
            else:
                self.job.made.append([number, number])

    def _named(self, batch: Batch, count: int) -> list[str]:
        """Targets by the Id column."""
        operation = self.job.operation
        targets = [value or "" for value in batch.columns.pop("Id", [""] * count)]
        if operation != "upsert":
            article = "an" if operation == "update" else "a"
            for row, target in enumerate(targets):
                if not target:
                    text = f"Id not specified in {article} {operation} call"
                    batch.errors.setdefault(row, RowError("MISSING_ARGUMENT", text))
        rows_with = [row for row, target in enumerate(targets) if target]
        if operation in ("update", "upsert"):
            for place, problem in self.records.living(self.kind, [targets[row] for row in rows_with]).items():
                batch.errors.setdefault(rows_with[place], problem)
        return targets

    def _matched(self, batch: Batch, count: int) -> list[str]:
        """Targets by the external id. The same one twice in a chunk refuses every row that has it."""
        name = str(self.job.key)
        entry: Field = self.kind.fields[name.lower()]
        values = batch.columns.get(name, [""] * count)
        keys = [key or "" for key in batch.keys(entry)] if name in batch.columns else values
        batch.settled = frozenset([name])
        for row, key in enumerate(keys):
            if not key:
                batch.errors.setdefault(row, RowError("MISSING_ARGUMENT", f"{name} not specified"))
        if len(set(keys)) < len(keys):
            times = Counter(keys)
            for row, key in enumerate(keys):
                if key and times[key] > 1:
                    text = f"Duplicate external id specified: {values[row]}"
                    batch.errors.setdefault(row, RowError("DUPLICATE_VALUE", text))
        found = self.records.tables.find(self.kind, entry, [key for key in set(keys) if key])
        targets = [""] * count
        for row, key in enumerate(keys if found else ()):
            records = found.get(key, ())
            if len(records) > 1:
                text = f"{name}: more than one record found for external id field: [{', '.join(records)}]"
                batch.errors.setdefault(row, RowError("DUPLICATE_EXTERNAL_ID", text))
            elif records:
                targets[row] = records[0]
        return targets

    def _note(self, first: int, good: Sequence[int], columns: list[Sequence[str]], ids: list[str]) -> None:
        """The ledger's keys: the external id if sent; for an insert without one the content; else the record id."""
        wanted, insert = self.job.key, self.job.operation == "insert"
        places = [
            place for place, column in enumerate(self.columns)
            if column.key is None and (column.field.name == wanted if wanted else column.field.external_id)
        ]  # fmt: skip
        if len(places) == 1 and all(columns[places[0]]):
            keys = list(columns[places[0]])
            self._add_to_ledger(first, good, keys if len(good) == len(keys) else [keys[row] for row in good], ids)
            return
        keys = []
        for row in good:
            key = next((columns[place][row] for place in places if columns[place][row]), "")
            keys.append(key or ("|".join(column[row] for column in columns) if insert else ids[row]))
        self._add_to_ledger(first, good, keys, ids)

    def _add_to_ledger(self, first: int, good: Sequence[int], keys: list[str], ids: list[str]) -> None:
        rows = [first + row for row in good]
        found = [ids[row] for row in good]
        self.ledger.add(self.job.id, self.job.object, self.job.operation, rows, keys, found)


def _refuse_giants(cells: list[list[str]], errors: dict[int, RowError], longest: int) -> None:
    """Limits of a record and of a cell (Bulk API limits); such a row comes back blank."""
    for row, texts in enumerate(cells):
        if sum(map(len, texts)) > _MAX_RECORD:
            problem = RowError("INVALID_FIELD", f"Exceeded max size limit of {_MAX_RECORD} characters for a record")
        elif max(map(len, texts)) > longest:
            problem = RowError("INVALID_FIELD", f"Exceeded max size limit of {longest} characters for a field")
        else:
            continue
        errors.setdefault(row, problem)
        cells[row] = [""] * len(texts)


def _runs(targets: list[str]) -> list[Sequence[int]]:
    """Rows in order, cut so that no record is aimed at twice in one run."""
    named = [target for target in targets if target]
    if len(set(named)) == len(named):
        return [range(len(targets))]
    runs: list[list[int]] = [[]]
    seen: set[str] = set()
    for row, target in enumerate(targets):
        if target and target in seen:
            runs.append([])
            seen = set()
        seen.add(target)
        runs[-1].append(row)
    return list(runs)


def _part(batch: Batch, rows_of_run: Sequence[int]) -> Batch:
    """The rows of one run as a batch of their own."""
    columns = {name: [values[row] for row in rows_of_run] for name, values in batch.columns.items()}
    errors = {place: batch.errors[row] for place, row in enumerate(rows_of_run) if row in batch.errors}
    return Batch(columns, errors, batch.settled)
