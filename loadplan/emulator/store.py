"""The org's durable state: one SQLite file. Here its small things: numbers, tokens, cursors, facts. No protocol here.

Records are in tables.py, jobs in jobs.py, the ledger in ledger.py. Every change between two `commit()` calls is one
transaction, so a killed process leaves whole steps only.
"""

from __future__ import annotations

import errno
import json
import os
import sqlite3
from pathlib import Path
from typing import Any

Record = dict[str, Any]

LAYOUT = 2
_TABLES = """
create table if not exists meta(name text primary key, value integer not null);
create table if not exists facts(name text primary key, value text not null);
create table if not exists jobs(id text primary key, number integer not null, data text not null);
create table if not exists ledger(job text, first integer, object text, operation text, data text);
create table if not exists tokens(token text primary key, expires real not null, kind text not null);
create table if not exists cursors(id text primary key, data text not null);
"""


def open_database(path: Path, cache: int = 8) -> sqlite3.Connection:
    """A connection with the functions that queries use, and a cache of so many MB."""
    db = sqlite3.connect(path, check_same_thread=False, isolation_level="DEFERRED", cached_statements=1000)
    db.execute("pragma page_size=16384")
    db.execute("pragma journal_mode=wal")
    db.execute("pragma synchronous=off")  # a killed process loses nothing; only a power cut could
    db.execute(f"pragma cache_size={-1024 * cache}")
    db.execute("pragma wal_autocheckpoint=2500")
    db.create_function("fold", 1, _fold, deterministic=True)
    return db


def _fold(value: Any) -> Any:
    return None if value is None else str(value).lower()


class DamagedError(ValueError):
    """What is in the folder is no org's data, or another version's: without it the org begins anew."""


def readable(error: sqlite3.DatabaseError, path: Path) -> Exception:
    """What SQLite says of an org's file, as what it is: its contents, or the disk's refusal (an OSError)."""
    number = _REFUSED.get(error.sqlite_errorcode & 0xFF)
    if number is not None and not path.is_dir():
        return OSError(number, os.strerror(number), str(path))
    return DamagedError(f"{path} is damaged: {error}")


_REFUSED = {
    sqlite3.SQLITE_FULL: errno.ENOSPC, sqlite3.SQLITE_READONLY: errno.EACCES, sqlite3.SQLITE_PERM: errno.EACCES,
    sqlite3.SQLITE_CANTOPEN: errno.EACCES, sqlite3.SQLITE_IOERR: errno.EIO,
}  # fmt: skip


class Attempt:
    """Steps that can be taken back together. A context manager; an exception takes them back too."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db

    def __enter__(self) -> Attempt:
        if not self._db.in_transaction:
            self._db.execute("begin")
        self._db.execute("savepoint attempt")
        return self

    def undo(self) -> None:
        """Take back what was done since the start."""
        self._db.execute("rollback to attempt")

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is not None:
            self.undo()
        self._db.execute("release attempt")


class Store:
    """Plain reads and writes on the org's file. Raises DamagedError when another layout wrote it, and what SQLite raises."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if not path.exists():  # SQLite gives the files beside it the rights of this one
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        self.db = open_database(path, 64)
        (layout,) = self.db.execute("pragma user_version").fetchone()
        made = self.db.execute("select 1 from sqlite_master limit 1").fetchone()
        if made and layout != LAYOUT:
            self.db.close()
            raise DamagedError(
                f"{path} was written by another version of the embedded org; remove its folder to start anew"
            )
        self.db.executescript(_TABLES)
        self.db.execute(f"pragma user_version={LAYOUT}")

    def commit(self) -> None:
        """Make everything since the last commit durable, as one transaction."""
        self.db.commit()

    def rollback(self) -> None:
        """Forget everything since the last commit."""
        self.db.rollback()

    def close(self) -> None:
        """Close the file."""
        self.db.close()

    def attempt(self) -> Attempt:
        """Steps inside the open transaction that can be taken back without it."""
        return Attempt(self.db)

    def next(self, name: str, floor: int = 1, count: int = 1) -> int:
        """The first of the next `count` running numbers of that name."""
        row = self.db.execute("select value from meta where name=?", (name,)).fetchone()
        first = floor if row is None else int(row[0]) + 1
        self.db.execute("insert or replace into meta values(?,?)", (name, first + count - 1))
        return first

    def fact(self, name: str) -> Any:
        """A remembered JSON value, or None."""
        row = self.db.execute("select value from facts where name=?", (name,)).fetchone()
        return None if row is None else json.loads(row[0])

    def put_fact(self, name: str, value: Any) -> None:
        """Remember a JSON value."""
        self.db.execute("insert or replace into facts values(?,?)", (name, json.dumps(value)))

    def add_token(self, token: str, expires: float, kind: str) -> None:
        """Remember a token until `expires` (epoch seconds)."""
        self.db.execute("insert or replace into tokens values(?,?,?)", (token, expires, kind))

    def token(self, token: str) -> tuple[float, str] | None:
        """(expires, kind) of a token, or None."""
        row = self.db.execute("select expires, kind from tokens where token=?", (token,)).fetchone()
        return None if row is None else (float(row[0]), str(row[1]))

    def drop_token(self, token: str) -> None:
        """End one token."""
        self.db.execute("delete from tokens where token=?", (token,))

    def drop_tokens(self) -> None:
        """End every access token; refresh tokens stay."""
        self.db.execute("delete from tokens where kind='access'")

    def forget_old(self, now: float) -> None:
        """Drop what does not outlive a process: tokens that have ended, and lists and queries somebody was in the middle of."""
        self.db.execute("delete from tokens where expires<=?", (now,))
        self.db.execute("delete from cursors")

    def put_cursor(self, cursor: str, data: Any) -> None:
        """Keep what the next pages of a list need."""
        self.db.execute("insert or replace into cursors values(?,?)", (cursor, json.dumps(data)))

    def cursor(self, cursor: str) -> Any:
        """What was kept, or None."""
        row = self.db.execute("select data from cursors where id=?", (cursor,)).fetchone()
        return None if row is None else json.loads(row[0])
