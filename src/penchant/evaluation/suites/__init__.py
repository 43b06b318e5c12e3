"""Benchmarks that some systems are: each has a `run` that gives a table, with floors beside."""
