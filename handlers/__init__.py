"""The edges: bytes or JSON in, a command to the core, bytes or JSON out."""
