"""Data sets by name, and a user's own: where their files are and how these are read."""
