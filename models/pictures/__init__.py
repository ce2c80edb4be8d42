"""Pictures: taken apart and written again in a process of their own, with limits."""

from models.pictures.jobs import Cleaned, Pictured, TooCostly, Unreadable
from models.pictures.workshop import Workshop

__all__ = ["Cleaned", "Pictured", "TooCostly", "Unreadable", "Workshop"]
