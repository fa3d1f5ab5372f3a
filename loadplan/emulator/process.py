"""Moves an ingest job forward to a moment: validates its file, then applies 200-row chunks, each one transaction."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from .columns import Column, read_header
from .csvfile import DELIMITERS, FileError, check_endings, count_rows, rows
from .faults import Faults
from .records import Records
from .schema import ObjectType
from .settings import Settings
from .store import Record
from .values import RowError, convert
from .wire import looks_like_id

CHUNK = 200
_CELLS = "Number of fields in header is different from the row. header = {} row = {}"


class Processor:
    """Applies rows. Keeps readers of running jobs only to avoid re-reading; everything durable is in the store."""

    def __init__(self, records: Records, settings: Settings, faults: Faults, files: Path) -> None:
        self.records, self.settings, self.faults, self.files = records, settings, faults, files
        self.store = records.store
        self._readers: dict[str, tuple[Iterator[list[str]], list[Column], int]] = {}

    def advance(self, job: Record, now: float) -> Record:
        """The job as it stands at `now`; its rows are applied as far as the org's speed allows."""
        begins = job["closed"] + self.settings.latency
        if job["state"] == "UploadComplete" and now >= begins:
            self._begin(job, begins)
        if job["state"] == "InProgress":
            self._apply(job, now)
        return job

    def _begin(self, job: Record, begins: float) -> None:
        path = self.files / job["id"]
        delimiter = DELIMITERS[job["columnDelimiter"]]
        job.update(started=begins, systemModstamp=begins, total=0, midway=self.faults.midway(job["object"]))
        try:
            if path.stat().st_size:
                check_endings(path, job["lineEnding"])
                job["total"] = count_rows(path, delimiter)
                self._columns(job, next(rows(path, delimiter), []))
            job["state"] = "InProgress"
        except FileError as problem:
            job.update(state="Failed", errorMessage=str(problem))
        self.store.put_job(job)
        self.store.commit()

    def _columns(self, job: Record, header: list[str]) -> list[Column]:
        return read_header(self.records.schema, self._kind(job), header, job["operation"])

    def _kind(self, job: Record) -> ObjectType:
        return self.records.schema.objects[job["object"].lower()]

    def _apply(self, job: Record, now: float) -> None:
        allowed = int((now - job["started"]) * self.settings.rows_per_second)
        budget = job["done"] + self.settings.max_rows_per_request
        while job["done"] < job["total"] and job["done"] < budget:
            size = min(CHUNK, job["total"] - job["done"])
            if job["midway"] is not None:
                size = min(size, job["midway"] - job["done"])
                if size <= 0:
                    job.update(state="Failed", errorMessage="ExceededQuota : ApiBatchItems Limit exceeded")
                    break
            if job["done"] + size > allowed:
                break
            self._chunk(job, size, now)
        if job["state"] == "InProgress" and job["done"] >= job["total"]:
            job["state"] = "JobComplete"
        if job["state"] != "InProgress":
            job["systemModstamp"] = now
            job["millis"] = max(1, int((now - job["started"]) * 1000))
            self._readers.pop(job["id"], None)
        self.store.put_job(job)
        self.store.commit()

    def _reader(self, job: Record) -> tuple[Iterator[list[str]], list[Column]]:
        held = self._readers.get(job["id"])
        if held is None or held[2] != job["done"]:
            source = rows(self.files / job["id"], DELIMITERS[job["columnDelimiter"]])
            columns = self._columns(job, next(source))
            held = (islice(source, job["done"], None), columns, job["done"])
        return held[0], held[1]

    def _chunk(self, job: Record, size: int, now: float) -> None:
        source, columns = self._reader(job)
        chunk = list(islice(source, size))
        repeated = _repeated(job, columns, chunk)
        outcomes, ledger = [], []
        for number, cells in enumerate(chunk, job["done"]):
            known_id = ""
            try:
                if len(cells) != len(columns):
                    shape = _CELLS.format(len(columns), len(cells))
                    cells = [""] * len(columns)
                    raise RowError("INVALID_FIELD", shape)
                known_id = self._known_id(job, columns, cells)
                if self.faults.locked(job["object"], {c.header: v for c, v in zip(columns, cells, strict=True)}):
                    raise RowError("UNABLE_TO_LOCK_ROW", "unable to obtain exclusive access to this record")
                record_id, created = self._row(job, columns, cells, repeated, now)
                outcomes.append((job["id"], number, 0, record_id, "true" if created else "false", json.dumps(cells)))
                key = _key(job, columns, cells) or record_id
                ledger.append((job["id"], number, job["object"], job["operation"], key, record_id))
            except RowError as problem:
                job["failed"] += 1
                outcomes.append((job["id"], number, 1, known_id, problem.text(), json.dumps(cells)))
        job["done"] += len(chunk)
        self.store.add_outcomes(outcomes)
        self.store.add_ledger(ledger)
        self.store.put_job(job)
        self.store.commit()
        self._readers[job["id"]] = (source, columns, job["done"])

    def _known_id(self, job: Record, columns: list[Column], cells: list[str]) -> str:
        if job["version"] < 53 or job["operation"] == "insert":
            return ""
        for column, cell in zip(columns, cells, strict=True):
            if column.parent is None and column.field.type == "id" and looks_like_id(cell):
                return cell
        return ""

    def _row(
        self, job: Record, columns: list[Column], cells: list[str], repeated: set[str], now: float
    ) -> tuple[str, bool]:
        kind, operation = self._kind(job), job["operation"]
        values = self._values(columns, cells)
        if operation == "insert":
            return self.records.insert(kind, values, now), True
        if operation == "upsert" and job["externalIdFieldName"] != "Id":
            return self._upsert(job, kind, values, repeated, now)
        record_id = values.pop("Id", None)
        if record_id is None:
            if operation == "upsert":
                return self.records.insert(kind, values, now), True
            raise RowError("MISSING_ARGUMENT", f"Id not specified in an {operation} call")
        if operation in ("delete", "hardDelete"):
            self.records.delete(kind, record_id, hard=operation == "hardDelete")
        else:
            self.records.update(kind, record_id, values, now)
        return record_id, False

    def _upsert(
        self, job: Record, kind: ObjectType, values: dict[str, Any], repeated: set[str], now: float
    ) -> tuple[str, bool]:
        name = job["externalIdFieldName"]
        value = values.get(name)
        if value in (None, ""):
            raise RowError("MISSING_ARGUMENT", f"{name} not specified")
        if str(value).lower() in repeated:
            raise RowError("DUPLICATE_VALUE", f"Duplicate external id specified: {value}")
        found = self.records.find(kind, kind.fields[name.lower()], str(value))
        if len(found) > 1:
            listed = f"{name}: more than one record found for external id field: [{', '.join(found)}]"
            raise RowError("DUPLICATE_EXTERNAL_ID", listed)
        if found:
            self.records.update(kind, found[0], values, now)
            return found[0], False
        return self.records.insert(kind, values, now), True

    def _values(self, columns: list[Column], cells: list[str]) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for place, (column, cell) in enumerate(zip(columns, cells, strict=True)):
            if cell == "":
                continue
            if cell == "#N/A":
                values[column.field.name] = None
            elif column.parent is not None and column.key is not None:
                found = self.records.find(column.parent, column.key, cell)
                if len(found) != 1:
                    text = f"Foreign key external ID: {cell} not found for field {column.key.name} in entity"
                    raise RowError("INVALID_FIELD", f"{text} {column.parent.name}")
                values[column.field.name] = found[0]
            else:
                values[column.field.name] = convert(column.field, cell, place)
        return values


def _repeated(job: Record, columns: list[Column], chunk: list[list[str]]) -> set[str]:
    if job["operation"] != "upsert":
        return set()
    name = job["externalIdFieldName"]
    places = [i for i, column in enumerate(columns) if column.parent is None and column.field.name == name]
    seen: set[str] = set()
    twice: set[str] = set()
    for cells in chunk:
        for place in places:
            if len(cells) == len(columns) and cells[place]:
                folded = cells[place].lower()
                (twice if folded in seen else seen).add(folded)
    return twice


def _key(job: Record, columns: list[Column], cells: list[str]) -> str:
    """The ledger's key: the external id if sent; for an insert without one, the content; else the record id (empty)."""
    wanted = job["externalIdFieldName"]
    for column, cell in zip(columns, cells, strict=True):
        plain = column.parent is None and cell
        if plain and (column.field.name == wanted if wanted else column.field.external_id):
            return cell
    return "|".join(cells) if job["operation"] == "insert" else ""
