"""Socket.IO 5 over Engine.IO 4, from the bytes up: usable by itself, and knows nothing of chat.

Read it in this order: `framing.py` (what packets look like on each transport), `engine.py` (one
session, without I/O), `packets.py` (the grammar of Socket.IO), `connections.py` (namespaces and
events: what an application sees), `carriers.py` (what carries a session at the moment),
`sessions.py` (all of them, and their clocks), `transports.py` and `websockets.py` (the handlers
under them), `kept.py` (the usual requests of polling, past Tornado).
"""
