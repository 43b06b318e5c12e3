"""The bases: each takes over what its kind of system would otherwise write again."""
