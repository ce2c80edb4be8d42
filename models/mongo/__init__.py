"""The store over MongoDB: for when `MONGODB_URI` names one."""

from models.mongo.store import MongoStore

__all__ = ["MongoStore"]
