"""The store's index: one SQLite data base in WAL mode, shared by threads and processes."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ..errors import StoreError
from .files import store_error

__all__ = ["SCHEMA_VERSION", "Index"]

SCHEMA_VERSION = 4
BUSY_SECONDS = 30.0

# Numbers of AUTOINCREMENT columns are never given twice: they name directories and leases.
# A stack of layers is the chain of its top layer; chains share their lower parts, so that a result costs one
# row however deep it is. `boot` and `synced`: see durability.py. Triggers keep the totals, so that asking whether
# there is too much costs nothing.
_SCHEMA = """
CREATE TABLE layers (
    snapshot INTEGER PRIMARY KEY AUTOINCREMENT,
    diff_id TEXT NOT NULL UNIQUE,
    content TEXT NOT NULL,
    size INTEGER NOT NULL,
    disk INTEGER NOT NULL,
    entries INTEGER NOT NULL,
    canonical INTEGER NOT NULL,
    opaque INTEGER NOT NULL,
    xattrs INTEGER NOT NULL,
    borrows INTEGER NOT NULL,
    created REAL NOT NULL,
    used REAL NOT NULL,
    boot TEXT NOT NULL,
    synced INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX layers_unsynced ON layers (boot) WHERE synced = 0;
CREATE INDEX layers_borrowing ON layers (borrows) WHERE borrows <> 0;
CREATE TABLE blobs (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    digest TEXT NOT NULL UNIQUE,
    size INTEGER NOT NULL,
    created REAL NOT NULL,
    used REAL NOT NULL,
    boot TEXT NOT NULL,
    synced INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX blobs_unsynced ON blobs (boot) WHERE synced = 0;
CREATE TABLE layer_blobs (
    diff_id TEXT NOT NULL,
    media_type TEXT NOT NULL,
    digest TEXT NOT NULL,
    size INTEGER NOT NULL,
    PRIMARY KEY (diff_id, media_type)
);
CREATE TABLE chains (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    parent INTEGER NOT NULL,
    diff_id TEXT NOT NULL,
    UNIQUE (parent, diff_id)
);
CREATE INDEX chains_layer ON chains (diff_id);
CREATE TABLE results (
    key TEXT PRIMARY KEY,
    chain INTEGER NOT NULL,
    seconds REAL NOT NULL,
    created REAL NOT NULL,
    used REAL NOT NULL,
    basis TEXT NOT NULL
) WITHOUT ROWID;
CREATE TABLE traces (
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT NOT NULL,
    chain INTEGER NOT NULL,
    seconds REAL NOT NULL,
    created REAL NOT NULL,
    used REAL NOT NULL,
    value BLOB NOT NULL
);
CREATE INDEX traces_key ON traces (key);
CREATE TABLE totals (
    kind TEXT PRIMARY KEY,
    bytes INTEGER NOT NULL
) WITHOUT ROWID;
INSERT INTO totals (kind, bytes) VALUES ('layers', 0), ('blobs', 0);
CREATE TRIGGER layers_added AFTER INSERT ON layers
BEGIN UPDATE totals SET bytes = bytes + NEW.disk WHERE kind = 'layers'; END;
CREATE TRIGGER layers_removed AFTER DELETE ON layers
BEGIN UPDATE totals SET bytes = bytes - OLD.disk WHERE kind = 'layers'; END;
CREATE TRIGGER blobs_added AFTER INSERT ON blobs
BEGIN UPDATE totals SET bytes = bytes + NEW.size WHERE kind = 'blobs'; END;
CREATE TRIGGER blobs_removed AFTER DELETE ON blobs
BEGIN UPDATE totals SET bytes = bytes - OLD.size WHERE kind = 'blobs'; END;
CREATE TABLE records (
    kind TEXT NOT NULL,
    key TEXT NOT NULL,
    value BLOB NOT NULL,
    used REAL NOT NULL,
    PRIMARY KEY (kind, key)
) WITHOUT ROWID;
"""


class Index:
    """One connection, used by one thread at a time. Errors come out as :class:`StoreError`."""

    def __init__(self, path: str, place: str) -> None:
        self._place = place
        self._lock = threading.RLock()
        self._depth = 0
        with self._errors():
            self._connection = sqlite3.connect(
                path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False
            )
        try:
            with self._errors():
                # With WAL this never corrupts; the last commits may be lost with the power.
                self._connection.execute("PRAGMA synchronous = NORMAL")
                version = self._version()
        except BaseException:
            self._connection.close()
            raise
        if version > SCHEMA_VERSION:
            self._connection.close()
            raise StoreError(
                f"the store at {place} was made by a newer layerc (its schema is {version}, "
                f"this one knows {SCHEMA_VERSION})",
                help="update layerc, or set LAYERC_HOME to another directory",
            )
        if 0 < version < SCHEMA_VERSION:
            self._connection.close()
            raise StoreError(
                f"the store at {place} was made by an older layerc (its schema is {version}, "
                f"this one needs {SCHEMA_VERSION})",
                help="remove the directory, builds fill it again; or set LAYERC_HOME to another one",
            )
        self.is_new = version == 0

    def create(self) -> None:
        """Make the tables, unless another process has. Raises :class:`StoreError`."""
        with self._errors():
            self._connection.execute("PRAGMA journal_mode = WAL")
        with self.transaction():
            if self._version() == 0:
                for statement in _SCHEMA.split(";\n"):
                    self._connection.execute(statement)
                self._connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")

    def rows(self, statement: str, values: Sequence[Any] = ()) -> list[Any]:
        """All rows of a query."""
        with self._lock, self._errors():
            return self._connection.execute(statement, values).fetchall()

    def row(self, statement: str, values: Sequence[Any] = ()) -> Any:
        """The first row of a query, or none."""
        with self._lock, self._errors():
            cursor = self._connection.execute(statement, values)
            row = cursor.fetchone()
            cursor.close()
            return row

    def execute(self, statement: str, values: Sequence[Any] = ()) -> int:
        """Run one statement that changes something; the number of a row that it inserted."""
        with self._lock, self._errors():
            return self._connection.execute(statement, values).lastrowid or 0

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing, and alone among writers. May be nested: the outermost counts."""
        with self._lock:
            if self._depth == 0:
                with self._errors():
                    self._connection.execute("BEGIN IMMEDIATE")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._depth -= 1
                if self._depth == 0 and self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            self._depth -= 1
            if self._depth == 0:
                self._commit()

    def flush(self) -> None:
        """Make sure that what was committed survives a power loss."""
        with self._lock, self._errors():
            self._connection.execute("PRAGMA synchronous = FULL")
            try:
                # A commit writes all those before it; one that changes nothing would not.
                self._connection.execute("UPDATE totals SET bytes = bytes")
            finally:
                self._connection.execute("PRAGMA synchronous = NORMAL")

    def close(self) -> None:
        """End the connection."""
        with self._lock:
            self._connection.close()

    def _commit(self) -> None:
        with self._errors():
            try:
                self._connection.execute("COMMIT")
            except sqlite3.Error:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise

    def _version(self) -> int:
        return int(self._connection.execute("PRAGMA user_version").fetchone()[0])

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            raise store_error(error, self._place) from error
