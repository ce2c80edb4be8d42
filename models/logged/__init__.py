"""A log in front of a store: large batches are durable at once, and come to their places later."""

from models.logged.store import LoggedStore

__all__ = ["LoggedStore"]
