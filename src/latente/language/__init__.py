"""Words: every sentence that a user reads, in both languages."""
