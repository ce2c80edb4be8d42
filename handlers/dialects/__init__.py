"""The words of each kind of client: tables from wire names to commands, and from events to wire."""
