"""Systems that look at whole lists: what they show together, and to whom."""
