"""Data: read a named or a user's own source, split it once, describe it."""
