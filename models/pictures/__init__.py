"""Pictures: taken apart and written again in a process of their own, with limits."""

from models.pictures.jobs import Cleaned, Interrupted, Pictured, TooCostly, Unreadable
from models.pictures.workshop import Workshop

__all__ = ["Cleaned", "Interrupted", "Pictured", "TooCostly", "Unreadable", "Workshop"]
