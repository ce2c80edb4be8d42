"""Socket.IO 5 over Engine.IO 4, from the bytes up: usable by itself, and knows nothing of chat.

Read it in this order: `framing.py` (what packets look like on each transport), `engine.py` (one
session, without I/O), `packets.py` (the grammar of Socket.IO), `connections.py` (namespaces and
events: what an application sees), `sessions.py` (all sessions and their clocks), `transports.py`
(the handlers under them).
"""
