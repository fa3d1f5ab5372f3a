"""The org's durable state: one SQLite file with records, jobs, row outcomes, the ledger and tokens. No protocol here.

Every change between two `commit()` calls is one transaction, so a killed process leaves whole steps only.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

Record = dict[str, Any]

_TABLES = """
create table if not exists meta(name text primary key, value integer not null);
create table if not exists records(id text primary key, object text not null, deleted integer not null, data text not null);
create index if not exists records_object on records(object, id);
create table if not exists keys(object text, field text, value text, id text, primary key(object, field, value, id))
  without rowid;
create index if not exists keys_id on keys(id);
create table if not exists links(parent text, child text, field text, primary key(parent, child, field)) without rowid;
create index if not exists links_child on links(child);
create table if not exists jobs(id text primary key, kind text not null, number integer not null, data text not null);
create table if not exists outcomes(job text, row integer, failed integer, id text, note text, cells text,
  primary key(job, row)) without rowid;
create table if not exists pages(job text, row integer, line text, primary key(job, row)) without rowid;
create table if not exists ledger(job text, row integer, object text, operation text, key text, id text);
create index if not exists ledger_object on ledger(object, key);
create table if not exists tokens(token text primary key, expires real not null, kind text not null);
create table if not exists cursors(id text primary key, data text not null);
"""


class Store:
    """Plain reads and writes. Keys in `keys` are already folded by the caller; record data is a JSON object."""

    def __init__(self, path: Path) -> None:
        self.db = sqlite3.connect(path, check_same_thread=False, isolation_level="DEFERRED")
        self.db.execute("pragma journal_mode=wal")
        self.db.execute("pragma synchronous=off")  # a killed process loses nothing; only a power cut could
        self.db.execute("pragma cache_size=-65536")
        self.db.executescript(_TABLES)

    def commit(self) -> None:
        """Make everything since the last commit durable, as one transaction."""
        self.db.commit()

    def rollback(self) -> None:
        """Forget everything since the last commit."""
        self.db.rollback()

    def close(self) -> None:
        """Close the file."""
        self.db.close()

    def next(self, name: str, floor: int = 1) -> int:
        """The next running number of that name."""
        row = self.db.execute("select value from meta where name=?", (name,)).fetchone()
        value = floor if row is None else int(row[0]) + 1
        self.db.execute("insert or replace into meta values(?,?)", (name, value))
        return value

    # records

    def get(self, record_id: str) -> tuple[str, bool, Record] | None:
        """(object, deleted, data) of a record, or None."""
        row = self.db.execute("select object, deleted, data from records where id=?", (record_id,)).fetchone()
        return None if row is None else (str(row[0]), bool(row[1]), json.loads(row[2]))

    def put(
        self, record_id: str, obj: str, data: Record, keys: Iterable[tuple[str, str]], links: Iterable[tuple[str, str]]
    ) -> None:
        """Write a record with its index values [(field, folded value)] and references [(field, parent id)]."""
        self.db.execute("insert or replace into records values(?,?,0,?)", (record_id, obj, json.dumps(data)))
        self._clear(record_id)
        self.db.executemany("insert or replace into keys values(?,?,?,?)", [(obj, f, v, record_id) for f, v in keys])
        self.db.executemany("insert or replace into links values(?,?,?)", [(p, record_id, f) for f, p in links])

    def mark_deleted(self, record_id: str, data: Record) -> None:
        """Keep the record as deleted; its keys and links no longer count."""
        self.db.execute("update records set deleted=1, data=? where id=?", (json.dumps(data), record_id))
        self._clear(record_id)

    def erase(self, record_id: str) -> None:
        """Remove the record for good."""
        self.db.execute("delete from records where id=?", (record_id,))
        self._clear(record_id)

    def _clear(self, record_id: str) -> None:
        self.db.execute("delete from keys where id=?", (record_id,))
        self.db.execute("delete from links where child=?", (record_id,))

    def by_key(self, obj: str, field: str, value: str) -> list[str]:
        """Ids of live records whose indexed field has the folded value."""
        rows = self.db.execute("select id from keys where object=? and field=? and value=?", (obj, field, value))
        return [str(row[0]) for row in rows]

    def children(self, parent: str) -> list[tuple[str, str]]:
        """(child id, field) of live records that point at the parent."""
        return [
            (str(c), str(f)) for c, f in self.db.execute("select child, field from links where parent=?", (parent,))
        ]

    def scan(self, obj: str, *, deleted: bool) -> Iterator[Record]:
        """Data of the object's records in id order; deleted ones too when asked."""
        text = "select data from records where object=? and deleted<=? order by id"
        for (data,) in self.db.execute(text, (obj, int(deleted))):
            yield json.loads(data)

    def count(self, obj: str) -> int:
        """Number of live records."""
        return int(self.db.execute("select count(*) from records where object=? and deleted=0", (obj,)).fetchone()[0])

    # jobs

    def job(self, job_id: str) -> Record | None:
        """A job's data, or None."""
        row = self.db.execute("select data from jobs where id=?", (job_id,)).fetchone()
        return None if row is None else json.loads(row[0])

    def put_job(self, job: Record) -> None:
        """Write a job (`id`, `kind` and `number` are in its data)."""
        row = (job["id"], job["kind"], job["number"], json.dumps(job))
        self.db.execute("insert or replace into jobs values(?,?,?,?)", row)

    def jobs(self) -> list[Record]:
        """All jobs, oldest first."""
        return [json.loads(row[0]) for row in self.db.execute("select data from jobs order by number")]

    def delete_job(self, job_id: str) -> None:
        """Remove a job with its results."""
        self.db.execute("delete from jobs where id=?", (job_id,))
        self.db.execute("delete from outcomes where job=?", (job_id,))
        self.db.execute("delete from pages where job=?", (job_id,))

    def add_outcomes(self, rows: Iterable[tuple[str, int, int, str, str, str]]) -> None:
        """(job, row, failed 0/1, id, note, cells as JSON): note is `true`/`false` or the error text."""
        self.db.executemany("insert into outcomes values(?,?,?,?,?,?)", rows)

    def outcomes(self, job_id: str, failed: int) -> list[tuple[str, str, list[str]]]:
        """(id, note, cells) of the job's saved or failed rows."""
        rows = self.db.execute("select id, note, cells from outcomes where job=? and failed=?", (job_id, failed))
        return [(str(a), str(b), json.loads(c)) for a, b, c in rows]

    def add_pages(self, rows: Iterable[tuple[str, int, str]]) -> None:
        """(job, row, CSV line) of a query job's result."""
        self.db.executemany("insert into pages values(?,?,?)", rows)

    def page(self, job_id: str, start: int, count: int) -> list[str]:
        """CSV lines of a query job from `start`."""
        rows = self.db.execute(
            "select line from pages where job=? and row>=? and row<? order by row", (job_id, start, start + count)
        )
        return [str(row[0]) for row in rows]

    def add_ledger(self, rows: Iterable[tuple[str, int, str, str, str, str]]) -> None:
        """(job, row, object, operation, key, record id) of applied rows."""
        self.db.executemany("insert into ledger values(?,?,?,?,?,?)", rows)

    # tokens and cursors

    def add_token(self, token: str, expires: float, kind: str) -> None:
        """Remember a token until `expires` (epoch seconds)."""
        self.db.execute("insert or replace into tokens values(?,?,?)", (token, expires, kind))

    def token(self, token: str) -> tuple[float, str] | None:
        """(expires, kind) of a token, or None."""
        row = self.db.execute("select expires, kind from tokens where token=?", (token,)).fetchone()
        return None if row is None else (float(row[0]), str(row[1]))

    def drop_tokens(self) -> None:
        """End every access token; refresh tokens stay."""
        self.db.execute("delete from tokens where kind='access'")

    def put_cursor(self, cursor: str, data: Any) -> None:
        """Keep the rows of a REST query for its next pages."""
        self.db.execute("insert or replace into cursors values(?,?)", (cursor, json.dumps(data)))

    def cursor(self, cursor: str) -> Any:
        """The kept rows, or None."""
        row = self.db.execute("select data from cursors where id=?", (cursor,)).fetchone()
        return None if row is None else json.loads(row[0])
