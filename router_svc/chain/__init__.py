"""A chain: its log, the state that the log amounts to, and the executor that drives it."""
