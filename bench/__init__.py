"""Benchmarks: Hubbub beside the servers that people would otherwise write."""
