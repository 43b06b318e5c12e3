"""The systems, in rooms by what they do, and the catalogue that lists them."""
