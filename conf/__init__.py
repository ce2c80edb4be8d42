"""Settings, read by `server.py` alone and handed on as values."""
