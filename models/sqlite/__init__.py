"""The embedded store: one SQLite file, for when no MongoDB is named."""

from models.sqlite.store import SQLiteStore

__all__ = ["SQLiteStore"]
