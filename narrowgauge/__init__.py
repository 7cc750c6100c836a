"""Narrowgauge: an agent runtime of a compiled router and narrow specialists."""
