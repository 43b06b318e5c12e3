"""Measuring systems under a protocol, comparing them, and saying what was found."""
