"""The conformance suite and what tests need, shipped, so that a system from outside passes the same tests."""
