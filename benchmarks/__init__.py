"""Benchmarks: each is one command, and each writes what it measured into docs/results/."""
