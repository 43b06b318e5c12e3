"""How things are found: exact search for the best, tries."""
