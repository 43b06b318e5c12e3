"""Data: files become tables, tables become splits, splits become what systems see."""
